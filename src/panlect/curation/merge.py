"""What needs all rows at once: alignment by row order, duplicates, the held-out share, the tables.

Only keys and a few short columns of all rows are in memory together; texts pass through task by
task, in the order of the input.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from panlect.curation import repeats, rows
from panlect.curation.copies import near_duplicates
from panlect.curation.learned import learned_bounds
from panlect.curation.settings import NearSettings, QualitySettings, RepeatSettings
from panlect.curation.steps import MEASURED
from panlect.draft import Draft
from panlect.text.keys import share_of

SHARD_BYTES = 64 << 20


@dataclass(frozen=True)
class Merge:
    """The settings of this half."""

    aligned_rows: Mapping[str, int]
    pair_with: Sequence[str] = ()
    held_out_share: float = 0.0
    keep_duplicates: bool = False
    across_languages: bool = False
    quality: QualitySettings = field(default_factory=QualitySettings)
    near: NearSettings = field(default_factory=NearSettings)
    repeats: RepeatSettings = field(default_factory=RepeatSettings)


class Shards:
    """Collects rows and writes them in files of a bounded size."""

    def __init__(self, draft: Draft, kind: str, *, dropped: bool = False) -> None:
        self.draft, self.kind, self.dropped = draft, kind, dropped
        self.frames: list[pl.DataFrame] = []
        self.size_bytes = self.shard = self.rows = 0
        self.languages: set[str] = set()

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; a full file is written at once."""
        if frame.is_empty():
            return
        self.frames.append(frame)
        self.size_bytes += int(frame.estimated_size())
        self.rows += frame.height
        for column in {"language", "source_language", "target_language"} & set(frame.columns):
            self.languages |= set(frame[column].unique())
        if self.size_bytes >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is left."""
        if not self.frames:
            return
        frame = pl.concat(self.frames, how="diagonal_relaxed").rechunk()
        if self.dropped:
            self.draft.drop(self.kind, frame, shard=self.shard)
        else:
            self.draft.write(self.kind, frame, shard=self.shard)
        self.frames, self.size_bytes, self.shard = [], 0, self.shard + 1


class Tables:
    """The files that the stage writes."""

    def __init__(self, draft: Draft) -> None:
        self.documents, self.pairs = Shards(draft, "document"), Shards(draft, "pair")
        self.questions = Shards(draft, "question")
        self.dropped_documents = Shards(draft, "document", dropped=True)
        self.dropped_pairs = Shards(draft, "pair", dropped=True)

    def flush(self) -> None:
        """Write everything that is left."""
        for each in vars(self).values():
            each.flush()


def frames(scratch: Path, kind: str, count: int) -> Iterator[pl.DataFrame]:
    """Yield each task's rows of one kind, in the order of the input."""
    for number in range(count):
        yield pl.read_parquet(scratch / f"{number:06d}.{kind}.parquet")


def write_tables(draft: Draft, count: int, merge: Merge) -> Tables:
    """Write all tables of the stage from the tasks' results."""
    tables, (facts, bounds) = Tables(draft), row_facts(draft, count, merge)
    draft.note(learned_bounds=bounds)
    for frame in frames(draft.scratch, "dropped_document", count):
        tables.dropped_documents.add(rows.with_document_ids(frame))
    start = 0
    for frame in frames(draft.scratch, "document", count):
        judged = frame.with_columns(facts[start : start + frame.height].drop("key", "language", "source"))
        start += frame.height
        _write_documents(judged, tables, rehydrate=merge.near.rehydrate and merge.near.method != "off")
    aligned_pairs(draft, count, merge, facts, tables)
    _write_pairs(draft, count, merge, facts, tables)
    tables.flush()
    return tables


def _write_documents(judged: pl.DataFrame, tables: Tables, *, rehydrate: bool) -> None:
    judged = repeats.cut(rows.with_document_ids(judged))
    working = ["index", "key", "item", "held", "nth", *(n for n in judged.columns if n.startswith(MEASURED))]
    gone = judged.filter(pl.col("reason") != "").drop(working, "copies", strict=False)
    learned = pl.col("reason").str.starts_with("learned_")
    step = pl.when(learned).then(pl.lit("quality")).otherwise(pl.lit("duplicates"))
    tables.dropped_documents.add(gone.with_columns(step.alias("step")))
    judged = judged.filter(pl.col("reason") == "").drop("reason", "value", "threshold", strict=False)
    tables.questions.add(rows.text_questions(judged.filter(pl.col("held"))))
    kept = judged.filter(~pl.col("held")).drop(working)
    tables.documents.add(rows.rehydrated(kept) if rehydrate else kept)


def row_facts(draft: Draft, count: int, merge: Merge) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Return what is decided about every row, in order, and the bounds that were learned for it.

    Columns: ``key, language, source``; `item` (the sentence's name across languages, or ""); `held`;
    `nth` (how many rows with the same text stand before it); `reason` ("" for a row that stays).
    """
    columns = [
        "key",
        "language",
        "source",
        "index",
        *(MEASURED + name for name in merge.quality.learn.measures),
    ]
    facts = pl.concat(
        [
            _global_index(frame.select(columns), number, seen)
            for number, (frame, seen) in enumerate(_with_seen(draft, count))
        ]
    )
    facts = _items(facts, draft, count, merge)
    facts = facts.with_columns(_held(facts, merge.held_out_share))
    same = ["key"] if merge.across_languages else ["key", "language"]
    facts = facts.with_row_index("order").sort(*same, ~pl.col("held"), "order")
    first_is_held = pl.col("held").first().over(same)
    facts = facts.with_columns(
        (pl.cum_count("key").over(same) - 1).alias("nth"),
        pl.when(first_is_held & ~pl.col("held"))
        .then(pl.lit("same_as_held_out"))
        .otherwise(pl.lit(""))
        .alias("reason"),
    ).sort("order")
    if not merge.keep_duplicates:
        repeated = (pl.col("nth") > 0) & (pl.col("reason") == "")
        reason = pl.when(repeated).then(pl.lit("exact_duplicate")).otherwise("reason")
        facts = facts.with_columns(reason.alias("reason"))
    facts, bounds = learned_bounds(facts, merge.quality)
    facts = near_duplicates(facts, draft.scratch, count, merge.near)
    facts = repeats.with_cuts(facts, draft.scratch, count, merge.repeats)
    return facts.drop("order", "index", *(MEASURED + name for name in merge.quality.learn.measures)), bounds


def _with_seen(draft: Draft, count: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield each task's documents with how many rows of each aligned source were seen before it."""
    before = pl.DataFrame(schema={"source": pl.String, "language": pl.String, "seen": pl.Int64})
    every = zip(frames(draft.scratch, "document", count), frames(draft.scratch, "seen", count), strict=True)
    for frame, seen in every:
        yield frame, before
        before = pl.concat([before, seen]).group_by("source", "language").agg(pl.col("seen").sum())


def _global_index(frame: pl.DataFrame, number: int, seen: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(seen, on=["source", "language"], how="left", maintain_order="left")
    shifted = pl.col("index") + pl.col("seen").fill_null(0)
    return joined.with_columns(pl.when(pl.col("index") >= 0).then(shifted).otherwise(-1).alias("index")).drop(
        "seen"
    )


def _items(facts: pl.DataFrame, draft: Draft, count: int, merge: Merge) -> pl.DataFrame:
    """Name the rows of aligned sources by their position; leave out languages whose rows do not add up."""
    if not merge.aligned_rows:
        return facts.with_columns(pl.lit("").alias("item"))
    seen = pl.concat(list(frames(draft.scratch, "seen", count)))
    seen = seen.group_by("source", "language").agg(pl.col("seen").sum()).sort("source", "language")
    for source, language, total in seen.iter_rows():
        if total % merge.aligned_rows[source]:
            expected = merge.aligned_rows[source]
            draft.log(
                f"{source} in {language}: {total} rows are no multiple of {expected}; it is not aligned"
            )
    size = pl.col("source").replace_strict(dict(merge.aligned_rows), default=0, return_dtype=pl.Int64)
    facts = facts.join(seen, on=["source", "language"], how="left", maintain_order="left")
    complete = (pl.col("index") >= 0) & (pl.col("seen") % size == 0)
    item = pl.format("{}-{}", "source", (pl.col("index") % size).cast(pl.String).str.zfill(5))
    return facts.with_columns(pl.when(complete).then(item).otherwise(pl.lit("")).alias("item")).drop("seen")


def _held(facts: pl.DataFrame, share: float) -> pl.Series:
    """Hold out by item where there is one, so that a sentence is held out in all languages at once."""
    if not share or facts.is_empty():
        return pl.Series("held", np.zeros(facts.height, dtype=bool), dtype=pl.Boolean)
    items = {item: share_of(item) < share for item in facts["item"].unique()}
    by_key = [share_of(key) < share for key in facts["key"]]
    by_item = facts["item"].replace_strict(items, return_dtype=pl.Boolean)
    return by_item.zip_with(facts["item"] != "", pl.Series(by_key, dtype=pl.Boolean)).alias("held")


def aligned_pairs(draft: Draft, count: int, merge: Merge, facts: pl.DataFrame, tables: Tables) -> None:
    """Pair the rows of aligned sources: each language with each of `pair_with`."""
    if not merge.aligned_rows or not merge.pair_with:
        return
    start, parts = 0, []
    for frame in frames(draft.scratch, "document", count):
        mine = facts[start : start + frame.height].select("item", "held", "nth")
        start += frame.height
        parts.append(frame.with_columns(mine).filter(pl.col("item") != ""))
    aligned = pl.concat(parts, how="diagonal_relaxed").select(
        "text", "language", "source", "licence", "place", "item", "held", "key"
    )
    for number, pivot in enumerate(merge.pair_with):
        left = aligned.filter(pl.col("language") == pivot)
        right = aligned.filter(~pl.col("language").is_in(merge.pair_with[: number + 1]))
        joined = right.join(left, on="item", how="inner", maintain_order="left_right", suffix="_pivot")
        pairs = rows.aligned_pairs(joined)
        tables.pairs.add(rows.with_pair_ids(pairs.filter(~pl.col("held")).drop("held", "item")))
        tables.questions.add(rows.translation_questions(pairs.filter(pl.col("held"))))


def _write_pairs(draft: Draft, count: int, merge: Merge, facts: pl.DataFrame, tables: Tables) -> None:
    """Write pairs that came as pairs: once each, none that holds a held-out text."""
    held = facts.filter(pl.col("held"))
    held_keys = set(zip(held["language"], held["key"], strict=True))
    seen: set[tuple[int, int, str, str]] = set()
    for frame in frames(draft.scratch, "dropped_pair", count):
        tables.dropped_pairs.add(rows.with_pair_ids(frame))
    names = ["source_key", "target_key", "source_language", "target_language"]
    for frame in frames(draft.scratch, "pair", count):
        reasons, hold = [], []
        for key in frame.select(names).iter_rows():
            hold.append(bool(merge.held_out_share) and share_of(key[0] ^ key[1]) < merge.held_out_share)
            known = (key[2], key[0]) in held_keys or (key[3], key[1]) in held_keys
            reasons.append(
                "same_as_held_out" if known and not hold[-1] else "exact_duplicate" if key in seen else ""
            )
            seen.add(key)
        judged = frame.with_columns(
            pl.Series("reason", reasons, pl.String), pl.Series("held", hold, pl.Boolean)
        ).drop("source_key", "target_key")
        judged = rows.with_pair_ids(judged)
        gone = judged.filter(pl.col("reason") != "").drop("held")
        tables.dropped_pairs.add(gone.with_columns(pl.lit("duplicates").alias("step")))
        judged = judged.filter(pl.col("reason") == "").drop("reason")
        tables.pairs.add(judged.filter(~pl.col("held")).drop("held"))
        own = judged.filter(pl.col("held")).with_columns(pl.col("id").alias("item"))
        tables.questions.add(rows.translation_questions(own))
