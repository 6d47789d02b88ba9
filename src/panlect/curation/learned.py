"""Bounds learned from all rows of a language, and the rows that break them."""

from collections.abc import Iterable
from typing import Any, TypedDict

import numpy as np
import polars as pl

from panlect.curation.settings import QualitySettings
from panlect.curation.steps import MEASURED, canonical
from panlect.text.quality import HIGHER_IS_BETTER, TWO_SIDED, Learning, threshold


class LearnedBound(TypedDict):
    """A bound that was read off the rows of a language."""

    language: str
    measure: str
    direction: str
    threshold: float


def learn(parts: Iterable[pl.DataFrame], settings: QualitySettings) -> list[LearnedBound]:
    """Return the bounds of every language; a bound set by hand replaces a learned one.

    Args:
        parts: the language and the measures of the rows that take part: those that are still there.
        settings: what is learned, and how.
    """
    how = Learning(settings.learn.mode, settings.learn.q, settings.learn.k, settings.learn.minimum_sample)
    frame = pl.concat(list(parts)).with_columns(pl.col("language").cast(pl.Categorical))
    bounds: list[LearnedBound] = []
    for (language,), mine in sorted(frame.partition_by("language", as_dict=True).items()):
        for name in settings.learn.measures:
            column = mine[MEASURED + name].to_numpy().astype(np.float64)
            for direction, limit in _limits(column, name, str(language), settings, how):
                bounds.append(
                    LearnedBound(language=str(language), measure=name, direction=direction, threshold=limit)
                )
    return bounds


def apply(facts: pl.DataFrame, bounds: Iterable[LearnedBound]) -> pl.DataFrame:
    """Add the reasons of rows beyond their language's bounds; the first broken bound counts."""
    of = facts["language"].to_numpy()
    open_ = (facts["reason"] == "").to_numpy() & ~facts["held"].to_numpy()
    reasons = facts["reason"].to_list()
    values: list[float | None] = [None] * facts.height
    limits: list[float | None] = [None] * facts.height
    here = set(of)
    for bound in bounds:
        if bound["language"] not in here:
            continue
        column = facts[MEASURED + bound["measure"]].to_numpy().astype(np.float64)
        limit = bound["threshold"]
        broken = column < limit if bound["direction"] == "low" else column > limit
        for place in np.flatnonzero(broken & open_ & (of == bound["language"])):
            reasons[place] = f"learned_{bound['measure']}"
            values[place], limits[place], open_[place] = float(column[place]), limit, False
    return facts.with_columns(
        pl.Series("reason", reasons, pl.String),
        pl.Series("value", values, pl.Float64),
        pl.Series("threshold", limits, pl.Float64),
    )


def _limits(
    column: Any, name: str, language: str, settings: QualitySettings, how: Learning
) -> list[tuple[str, float]]:
    for each in settings.bounds:
        if each.measure == name and (
            not each.languages or language in {canonical(c) for c in each.languages}
        ):
            return []
    found = []
    if name in HIGHER_IS_BETTER or name in TWO_SIDED:
        found.append(("low", threshold(column, "low", how)))
    if name not in HIGHER_IS_BETTER:
        found.append(("high", threshold(column, "high", how)))
    return [(direction, limit) for direction, limit in found if limit is not None]
