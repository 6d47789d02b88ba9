"""Minimum Bayes risk: chosen is the sample that the others agree with most, rejected the one with the least.

Utility is chrF between samples, duplicates keep their weight, ties go to the first (Kumar and Byrne 2004; as
a source of preference pairs: Yang et al. 2024, arXiv 2311.08380).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panlect.measure.choosing import minimum_risk
from panlect.measure.translation import chrf_score, chrf_statistics
from panlect.rating.samples import Row, Samples, pair

Utility = Callable[[str, str], float]


def chrf(hypothesis: str, reference: str) -> float:
    """ChrF of one text, 0 to 100."""
    return float(chrf_score(np.array(chrf_statistics(hypothesis, reference))))


def utilities(texts: tuple[str, ...], utility: Utility = chrf) -> NDArray[np.float64]:
    """[hypotheses, references] of samples against each other; each different pair is compared once."""
    known = {(one, other): utility(one, other) for one in set(texts) for other in set(texts)}
    return np.array([[known[one, other] for other in texts] for one in texts])


def by_agreement(
    found: Iterable[Samples], *, against: Literal["worst", "middle"] = "worst", utility: Utility = chrf
) -> Iterator[Row]:
    """One pair per prompt: the sample with the highest expected utility against the lowest, or the median.

    Args:
        found: with two or more samples each; others give nothing.
        against: what is rejected.
        utility: of a hypothesis if a reference is the truth.
    """
    for samples in found:
        if len(set(samples.texts)) < 2:
            continue
        matrix = utilities(samples.texts, utility)
        best, expected = minimum_risk(matrix)
        order = sorted(range(len(samples.texts)), key=lambda place: (expected[place], place))
        worse = order[0] if against == "worst" else order[(len(order) - 1) // 2]
        if expected[best] > expected[worse]:
            made = pair(samples, samples.texts[best], samples.texts[worse], "less_agreed")
            if made:
                yield made | {"margin": f"{expected[best] - expected[worse]:.2f}"}
