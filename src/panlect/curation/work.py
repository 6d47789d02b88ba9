"""The one function over a task's rows: read, name the language, mend, judge, key.

What it returns depends on the task's rows and the settings only, so any process may run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.curation import chain, copies, shuffle, steps
from panlect.curation.inputs import Task
from panlect.curation.steps import Steps
from panlect.read import Batch, Limits, parse
from panlect.text.keys import exact_keys

UNKNOWN = steps.UNKNOWN


@dataclass(frozen=True)
class Work:
    """What a worker needs to know: the settings, and nothing of the input's size or order."""

    limits: Limits
    languages: frozenset[str] = frozenset()
    language_map: Mapping[str, str] | None = None
    aligned: frozenset[str] = frozenset()
    licences: Mapping[str, str] | None = None
    across_languages: bool = False
    """Whether rows of different languages can be exact copies of each other."""
    steps: Steps = field(default_factory=Steps)


class Frames(NamedTuple):
    """A task's rows: kept and set aside."""

    documents: pl.DataFrame
    pairs: pl.DataFrame
    dropped_documents: pl.DataFrame
    dropped_pairs: pl.DataFrame
    seen: pl.DataFrame


FILES = ("document", "pair", "dropped_document", "dropped_pair", "seen")

DOCUMENT = {
    "text": pl.String,
    "language": pl.String,
    "source": pl.String,
    "licence": pl.String,
    "url": pl.String,
    "place": pl.String,
}
PAIR = {
    "source_text": pl.String,
    "target_text": pl.String,
    "source_language": pl.String,
    "target_language": pl.String,
    "source": pl.String,
    "licence": pl.String,
    "place": pl.String,
}


def run(task: Task, work: Work, scratch: Path) -> None:
    """Process a task and leave its rows in `scratch`, with what the comparison with other tasks needs."""
    frames = process(task, work)
    for name, frame in zip(FILES, frames, strict=True):
        shuffle.save_frame(scratch / f"{task.number:06d}.{name}.parquet", frame)
    arrays = copies.shelved(
        steps.signed(frames.documents, work.steps.near), frames.documents["language"], work.steps.near
    )
    for kind, keys in (("document", _document_keys(frames, work)), ("pair", _pair_keys(frames.pairs))):
        arrays[f"{kind}_keys"], arrays[f"{kind}_rows"] = shuffle.by_key(keys)
    for name, values in arrays.items():
        shuffle.save(scratch / f"{task.number:06d}.{name}.npy", values)


def _document_keys(frames: Frames, work: Work) -> NDArray[np.uint64]:
    """Return the same number for rows that are the same text (in the same language, unless across)."""
    keys = frames.documents["key"].to_numpy()
    return keys if work.across_languages else keys ^ copies.language_keys(frames.documents["language"])


def _pair_keys(pairs: pl.DataFrame) -> NDArray[np.uint64]:
    """Return the same number for pairs whose texts and languages are the same."""
    both = pairs.select(pl.concat_str("source_language", "target_language", separator="\0"))
    source, target = pairs["source_key"].to_numpy(), pairs["target_key"].to_numpy()
    with np.errstate(over="ignore"):
        mixed = source * np.uint64(0x9E3779B97F4A7C15) ^ target * np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ copies.language_keys(both.to_series())


def process(task: Task, work: Work) -> Frames:
    """Return a task's rows, kept and set aside."""
    whole = Batch()
    kept_columns: list[dict[str, str]] = []
    for block in task.blocks:
        batch = parse(block, work.limits)
        names = block.rule.keep_columns
        kept_columns += [dict(zip(names, row.kept, strict=False)) for row in batch.documents]
        stem = _stem(block.name)
        whole.documents += [row if row.source else row._replace(source=stem) for row in batch.documents]
        whole.pairs += [row if row.source else row._replace(source=stem) for row in batch.pairs]
        whole.bad += batch.bad
    frame = _indexed(_frame(whole, kept_columns, work), work)
    seen = frame.filter(pl.col("index") >= 0).group_by("source", "language", maintain_order=True)
    documents, dropped, mined = chain.documents(frame, work.steps, work.languages)
    whole.pairs += mined
    pairs, dropped_pairs = _pairs(whole, work)
    bad = pl.concat([_bad(whole), dropped], how="diagonal_relaxed")
    return Frames(documents, pairs, bad, dropped_pairs, seen.agg(pl.len().cast(pl.Int64).alias("seen")))


def _stem(name: str) -> str:
    """A source's name where nothing says one: the file's name without its endings."""
    return name.rsplit("/", 1)[-1].split(".", 1)[0] or name


def _bad(batch: Batch) -> pl.DataFrame:
    rows = {
        "text": [row.text for row in batch.bad],
        "language": [UNKNOWN] * len(batch.bad),
        "source": [_stem(row.place.rsplit(":", 1)[0]) for row in batch.bad],
        "licence": [""] * len(batch.bad),
        "place": [row.place for row in batch.bad],
        "reason": [row.reason for row in batch.bad],
        "step": ["read"] * len(batch.bad),
    }
    return pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))


def _frame(batch: Batch, kept_columns: list[dict[str, str]], work: Work) -> pl.DataFrame:
    columns = {name: [getattr(row, name) for row in batch.documents] for name in DOCUMENT}
    frame = pl.DataFrame(columns, schema=DOCUMENT)
    for name in sorted({name for row in kept_columns for name in row}):
        values = [row.get(name, "") for row in kept_columns]
        frame = frame.with_columns(pl.Series(name, values, pl.String))
    return _licensed(_in_canonical(frame, "language", work), work)


def _in_canonical(frame: pl.DataFrame, column: str, work: Work) -> pl.DataFrame:
    """Write languages as canonical codes; `UNKNOWN` where a row says none or one that does not exist."""
    said = frame[column].unique().to_list()
    known = {each: steps.canonical((work.language_map or {}).get(each, each)) for each in said}
    return frame.with_columns(
        pl.col(column).replace_strict(known, return_dtype=pl.String) if said else pl.col(column)
    )


def _licensed(frame: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Fill in the licence that a source's card gives; say `unknown` where nothing is said."""
    by_source = work.licences or {}
    card = (
        pl.col("source").replace_strict(by_source, default="", return_dtype=pl.String)
        if by_source
        else pl.lit("")
    )
    said = pl.col("licence")
    licence = pl.when(said != "").then(said).when(card != "").then(card).otherwise(pl.lit("unknown"))
    return frame.with_columns(licence.alias("licence"))


def _indexed(frame: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Number the rows of aligned sources within (source, language), from 0 in this task; -1 elsewhere."""
    position = pl.int_range(pl.len()).over("source", "language")
    aligned = pl.col("source").is_in(sorted(work.aligned))
    return frame.with_columns(pl.when(aligned).then(position).otherwise(-1).cast(pl.Int64).alias("index"))


def _pairs(batch: Batch, work: Work) -> tuple[pl.DataFrame, pl.DataFrame]:
    columns = {name: [getattr(row, name) for row in batch.pairs] for name in PAIR}
    frame = pl.DataFrame(columns, schema=PAIR)
    for side in ("source_language", "target_language"):
        frame = _in_canonical(frame, side, work)
    frame = _licensed(frame, work)
    frame, dropped = chain.pairs(frame, work.steps, work.languages)
    for side in ("source", "target"):
        keys = pl.Series(f"{side}_key", exact_keys(frame[f"{side}_text"]), pl.UInt64)
        frame = frame.with_columns(keys)
    return frame, dropped
