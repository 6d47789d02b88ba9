"""Noisy texts and pairs as padded batches, for encoders and encoder–decoders.

Every draw has a random stream of its own, named by seed and place in the order: the noise of an epoch differs
from that of the next, and a resumed run sees the noise it would have seen.

Shapes: B examples, S source positions, T decoder positions, N positions that carry a loss.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.model.loop import Objective, Terms
from panlect.model.losses import cross_entropy
from panlect.model.noise import NO_LOSS, Example, Ids
from panlect.model.packing import Ints, Tokens, groups, pass_tokens

Corrupt = Callable[[Sequence[int], Sequence[Ids], np.random.Generator], Example]
"""Text numbers, their token ids, and a random stream, to an example."""


class NoisyBatch(NamedTuple):
    """Padded examples; `select_N` are flat positions of the side that speaks: decoder, or encoder."""

    source_BS: Tensor
    mask_BS: Tensor
    positions_BS: Tensor
    decoder_BT: Tensor
    select_N: Tensor
    targets_N: Tensor
    weights_N: Tensor
    cells_N: Tensor
    seen: NDArray[np.float64]

    @property
    def weight(self) -> float:
        """Sum of the loss weights."""
        return float(self.weights_N.sum())


@dataclass
class NoisyPlan:
    """Which draws make up each optimiser step.

    `items` are rows of text numbers, one text or the two sides of a pair, in the order of drawing. A single
    text longer than `row_tokens` is drawn in pieces.
    """

    tokens: Tokens
    items: Ints
    corrupt: Corrupt
    row_tokens: int
    batch_tokens: int
    micro_tokens: int
    pad_id: int
    seed: int

    def __post_init__(self) -> None:
        self._steps = groups(self.tokens.lengths[self.items].sum(1), self.batch_tokens)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the texts, in the order of their codes."""
        return self.tokens.languages

    @property
    def components(self) -> tuple[str, ...]:
        """Components of the texts, in the order of their codes."""
        return self.tokens.components

    def planned(self) -> NDArray[np.float64]:
        """Tokens, characters, bytes that the run will see, per cell: (cells, 3)."""
        return self.tokens.counted(self.items.reshape(-1))

    def batches(self, step: int) -> Iterator[NoisyBatch]:
        """Yield the micro-batches of an optimiser step: examples of similar length together."""
        drawn = [piece for draw in range(*self._steps[step]) for piece in self._pieces(draw)]
        order = sorted(range(len(drawn)), key=lambda i: (-drawn[i].size, i))
        at = 0
        while at < len(order):
            count = max(1, pass_tokens(self.micro_tokens, self.batch_tokens) // drawn[order[at]].size)
            yield self._batch([drawn[i] for i in order[at : at + count]])
            at += count

    def _pieces(self, draw: int) -> Iterator["_Drawn"]:
        texts = self.items[draw]
        ids = [self.tokens.ids[self.tokens.offsets[t] : self.tokens.offsets[t + 1]] for t in texts]
        parts = [ids]
        if len(texts) == 1:
            starts = range(0, max(1, len(ids[0])), self.row_tokens)
            parts = [[ids[0][start : start + self.row_tokens]] for start in starts]
        for number, part in enumerate(parts):
            random = np.random.default_rng([self.seed, draw, number])
            example = self.corrupt(texts.tolist(), [p.astype(np.int64) for p in part], random)
            share = len(part[0]) / max(1, len(ids[0])) if len(texts) == 1 else 1.0
            yield _Drawn(texts, share, example)

    def _batch(self, drawn: Sequence["_Drawn"]) -> NoisyBatch:
        sources = [each.example.source for each in drawn]
        decoders = [each.example.decoder for each in drawn]
        speaks = decoders if any(len(d) for d in decoders) else sources
        width = max(len(side) for side in speaks)
        select, targets, weights, cells = [], [], [], []
        for row, each in enumerate(drawn):
            carries = np.flatnonzero(each.example.targets != NO_LOSS)
            text = each.texts[-1:]
            select.append(row * width + carries)
            targets.append(each.example.targets[carries])
            weights.append(np.full(len(carries), self.tokens.weight[text[0]], np.float32))
            cells.append(np.full(len(carries), self.tokens.cells(text)[0]))
        texts = np.concatenate([each.texts for each in drawn])
        shares = np.concatenate([np.full(len(each.texts), each.share) for each in drawn])
        return NoisyBatch(
            source_BS=_padded(sources, self.pad_id),
            mask_BS=_padded([np.ones(len(s), np.int64) for s in sources], 0),
            positions_BS=_padded([each.example.positions for each in drawn], 0),
            decoder_BT=_padded(decoders, self.pad_id),
            select_N=torch.from_numpy(np.concatenate(select).astype(np.int64)),
            targets_N=torch.from_numpy(np.concatenate(targets).astype(np.int64)),
            weights_N=torch.from_numpy(np.concatenate(weights)),
            cells_N=torch.from_numpy(np.concatenate(cells).astype(np.int64)),
            seen=self.tokens.counted(texts, shares),
        )


class _Drawn(NamedTuple):
    texts: Ints
    share: float
    example: Example

    @property
    def size(self) -> int:
        return max(1, len(self.example.source), len(self.example.decoder))


def _padded(rows: Sequence[Ids], value: int) -> Tensor:
    out = np.full((len(rows), max(len(row) for row in rows)), value, np.int64)
    for place, row in enumerate(rows):
        out[place, : len(row)] = row
    return torch.from_numpy(out)


def objective(network: Any) -> Objective:
    """Cross-entropy of what was hidden; positions restart at a second sentence if the family can do it."""
    offset = position_offset(network)

    def denoise(network: Any, batch: NoisyBatch) -> Terms:
        inputs: dict[str, Any] = {"input_ids": batch.source_BS, "attention_mask": batch.mask_BS}
        if network.config.is_encoder_decoder:
            inputs |= {"decoder_input_ids": batch.decoder_BT, "use_cache": False}
        elif offset is not None:
            inputs["position_ids"] = batch.positions_BS + offset
        logits = network(**inputs).logits.flatten(0, 1)[batch.select_N]
        losses_N = cross_entropy(logits, batch.targets_N)
        values = {"loss": losses_N.detach()}
        return Terms((losses_N * batch.weights_N).sum(), batch.cells_N, values)

    return denoise


def position_offset(network: Any) -> int | None:
    """The position of a first token where positions can be given: RoBERTa and XLM-R start after padding."""
    if network.config.model_type in {"roberta", "xlm-roberta", "camembert"}:
        return int(network.config.pad_token_id) + 1
    return None
