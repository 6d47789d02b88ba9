"""What `panlect show` prints: a finished folder, one language of it, or what it dropped."""

from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from panlect.folder import Folder

SAMPLE_ROWS = 20


def summary(folder: Folder, language: str | None = None) -> dict[str, Any]:
    """Return the folder's facts as one JSON-ready object; `language` keeps only that language's."""
    numbers = folder.numbers()
    counts = folder.manifest["counts"]
    if language:
        numbers = numbers.filter(pl.col("language") == language)
        counts = {kind: {language: each[language]} for kind, each in counts.items() if language in each}
    facts = {
        key: folder.manifest[key]
        for key in ("stage", "fingerprint", "config", "seconds", "finished", "notes")
    }
    return {"folder": str(folder.path), **facts, "counts": counts, "numbers": numbers.to_dicts()}


def dropped(folder: Folder, language: str | None = None) -> pl.DataFrame:
    """Return the rows that were set aside, of one language if given."""
    frame = folder.dropped()
    if frame.is_empty() or not language:
        return frame
    columns = [name for name in frame.columns if name == "language" or name.endswith("_language")]
    if not columns:
        return frame.clear()
    return frame.filter(pl.any_horizontal(pl.col(name) == language for name in columns))


def summary_tables(folder: Folder, language: str | None = None) -> list[Table]:
    """Return the folder as tables for a terminal: rows per language, then the measurements."""
    facts = summary(folder, language)
    rows = Table(
        title=f"{folder.name} ({facts['stage']}, {facts['seconds']:.1f} s)",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for name in ("table", "language"):
        rows.add_column(name)
    for name in ("rows", "bytes", "dropped rows", "dropped bytes"):
        rows.add_column(name, justify="right")
    for kind, by_language in facts["counts"].items():
        for code, entry in sorted(by_language.items(), key=lambda item: (-item[1]["rows"], item[0])):
            values = (entry["rows"], entry["bytes"], entry["dropped_rows"], entry["dropped_bytes"])
            rows.add_row(kind, code, *(f"{value:,}" for value in values))
    return [table for table in (rows, _numbers_table(facts["numbers"])) if table.row_count]


def _numbers_table(numbers: list[dict[str, Any]]) -> Table:
    """Show the measurements; a column that says nothing is left out."""
    texts = ("step", "measure", "benchmark", "language", "other_language", "group")
    columns = [name for name in texts if any(row[name] for row in numbers)]
    if len({row["step"] for row in numbers}) == 1:
        columns.remove("step")
    interval = any(row["low"] is not None for row in numbers)
    figures = ["value", *(["low", "high"] if interval else []), "count"]
    table = Table(title="numbers", title_justify="left", box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=name in {"measure", "language"})
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", overflow="ellipsis", no_wrap=True)
    for row in numbers:
        cells = ["" if row[name] is None else f"{row[name]:,.4g}" for name in figures]
        if row["count"] is not None:
            cells[-1] = f"{row['count']:,}"
        table.add_row(*(row[name] for name in columns), *cells, row["unit"])
    return table


def dropped_table(frame: pl.DataFrame) -> Table:
    """Return the dropped rows for a terminal: counts per reason, then some of the rows."""
    table = Table(title=f"{frame.height:,} rows set aside", title_justify="left")
    for name in ("kind", "reason", "row"):
        table.add_column(name, overflow="fold" if name == "row" else "ellipsis")
    if frame.is_empty():
        return table
    counts = frame.group_by("kind", "reason").len().sort("len", descending=True)
    for kind, reason, count in counts.iter_rows():
        table.add_row(kind, reason, f"({count:,} rows)")
    table.add_section()
    for row in frame.head(SAMPLE_ROWS).to_dicts():
        kind, reason = row.pop("kind"), row.pop("reason")
        content = "  ".join(f"{name}={value}" for name, value in row.items() if value is not None)
        table.add_row(kind, reason, content)
    return table
