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
    return [table for table in (rows, *_numbers_tables(facts["numbers"])) if table.row_count]


def _numbers_tables(numbers: list[dict[str, Any]]) -> list[Table]:
    """Show the measurements, those of one model, benchmark and group together: a terminal is narrow."""
    sections: dict[str, list[dict[str, Any]]] = {}
    steps = {row["step"] for row in numbers}
    for row in numbers:
        names = ([row["step"]] if len(steps) > 1 else []) + [row["benchmark"], row["group"]]
        sections.setdefault(" · ".join(filter(None, names)) or "numbers", []).append(row)
    return [_section(title, rows) for title, rows in sections.items()]


def _section(title: str, numbers: list[dict[str, Any]]) -> Table:
    """A table of measurements; a column that says nothing is left out."""
    texts = [name for name in ("measure", "language", "other_language") if any(row[name] for row in numbers)]
    interval = any(row["low"] is not None for row in numbers)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in texts:
        table.add_column(name.replace("_", " "), overflow="fold" if name == "measure" else "ellipsis")
    for name in ("value", *(["95 % interval"] if interval else []), "count"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", overflow="ellipsis", no_wrap=True)
    for row in numbers:
        bounds = "" if row["low"] is None else f"{row['low']:,.4g} to {row['high']:,.4g}"
        count = "" if row["count"] is None else f"{row['count']:,}"
        value = "" if row["value"] is None else f"{row['value']:,.4g}"
        figures = [value, *([bounds] if interval else []), count]
        table.add_row(*(row[name] for name in texts), *figures, row["unit"])
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
