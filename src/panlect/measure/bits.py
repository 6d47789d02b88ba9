"""Bits per byte: how well a model predicts text, in a unit free of its tokenizer and of the script."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.measure.interval import Interval, bootstrap_ratio


def bits_per_byte(log_probabilities: ArrayLike, texts: Sequence[str], *, seed: int = 0) -> Interval:
    """-Σ log2 P(text) / Σ UTF-8 bytes, over documents; natural-log probabilities in, one per text.

    The sums are divided, not the ratios averaged, so a long text counts by its length. UTF-8 spends 3 bytes
    on a Khmer letter and 1 on a Latin one: compare models within a language, not languages with each other
    (on parallel text compare `bits_per_sentence`).
    """
    bits = -np.asarray(log_probabilities, dtype=np.float64) / math.log(2)
    sizes = np.array([len(text.encode()) for text in texts], dtype=np.float64)
    return bootstrap_ratio(bits, sizes, seed=seed)


def ratio_score(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score of summed statistics [..., (bits, bytes)]; NaN where there are no bytes."""
    return np.divide(
        sums[..., 0], sums[..., 1], out=np.full_like(sums[..., 0], np.nan), where=sums[..., 1] > 0
    )


def bits_per_sentence(log_probabilities: ArrayLike, *, seed: int = 0) -> Interval:
    """Mean bits of a sentence: comparable between languages when the sentences are translations."""
    bits = -np.asarray(log_probabilities, dtype=np.float64) / math.log(2)
    return bootstrap_ratio(bits, np.ones(bits.size), seed=seed)
