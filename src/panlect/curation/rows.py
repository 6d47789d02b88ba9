"""Rows of the tables: identifiers, pairs of aligned sentences, held-out questions."""

from collections.abc import Sequence

import polars as pl

from panlect.text.duplicates import repeats
from panlect.text.keys import content_id

HELD_OUT_TEXT = "held_out_text"
"""The benchmark name of held-out texts: score the bits per byte of `answer`; the prompt is empty."""
HELD_OUT_TRANSLATION = "held_out_translation"
"""The benchmark name of held-out pairs: translate `prompt` from `prompt_language` into `language`."""


def _ids(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    parts = [frame[name].fill_null("").to_list() for name in columns]
    ids = [content_id(*each) for each in zip(*parts, strict=True)]
    # A text that is kept twice needs two names; `nth` counts those that stand before it.
    if "nth" in frame.columns:
        ids = [f"{each}-{n}" if n else each for each, n in zip(ids, frame["nth"], strict=True)]
    return frame.insert_column(0, pl.Series("id", ids, pl.String))


def with_document_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `id`, a hash of language, source and text."""
    return _ids(frame, ("language", "source", "text"))


def with_pair_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `id`, a hash of both languages and both texts."""
    return _ids(frame, ("source_language", "target_language", "source_text", "target_text"))


def rehydrated(kept: pl.DataFrame) -> pl.DataFrame:
    """Repeat rows by the number of their copies; the repetitions are called id-1, id-2 ..."""
    times = kept["copies"].map_elements(repeats, return_dtype=pl.Int64)
    kept = kept.with_columns(pl.int_ranges(0, times).alias("again")).explode("again")
    name = pl.when(pl.col("again") > 0).then(pl.format("{}-{}", "id", "again")).otherwise("id")
    return kept.with_columns(name.alias("id")).drop("again")


def aligned_pairs(joined: pl.DataFrame) -> pl.DataFrame:
    """Return pairs from rows that were joined on their item (`..._pivot` is the source side)."""
    return joined.select(
        pl.col("text_pivot").alias("source_text"),
        pl.col("text").alias("target_text"),
        pl.col("language_pivot").alias("source_language"),
        pl.col("language").alias("target_language"),
        "source",
        "licence",
        "place",
        "item",
        "held",
    )


def _questions(frame: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    count = frame.height
    fixed = pl.DataFrame(
        {
            "benchmark": [benchmark] * count,
            "group": ["held_out"] * count,
            "choices": pl.Series([[]] * count, dtype=pl.List(pl.String)),
            "gold": pl.Series([-1] * count, dtype=pl.Int64),
        },
        schema={"benchmark": pl.String, "group": pl.String, "choices": pl.List(pl.String), "gold": pl.Int64},
    )
    return frame.hstack(fixed)


def text_questions(held: pl.DataFrame) -> pl.DataFrame:
    """Return held-out documents as questions without a prompt."""
    item = pl.when(pl.col("item") != "").then("item").otherwise("id")
    columns = held.select(
        "id",
        item.alias("item"),
        "language",
        pl.lit("").alias("prompt"),
        pl.col("text").alias("answer"),
        pl.lit("").alias("prompt_language"),
        "source",
        "licence",
    )
    return _questions(columns, HELD_OUT_TEXT)


def translation_questions(held: pl.DataFrame) -> pl.DataFrame:
    """Return held-out pairs as questions, in both directions."""
    sides = [("source", "target"), ("target", "source")]
    ways = [
        held.select(
            "item",
            pl.col(f"{answer}_language").alias("language"),
            pl.col(f"{asked}_text").alias("prompt"),
            pl.col(f"{answer}_text").alias("answer"),
            pl.col(f"{asked}_language").alias("prompt_language"),
            "source",
            "licence",
        )
        for asked, answer in sides
    ]
    both = _ids(pl.concat(ways), ("prompt_language", "language", "item", "prompt", "answer"))
    return _questions(both, HELD_OUT_TRANSLATION)
