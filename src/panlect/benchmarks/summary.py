"""From judged answers to numbers: per language and over languages, each with its interval.

Over languages every language counts alike (macro mean) and whole items are resampled, because the same item
asked in a hundred languages is not a hundred observations. Scores of generated answers and of chosen
continuations are never in one row: their benchmarks differ in `form`, and a summary is made for each form
apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.benchmarks.benchmark import BAD_LABELS
from panlect.language import Language
from panlect.measure import fairness
from panlect.measure.interval import Interval, bootstrap, macro_bootstrap, wilson

Number = dict[str, Any]
Floats = NDArray[np.float64]
WORST = 5


@dataclass(frozen=True)
class Judged:
    """The judged answers of one step to one benchmark in one group, row by row.

    Attributes:
        values: per measure, one value per row; NaN where the measure does not apply to the row.
        units: unit per measure; "share" if not named.
    """

    step: str
    benchmark: str
    group: str
    languages: NDArray[Any]
    items: NDArray[Any]
    values: dict[str, Floats]
    units: dict[str, str] = field(default_factory=dict)

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
            "unit": self.units.get(measure, "share"),
        }
        return row | columns

    def scores(self, measure: str) -> dict[str, float]:
        """Mean per language."""
        frame = pl.DataFrame({"language": list(self.languages), "value": self.values[measure]})
        means = frame.filter(pl.col("value").is_not_nan()).group_by("language").agg(pl.col("value").mean())
        return dict(sorted(means.iter_rows()))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def judged_groups(answers: pl.DataFrame) -> Iterator[Judged]:
    """Split an answer table by step, benchmark and group, and turn labels into shares.

    `answers` has the columns of the answer schema and `measure` (name of the main measure), `score` and
    `scores` (a list of structs `name`, `value`).
    """
    for (step, benchmark, group), part in answers.group_by(
        ["step", "benchmark", "group"], maintain_order=True
    ):
        values = {str(part["measure"][0]): part["score"].to_numpy().astype(np.float64)}
        labels = part["verdict"]
        present = set(labels.unique().to_list())
        for label in BAD_LABELS:
            if label in present:
                values[label] = (labels == label).to_numpy().astype(np.float64)
        values |= _extra_scores(part)
        yield Judged(
            str(step),
            str(benchmark),
            str(group),
            np.asarray(part["language"].to_list(), dtype=object),
            np.asarray(part["item"].to_list(), dtype=object),
            values,
        )


def _extra_scores(part: pl.DataFrame) -> dict[str, Floats]:
    names = sorted({entry["name"] for row in part["scores"].to_list() for entry in row or ()})
    out = {name: np.full(part.height, np.nan) for name in names}
    for place, row in enumerate(part["scores"].to_list()):
        for entry in row or ():
            out[entry["name"]][place] = entry["value"]
    return out


def numbers_of(judged: Judged, *, seed: int = 0, spread: bool = True) -> Iterator[Number]:
    """Every number about one group: per language, over languages, and (`spread`) how evenly it is spread."""
    main = next(iter(judged.values))
    languages, items = judged.languages, judged.items
    for measure, values in judged.values.items():
        known = ~np.isnan(values)
        for language in sorted(set(judged.languages)):
            here = known & (languages == language)
            if here.any() or measure == main:
                yield judged.number(measure, one_language(values[here], items[here], seed), language=language)
        if known.any():
            over = macro_bootstrap(values[known], languages[known].tolist(), items[known].tolist(), seed=seed)
            yield judged.number(measure, over)
    if spread:
        yield from _spread(judged, main)
    yield from _by_kind_of_language(judged, main, seed)


def one_language(values: Floats, items: NDArray[Any], seed: int) -> Interval:
    """Wilson for right and wrong answers to different items, else a bootstrap over items."""
    if np.isin(values, (0.0, 1.0)).all() and len(set(items)) == len(values):
        return wilson(float(values.sum()), len(values))
    return bootstrap(values, clusters=list(items), seed=seed)


def _spread(judged: Judged, measure: str) -> Iterator[Number]:
    scores = judged.scores(measure)
    if len(scores) < 2:
        return
    spread = fairness.spread(scores, WORST)
    count = len(scores)
    rows = {"gap": spread.gap, "worst_mean": spread.worst_mean}
    if min(scores.values()) >= 0:
        rows["democratisation"] = fairness.democratisation(scores)
    for name, value in rows.items():
        unit = "percent" if name == "democratisation" else judged.units.get(measure, "share")
        nothing = float("nan")
        yield judged.number(name, Interval(value, nothing, nothing, count), unit=unit)


KINDS = {"script": "script", "resources": "resource_class", "family": "family"}


def _by_kind_of_language(judged: Judged, measure: str, seed: int) -> Iterator[Number]:
    """Macro means over the languages of one script, resource class or family; `group` says which."""
    languages = sorted(set(judged.languages))
    if len(languages) < 3:
        return
    values = judged.values[measure]
    for kind, attribute in KINDS.items():
        of = {code: str(getattr(Language(code), attribute) or "") for code in languages}
        if len(set(of.values())) < 2:
            continue
        kinds = np.asarray([of[code] for code in judged.languages], dtype=object)
        for name in sorted(set(of.values()) - {""}):
            here = (kinds == name) & ~np.isnan(values)
            if list(of.values()).count(name) < 2 or not here.any():
                continue
            interval = macro_bootstrap(
                values[here],
                judged.languages[here].tolist(),
                judged.items[here].tolist(),
                seed=seed,
                resamples=200,
            )
            group = f"{judged.group}, {kind}={name}" if judged.group else f"{kind}={name}"
            yield judged.number(measure, interval, group=group)
