"""CLiKA: performance, consistency and conductivity of knowledge between languages.

Gao et al. 2024, "Multilingual Pretraining and Instruction Tuning Improve Cross-Lingual Knowledge Alignment,
But Only Shallowly": *performance* is accuracy rescaled between chance and a reference model, *consistency* is
the overlap of what is right in English and in another language (`measure.consistency.correct_overlap`), and
*conductivity* asks whether a fact taught in one language only can be retrieved in another.

The paper's normalisation of its cross-retrieval rate (XRR) could not be checked against its code; here it is
accuracy in the target languages divided by accuracy in the teaching (pivot) language **on the same facts**.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.measure.interval import Interval, bootstrap_ratio

# Percent: chance and the reference model's English accuracy, as published with the CLiKA code.
CLIKA_LEVELS: Mapping[str, tuple[float, float]] = {
    "xCSQA": (20.0, 74.6),
    "xCOPA": (50.0, 96.4),
    "LogiQA2": (25.0, 53.6),
    "xReClor": (25.0, 61.6),
    "xName": (25.0, 92.2),
    "xGeo": (25.0, 97.0),
}


def rescaled_accuracy(accuracy: ArrayLike, chance: float, reference: ArrayLike = 1.0) -> NDArray[np.float64]:
    """RA: 0 at or below chance, 1 at the reference, above 1 beyond it. All in one unit.

    With reference 1 (or 100) this is also SEA-HELM's normalised score of a multiple-choice task. NaN where
    the reference itself is not above chance.
    """
    above = np.asarray(reference, dtype=np.float64) - chance
    raised = np.maximum(0.0, np.asarray(accuracy, dtype=np.float64) - chance)
    return np.asarray(np.where(above > 0, raised / np.where(above > 0, above, 1.0), np.nan))


def conductivity(
    target_correct: ArrayLike,
    target_items: Sequence[Hashable],
    pivot_correct: Mapping[Any, float],
    *,
    seed: int = 0,
) -> Interval:
    """Cross-retrieval rate with an interval that resamples whole facts.

    `target_correct[i]` is the answer about fact `target_items[i]` in some target language; `pivot_correct`
    gives the pivot's result for each fact. Facts the pivot was not asked about are left out. The count is the
    number of target answers used: with few facts the interval is wide, however many languages repeat them.
    """
    right = np.asarray(target_correct, dtype=np.float64)
    kept = [place for place, item in enumerate(target_items) if item in pivot_correct]
    items = [target_items[place] for place in kept]
    known = np.array([float(pivot_correct[item]) for item in items])
    return bootstrap_ratio(right[kept], known, clusters=items, seed=seed)
