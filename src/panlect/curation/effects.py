"""What the steps changed in the rows that stayed, per language, as numbers."""

from collections import Counter

import polars as pl

from panlect.draft import Draft

COUNTED = {"repairs": "repairs", "private": "private_replaced", "lines_removed": "lines_removed"}
"""Columns that say ``kind:count kind:count``, and the measure that they become."""
SUMMED = {"repeated_bytes": "bytes", "incidental_pairs": "pairs"}
"""Columns of numbers, which are measures by the same name, and their unit."""


def numbers(draft: Draft) -> None:
    """Add up the columns that steps leave behind, over all documents that were written."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for file in sorted((draft.path / "data").glob("document-*.parquet")):
        columns = set(pl.read_parquet_schema(file)) & {*COUNTED, *SUMMED}
        if not columns:
            continue
        frame = pl.read_parquet(file, columns=["language", *sorted(columns)])
        for column in sorted(columns & set(COUNTED)):
            noted = frame.filter(pl.col(column) != "")
            for language, note in noted.select("language", column).iter_rows():
                for kind, _, count in (each.rpartition(":") for each in note.split()):
                    counts[COUNTED[column], language, kind, "places"] += int(count)
        for column in sorted(columns & set(SUMMED)):
            for language, total in frame.group_by("language").agg(pl.col(column).sum()).iter_rows():
                counts[column, language, "", SUMMED[column]] += total
    for (measure, language, kind, unit), total in sorted(counts.items()):
        if total:
            draft.number(measure, float(total), language=language, group=kind, count=total, unit=unit)
