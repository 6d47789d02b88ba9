"""Preference pairs with other texts beside them in every step, so that what those teach is not lost.

What `prefer` descends is then the pairs' mean loss plus `weight` times the mean token loss of the replayed
texts (pre-training text beside a policy's updates: Ouyang et al. 2022, section 3.5; rehearsal of instructions
in known languages: Cahyawijaya et al. 2023). Pairs alone teach what no pair shows to be forgotten.

Shapes: N tokens that carry a loss, V vocabulary, C model width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.errors import ConfigError
from panlect.folder import Folder, Input, tables
from panlect.model import corpus_tokens, dialogue_tokens
from panlect.model.forward import plain_head, token_losses
from panlect.model.loop import Objective, Terms
from panlect.model.packing import Batch, Ints, Plan, Tokens
from panlect.model.preference import PairBatch, PairPlan


class ReplayBatch(NamedTuple):
    """Replayed rows; `scale` makes their summed token loss what it counts for among the pairs of the step."""

    rows: Batch
    scale: float

    @property
    def weight(self) -> float:
        """Nothing: the mean of a step is over its pairs, and `scale` allows for that."""
        return 0.0

    @property
    def seen(self) -> NDArray[np.float64]:
        """What the rows hold, per cell."""
        return self.rows.seen


class Source(NamedTuple):
    """Texts to replay, in the order of reading, and how many of their tokens each step reads."""

    tokens: Tokens
    order: Ints
    step_tokens: int


@dataclass
class ReplayPlan:
    """A plan of pairs, and the texts that each of its steps reads beside them.

    Args:
        pairs: the plan of the pairs; its steps are the steps of the run.
        sources: what is replayed. The plan renumbers languages and components of all, so that all count in
            the same cells.
        weight: of the replayed texts' mean token loss, beside the mean loss of the pairs.
        micro_tokens: tokens that go through the model at once.
    """

    pairs: PairPlan
    sources: Sequence[Source]
    weight: float
    micro_tokens: int

    def __post_init__(self) -> None:
        every = (self.pairs.tokens, *(source.tokens for source in self.sources))
        self.languages = tuple(sorted({name for tokens in every for name in tokens.languages}))
        self.components = tuple(sorted({name for tokens in every for name in tokens.components}))
        self.pairs.tokens = self._renumbered(self.pairs.tokens)
        self.sources = [self._long_enough(source) for source in self.sources]

    def __len__(self) -> int:
        return len(self.pairs)

    def planned(self) -> NDArray[np.float64]:
        """Tokens, characters, bytes that the run will see, per cell: (cells, 3)."""
        planned = self.pairs.planned()
        for source in self.sources:
            planned += source.tokens.counted(source.order)
        return planned

    def batches(self, step: int) -> Iterator[PairBatch | ReplayBatch]:
        """Yield the micro-batches of an optimiser step: its pairs, then what is replayed."""
        pairs = list(self.pairs.batches(step))
        yield from pairs
        rows = [batch for source in self.sources for batch in self._rows(source, step)]
        tokens = sum(batch.weight for batch in rows) or 1.0
        scale = self.weight * sum(batch.weight for batch in pairs) / tokens
        for batch in rows:
            yield ReplayBatch(batch, scale)

    def _rows(self, source: Source, step: int) -> Iterator[Batch]:
        first, last = self._ends(source)[step : step + 2]
        chosen = source.order[first:last]
        size = int(source.tokens.lengths_of(chosen).sum())
        if size:
            laid = Plan(
                source.tokens, chosen, self.pairs.row_tokens, size, self.micro_tokens, self.pairs.pad_id,
                packed=self.pairs.packed,
            )  # fmt: skip
            yield from laid.batches(0)

    def _ends(self, source: Source) -> list[int]:
        """Where in the source's order each step begins, and the last one ends."""
        read = np.cumsum(source.tokens.lengths_of(source.order))
        ends = np.searchsorted(read, np.arange(1, len(self) + 1) * source.step_tokens) + 1
        return [0, *np.minimum(ends, len(source.order)).tolist()]

    def _long_enough(self, source: Source) -> Source:
        """The source with its order repeated, or cut, to what the run reads."""
        once = int(source.tokens.lengths_of(source.order).sum())
        times = -(-len(self) * source.step_tokens // max(1, once))
        whole = source._replace(
            tokens=self._renumbered(source.tokens), order=np.tile(source.order, max(1, times))
        )
        return whole._replace(order=whole.order[: self._ends(whole)[-1]])

    def _renumbered(self, tokens: Tokens) -> Tokens:
        """The same tokens with languages and components numbered as in all of them together."""
        languages = np.array([self.languages.index(name) for name in tokens.languages], np.int32)
        components = np.array([self.components.index(name) for name in tokens.components], np.int32)
        return replace(
            tokens,
            language=languages[tokens.language],
            component=components[tokens.component],
            languages=self.languages,
            components=self.components,
        )


def sources(
    inputs: Sequence[Input], shares: Mapping[str, float], tokenizer: Any, *, batch_tokens: int, seed: int
) -> list[Source]:
    """Dialogues of the folders named in `shares`; the texts of a mixture, or of what has no dialogues.

    Raises:
        ConfigError: no input has a name that `shares` gives.
        FolderError: an input has neither dialogues nor documents.
    """
    by_name = {each.name: each for each in inputs}
    found = []
    for name, share in shares.items():
        if name not in by_name:
            raise ConfigError(f"no input is called '{name}'", where="replay", expected=", ".join(by_name))
        each = by_name[name]
        if isinstance(each, Folder) and "dialogue" in each.kinds:
            tokens = dialogue_tokens.read(tables([each], "dialogue"), tokenizer, {}, {})
            order = dialogue_tokens.order(tokens, 8.0, 0, seed)
        else:
            tokens, order = corpus_tokens.read([each], tokenizer, corpus_tokens.Amount(seed=seed))
        found.append(Source(tokens, order, round(share * batch_tokens)))
    return found


def objective(network: Any, preference: Objective) -> Objective:
    """The preference objective for pairs, the scaled token loss for what is replayed.

    The ledger's means stay those of the pairs; of replayed texts it counts what was seen.
    """
    head_VC = plain_head(network)

    def both(network: Any, batch: Any) -> Terms:
        if not isinstance(batch, ReplayBatch):
            return preference(network, batch)
        total, losses_N = token_losses(network, batch.rows, head_VC)
        nothing: Tensor = torch.zeros(0, dtype=torch.int64, device=losses_N.device)
        return Terms(batch.scale * total, nothing, {})

    return both
