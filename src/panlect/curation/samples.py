"""What went in and what came out of every filter, in numbers and in random rows.

Rows are drawn by their identifiers, which are hashes of their content: the rows with the smallest ones are a
random sample, the same one for the same input.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from panlect.curation.merge import by_itself, frames
from panlect.draft import Draft

ROWS_OF_A_REASON = 3
"""Rows shown of a language and reason, and of a language's kept rows."""
TEXT_CHARACTERS = 300
SIDES = " ⇥ "
"""Stands between the two texts of a pair."""

SCHEMA = {
    "kind": pl.String,
    "language": pl.String,
    "kept": pl.Boolean,
    "step": pl.String,
    "reason": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "source": pl.String,
    "place": pl.String,
    "text": pl.String,
    "characters": pl.Int64,
    "of_rows": pl.Int64,
    "id": pl.String,
}
_GROUP = ("kind", "language", "other_language", "step", "reason")


def account(draft: Draft, count: int) -> None:
    """Write `samples.parquet`, and the numbers of rows and bytes in, out and set aside.

    Documents are counted under their language; pairs under the target's, with the source's as the other one.
    Bytes are those of the text as it stands in the tables. `rows_in` of pairs has those that alignment made.

    Args:
        draft: the folder in the making, with all its tables written.
        count: how many tasks there were.
    """
    sizes, samples = _counted(draft.path)
    drawn = _drawn(samples, sizes).sort(
        "language", "kept", "step", "reason", "id", descending=[False, True, *[False] * 3]
    )
    drawn.select(SCHEMA.keys()).write_parquet(draft.path / "samples.parquet", compression="zstd")
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for kind, language, other, _, reason, rows, size_bytes in sizes.iter_rows():
        names = ["dropped" if reason else "out", *(["in"] if kind == "pair" else [])]
        for name in names:
            group = reason if name == "dropped" else ""
            counts[f"rows_{name}", language, other, group] += rows
            counts[f"bytes_{name}", language, other, group] += size_bytes
    for language, rows, size_bytes in _documents_in(draft.scratch, count).iter_rows():
        counts["rows_in", language, "", ""] = rows
        counts["bytes_in", language, "", ""] = size_bytes
    for (measure, language, other, reason), total in sorted(counts.items()):
        unit = measure.split("_")[0]
        draft.number(
            measure,
            float(total),
            language=language,
            other_language=other,
            group=reason,
            count=total,
            unit=unit,
        )


def _documents_in(scratch: Path, count: int) -> pl.DataFrame:
    """Return rows and bytes per language that went through the steps, whatever became of them."""
    parts = [
        _sized(frame).group_by("language").agg(pl.len(), pl.col("bytes").sum())
        for kind in ("document", "dropped_document")
        for frame in frames(scratch, kind, count, ["language", "text"])
    ]
    return pl.concat(parts).group_by("language").agg(pl.col("len", "bytes").sum())


def _sized(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("text").fill_null("").str.len_bytes().cast(pl.Int64).alias("bytes"))


def _counted(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows and bytes per group, and the rows of each group whose identifiers are the smallest."""
    sizes, samples = [], []
    for frame in _tables(path):
        frame = _sized(frame)
        sizes.append(
            frame.group_by(*_GROUP).agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("bytes").sum())
        )
        samples.append(by_itself(_smallest(frame)))
    whole = pl.concat(sizes).group_by(*_GROUP).agg(pl.col("rows", "bytes").sum()).sort(*_GROUP)
    return whole, _smallest(pl.concat(samples))


def _smallest(frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.sort("id")
        .group_by("kind", "language", "step", "reason", maintain_order=True)
        .head(ROWS_OF_A_REASON)
    )


def _tables(path: Path) -> Iterator[pl.DataFrame]:
    """Yield documents and pairs, file by file, in columns that all of them share."""
    for directory in ("data", "dropped"):
        for kind in ("document", "pair"):
            for file in sorted((path / directory).glob(f"{kind}-*.parquet")):
                yield _uniform(pl.read_parquet(file), kind)


def _uniform(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    absent = {"step": pl.String, "reason": pl.String, "value": pl.Float64, "threshold": pl.Float64}
    frame = frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in absent.items() if name not in frame.columns
    )
    language, other, text = pl.col("language"), pl.lit(""), pl.col("text")
    if kind == "pair":
        language, other = pl.col("target_language"), pl.col("source_language")
        text = pl.concat_str("source_text", "target_text", separator=SIDES)
    return frame.select(
        pl.lit(kind).alias("kind"),
        language.alias("language"),
        other.alias("other_language"),
        pl.col("step", "reason").fill_null(""),
        pl.col("value", "threshold").cast(pl.Float64),
        "source",
        "place",
        text.alias("text"),
        "id",
    )


def _drawn(samples: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    by = ["kind", "language", "step", "reason"]
    of = sizes.group_by(by).agg(pl.col("rows").sum().alias("of_rows"))
    text = pl.col("text").fill_null("")
    long = text.str.len_chars() > TEXT_CHARACTERS
    return samples.join(of, on=by, how="left").with_columns(
        kept=pl.col("reason") == "",
        characters=text.str.len_chars().cast(pl.Int64),
        text=pl.when(long).then(text.str.slice(0, TEXT_CHARACTERS) + "…").otherwise(text),
    )
