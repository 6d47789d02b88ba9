"""What a curated folder says about itself: rows and bytes per language, source, step and reason."""

from pathlib import Path
from typing import Any

import polars as pl

from panlect.curation.merge import frames
from panlect.curation.work import UNKNOWN
from panlect.draft import Draft


def sources(scratch: Path, count: int) -> list[dict[str, Any]]:
    """Return one row per source and licence: documents, bytes and the languages in it."""
    parts = [
        frame.group_by("source", "licence").agg(
            pl.len().alias("rows"),
            pl.col("text").str.len_bytes().sum().alias("bytes"),
            pl.col("language").unique(),
        )
        for frame in frames(scratch, "document", count)
    ]
    total = (
        pl.concat(parts)
        .group_by("source", "licence")
        .agg(pl.col("rows", "bytes").sum(), pl.col("language").explode().n_unique().alias("languages"))
    )
    return total.sort("source", "licence").to_dicts()


def licences(sources: list[dict[str, Any]]) -> list[str]:
    """Return the licences that occur."""
    return sorted({row["licence"] for row in sources})


def languages_in(scratch: Path, count: int) -> set[str]:
    """Return the languages of all rows that could be read and were wanted."""
    found: set[str] = set()
    for kind, columns in (("document", ["language"]), ("pair", ["source_language", "target_language"])):
        for frame in frames(scratch, kind, count):
            for column in columns:
                found |= set(frame[column].unique())
        for frame in frames(scratch, f"dropped_{kind}", count):
            if columns[0] in frame.columns:
                found |= set(frame.filter(pl.col("step") != "language")[columns[0]].unique())
    return found - {UNKNOWN}


def languages(draft: Draft, count: int) -> None:
    """Record rows per language and reason as numbers (`rows_in`, `rows_dropped`)."""
    parts = [
        frame.select("language", pl.lit("").alias("reason"))
        for frame in frames(draft.scratch, "document", count)
    ]
    parts += [
        frame.select("language", "reason") for frame in frames(draft.scratch, "dropped_document", count)
    ]
    rows = pl.concat(parts).group_by("language", "reason").agg(pl.len()).sort("language", "reason")
    for language, total in rows.group_by("language").agg(pl.col("len").sum()).sort("language").iter_rows():
        draft.number("rows_in", float(total), language=language, count=total, unit="rows")
    for language, reason, number in rows.filter(pl.col("reason") != "").iter_rows():
        draft.number(
            "rows_dropped", float(number), language=language, group=reason, count=number, unit="rows"
        )
