"""The tables that the stage writes: texts pass through task by task, in the order of the input."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.curation import repeats, rows
from panlect.curation.copies import language_keys
from panlect.curation.decide import Decisions
from panlect.curation.steps import MEASURED
from panlect.draft import Draft
from panlect.text.keys import share_of

SHARD_BYTES = 64 << 20


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
        self.frames.append(by_itself(frame))
        self.size_bytes += int(self.frames[-1].estimated_size())
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
        self.frames = []  # before writing, which takes as much again
        if self.dropped:
            self.draft.drop(self.kind, frame, shard=self.shard)
        else:
            self.draft.write(self.kind, frame, shard=self.shard)
        self.size_bytes, self.shard = 0, self.shard + 1


def by_itself(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy rows out of the table that they were chosen from, whose texts they would keep in memory."""
    return pl.DataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


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


def frames(scratch: Path, kind: str, count: int, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield each task's rows of one kind, in the order of the input."""
    for number in range(count):
        yield pl.read_parquet(scratch / f"{number:06d}.{kind}.parquet", columns=columns)


def write_tables(draft: Draft, known: Decisions) -> Tables:
    """Write all tables of the stage from the tasks' results and what was decided about their rows."""
    tables, count, merge = Tables(draft), known.count, known.merge
    for frame in frames(draft.scratch, "dropped_document", count):
        tables.dropped_documents.add(rows.with_document_ids(frame))
    rehydrate = merge.near.rehydrate and merge.near.method != "off"
    for number, frame in enumerate(frames(draft.scratch, "document", count)):
        _write_documents(frame.hstack(known.facts(number)), tables, rehydrate=rehydrate)
    if merge.aligned_rows and merge.pair_with:
        _write_aligned_pairs(known, tables)
    _write_pairs(known, tables)
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


def _write_aligned_pairs(known: Decisions, tables: Tables) -> None:
    """Pair the rows of aligned sources: each language with each of `pair_with`."""
    parts = []
    for number, frame in enumerate(frames(known.scratch, "document", known.count)):
        facts = known.facts(number).select("item", "held")
        parts.append(frame.hstack(facts).filter(pl.col("item") != ""))
    aligned = pl.concat(parts, how="diagonal_relaxed").select(
        "text", "language", "source", "licence", "place", "item", "held", "key"
    )
    pair_with = known.merge.pair_with
    for number, pivot in enumerate(pair_with):
        left = aligned.filter(pl.col("language") == pivot)
        right = aligned.filter(~pl.col("language").is_in(pair_with[: number + 1]))
        joined = right.join(left, on="item", how="inner", maintain_order="left_right", suffix="_pivot")
        pairs = rows.aligned_pairs(joined)
        tables.pairs.add(rows.with_pair_ids(pairs.filter(~pl.col("held")).drop("held", "item")))
        tables.questions.add(rows.translation_questions(pairs.filter(pl.col("held"))))


def _write_pairs(known: Decisions, tables: Tables) -> None:
    """Write pairs that came as pairs: once each, none that holds a held-out text."""
    held_keys = _held_keys(known)
    for frame in frames(known.scratch, "dropped_pair", known.count):
        tables.dropped_pairs.add(rows.with_pair_ids(frame))
    for number, frame in enumerate(frames(known.scratch, "pair", known.count)):
        if frame.is_empty():
            continue
        judged = _judged_pairs(frame, known.repeated_pairs(number), held_keys, known.merge.held_out_share)
        gone = judged.filter(pl.col("reason") != "").drop("held")
        tables.dropped_pairs.add(gone.with_columns(pl.lit("duplicates").alias("step")))
        judged = judged.filter(pl.col("reason") == "").drop("reason")
        tables.pairs.add(judged.filter(~pl.col("held")).drop("held"))
        own = judged.filter(pl.col("held")).with_columns(pl.col("id").alias("item"))
        tables.questions.add(rows.translation_questions(own))


def _held_keys(known: Decisions) -> NDArray[np.uint64]:
    """Return the keys of the documents that are held out, each with its language."""
    if not known.merge.held_out_share or not known.pairs:
        return np.zeros(0, dtype=np.uint64)
    parts = [np.zeros(0, dtype=np.uint64)]
    for number, frame in enumerate(frames(known.scratch, "document", known.count, ["key", "language"])):
        held = frame.filter(known.facts(number)["held"])
        parts.append(held["key"].to_numpy() ^ language_keys(held["language"]))
    return np.unique(np.concatenate(parts))


def _judged_pairs(
    frame: pl.DataFrame, repeated: NDArray[np.bool_], held_keys: NDArray[np.uint64], share: float
) -> pl.DataFrame:
    both = frame["source_key"].to_numpy() ^ frame["target_key"].to_numpy()
    held = np.array([bool(share) and share_of(int(key)) < share for key in both], dtype=np.bool_)
    sides = [
        frame[f"{side}_key"].to_numpy() ^ language_keys(frame[f"{side}_language"])
        for side in ("source", "target")
    ]
    beside_held = (np.isin(sides[0], held_keys) | np.isin(sides[1], held_keys)) & ~held
    reason = (
        pl.when(pl.Series(beside_held))
        .then(pl.lit("same_as_held_out"))
        .when(pl.Series(repeated))
        .then(pl.lit("exact_duplicate"))
        .otherwise(pl.lit(""))
    )
    judged = frame.with_columns(reason.alias("reason"), pl.Series("held", held, pl.Boolean))
    return rows.with_pair_ids(judged.drop("source_key", "target_key"))
