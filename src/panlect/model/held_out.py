"""Texts that are never trained on: their loss per language during a run, the best weights, early stop."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from panlect.config import nearest
from panlect.errors import ConfigError
from panlect.model import parallel
from panlect.model.ledger import Ledger
from panlect.model.packing import Ints, Tokens
from panlect.model.parallel import Ranks
from panlect.model.settings import HeldOut

LARGEST_SHARE = 0.1


class Judged(Protocol):
    """Work that has texts to be judged by."""

    def held_out_batches(self) -> Iterator[Any]:
        """The batches of the held-out texts."""


def split(texts: Tokens, order: Ints, settings: HeldOut, seed: int) -> tuple[Ints, Ints]:
    """Take some texts of each language out of the order; the same seed takes the same texts.

    Returns:
        the order without them, and the numbers of the held-out texts.
    """
    if not settings.every_steps:
        return order, order[:0]
    drawn = np.unique(order)
    chosen = []
    for language in range(len(texts.languages)):
        own = drawn[texts.language[drawn] == language]
        count = min(settings.texts_per_language, int(LARGEST_SHARE * len(own)))
        chosen.append(np.random.default_rng([seed, language]).permutation(own)[:count])
    held = np.sort(np.concatenate(chosen))
    return order[~np.isin(order, held)], held


class Watch:
    """Looks at the held-out texts and remembers how good it was.

    Args:
        work: what is trained on; it must have held-out texts if the settings want looks.
        settings: how often, by which number, how patiently.
        ledger: where looks are written down.
        among: the processes that share the run.

    Raises:
        ConfigError: the work has no such texts, or none of the language that is to be watched.
    """

    def __init__(self, work: Any, settings: HeldOut, ledger: Ledger, among: Ranks) -> None:
        self.settings, self.ledger, self.among = settings, ledger, among
        self.best, self.worse = math.inf, 0
        self.batches: list[Any] = []
        if settings.every_steps:
            if not hasattr(work, "held_out_batches"):
                raise ConfigError("this stage holds no texts out", where="held_out", fix="leave it out")
            self.batches = list(work.held_out_batches())
            if not self.batches:
                raise ConfigError("there are too few texts to hold some out", where="held_out")

    def due(self, step: int, steps: int) -> bool:
        """Whether to look after this step: at intervals, and at the end."""
        every = self.settings.every_steps
        return bool(every) and (step % every == 0 or step == steps)

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        return bool(self.settings.patience) and self.worse >= self.settings.patience

    def look(self, step: int, forward: Callable[[Any], Any], network: Any) -> bool:
        """Measure, write down, and say whether the weights are the best so far."""
        network.eval()
        losses = self._losses(forward)
        network.train()
        self.ledger.write({"step": step, "held_out": losses})
        if not self.settings.choose:
            return False
        value = self._judge(losses)
        better = value < self.best
        self.best, self.worse = (value, 0) if better else (self.best, self.worse + 1)
        return better

    def _losses(self, forward: Callable[[Any], Any]) -> dict[str, float]:
        cells = self.ledger.cells
        sums = torch.zeros(2, cells, dtype=torch.float64)
        for batch, counts in parallel.deal(self.batches, self.among):
            with torch.no_grad():
                terms = forward(batch)
            if counts:
                loss_N = terms.values["loss"].double()
                sums[0] += torch.bincount(terms.cells_N, weights=loss_N, minlength=cells).cpu()
                sums[1] += torch.bincount(terms.cells_N, minlength=cells).cpu()
        total, items = np.sum(self.among.gather(sums.numpy()), axis=0)
        loss, count = self.ledger.by_language(total), self.ledger.by_language(items)
        return {language: loss[language] / count[language] for language in loss if count[language]}

    def _judge(self, losses: Mapping[str, float]) -> float:
        choose = self.settings.choose
        if choose == "mean":
            return math.fsum(losses.values()) / len(losses)
        if choose == "worst":
            return max(losses.values())
        if choose not in losses:
            known = {"mean", "worst", *losses}
            raise ConfigError(
                f"no held-out text is in '{choose}'", where="held_out.choose", fix=nearest(choose, known)
            )
        return losses[choose]

    def state(self) -> dict[str, float]:
        """What a checkpoint must keep."""
        return {"best": self.best, "worse": self.worse} if math.isfinite(self.best) else {}

    def resume(self, state: Mapping[str, float]) -> None:
        """Return to a checkpoint's state."""
        if state:
            self.best, self.worse = state["best"], int(state["worse"])
