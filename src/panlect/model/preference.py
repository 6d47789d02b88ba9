"""Preference pairs as packed rows, with the reference's log-probabilities computed once.

Text 2i is the chosen dialogue of pair i, text 2i + 1 the rejected one; the loss falls on the answers, not on
earlier assistant turns of the prompt. No second model is held in memory: the reference is the model that
training starts from, so its log-probabilities are taken before the first step.

Shapes: P pairs, S = 2P answers, N tokens that carry a loss, B rows, T positions.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from panlect import ranks
from panlect.errors import DataError
from panlect.model.attention import choose_attention
from panlect.model.corpus_tokens import shuffled_epochs
from panlect.model.dialogue import render
from panlect.model.forward import isolates, plain_head, token_logprobs
from panlect.model.load import Model
from panlect.model.loop import Objective, Terms, to_device, use_bf16
from panlect.model.losses import Pairs
from panlect.model.packing import (
    Batch,
    Ints,
    Piece,
    Text,
    Tokens,
    arrange,
    groups,
    lay_out,
    pass_tokens,
    tokenise,
)
from panlect.model.settings import TrainingConfig

Formula = Callable[[Pairs, Tensor], Tensor]
"""Pairs and the mean token loss of each chosen answer, (P,), to the loss of each pair, (P,)."""


class PairBatch(NamedTuple):
    """P pairs in packed rows; `sequence_N` says for each token which of the 2P answers it is of.

    Equal `keys_S` mean equal texts.
    """

    rows: Batch
    sequence_N: Tensor
    tokens_S: Tensor
    reference_S: Tensor
    cells_P: Tensor
    keys_S: Tensor
    seen: NDArray[np.float64]

    @property
    def weight(self) -> float:
        """Pairs count alike, however long their answers are."""
        return float(len(self.cells_P))


def read(frame: pl.DataFrame, tokenizer: Any) -> Tokens:
    """Render and tokenise pairs, chosen and rejected in turn; counted under answer language and reason.

    Raises:
        DataError: there are no pairs, or an answer is empty.
    """
    if frame.is_empty():
        raise DataError("there are no preference pairs", where="preference")
    texts: list[Text] = []
    columns = ("prompt", "chosen", "rejected", "answer_language", "reason")
    for row, (prompt, chosen, rejected, language, reason) in enumerate(frame.select(columns).iter_rows()):
        turns = sum(message["role"] == "assistant" for message in prompt)
        for rendered in render(tokenizer, [prompt + chosen, prompt + rejected]):
            spans = rendered.spans[turns:]
            if not spans:
                raise DataError("an answer has no assistant turn", where=f"preference:row {row}")
            texts.append(Text(rendered.text, language, reason or "", 1.0, spans))
    return tokenise(tokenizer, texts, specials=False)


@dataclass
class PairPlan:
    """Which pairs make up each optimiser step; `order` are pair numbers as they are read.

    Where several processes share a step, its pairs are dealt out to all, unless the pairs of a pass are
    compared with each other (not `divisible`): then a pass is what `micro_tokens` make it.
    """

    tokens: Tokens
    order: Ints
    row_tokens: int
    batch_tokens: int
    micro_tokens: int
    pad_id: int
    packed: bool = True
    divisible: bool = True

    def __post_init__(self) -> None:
        self.pair_tokens = self.tokens.lengths.reshape(-1, 2).sum(1)
        self.reference = torch.zeros(len(self.tokens), dtype=torch.float64)
        self._steps = groups(self.pair_tokens[self.order], self.batch_tokens)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def languages(self) -> tuple[str, ...]:
        """Answer languages, in the order of their codes."""
        return self.tokens.languages

    @property
    def components(self) -> tuple[str, ...]:
        """Reasons of the preferences, in the order of their codes."""
        return self.tokens.components

    def planned(self) -> NDArray[np.float64]:
        """Tokens, characters, bytes that the run will see, per cell: (cells, 3)."""
        return self.tokens.counted(_answers(self.order))

    def first(self, steps: int) -> "PairPlan":
        """The same plan, ended after so many steps."""
        return replace(self, order=self.order[: self._steps[steps - 1][1]])

    def batches(self, step: int) -> Iterator[PairBatch]:
        """Yield the micro-batches of an optimiser step."""
        first, last = self._steps[step]
        pairs = self.order[first:last]
        limit = pass_tokens(self.micro_tokens, self.batch_tokens) if self.divisible else self.micro_tokens
        for start, stop in groups(self.pair_tokens[pairs], limit):
            yield self.batch(pairs[start:stop])

    def batch(self, pairs: Ints) -> PairBatch:
        """Lay out chosen pairs; a row grows to the longest dialogue, which is never cut."""
        texts = _answers(pairs)
        offsets = self.tokens.offsets
        pieces = [Piece(int(t), int(offsets[t]), int(offsets[t + 1]), 0) for t in texts]
        lengths = [piece.stop - piece.start for piece in pieces]
        # A pair may be drawn twice in a batch (a new epoch begins), so answers are numbered by place.
        numbered = [piece._replace(text=place) for place, piece in enumerate(pieces)]
        width = max(self.row_tokens, *lengths)
        (rows,) = arrange(lengths, width, len(lengths) * width, packed=self.packed)
        local = _subset(self.tokens, texts)
        placed = [[_rebased(numbered[i], local) for i in row] for row in rows]
        batch = lay_out(local, placed, self.pad_id, packed=self.packed)
        return PairBatch(
            rows=batch,
            sequence_N=batch.texts_N,
            tokens_S=torch.bincount(batch.texts_N, minlength=len(texts)).double(),
            reference_S=self.reference[texts],
            cells_P=torch.from_numpy(self.tokens.cells(texts[::2])),
            keys_S=torch.tensor([hash(self.tokens.ids[p.start : p.stop].tobytes()) for p in pieces]),
            seen=batch.seen,
        )

    def distinct(self) -> Iterator[tuple[Ints, PairBatch]]:
        """Every pair of the run once, for the reference pass: pair numbers and their batch."""
        pairs = np.unique(self.order)
        for start, stop in groups(self.pair_tokens[pairs], self.micro_tokens):
            yield pairs[start:stop], self.batch(pairs[start:stop])


def _answers(pairs: Ints) -> Ints:
    """Text numbers of the pairs' answers: chosen and rejected in turn."""
    answers: Ints = np.stack([pairs * 2, pairs * 2 + 1], 1).reshape(-1)
    return answers


def _subset(tokens: Tokens, texts: Ints) -> Tokens:
    """The chosen texts as tokens of their own, in that order (with repetitions)."""
    spans = [slice(tokens.offsets[t], tokens.offsets[t + 1]) for t in texts]
    return Tokens(
        ids=np.concatenate([tokens.ids[span] for span in spans]),
        trained=np.concatenate([tokens.trained[span] for span in spans]),
        offsets=np.concatenate([[0], np.cumsum(tokens.lengths[texts])]).astype(np.int64),
        language=tokens.language[texts],
        component=tokens.component[texts],
        weight=tokens.weight[texts],
        characters=tokens.characters[texts],
        bytes=tokens.bytes[texts],
        languages=tokens.languages,
        components=tokens.components,
    )


def _rebased(piece: Piece, local: Tokens) -> Piece:
    return Piece(piece.text, int(local.offsets[piece.text]), int(local.offsets[piece.text + 1]), 0)


def answer_logprobs(network: Any, batch: PairBatch, head_VC: Tensor | None) -> Tensor:
    """Summed log-probability of each answer, chosen and rejected in turn: (2P,), in fp64."""
    logprobs_N = token_logprobs(network, batch.rows, head_VC).double()
    sums = torch.zeros(len(batch.tokens_S), dtype=torch.float64, device=logprobs_N.device)
    return sums.index_add(0, batch.sequence_N, logprobs_N)


def plan(
    tokens: Tokens,
    model: Model,
    settings: TrainingConfig,
    *,
    epochs: float,
    steps: int,
    divisible: bool = True,
) -> PairPlan:
    """Lay the whole run out: which pairs make up which step."""
    pairs, pad = len(tokens) // 2, model.tokenizer.pad_token_id
    if steps:
        epochs = math.ceil(steps * settings.batch_tokens / int(tokens.lengths.sum())) + 1
    laid = PairPlan(
        tokens,
        shuffled_epochs(pairs, epochs, settings.seed),
        row_tokens=settings.sequence_tokens,
        batch_tokens=settings.batch_tokens,
        micro_tokens=settings.micro_tokens,
        pad_id=0 if pad is None else pad,
        packed=isolates(model.network),
        divisible=divisible,
    )
    return laid.first(steps) if steps else laid


def take_reference(network: Any, plan: PairPlan, settings: TrainingConfig, *, cache: Path) -> None:
    """Fill `plan.reference` with the untrained model's log-probabilities; they survive a kill."""

    def take(file: Path) -> None:
        save_file({"reference": _reference(network, plan, settings)}, file)

    plan.reference = load_file(ranks.made(cache, take))["reference"]


def _reference(network: Any, plan: PairPlan, settings: TrainingConfig) -> Tensor:
    found = torch.zeros(len(plan.tokens), dtype=torch.float64)
    half = use_bf16(settings.precision, network.device)
    choose_attention(network, half=half, row_tokens=settings.sequence_tokens)
    head_VC = plain_head(network)
    network.eval()
    for pairs, batch in plan.distinct():
        moved = to_device(batch, network.device)
        with torch.no_grad(), torch.autocast(network.device.type, torch.bfloat16, enabled=half):
            sums = answer_logprobs(network, moved, head_VC).cpu()
        found[_answers(pairs)] = sums
    return found


def objective(network: Any, formula: Formula) -> Objective:
    """Turn a preference formula into an objective; the ledger gets margins, accuracy, log-probabilities."""
    head_VC = plain_head(network)

    def prefer(network: Any, batch: PairBatch) -> Terms:
        sums = answer_logprobs(network, batch, head_VC)
        chosen, rejected = sums[::2], sums[1::2]
        reference, tokens = batch.reference_S, batch.tokens_S
        pairs = Pairs(chosen, rejected, reference[::2], reference[1::2], tokens[::2], tokens[1::2])
        losses_P = formula(pairs, -pairs.mean_chosen)
        values: Mapping[str, Tensor] = {
            "loss": losses_P,
            "margin": pairs.margin,
            "preference_accuracy": (pairs.margin > 0).double(),
            "chosen_logprob": pairs.mean_chosen,
            "rejected_logprob": pairs.mean_rejected,
        }
        return Terms(losses_P.sum(), batch.cells_P, {name: value.detach() for name, value in values.items()})

    return prefer
