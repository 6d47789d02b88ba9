"""Two models on the same questions: paired tests instead of overlapping bars.

Every pair of steps that answered the same questions is compared per benchmark and group: the difference of
the main measure with its interval and p value, per language (McNemar's exact test where answers are right or
wrong) and over languages (paired bootstrap over items). Against a base this is what a training gave or took
(backward transfer; Lopez-Paz and Ranzato 2017), and `forgotten` and `learnt` say of how many answers. `group`
ends with `versus=<the earlier step>`. How many languages became better or worse is counted after Benjamini
and Hochberg's correction, because a hundred tests find five at 5 % in nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from panlect.benchmarks.summary import UNITS, Floats, Judged, Number
from panlect.measure.interval import (
    Comparison,
    Interval,
    false_discoveries,
    mcnemar,
    paired_bootstrap,
)

MOST_STEPS = 5
"""With more steps than this each is compared with the first only."""


def pairs(groups: Sequence[Judged]) -> Iterator[tuple[Judged, Judged]]:
    """(earlier, later) of every benchmark and group that two steps answered."""
    steps = list(dict.fromkeys(each.step for each in groups))
    wanted = list(combinations(steps, 2)) if len(steps) <= MOST_STEPS else [(steps[0], s) for s in steps[1:]]
    table = {(each.step, each.benchmark, each.group): each for each in groups}
    for first, second in wanted:
        for step, benchmark, group in table:
            other = table.get((second, benchmark, group))
            if step == first and other is not None:
                yield table[step, benchmark, group], other


def changed(groups: Sequence[Judged]) -> Iterator[tuple[Judged, Judged]]:
    """(the questions as they are, the same with `slice=…` changed) of every step and benchmark."""
    table = {(each.step, each.benchmark, each.group): each for each in groups}
    for (step, benchmark, group), each in table.items():
        plain, found, _ = group.rpartition("slice=")
        original = table.get((step, benchmark, plain.removesuffix(", ")))
        if found and original is not None:
            yield original, each


def differences(first: Judged, second: Judged, *, versus: str = "", seed: int = 0) -> Iterator[Number]:
    """The main measure of `second` minus that of `first`, on the questions both answered.

    `versus` is the name that `group` gives to `first`; without it, the name of its step.
    """
    main = second.main
    if main not in first.values or main not in second.values:
        return
    places = {key: place for place, key in enumerate(zip(first.languages, first.items, strict=True))}
    keys = list(zip(second.languages, second.items, strict=True))
    common = np.array([place for place, key in enumerate(keys) if key in places], dtype=int)
    if not len(common) or len(places) != len(first.items):
        return  # nothing in common, or an item asked twice in a language: no pairs
    before = first.values[main][[places[keys[place]] for place in common]]
    after = second.values[main][common]
    answered = ~(np.isnan(before) | np.isnan(after))
    before, after, common = before[answered], after[answered], common[answered]
    if not len(common):
        return
    languages, items = second.languages[common], second.items[common]
    group = f"{second.group}, versus={versus or first.step}".removeprefix(", ")
    per_language = {}
    for language in sorted(set(languages.tolist())):
        here = languages == language
        per_language[language] = _one(before[here], after[here], seed)
        yield from _rows(second, per_language[language], group, main, language)
    if _right_or_wrong(before, after):
        yield from _forgotten(second, before, after, common, group)
    over = paired_bootstrap(before, after, groups=languages.tolist(), clusters=items.tolist(), seed=seed)
    yield from _rows(second, over, group, main, "")
    believed = false_discoveries([found.p_value for found in per_language.values()])
    for measure, sign in (("languages_better", 1), ("languages_worse", -1)):
        count = sum(
            b and sign * c.difference > 0 for b, c in zip(believed, per_language.values(), strict=True)
        )
        nothing = float("nan")
        interval = Interval(float(count), nothing, nothing, len(per_language))
        yield second.number(measure, interval, group=group, unit="languages")


def _one(before: Floats, after: Floats, seed: int) -> Comparison:
    if _right_or_wrong(before, after):
        return mcnemar(before, after)
    return paired_bootstrap(before, after, seed=seed)


def _right_or_wrong(before: Floats, after: Floats) -> bool:
    return bool(np.isin(before, (0, 1)).all() and np.isin(after, (0, 1)).all())


def _forgotten(
    judged: Judged, before: Floats, after: Floats, places: NDArray[np.int64], group: str
) -> Iterator[Number]:
    """Of what was right before, the share that is wrong now; of what was wrong, the share that is right."""
    for measure, was, lost in (("forgotten", before == 1, after == 0), ("learnt", before == 0, after == 1)):
        values = np.full(len(judged.items), np.nan)
        values[places[was]] = lost[was]
        changed = replace(judged, values={measure: values}, statistics={}, main=measure)
        known = changed.known(measure)
        for language in sorted(set(judged.languages[known].tolist())):
            found = changed.interval(measure, known & (judged.languages == language))
            yield changed.number(measure, found, group=group, language=language)
        if known.any():
            yield changed.number(measure, changed.interval(measure, known, macro=True), group=group)


def _rows(judged: Judged, found: Comparison, group: str, main: str, language: str) -> Iterator[Number]:
    difference = Interval(found.difference, found.low, found.high, found.count)
    unit = UNITS.get(main, "share")
    yield judged.number("difference", difference, group=group, language=language, unit=unit)
    nothing = float("nan")
    p_value = Interval(found.p_value, nothing, nothing, found.count)
    yield judged.number("p_value", p_value, group=group, language=language, unit="probability")
