"""Minimum Bayes risk: chosen is the sample that the others agree with most, rejected the one with the least.

Utility is chrF between samples or COMET, duplicates keep their weight, ties go to the first (Kumar and Byrne
2004; as a source of preference pairs: Yang et al. 2024, arXiv 2311.08380).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panlect.measure.choosing import minimum_risk
from panlect.measure.translation import chrf_score, chrf_statistics
from panlect.rating.samples import Row, Samples, distinct, pair

Utility = Callable[[str, str], float]
Utilities = NDArray[np.float64]
Rate = Callable[[Sequence[str], Sequence[str], Sequence[str]], list[float]]


def chrf(hypothesis: str, reference: str) -> float:
    """ChrF of one text, 0 to 100."""
    return float(chrf_score(np.array(chrf_statistics(hypothesis, reference))))


def utilities(texts: Sequence[str], utility: Utility = chrf) -> Utilities:
    """[hypotheses, references] of samples against each other; each different pair is compared once."""
    known = {(one, other): utility(one, other) for one in set(texts) for other in set(texts)}
    return np.array([[known[one, other] for other in texts] for one in texts])


def rated_utilities(found: Sequence[Samples], sources: Sequence[str], rate: Rate) -> list[Utilities]:
    """The same by a metric that reads the source, such as COMET; all prompts are rated in one call.

    Args:
        found: translations of each source.
        sources: one per prompt.
        rate: scores of sources, translations and references.
    """
    asked = [
        (source, one, other)
        for source, samples in zip(sources, found, strict=True)
        for one in distinct(samples.texts)
        for other in distinct(samples.texts)
    ]
    scores = rate(*([row[place] for row in asked] for place in range(3)))
    known = dict(zip(asked, scores, strict=True))
    return [
        np.array([[known[source, one, other] for other in samples.texts] for one in samples.texts])
        for source, samples in zip(sources, found, strict=True)
    ]


def by_agreement(
    found: Sequence[Samples],
    matrices: Iterable[Utilities] = (),
    *,
    against: Literal["worst", "middle"] = "worst",
) -> Iterator[Row]:
    """One pair per prompt: the sample with the highest expected utility against the lowest, or the median.

    Args:
        found: with two or more samples each; others give nothing.
        matrices: the utility of each sample if another is the truth; without any, chrF.
        against: what is rejected.
    """
    matrices = matrices or (utilities(samples.texts) for samples in found)
    for samples, matrix in zip(found, matrices, strict=True):
        if len(set(samples.texts)) < 2:
            continue
        best, expected = minimum_risk(matrix)
        order = sorted(range(len(samples.texts)), key=lambda place: (expected[place], place))
        worse = order[0] if against == "worst" else order[(len(order) - 1) // 2]
        if expected[best] > expected[worse]:
            made = pair(samples, samples.texts[best], samples.texts[worse], "less_agreed")
            if made:
                yield made | {"margin": f"{expected[best] - expected[worse]:.4g}"}
