"""Numbers between languages: does a fact told in one language reach the others, and do languages agree?

Conductivity and overlap compare generated answers with those of the pivot language on the same items; RankC
compares how two languages rank the same candidates. Each is a row of the numbers table with its
`other_language`, and a mean over languages or pairs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from panlect.benchmarks.summary import Judged, Number
from panlect.measure.conductivity import conductivity
from panlect.measure.consistency import (
    above_chance,
    ac3,
    agreements,
    rankc_chance,
    right_in,
    subset_consistency,
)
from panlect.measure.interval import Interval, bootstrap, bootstrap_ratio, bootstrap_statistics

NOTHING = float("nan")


def against_pivot(judged: Judged, pivot: str, pivot_correct: Mapping[str, float]) -> Iterator[Number]:
    """Conductivity of each language, and of all together, on facts that only the pivot was told.

    Args:
        judged: answers whose main measure is right (1) or wrong (0).
        pivot: the language that was told every fact.
        pivot_correct: per item, the pivot's own result.
    """
    right = judged.values[judged.main]
    of_language = _places(judged, pivot, pivot_correct)
    everything = [place for places in of_language.values() for place in places]
    if not everything:
        return
    for language, places in [*sorted(of_language.items()), ("", everything)]:
        items = [judged.items[place] for place in places]
        interval = conductivity(right[places], items, pivot_correct)
        yield judged.number("conductivity", interval, language=language, other_language=pivot)


def overlap(
    judged: Judged, pivot: str, pivot_correct: Mapping[str, float], *, seed: int = 0
) -> Iterator[Number]:
    """Right in both by right in either, of each language and the pivot: CLiKA's en-CO."""
    right = judged.values[judged.main]
    for language, places in sorted(_places(judged, pivot, pivot_correct).items()):
        items = [judged.items[place] for place in places]
        both, either = right_in(right[places] > 0.5, [pivot_correct[item] > 0.5 for item in items])
        if either.any():
            found = bootstrap_ratio(both, either, clusters=items, seed=seed)
            yield judged.number("correct_overlap", found, language=language, other_language=pivot)


def _places(judged: Judged, pivot: str, pivot_correct: Mapping[str, float]) -> dict[str, list[int]]:
    """Rows of every other language about items that the pivot was asked, too."""
    out: dict[str, list[int]] = {}
    known = judged.known(judged.main)
    for place, language in enumerate(judged.languages):
        if language != pivot and known[place] and judged.items[place] in pivot_correct:
            out.setdefault(language, []).append(place)
    return out


def by_subsets(
    judged: Judged, options: Mapping[str, Mapping[str, int]], *, seed: int = 0
) -> Iterator[Number]:
    """Consistency over language subsets and AC3 (SeaEval), on the items that every language was asked.

    `options[language][item]` is the place of the option chosen, -1 for none. Subsets of 2, of 3 and of all
    languages; `group` says of how many where it is not 2.
    """
    languages = sorted(options)
    common = sorted(set.intersection(*(set(options[language]) for language in languages)))
    if len(languages) < 2 or not common:
        return
    chosen = [
        [options[code][item] if options[code][item] >= 0 else None for item in common] for code in languages
    ]
    right = judged.values[judged.main]
    of_item: dict[str, list[float]] = {item: [] for item in common}
    for item, value in zip(judged.items, right, strict=True):
        if item in of_item and not np.isnan(value):
            of_item[item].append(value)
    accuracies = [float(np.mean(of_item[item])) for item in common]
    for size in sorted({2, 3, len(languages)}):
        if size <= len(languages):
            agree = subset_consistency(chosen, size)
            rows = np.stack([accuracies, agree, np.ones(len(common))], axis=1)
            place = {} if size == 2 else {"group": f"{judged.group}, subsets={size}".removeprefix(", ")}
            yield judged.number("consistency", bootstrap(agree, seed=seed), **place)
            yield judged.number("ac3", bootstrap_statistics(rows, _ac3, seed=seed), **place)


def _ac3(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    count = np.where(sums[..., 2] > 0, sums[..., 2], 1.0)
    return ac3(sums[..., 0] / count, sums[..., 1] / count)


def by_pairs(judged: Judged, orders: Mapping[str, Mapping[Hashable, NDArray[np.int64]]]) -> Iterator[Number]:
    """RankC of every pair of languages, of each language with all others, and overall; and its chance level.

    `orders[language][item]` are the ranks of the candidates. Every unordered pair is one row, with the
    languages in alphabetical order.
    """
    agreement = agreements({language: orders[language] for language in sorted(orders)})
    for (one, other), interval in agreement.intervals().items():
        yield judged.number("rankc", interval, language=one, other_language=other)
    sizes = [len(ranks) for table in orders.values() for ranks in table.values()]
    level = rankc_chance(sizes)
    for language in (*sorted(orders), ""):
        found = agreement.overall(language)
        if found.count:
            yield judged.number("rankc", found, language=language)
        if found.count and not language:
            value, low, high = (above_chance(each, level) for each in (found.value, found.low, found.high))
            yield judged.number("rankc_above_chance", Interval(value, low, high, found.count))
    yield judged.number("chance", Interval(level, NOTHING, NOTHING, len(sizes)), unit="rankc")
