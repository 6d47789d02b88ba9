"""Is a model as sure as it is right? Expected calibration error and the Brier score of choice answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence fell in one slice of [0, 1]."""

    confidence: float
    accuracy: float
    count: int


def reliability(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> list[Bin]:
    """Equal-width bins (low, high]; confidence 0 belongs to the first. Empty bins are left out."""
    sure = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.size and (sure.min() < 0 or sure.max() > 1):
        raise ValueError("confidences are probabilities between 0 and 1")
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(float(sure[place == k].mean()), float(right[place == k].mean()), int((place == k).sum()))
        for k in range(bins)
        if (place == k).any()
    ]


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """Mean |accuracy - confidence| over bins, weighted by size (Guo et al. 2017); NaN without answers."""
    parts = reliability(confidences, correct, bins)
    total = sum(part.count for part in parts)
    if total == 0:
        return math.nan
    return sum(part.count * abs(part.accuracy - part.confidence) for part in parts) / total


def brier(probabilities: Sequence[ArrayLike], golds: Sequence[int]) -> float:
    """Mean squared distance between the probabilities of the choices and the truth (Brier 1950): 0 to 2."""
    if not golds:
        return math.nan
    total = 0.0
    for row, gold in zip(probabilities, golds, strict=True):
        values = np.asarray(row, dtype=np.float64)
        truth = np.zeros(values.size)
        truth[gold] = 1
        total += float(((values - truth) ** 2).sum())
    return total / len(golds)
