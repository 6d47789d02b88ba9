"""The five kinds of row, the stored answers, and the one schema for every measurement.

A table is a parquet file whose columns are checked when it is written and when it is read. Columns
that a schema does not name pass through untouched, so a stage may add its own. Languages are
canonical codes (``swh_Latn``) in a column, in every table.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from panlect.errors import DataError

Kind = DataType | DataTypeClass
MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
"""A conversation as TRL and the Hub write it: a list of ``{role, content}``."""

SCHEMAS: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "document": {
            "id": pl.String,
            "text": pl.String,
            "language": pl.String,
            "source": pl.String,
            "licence": pl.String,
        },
        "pair": {
            "id": pl.String,
            "source_text": pl.String,
            "target_text": pl.String,
            "source_language": pl.String,
            "target_language": pl.String,
            "source": pl.String,
            "licence": pl.String,
        },
        "dialogue": {
            "id": pl.String,
            "messages": MESSAGES,
            "language": pl.String,
            "answer_language": pl.String,
            "origin": pl.String,
            "source": pl.String,
            "licence": pl.String,
        },
        "preference": {
            "id": pl.String,
            "prompt": MESSAGES,
            "chosen": MESSAGES,
            "rejected": MESSAGES,
            "prompt_language": pl.String,
            "answer_language": pl.String,
            "reason": pl.String,
            "source": pl.String,
            "licence": pl.String,
        },
        "question": {
            "benchmark": pl.String,
            "id": pl.String,
            "item": pl.String,
            "language": pl.String,
            "group": pl.String,
            "prompt": pl.String,
            "choices": pl.List(pl.String),
            "gold": pl.Int64,
            "answer": pl.String,
        },
        "answer": {
            "step": pl.String,
            "benchmark": pl.String,
            "id": pl.String,
            "item": pl.String,
            "language": pl.String,
            "group": pl.String,
            "prompt": pl.String,
            "answer": pl.String,
            "verdict": pl.String,
        },
        "numbers": {
            "step": pl.String,
            "measure": pl.String,
            "benchmark": pl.String,
            "language": pl.String,
            "other_language": pl.String,
            "group": pl.String,
            "value": pl.Float64,
            "low": pl.Float64,
            "high": pl.Float64,
            "count": pl.Int64,
            "unit": pl.String,
        },
    }
)

LANGUAGE_COLUMN: Mapping[str, str] = MappingProxyType(
    {"pair": "target_language", "preference": "prompt_language"}
)
"""The column that a row is counted under, where it is not ``language``."""

TEXT_COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "document": ("text",),
        "pair": ("source_text", "target_text"),
        "dialogue": ("messages",),
        "preference": ("prompt", "chosen", "rejected"),
        "question": ("prompt", "answer"),
        "answer": ("answer",),
    }
)
"""The columns whose UTF-8 bytes are a row's size."""


def check(kind: str, frame: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """Return the frame with its schema's columns first, in their types; other columns follow.

    A column may come in a type that converts without loss (an all-null column, a narrower integer).

    Args:
        kind: a key of `SCHEMAS`.
        frame: the rows.
        where: the file or step that an error names.

    Raises:
        DataError: columns are missing or have another type; all of them are listed.
    """
    wanted = SCHEMAS[kind]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(
            f"the table '{kind}' lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            where=where,
            expected=", ".join(f"{name}: {dtype}" for name, dtype in wanted.items()),
            fix="rename or add the columns",
        )
    wrong = [
        f"{name} is {frame.schema[name]}, expected {dtype}"
        for name, dtype in wanted.items()
        if not _converts(frame.schema[name], dtype)
    ]
    if wrong:
        raise DataError(f"the table '{kind}' has columns of another type: {'; '.join(wrong)}", where=where)
    language = LANGUAGE_COLUMN.get(kind, "language")
    if kind != "numbers" and frame[language].null_count():
        row = int(frame[language].is_null().arg_true()[0])
        raise DataError(
            f"the table '{kind}' has {frame[language].null_count()} rows without a language",
            where=f"{where}:row {row}",
            expected=f"a code such as swh_Latn in the column '{language}', or und_Zyyy for undetermined",
        )
    typed = frame.with_columns(pl.col(name).cast(dtype) for name, dtype in wanted.items())
    return typed.select(*wanted, *(name for name in frame.columns if name not in wanted))


def _converts(have: Kind, want: Kind) -> bool:
    if have == want or have == pl.Null:
        return True
    if want == pl.Int64:
        return have.is_integer()
    if want == pl.Float64:
        return have.is_numeric()
    if isinstance(want, pl.Struct) and isinstance(have, pl.Struct):
        # The order of a message's keys is no part of its meaning; JSON readers differ in it.
        return dict(want.to_schema()) == dict(have.to_schema())
    if isinstance(want, pl.List) and isinstance(have, pl.List):
        return have.inner == pl.Null or _converts(have.inner, want.inner)
    return isinstance(want, pl.String) and isinstance(have, pl.Enum | pl.Categorical)


def empty(kind: str) -> pl.DataFrame:
    """Return a table of that kind without rows."""
    return pl.DataFrame(schema=dict(SCHEMAS[kind]))


def sizes(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Count rows and UTF-8 bytes of text per language: columns ``language, rows, bytes``."""
    by = LANGUAGE_COLUMN.get(kind, "language")
    bytes_of_row = pl.sum_horizontal(_bytes(frame, name) for name in TEXT_COLUMNS[kind])
    return (
        frame.select(pl.col(by).alias("language"), bytes_of_row.alias("bytes"))
        .group_by("language")
        .agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("bytes").cast(pl.Int64).sum())
        .sort("language")
    )


def _bytes(frame: pl.DataFrame, name: str) -> pl.Expr:
    if frame.schema[name] == pl.String:
        return pl.col(name).str.len_bytes().fill_null(0)
    content = pl.col(name).list.eval(pl.element().struct.field("content").str.len_bytes())
    return content.list.sum().fill_null(0)
