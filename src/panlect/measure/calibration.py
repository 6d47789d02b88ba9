"""Is a model as sure as it is right? Expected calibration error and the Brier score of choice answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
BINS = 10


def calibration_statistics(confidences: ArrayLike, correct: ArrayLike) -> Floats:
    """Per answer, right minus sure in the column of its bin, and 1: sums of rows give the error.

    Bins are of equal width, (low, high]; confidence 0 belongs to the first.

    Raises:
        ValueError: a confidence is no probability.
    """
    sure = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.size and (sure.min() < 0 or sure.max() > 1):
        raise ValueError("confidences are probabilities between 0 and 1")
    place = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    rows = np.zeros((sure.size, BINS + 1))
    rows[np.arange(sure.size), place] = right - sure
    rows[:, BINS] = 1
    return rows


def calibration_error(sums: Floats) -> Floats:
    """Expected calibration error (Guo et al. 2017): mean |accuracy - confidence| over bins, by their size.

    From sums [..., K] of `calibration_statistics`; NaN without answers.
    """
    count = sums[..., BINS]
    distance = np.abs(sums[..., :BINS]).sum(axis=-1)
    return np.asarray(np.divide(distance, count, out=np.full_like(count, np.nan), where=count > 0))


def brier(probabilities: ArrayLike, gold: int) -> float:
    """Squared distance between the probabilities of the choices and the truth (Brier 1950): 0 to 2."""
    values = np.array(probabilities, dtype=np.float64)
    values[gold] -= 1
    return float((values**2).sum())
