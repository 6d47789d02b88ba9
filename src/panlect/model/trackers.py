"""The curves of a run for TensorBoard, Trackio and Weights & Biases: files in a directory, none is sent."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Protocol

from panlect.errors import ConfigError
from panlect.model.parallel import Ranks


class Tracker(Protocol):
    """Something that takes numbers by step."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write down numbers of a step."""

    def close(self) -> None:
        """Finish the files."""


class TensorBoard:
    """Event files; what a killed run had written after its checkpoint is marked as void."""

    def __init__(self, directory: Path, name: str, start: int) -> None:
        writer = _needed("torch.utils.tensorboard", "tensorboard").SummaryWriter
        self._writer = writer(str(directory / "tensorboard"), purge_step=start + 1)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write down numbers of a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish the files."""
        self._writer.close()


class Trackio:
    """A local database that `trackio show` displays."""

    def __init__(self, directory: Path, name: str, start: int) -> None:
        os.environ["TRACKIO_DIR"] = str(directory / "trackio")
        self._trackio = _needed("trackio", "trackio")
        # It reads the variable when it is imported: a second step would write into the first one's place.
        for module in [each for key, each in sys.modules.items() if key.split(".")[0] == "trackio"]:
            if hasattr(module, "TRACKIO_DIR"):
                setattr(module, "TRACKIO_DIR", directory / "trackio")  # noqa: B010
        with redirect_stdout(sys.stderr):  # it greets on stdout, which belongs to results
            self._trackio.init(project="panlect", name=name, resume="allow", embed=False)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write down numbers of a step."""
        self._trackio.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the files."""
        with redirect_stdout(sys.stderr):
            self._trackio.finish()


class Wandb:
    """An offline run; `wandb sync` sends it if you want it sent."""

    def __init__(self, directory: Path, name: str, start: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        module = _needed("wandb", "wandb")
        mode = os.environ.get("WANDB_MODE", "offline")
        settings = module.Settings(silent=True, console="off")
        self._run = module.init(
            project="panlect", name=name, dir=str(directory), mode=mode, settings=settings
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write down numbers of a step."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the files."""
        self._run.finish()


KINDS: dict[str, Callable[[Path, str, int], Tracker]] = {
    "tensorboard": TensorBoard,
    "trackio": Trackio,
    "wandb": Wandb,
}


def _needed(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"'{package}' is not installed", where="track", fix='install it: pip install "panlect[tracking]"'
        ) from error


class Trackers:
    """All wanted trackers as one; of several processes only rank 0 has any."""

    def __init__(self, names: Sequence[str], directory: Path, name: str, start: int, among: Ranks) -> None:
        self._all: list[Tracker] = []
        if among.rank == 0:
            self._all = [KINDS[each](directory, name, start) for each in dict.fromkeys(names)]

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write down numbers of a step."""
        for each in self._all:
            each.log(step, values)

    def close(self) -> None:
        """Finish the files."""
        for each in self._all:
            each.close()
