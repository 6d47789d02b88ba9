"""How evenly is skill spread over languages? Democratisation, gaps, worst languages, transfer.

Language democratisation is mean over best (Huang et al. 2023, "Not All Languages Are Created Equal in LLMs").
It is blind to the level (all languages at 2 % score 100), so it is only ever shown beside the mean.

Scores are arrays [..., L] with the languages last, so that the draws of a bootstrap are one call; a language
without a score is NaN and takes part in nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from panlect.measure.interval import mean_over_groups

Scores = NDArray[np.float64]
WORST = 5
"""Languages in a mean of the worst."""


def worst(scores: Mapping[str, float], count: int = WORST) -> tuple[str, ...]:
    """The `count` languages with the lowest scores, lowest first; ties in order of code."""
    known = [language for language, score in scores.items() if not math.isnan(score)]
    return tuple(sorted(known, key=lambda language: (scores[language], language))[:count])


def gap(scores: Scores) -> Scores:
    """Best minus worst language."""
    return _best(scores) + _best(-scores)


def _best(scores: Scores) -> Scores:
    best = np.where(np.isnan(scores), -np.inf, scores).max(axis=-1)
    return np.where(np.isinf(best), np.nan, best)


def worst_mean(scores: Scores) -> Scores:
    """Mean of the five lowest scores."""
    return mean_over_groups(np.sort(scores, axis=-1)[..., :WORST])  # NaN is sorted last


def democratisation(scores: Scores) -> Scores:
    """100 · mean / best. NaN when no language scores above 0; negative scores are refused."""
    if (scores < 0).any():
        raise ValueError("language democratisation is defined for scores of 0 and above")
    best = _best(scores)
    return np.where(best > 0, 100 * mean_over_groups(scores) / np.where(best > 0, best, 1.0), np.nan)


def transfer_gap(scores: Scores, pivot: int) -> Scores:
    """The score at the pivot's place minus the mean of all other languages; NaN if either is missing."""
    return scores[..., pivot] - mean_over_groups(np.delete(scores, pivot, axis=-1))
