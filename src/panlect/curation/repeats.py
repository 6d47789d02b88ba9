"""Repeated substrings among all rows that stay, cut out of their texts.

It runs after duplicates were found: a copy that goes anyway must not count as the place where a span
stays. Texts pass through task by task, as often as the memory that is allowed makes necessary.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from panlect.curation.settings import RepeatSettings
from panlect.text.substrings import Spans, repeated_in_chunks, without

CUTS = "cuts"
"""The working column of the spans that are cut: first and last byte, one span after the other."""
BYTES_PER_BYTE = 16
"""A hash and a place for every window."""


def with_cuts(facts: pl.DataFrame, scratch: Path, count: int, settings: RepeatSettings) -> pl.DataFrame:
    """Add to the facts what is cut from each row, and the reasons of rows of which too little is left."""
    if settings.method == "off":
        return facts
    stays = ((facts["reason"] == "") & ~facts["held"]).to_numpy()

    def chunks() -> Iterator[list[str]]:
        start = 0
        for number in range(count):
            texts = pl.read_parquet(scratch / f"{number:06d}.document.parquet", columns=["text"])["text"]
            mine = stays[start : start + len(texts)]
            start += len(texts)
            yield [text if here else "" for text, here in zip(texts, mine, strict=True)]

    total_bytes = sum(len(text.encode()) for texts in chunks() for text in texts)
    found = repeated_in_chunks(
        chunks,
        window_bytes=settings.window_bytes,
        keep_first=settings.method == "cut_later",
        parts=1 + total_bytes * BYTES_PER_BYTE // settings.memory_bytes,
    )
    cuts: list[list[int] | None] = []
    reasons: list[str] = []
    for texts, spans in zip(chunks(), found, strict=True):
        for text, mine in zip(texts, _by_text(spans, len(texts)), strict=True):
            cuts.append(mine)
            left = len(without(text, _pairs(mine)).strip()) if mine else settings.shortest
            reasons.append("repeated_substrings" if left < settings.shortest else "")
    return facts.with_columns(
        pl.when(pl.col("reason") == "").then(pl.Series(reasons)).otherwise("reason").alias("reason"),
        pl.Series(CUTS, cuts, pl.List(pl.Int64)),
    )


def _by_text(spans: Spans, rows: int) -> list[list[int] | None]:
    edges = np.searchsorted(spans.text, np.arange(rows + 1))
    both = np.stack([spans.first, spans.last], axis=1).reshape(-1)
    return [both[2 * a : 2 * b].tolist() or None for a, b in pairwise(edges)]


def _pairs(cuts: list[int]) -> list[tuple[int, int]]:
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def cut(rows: pl.DataFrame) -> pl.DataFrame:
    """Take the spans out of the texts that stay; the column `repeated_bytes` says how much that was."""
    if CUTS not in rows.columns:
        return rows
    texts, removed = [], []
    for text, cuts, reason in rows.select("text", CUTS, "reason").iter_rows():
        spans = _pairs(cuts or [])
        removed.append(sum(last - first for first, last in spans))
        # A row that is set aside keeps its text: that is what the curator wants to look at.
        texts.append(without(text, spans).strip() if spans and not reason else text)
    return rows.with_columns(
        pl.Series("text", texts, pl.String), pl.Series("repeated_bytes", removed, pl.Int64)
    ).drop(CUTS)
