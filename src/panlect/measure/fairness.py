"""How evenly is skill spread over languages? Democratisation, gaps, worst languages, transfer, forgetting.

Language democratisation is mean over best (Huang et al. 2023, "Not All Languages Are Created Equal in LLMs").
It is blind to the level (all languages at 2 % score 100), so it is only ever shown beside the mean.
Backward transfer is the change on what was known before (Lopez-Paz and Ranzato 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

Scores = Mapping[str, float]


class Spread(NamedTuple):
    """Best minus worst, standard deviation, and the mean of the worst languages."""

    gap: float
    deviation: float
    worst_mean: float
    worst: tuple[str, ...]


def known(scores: Scores) -> dict[str, float]:
    """The scores that are numbers: a language without data has NaN and takes part in no mean."""
    return {language: score for language, score in scores.items() if not math.isnan(score)}


def macro_mean(scores: Scores, languages: Iterable[str] | None = None) -> float:
    """Mean over languages, each counting once; over exactly `languages` if given.

    A language of the fixed set without a score makes the mean NaN: means over different sets of languages are
    not comparable, so none is made up.
    """
    wanted = list(languages) if languages is not None else list(known(scores))
    if not wanted:
        return math.nan
    return float(np.mean([scores.get(language, math.nan) for language in wanted]))


def democratisation(scores: Scores) -> float:
    """100 · mean / best. NaN when no language scores above 0; negative scores are refused."""
    values = np.array(list(known(scores).values()))
    if values.size and values.min() < 0:
        raise ValueError("language democratisation is defined for scores of 0 and above")
    if not values.size or values.max() == 0:
        return math.nan
    return float(100 * values.mean() / values.max())


def worst(scores: Scores, count: int = 5) -> tuple[str, ...]:
    """The `count` languages with the lowest scores, lowest first; ties in order of code."""
    return tuple(sorted(known(scores), key=lambda language: (scores[language], language))[:count])


def spread(scores: Scores, count: int = 5) -> Spread:
    """How far languages lie apart; NaN where there is none."""
    values = np.array(list(known(scores).values()))
    if not values.size:
        return Spread(math.nan, math.nan, math.nan, ())
    names = worst(scores, count)
    low = float(np.mean([scores[name] for name in names]))
    return Spread(float(values.max() - values.min()), float(values.std()), low, names)


def group_means(scores: Scores, group_of: Mapping[str, str]) -> dict[str, float]:
    """Mean by resource class, family or script; languages without a group form the group ""."""
    members: dict[str, list[float]] = {}
    for language, score in known(scores).items():
        members.setdefault(group_of.get(language, ""), []).append(score)
    return {group: float(np.mean(values)) for group, values in sorted(members.items())}


def transfer_gap(scores: Scores, pivot: str = "eng_Latn") -> float:
    """Pivot's score minus the mean of all other languages; NaN if either is missing."""
    others = [score for language, score in known(scores).items() if language != pivot]
    if pivot not in known(scores) or not others:
        return math.nan
    return scores[pivot] - float(np.mean(others))


def backward_transfer(before: Scores, after: Scores) -> dict[str, float]:
    """Change per language from `before` to `after`; negative is forgetting. Languages in both only."""
    first, second = known(before), known(after)
    return {language: second[language] - first[language] for language in first if language in second}
