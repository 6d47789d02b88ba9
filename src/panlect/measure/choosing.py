"""Choosing one of several outputs: minimum Bayes risk, and how often a reward model prefers the better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.measure.interval import Interval, wilson


def minimum_risk(
    utilities: ArrayLike, scores: Sequence[float] = (), *, include_self: bool = True
) -> tuple[int, NDArray[np.float64]]:
    """The hypothesis that agrees best with the others (Kumar and Byrne 2004), and all expected utilities.

    Args:
        utilities: [hypotheses, references] utility of choosing a row if a column is the truth.
        scores: model scores; ties go to the highest, then to the first.
        include_self: whether a hypothesis is also its own reference (then the matrix is square).
    """
    matrix = np.array(utilities, dtype=np.float64)
    if not include_self:
        np.fill_diagonal(matrix, np.nan)
    expected = np.nanmean(matrix, axis=1)
    ties = np.isclose(expected, expected.max(), rtol=0, atol=1e-12)
    rank = np.where(ties, np.asarray(scores, dtype=np.float64) if len(scores) else 0.0, -np.inf)
    return int(rank.argmax()), np.asarray(expected)


def reward_accuracy(
    chosen: Sequence[float], rejected: Sequence[float], pairs: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], Interval]:
    """Accuracy of a reward model per (prompt language, answer language); equal rewards are half right."""
    counts: dict[tuple[str, str], list[float]] = {}
    for better, worse, pair in zip(chosen, rejected, pairs, strict=True):
        counts.setdefault(pair, []).append(0.5 if better == worse else float(better > worse))
    return {pair: wilson(sum(values), len(values)) for pair, values in sorted(counts.items())}


def length_bias(chosen_lengths: Sequence[int], rejected_lengths: Sequence[int]) -> float:
    """Share of pairs whose chosen answer is the longer one: the accuracy of a judge that only counts."""
    pairs = list(zip(chosen_lengths, rejected_lengths, strict=True))
    return float(np.mean([0.5 if a == b else float(a > b) for a, b in pairs])) if pairs else float("nan")
