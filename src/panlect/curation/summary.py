"""What a curated folder says about itself: its sources, licences and languages."""

from pathlib import Path
from typing import Any

import polars as pl

from panlect.curation.merge import frames
from panlect.curation.work import UNKNOWN


def sources(scratch: Path, count: int) -> list[dict[str, Any]]:
    """Return one row per source and licence: documents, bytes and the languages in it."""
    parts = [
        frame.group_by("source", "licence").agg(
            pl.len().alias("rows"),
            pl.col("text").str.len_bytes().sum().alias("bytes"),
            pl.col("language").unique(),
        )
        for frame in frames(scratch, "document", count, ["source", "licence", "text", "language"])
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
        for frame in frames(scratch, kind, count, columns):
            for column in columns:
                found |= set(frame[column].unique())
        for number in range(count):
            path = scratch / f"{number:06d}.dropped_{kind}.parquet"
            if columns[0] in pl.read_parquet_schema(path):
                frame = pl.read_parquet(path, columns=[columns[0], "step"])
                found |= set(frame.filter(pl.col("step") != "language")[columns[0]].unique())
    return found - {UNKNOWN}
