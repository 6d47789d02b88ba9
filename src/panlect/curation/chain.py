"""The order of the steps over a task's rows.

Each takes a table and the list of what was set aside so far, and returns the rows that stay.
"""

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from panlect.curation import mining, rules, steps
from panlect.curation.steps import Steps
from panlect.read import Pair
from panlect.text.keys import exact_keys


class Documents(NamedTuple):
    """Documents after all steps."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    pairs: list[Pair]
    """The translations that hide inside them."""


def documents(frame: pl.DataFrame, on: Steps, languages: Collection[str]) -> Documents:
    """Put documents through every step that is switched on."""
    dropped: list[pl.DataFrame] = [frame.clear().with_columns(reason=pl.lit(""), step=pl.lit(""))]
    frame = rules.licensed(frame, on.keep_unknown_licence, dropped)
    frame = rules.allowed(frame, on.blocked, dropped)
    frame = steps.doctored(frame, on.doctor, dropped)
    frame = steps.identified(frame, on.identify, dropped)
    if languages:
        wanted = pl.col("language").is_in(sorted(languages))
        frame = steps.drop(frame, ~wanted, "other_language", "language", dropped)
    frame = rules.refined(frame, on.lines, dropped)
    frame = steps.judged(frame, on.quality, dropped)
    frame = steps.decontaminated(frame, on.benchmarks, on.benchmark_index, dropped)
    frame = steps.redacted(frame, on.private)
    frame, found = mining.mined(frame, on.incidental, dropped)
    frame = frame.with_columns(pl.Series("key", exact_keys(frame["text"]), pl.UInt64))
    gone = pl.concat(dropped, how="diagonal_relaxed")
    working = ["index", *(name for name in gone.columns if name.startswith(steps.MEASURED))]
    return Documents(frame, gone.drop(working), found)


def pairs(frame: pl.DataFrame, on: Steps, languages: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put pairs through every step that is switched on; return what stays and what was set aside."""
    dropped: list[pl.DataFrame] = []
    frame = rules.licensed(frame, on.keep_unknown_licence, dropped)
    unknown = (pl.col("source_language") == steps.UNKNOWN) | (pl.col("target_language") == steps.UNKNOWN)
    frame = steps.drop(frame, unknown, "no_language", "language", dropped)
    if languages:
        wanted = sorted(languages)
        both = pl.col("source_language").is_in(wanted) & pl.col("target_language").is_in(wanted)
        frame = steps.drop(frame, ~both, "other_language", "language", dropped)
    frame = steps.paired(frame, on.pairs, dropped)
    return frame, pl.concat(dropped, how="diagonal_relaxed")
