"""Near-duplicates among all rows, found with what the tasks left behind.

Signatures stay on disk; in memory are one band's keys, the order and the clusters: about 40 bytes a
row, whatever the length of the texts.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from panlect.curation.settings import NearSettings
from panlect.text import duplicates


def near_duplicates(facts: pl.DataFrame, scratch: Path, count: int, settings: NearSettings) -> pl.DataFrame:
    """Add to the facts `copies` (texts in the row's cluster) and the reasons of near-duplicates.

    The first row of a cluster stays. A cluster that holds a held-out row loses all its others.
    """
    if settings.method == "off":
        return facts
    alive = (facts["reason"] == "").to_numpy()
    group = None if settings.across_languages else facts["language"].rank("dense").cast(pl.Int64).to_numpy()
    first = _clusters(scratch, count, settings, alive, group)
    facts = facts.with_columns(pl.Series("cluster", first), pl.Series("alive", alive))
    exact = pl.len().over("key") if settings.across_languages else pl.len().over("key", "language")
    facts = facts.with_columns(pl.when("alive").then(exact).otherwise(0).alias("weight"))
    in_cluster = pl.col("alive")
    facts = facts.with_columns(
        pl.col("weight").sum().over("cluster").cast(pl.Int64).alias("copies"),
        (pl.col("held") & in_cluster).any().over("cluster").alias("has_held"),
        (pl.int_range(pl.len()) == pl.col("cluster")).alias("is_first"),
    )
    reason = (
        pl.when(~in_cluster | pl.col("held"))
        .then("reason")
        .when(pl.col("has_held"))
        .then(pl.lit("near_same_as_held_out"))
        .when(~pl.col("is_first"))
        .then(pl.lit("near_duplicate"))
        .otherwise("reason")
    )
    return facts.with_columns(reason.alias("reason")).drop(
        "cluster", "alive", "weight", "has_held", "is_first"
    )


def _clusters(scratch: Path, count: int, settings: NearSettings, alive: Any, group: Any) -> Any:
    if settings.method == "simhash":
        prints, usable = (_gathered(scratch, count, name) for name in ("prints", "usable"))
        first = duplicates.simhash_clusters(np.asarray(prints), np.asarray(usable) & alive)
        return _split_by_group(first, group)
    bands, minima, shingles = (_gathered(scratch, count, name) for name in ("bands", "minima", "shingles"))
    found = duplicates.Signatures(bands, minima, np.where(alive, shingles, 0))
    preset = duplicates.PRESETS[settings.method]
    return duplicates.clusters(found, preset, group=group, minimum_shingles=settings.minimum_shingles)


def _split_by_group(first: Any, group: Any) -> Any:
    """Cut clusters that cross groups into one per group."""
    if group is None:
        return first
    frame = pl.DataFrame({"first": first, "group": group}).with_row_index("at")
    return frame.select(pl.col("at").min().over("first", "group").cast(pl.Int64))["at"].to_numpy()


def _gathered(scratch: Path, count: int, name: str) -> Any:
    """Put the tasks' arrays into one file and map it into memory."""
    parts = [np.load(scratch / f"{number:06d}.{name}.npy", mmap_mode="r") for number in range(count)]
    rows = sum(len(part) for part in parts)
    shape = (rows, *parts[0].shape[1:])
    if not rows:
        return np.zeros(shape, dtype=parts[0].dtype)
    whole = np.lib.format.open_memmap(scratch / f"all.{name}.npy", "w+", parts[0].dtype, shape)
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole
