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
    ac3,
    agreements,
    correct_overlap,
    rankc_chance,
    subset_consistency,
)
from panlect.measure.interval import Interval

NOTHING = float("nan")


def against_pivot(judged: Judged, pivot: str, pivot_correct: Mapping[str, float]) -> Iterator[Number]:
    """Conductivity and right-in-both overlap of each language with the pivot, and of all together.

    Args:
        judged: answers whose main measure is right (1) or wrong (0).
        pivot: the language that was told every fact.
        pivot_correct: per item, the pivot's own result.
    """
    right = judged.values[judged.main]
    of_language: dict[str, list[int]] = {}
    for place, language in enumerate(judged.languages):
        if language != pivot and judged.items[place] in pivot_correct:
            of_language.setdefault(language, []).append(place)
    everything = [place for places in of_language.values() for place in places]
    if not everything:
        return
    for language, places in [*sorted(of_language.items()), ("", everything)]:
        items = [judged.items[place] for place in places]
        interval = conductivity(right[places], items, pivot_correct)
        yield judged.number("conductivity", interval, language=language, other_language=pivot)
        if language:
            theirs = [pivot_correct[item] for item in items]
            overlap = Interval(correct_overlap(right[places] > 0.5, theirs), NOTHING, NOTHING, len(items))
            yield judged.number("correct_overlap", overlap, language=language, other_language=pivot)


def by_subsets(judged: Judged, options: Mapping[str, Mapping[str, int]]) -> Iterator[Number]:
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
    kept = np.isin(judged.items, common)
    accuracy = judged.interval(judged.main, kept & judged.known(judged.main), macro=True).value
    for size in sorted({2, 3, len(languages)}):
        if size <= len(languages):
            consistency = subset_consistency(chosen, size)
            place = {} if size == 2 else {"group": f"{judged.group}, subsets={size}".removeprefix(", ")}
            for measure, value in (("consistency", consistency), ("ac3", ac3(accuracy, consistency))):
                yield judged.number(measure, Interval(value, NOTHING, NOTHING, len(common)), **place)


def by_pairs(judged: Judged, orders: Mapping[str, Mapping[Hashable, NDArray[np.int64]]]) -> Iterator[Number]:
    """RankC of every pair of languages, of each language with all others, and overall; and its chance level.

    `orders[language][item]` are the ranks of the candidates. Every unordered pair is one row, with the
    languages in alphabetical order.
    """
    agreement = agreements({language: orders[language] for language in sorted(orders)})
    of_language: dict[str, list[float]] = {language: [] for language in sorted(orders)}
    for (one, other), interval in agreement.intervals().items():
        yield judged.number("rankc", interval, language=one, other_language=other)
        of_language[one].append(interval.value)
        of_language[other].append(interval.value)
    for language, values in of_language.items():
        if values:
            mean = Interval(float(np.mean(values)), NOTHING, NOTHING, len(values))
            yield judged.number("rankc", mean, language=language)
    if agreement.pairs:
        yield judged.number("rankc", agreement.overall())
    sizes = [len(ranks) for table in orders.values() for ranks in table.values()]
    chance = Interval(rankc_chance(sizes), NOTHING, NOTHING, len(sizes))
    yield judged.number("chance", chance, unit="rankc")
