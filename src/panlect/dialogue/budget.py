"""How many rows of what: a total, divided evenly over languages and tasks as far as each has rows."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from panlect.mixture.shares import unimax
from panlect.text.keys import share_of


def within(frame: pl.DataFrame, rows: int, by: Sequence[str], *, seed: int) -> pl.DataFrame:
    """At most so many rows; every combination of the columns gets the same number, or all it has.

    What small combinations cannot use goes to the others. Which rows stay is decided by a hash of their ids:
    a smaller budget keeps a part of what a larger one keeps, and order does not change.

    Args:
        frame: dialogues.
        rows: how many rows to keep.
        by: the columns; `()` draws from all rows alike.
        seed: changes which rows stay.
    """
    if not rows or frame.height <= rows:
        return frame
    keyed = frame.with_columns(
        pl.Series("_rank", [share_of(f"{seed}:{each}") for each in frame["id"]]),
        pl.concat_str([pl.col(name) for name in by] or [pl.lit("")], separator="\0").alias("_group"),
        pl.int_range(pl.len()).alias("_place"),
    )
    sizes = keyed.group_by("_group").len().sort("_group")
    amounts = unimax(sizes["len"].cast(pl.Float64).to_numpy(), rows, max_epochs=1)
    whole = amounts.astype(int)
    # The rows that rounding down leaves over go to the largest remainders, first names first.
    by_remainder = sorted(range(len(whole)), key=lambda i: (whole[i] - amounts[i], i))
    if rows < len(whole):  # by hash, or the languages at the end of the alphabet would get nothing
        turns = [share_of(f"{seed}:{name}") for name in sizes["_group"]]
        by_remainder = sorted(range(len(whole)), key=turns.__getitem__)
    whole[by_remainder[: rows - int(whole.sum())]] += 1
    quota = dict(zip(sizes["_group"], whole.tolist(), strict=True))
    nth = pl.int_range(pl.len()).over("_group").alias("_nth")
    ranked = keyed.sort("_group", "_rank", "id").with_columns(nth)
    kept = ranked.filter(pl.col("_nth") < pl.col("_group").replace_strict(quota, return_dtype=pl.Int64))
    return kept.sort("_place").drop("_rank", "_group", "_place", "_nth")
