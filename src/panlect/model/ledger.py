"""The ledger: what was seen and what it cost, per language and component, while a model trains.

Sums are kept on the device and read only when a row is written, so that counting does not slow a step.
Rows go to a file as JSON lines at each log step; a resumed run cuts the file back to its checkpoint.
Where several processes share the run, each counts its own passes; rows hold the sums over all of them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.model.parallel import ALONE, Ranks

SEEN = ("tokens", "characters", "bytes")


class Ledger:
    """Running sums per cell, a cell being one (language, component).

    Args:
        path: the JSON lines file.
        languages: names, in the order of their codes.
        components: names, in the order of their codes; cell = language code * components + component code.
        among: the processes that share the run; rank 0 writes.
    """

    def __init__(
        self, path: Path, languages: Sequence[str], components: Sequence[str], among: Ranks = ALONE
    ) -> None:
        self.path, self.among = path, among
        self.languages, self.components = tuple(languages), tuple(components)
        self.cells = len(self.languages) * len(self.components)
        self.seen = np.zeros((self.cells, len(SEEN)))
        self.facts: dict[str, float] = {}
        self.entries: list[dict[str, Any]] = []
        self._window_seen = np.zeros((self.cells, len(SEEN)))
        self._window: dict[str, Tensor] = {}
        if among.rank == 0:
            path.touch()

    def add(self, cells_N: Tensor, values: dict[str, Tensor], seen: NDArray[np.float64]) -> None:
        """Count one batch: per-item values by name (each (N,)), and what the batch held per cell."""
        items = {"items": torch.ones_like(cells_N, dtype=torch.float64), **values}
        for name, value_N in items.items():
            sums = torch.bincount(cells_N, weights=value_N.double(), minlength=self.cells)
            self._window[name] = self._window[name] + sums if name in self._window else sums
        self._window_seen += seen

    def close_window(self, step: int, **facts: float) -> dict[str, float]:
        """Write one row for the steps since the last, and return the means over all cells."""
        window = self._shared_window()
        row = {"step": step, **facts, **window}
        self.seen += np.array(window["seen"])
        self.write(row)
        self._window, self._window_seen = {}, np.zeros_like(self._window_seen)
        sums = window["sums"]
        items = math.fsum(sums["items"]) or 1.0
        return {name: math.fsum(value) / items for name, value in sums.items() if name != "items"}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The closed windows."""
        return [entry for entry in self.entries if "sums" in entry]

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The held-out losses per language, each with its step."""
        return [entry for entry in self.entries if "held_out" in entry]

    def write(self, row: dict[str, Any]) -> None:
        """Append a closed window or another entry to the file."""
        self.entries.append(row)
        if self.among.rank == 0:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _shared_window(self) -> dict[str, Any]:
        """The open window's sums, over all processes."""
        own = {name: value.tolist() for name, value in self._window.items()}, self._window_seen
        sums: dict[str, list[float]] = {}
        seen = np.zeros_like(self._window_seen)
        for theirs, size in self.among.gather(own):
            for name, values in theirs.items():
                sums[name] = (
                    [a + b for a, b in zip(sums[name], values, strict=True)] if name in sums else values
                )
            seen = seen + size
        return {"sums": sums, "seen": seen.tolist()}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep: the length of the file and the open window. All processes call it."""
        return {"rows": len(self.entries), "window": self._shared_window()}

    def resume(self, state: dict[str, Any] | None, device: torch.device) -> None:
        """Return to a checkpoint's state; None is the empty beginning."""
        lines: list[str] = []
        if self.among.rank == 0:
            lines = self.path.read_text(encoding="utf-8").splitlines()[: state["rows"] if state else 0]
            self.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        self.entries = [json.loads(line) for line in self.among.gather(lines)[0]]
        self.seen = np.zeros_like(self.seen)
        for row in self.rows:
            self.seen += np.array(row["seen"])
        if state and self.among.rank == 0:
            # The others begin with an empty window: only the sum over all counts.
            self._window = {
                name: torch.tensor(value, dtype=torch.float64, device=device)
                for name, value in state["window"]["sums"].items()
            }
            self._window_seen = np.array(state["window"]["seen"])

    # --------------------------------------------------------------------------- reading
    def by_language(self, values: Sequence[float]) -> dict[str, float]:
        """Add a per-cell column over components."""
        width = len(self.components)
        return {
            language: math.fsum(values[i * width : (i + 1) * width])
            for i, language in enumerate(self.languages)
        }

    def means(self, row: Mapping[str, Any], name: str) -> dict[str, float]:
        """One value of a row per language, where there is any."""
        items, values = self.by_language(row["sums"]["items"]), self.by_language(row["sums"][name])
        return {language: values[language] / count for language, count in items.items() if count}

    def by_component(self, values: Sequence[float]) -> dict[str, float]:
        """Add a per-cell column over languages."""
        return {name: math.fsum(values[i :: len(self.components)]) for i, name in enumerate(self.components)}

    def bad_languages(self) -> list[str]:
        """Languages whose open window holds a value that is no number. All processes call it."""
        bad: set[str] = set()
        for values in self._shared_window()["sums"].values():
            bad |= {name for name, value in self.by_language(values).items() if not math.isfinite(value)}
        return sorted(bad)
