"""Bounds learned from all rows of a language, and the rows that break them."""

from typing import Any

import numpy as np
import polars as pl

from panlect.curation.settings import QualitySettings
from panlect.curation.steps import MEASURED, canonical
from panlect.text.quality import HIGHER_IS_BETTER, TWO_SIDED, Learning, threshold


def learned_bounds(
    facts: pl.DataFrame, settings: QualitySettings
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Add the reasons of rows beyond their language's learned bounds; return the bounds too.

    Rows that are gone already take no part in learning. A bound set by hand replaces a learned one.
    """
    names = settings.learn.measures
    if not names:
        return facts, []
    how = Learning(settings.learn.mode, settings.learn.q, settings.learn.k, settings.learn.minimum_sample)
    of, alive = facts["language"].to_numpy(), (facts["reason"] == "").to_numpy() & ~facts["held"].to_numpy()
    reasons = facts["reason"].to_list()
    values: list[float | None] = [None] * facts.height
    limits: list[float | None] = [None] * facts.height
    bounds: list[dict[str, Any]] = []
    for language in sorted(set(of)):
        mine = np.flatnonzero((of == language) & alive)
        for name in names:
            column = facts[MEASURED + name].to_numpy()[mine].astype(np.float64)
            for direction, limit in _limits(column, name, language, settings, how):
                bounds.append(
                    {"language": language, "measure": name, "direction": direction, "threshold": limit}
                )
                broken = column < limit if direction == "low" else column > limit
                for place, value in zip(mine[broken], column[broken], strict=True):
                    if not reasons[place]:
                        reasons[place], values[place], limits[place] = f"learned_{name}", float(value), limit
    facts = facts.with_columns(
        pl.Series("reason", reasons, pl.String),
        pl.Series("value", values, pl.Float64),
        pl.Series("threshold", limits, pl.Float64),
    )
    return facts, bounds


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
