"""Should this vocabulary be extended for this language? An answer with its reasons.

New pieces shorten the text, but each starts as a guess and has to be learned. Published experience points
both ways:

* Cui et al. 2023 (Chinese-LLaMA) added 17,953 pieces and trained on 20 to 120 GB of Chinese: text of half
  the length, a model worth having.
* Zhao et al. 2024 (LLaMA Beyond English) found the original vocabulary with 0.5 billion tokens of training
  ahead of an extended one with more than 30 billion.
* Users report the same both ways: 500 new tokens helped where 2,000 to 4,000 hurt (sillsdev/silnlp issue
  189); added tokens made Norwegian worse (unslothai/unsloth issue 1092).

So the rule is: extend when the language pays clearly more than others, or its characters fall apart into
bytes, and there is enough text for every new piece to be seen often. The thresholds are settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["extend", "keep", "undecided"]


@dataclass(frozen=True)
class Thresholds:
    """When to extend. `seen_per_piece`: how often a new piece should be met in training, on average."""

    premium: float = 1.5
    fallback_share: float = 0.1
    seen_per_piece: float = 1000.0
    embedding_share: float = 0.1
    most_pieces: int = 16000
    fewest_pieces: int = 500


@dataclass(frozen=True)
class Situation:
    """What is known. Figures that are not known are NaN (or 0 for the model's sizes).

    Attributes:
        premium: tokens over the reference language's on parallel text.
        fallback_share: share of tokens that hold less than a character.
        training_tokens: planned tokens of this language (of the old tokenizer).
        model_parameters: of the whole model.
        width: of an embedding row.
        embedding_tables: 1 if input and output rows are tied, else 2.
    """

    premium: float
    fallback_share: float
    training_tokens: float
    model_parameters: float = 0.0
    width: int = 0
    embedding_tables: int = 2


@dataclass(frozen=True)
class Advice:
    """The verdict, how many pieces at most, and why."""

    verdict: Verdict
    pieces: int
    reasons: tuple[str, ...]


def advise(situation: Situation, thresholds: Thresholds | None = None) -> Advice:
    """Weigh need (premium, broken characters) against means (text per new piece, size of the new rows)."""
    limits = thresholds or Thresholds()
    need = _need(situation, limits)
    if not need:
        premium = "unknown" if math.isnan(situation.premium) else f"{situation.premium:.2f}"
        return Advice(
            "keep" if not math.isnan(situation.premium) else "undecided",
            0,
            (
                f"the premium is {premium}, {situation.fallback_share:.0%} of tokens are parts of characters:"
                f" up to {limits.premium:g} and {limits.fallback_share:.0%} new pieces have little to give",
            ),
        )
    affordable = int(min(situation.training_tokens / limits.seen_per_piece, limits.most_pieces))
    if affordable < limits.fewest_pieces:
        return Advice(
            "keep",
            0,
            (
                *need,
                f"but {situation.training_tokens:,.0f} tokens of training show each of"
                f" {limits.fewest_pieces} pieces fewer than {limits.seen_per_piece:g} times, and hardly"
                " trained rows do harm",
            ),
        )
    cost = _cost(situation, affordable, limits)
    text = f"{situation.training_tokens:,.0f} tokens of training are enough for about {affordable:,} pieces"
    return Advice("extend", affordable, (*need, text, *cost))


def _need(situation: Situation, limits: Thresholds) -> tuple[str, ...]:
    reasons = []
    if situation.premium > limits.premium:
        reasons.append(
            f"the same text costs {situation.premium:.2f} times the tokens of the reference language"
        )
    if situation.fallback_share > limits.fallback_share:
        reasons.append(f"{situation.fallback_share:.0%} of tokens hold less than a character")
    return tuple(reasons)


def _cost(situation: Situation, pieces: int, limits: Thresholds) -> tuple[str, ...]:
    if not situation.model_parameters or not situation.width:
        return ()
    rows = pieces * situation.width * situation.embedding_tables
    share = rows / situation.model_parameters
    note = f"the new rows are {rows / 1e6:,.1f} million parameters, {share:.1%} of the model"
    return (note + (": trim unused pieces first" if share > limits.embedding_share else ""),)
