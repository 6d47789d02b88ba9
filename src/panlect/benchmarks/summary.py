"""From judged answers to numbers: per language and over languages, each with its interval.

Over languages every language counts alike (macro mean) and whole items are resampled, because the same item
asked in a hundred languages is not a hundred observations. Scores of generated answers and of chosen
continuations are never in one row: their benchmarks differ in `form`, and a summary is made for each form
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.benchmarks.benchmark import BAD_LABELS
from panlect.language import Language
from panlect.measure import fairness
from panlect.measure.bits import ratio_score
from panlect.measure.calibration import calibration_error, calibration_statistics
from panlect.measure.conductivity import rescaled_accuracy
from panlect.measure.interval import (
    Draws,
    Interval,
    bootstrap,
    bootstrap_statistics,
    drawn_means,
    drawn_statistics,
    wilson,
)
from panlect.measure.translation import SCORES

Number = dict[str, Any]
Floats = NDArray[np.float64]

FROM_SUMS: Mapping[str, Callable[[Floats], Floats]] = {**SCORES, "bits_per_byte": ratio_score}
"""Measures that are functions of summed statistics."""

WITHOUT_INTERVAL = frozenset({"chance", "choice_chance", "constant"})
"""Measures that are known and not estimated."""

NOTHING = float("nan")
BEYOND_DOUBT = 0.025
"""Share of draws in which the pivot may be no better than chance, if languages are measured by it."""

UNITS: Mapping[str, str] = dict.fromkeys(SCORES, "points") | {"bits_per_byte": "bits", "comet": "score"}
"""Units of measures that are not shares."""


@dataclass(frozen=True)
class Judged:
    """The judged answers of one step to one benchmark in one group, row by row.

    Attributes:
        values: per measure, one value per row; NaN where the measure does not apply to the row.
        statistics: per measure that is a function of sums, one row of counts per row.
        main: the measure that the benchmark is about.
    """

    step: str
    benchmark: str
    group: str
    languages: NDArray[Any]
    items: NDArray[Any]
    values: dict[str, Floats]
    statistics: dict[str, Floats] = field(default_factory=dict)
    main: str = ""

    @property
    def measures(self) -> list[str]:
        """All measures, the main one first."""
        return sorted({*self.values, *self.statistics}, key=lambda name: (name != self.main, name))

    def known(self, measure: str) -> NDArray[np.bool_]:
        """The rows that the measure applies to."""
        values = self.statistics.get(measure, self.values.get(measure))
        assert values is not None
        missing: NDArray[np.bool_] = np.isnan(values.reshape(len(values), -1)).sum(axis=1) > 0
        return ~missing

    def interval(
        self, measure: str, rows: NDArray[np.bool_], *, macro: bool = False, seed: int = 0
    ) -> Interval:
        """The measure over some rows; `macro` counts every language alike."""
        items = self.items[rows].tolist()
        if measure in WITHOUT_INTERVAL:
            values = self.values[measure][rows]
            over = list(self.scores(measure).values()) if macro else values
            return Interval(float(np.mean(over)), NOTHING, NOTHING, len(values))
        if macro and len(set(self.languages[rows].tolist())) > 1:
            found = self.draws(measure, rows, seed=seed).interval()
            return _one_sided(found, len(set(items))) if measure in self.values else found
        if measure in self.statistics:
            statistics = self.statistics[measure][rows]
            return bootstrap_statistics(statistics, FROM_SUMS[measure], clusters=items, seed=seed)
        values = self.values[measure][rows]
        if np.isin(values, (0.0, 1.0)).all() and len(set(items)) == len(values):
            return wilson(float(values.sum()), len(values))
        return bootstrap(values, clusters=items, seed=seed)

    def draws(self, measure: str, rows: NDArray[np.bool_], *, seed: int = 0) -> Draws:
        """The measure of every language, as it is and in draws of whole items."""
        items, languages = self.items[rows].tolist(), self.languages[rows].tolist()
        if measure in self.statistics:
            return drawn_statistics(
                self.statistics[measure][rows], FROM_SUMS[measure], languages, items, seed=seed
            )
        return drawn_means(self.values[measure][rows], languages, items, seed=seed)

    def number(self, measure: str, interval: Interval, **columns: str) -> Number:
        """A row of the numbers table about these answers."""
        row = {
            "step": self.step,
            "measure": measure,
            "benchmark": self.benchmark,
            "language": "",
            "other_language": "",
            "group": self.group,
            "value": _or_none(interval.value),
            "low": _or_none(interval.low),
            "high": _or_none(interval.high),
            "count": interval.count,
            "unit": UNITS.get(measure, "share"),
        }
        return row | columns

    def scores(self, measure: str) -> dict[str, float]:
        """The measure per language."""
        known = self.known(measure)
        out = {}
        for language in sorted(set(self.languages[known].tolist())):
            rows = known & (self.languages == language)
            if measure in self.statistics:
                out[language] = float(FROM_SUMS[measure](self.statistics[measure][rows].sum(axis=0)))
            else:
                out[language] = float(self.values[measure][rows].mean())
        return out


def _one_sided(found: Interval, items: int) -> Interval:
    """Where all answers are right, or none is, draws show nothing: then Wilson's interval of the items."""
    if found.low == found.high and found.value in (0.0, 1.0):
        ends = wilson(found.value * items, items)
        return Interval(found.value, ends.low, ends.high, found.count)
    return found


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def judged_groups(
    answers: pl.DataFrame, failures: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Iterator[Judged]:
    """Split an answer table by step, benchmark and group, and turn labels into shares.

    `failures` are labels by benchmark that are counted even where there are none.

    `answers` has the columns of the answer schema and `measure` (name of the main measure), `score` and
    `scores` (a list of structs `name`, `value`).
    """
    keys = ["step", "benchmark", "group"]
    for (step, benchmark, group), part in answers.group_by(keys, maintain_order=True):
        main = str(part["measure"][0])
        statistics = _statistics(part)
        values = {} if main in statistics else {main: part["score"].to_numpy().astype(np.float64)}
        values |= _labels(part["verdict"], failures.get(str(benchmark), ()))
        languages = np.asarray(part["language"].to_list(), dtype=object)
        items = np.asarray(part["item"].to_list(), dtype=object)
        yield Judged(
            str(step), str(benchmark), str(group), languages, items, values | _scores(part), statistics, main
        )  # fmt: skip


def _labels(verdicts: pl.Series, failures: Sequence[str]) -> dict[str, Floats]:
    """Share of each bad label among the answers that there are; failed requests are no answers."""
    failed = (verdicts == "failed").to_numpy()
    out: dict[str, Floats] = {}
    for label in BAD_LABELS:
        here = (verdicts == label).to_numpy().astype(np.float64)
        if here.any() or label in failures:
            out[label] = here if label == "failed" else np.where(failed, np.nan, here)
    return out


def _scores(part: pl.DataFrame) -> dict[str, Floats]:
    rows = part["scores"].to_list()
    out: dict[str, Floats] = {}
    for place, row in enumerate(rows):
        for entry in row or ():
            out.setdefault(entry["name"], np.full(part.height, np.nan))[place] = entry["value"]
    return out


def _statistics(part: pl.DataFrame) -> dict[str, Floats]:
    rows = part["statistics"].to_list()
    out: dict[str, Floats] = {}
    for place, row in enumerate(rows):
        for entry in row or ():
            width = len(entry["values"])
            out.setdefault(entry["name"], np.full((part.height, width), np.nan))[place] = entry["values"]
    return out


def numbers_of(judged: Judged, *, pivot: str, seed: int = 0, spread: bool = True) -> Iterator[Number]:
    """Every number about one group: per language, over languages, and (`spread`) how evenly it is spread."""
    for measure in judged.measures:
        known = judged.known(measure)
        for language in sorted(set(judged.languages[known].tolist())):
            here = known & (judged.languages == language)
            yield judged.number(measure, judged.interval(measure, here, seed=seed), language=language)
        if known.any():
            yield judged.number(measure, judged.interval(measure, known, macro=True, seed=seed))
    if spread:
        yield from _spread(judged, judged.main, pivot, seed)
    if "confidence" in judged.values and judged.main in judged.values:
        yield from _calibration(judged, seed)
    yield from _by_kind_of_language(judged, judged.main, seed)


def _calibration(judged: Judged, seed: int) -> Iterator[Number]:
    """Expected calibration error of the choices made, per language and over all answers."""
    known = judged.known("confidence")
    for language in ["", *sorted(set(judged.languages[known].tolist()))]:
        rows = known & ((judged.languages == language) if language else True)
        statistics = calibration_statistics(
            judged.values["confidence"][rows], judged.values[judged.main][rows]
        )
        items = judged.items[rows].tolist()
        interval = bootstrap_statistics(statistics, calibration_error, clusters=items, seed=seed)
        yield judged.number("calibration_error", interval, language=language)


def _spread(judged: Judged, measure: str, pivot: str, seed: int) -> Iterator[Number]:
    """How far languages lie apart, and how far the others stay behind the pivot."""
    if len(judged.scores(measure)) < 2:
        return
    draws = judged.draws(measure, judged.known(measure), seed=seed)
    measures = {"gap": fairness.gap, "worst_mean": fairness.worst_mean}
    if np.nanmin(draws.observed_G) >= 0:
        measures["democratisation"] = fairness.democratisation
    if pivot in draws.groups:
        place = draws.groups.index(pivot)
        measures["transfer_gap"] = partial(fairness.transfer_gap, pivot=place)
        if "chance" in judged.values:
            yield from _rescaled(judged, draws, place)
    for name, statistic in measures.items():
        found = draws.interval(statistic)
        unit = "percent" if name == "democratisation" else UNITS.get(measure, "share")
        counted = Interval(found.value, found.low, found.high, len(draws.groups))
        yield judged.number(name, counted, unit=unit)


def _rescaled(judged: Judged, draws: Draws, pivot: int) -> Iterator[Number]:
    """Accuracy of each language, 0 at chance and 1 at the pivot's; only where the pivot is above chance."""
    levels = judged.scores("chance")
    for place, language in enumerate(draws.groups):

        def statistic(scores: Floats, place: int = place, chance: float = levels[str(language)]) -> Floats:
            return rescaled_accuracy(scores[..., place], chance, scores[..., pivot])

        if place != pivot and np.isnan(statistic(draws.drawn_RG)).mean() < BEYOND_DOUBT:
            found = draws.interval(statistic)
            count = int((judged.languages == language).sum())
            counted = Interval(found.value, found.low, found.high, count)
            yield judged.number(
                "rescaled_accuracy", counted, language=str(language), other_language=str(draws.groups[pivot])
            )


KINDS = {"script": "script", "resources": "resource_class", "family": "family"}


def _by_kind_of_language(judged: Judged, measure: str, seed: int) -> Iterator[Number]:
    """Macro means over the languages of one script, resource class or family; `group` says which."""
    languages = sorted(set(judged.languages))
    if len(languages) < 3:
        return
    known = judged.known(measure)
    for kind, attribute in KINDS.items():
        of = {code: str(getattr(Language(code), attribute) or "") for code in languages}
        if len(set(of.values())) < 2:
            continue
        kinds = np.asarray([of[code] for code in judged.languages], dtype=object)
        for name in sorted(set(of.values()) - {""}):
            here = (kinds == name) & known
            if list(of.values()).count(name) < 2 or not here.any():
                continue
            interval = judged.interval(measure, here, macro=True, seed=seed)
            group = f"{judged.group}, {kind}={name}" if judged.group else f"{kind}={name}"
            yield judged.number(measure, interval, group=group)
