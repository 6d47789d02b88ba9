"""What is decided about every row in the light of all others: alignment, held-out share, copies, bounds.

The phases, each of them jobs for an engine:

| phase | a job is | it leaves |
|---|---|---|
| `items` | a task's rows | the sentence's name across languages, and whether it is held out |
| `exact` | a range of keys | the rows that share their key |
| `learn` | all rows' measures, one job | the bounds of each language |
| `facts` | a task's rows | the facts below |
| `near_...` | see `panlect.curation.copies` | clusters of near-duplicates |
| `cuts` | all rows' texts, one job | repeated substrings and where they are cut |

Facts of a row: `item` ("" where a row is not aligned); `held`; `nth` (how many rows with the same
text stand before it); `reason` ("" for a row that stays), `value`, `threshold`; `copies`; `cuts`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from panlect.curation import copies, learned, repeats, shuffle
from panlect.curation.engine import Engine, Phase, run_phase
from panlect.curation.settings import NearSettings, QualitySettings, RepeatSettings
from panlect.curation.steps import MEASURED
from panlect.draft import Draft
from panlect.text.keys import share_of

EXACT = np.dtype([("row", np.int64), ("nth", np.int64), ("size", np.int64), ("first_held", np.bool_)])
"""What is known about a row that shares its key with others."""


@dataclass(frozen=True)
class Merge:
    """The settings of this half."""

    aligned_rows: Mapping[str, int]
    pair_with: Sequence[str] = ()
    held_out_share: float = 0.0
    keep_duplicates: bool = False
    quality: QualitySettings = field(default_factory=QualitySettings)
    near: NearSettings = field(default_factory=NearSettings)
    repeats: RepeatSettings = field(default_factory=RepeatSettings)

    @property
    def holds_out(self) -> bool:
        """Whether rows have a name or can be held out."""
        return bool(self.held_out_share or self.aligned_rows)


@dataclass(frozen=True)
class Decisions:
    """Where the results of all jobs are; what a job needs to know of the others."""

    scratch: Path
    count: int
    merge: Merge
    documents: int
    pairs: int

    def facts(self, number: int) -> pl.DataFrame:
        """Return what was decided about a task's documents, in order."""
        facts = pl.read_parquet(self.scratch / f"{number:06d}.facts.parquet")
        if self.merge.near.method != "off":
            facts = copies.with_copies(facts, self.scratch, number, self._first_row(number))
        if self.merge.repeats.method != "off":
            facts = facts.drop("reason").hstack(pl.read_parquet(self.scratch / f"{number:06d}.cuts.parquet"))
        return facts.drop("weight")

    def repeated_pairs(self, number: int) -> np.ndarray:
        """Return which of a task's pairs stand somewhere before it, too."""
        first, end = shuffle.starts(self.scratch, "pair", self.count)[number : number + 2]
        again = np.zeros(end - first, dtype=np.bool_)
        found = self._shared("pair", self.pairs, number)
        again[found["row"]] = found["nth"] > 0
        return again

    def _first_row(self, number: int) -> int:
        return int(shuffle.starts(self.scratch, "document", self.count)[number])

    def _shared(self, kind: str, rows: int, number: int) -> shuffle.Table:
        first = int(shuffle.starts(self.scratch, kind, self.count)[number])
        names = [f"exact_{kind}_{part:06d}" for part in range(shuffle.ranges(rows))]
        return shuffle.taken(self.scratch, names, number, first)


def decide(draft: Draft, count: int, merge: Merge, engine: Engine) -> Decisions:
    """Go through all phases; note the bounds that were learned."""
    scratch = draft.scratch
    sizes = {kind: int(shuffle.starts(scratch, kind, count)[-1]) for kind in ("document", "pair")}
    known = Decisions(scratch, count, merge, sizes["document"], sizes["pair"])
    tasks, one = range(count), range(1)
    if merge.aligned_rows:
        _log_misaligned(draft, count, merge)
    if merge.holds_out:
        run_phase(engine, Phase("items", scratch, partial(_items, known=known)), tasks)
    for kind, rows in sizes.items():
        job = partial(_exact, kind=kind, rows=rows, known=known)
        run_phase(engine, Phase(f"exact_{kind}", scratch, job), range(shuffle.ranges(rows)))
    if merge.quality.learn.measures:
        run_phase(engine, Phase("learn", scratch, partial(_learn, known=known)), one)
    run_phase(engine, Phase("facts", scratch, partial(_facts, known=known)), tasks)
    if merge.near.method != "off":
        copies.find(engine, scratch, count, merge.near)
    if merge.repeats.method != "off":
        run_phase(engine, Phase("cuts", scratch, partial(_cuts, known=known)), one)
    draft.note(learned_bounds=_bounds(known))
    return known


# --- Items and what is held out --------------------------------------------------------------------


def _seen(scratch: Path, numbers: Sequence[int]) -> pl.DataFrame:
    """Return how many rows of each aligned source and language some tasks have."""
    frames = [pl.read_parquet(scratch / f"{number:06d}.seen.parquet") for number in numbers]
    empty = pl.DataFrame(schema={"source": pl.String, "language": pl.String, "seen": pl.Int64})
    return pl.concat([empty, *frames]).group_by("source", "language").agg(pl.col("seen").sum())


def _log_misaligned(draft: Draft, count: int, merge: Merge) -> None:
    for source, language, total in _seen(draft.scratch, range(count)).sort("source", "language").iter_rows():
        expected = merge.aligned_rows[source]
        if total % expected:
            draft.log(
                f"{source} in {language}: {total} rows are no multiple of {expected}; it is not aligned"
            )


def _items(number: int, known: Decisions) -> None:
    """Name the rows of aligned sources by their position, where a language's rows add up; hold out by share.

    A row is held out by its item where it has one, so that a sentence is held out in all languages at once.
    """
    scratch, merge = known.scratch, known.merge
    frame = pl.read_parquet(
        scratch / f"{number:06d}.document.parquet", columns=["key", "language", "source", "index"]
    )
    frame = frame.with_columns(pl.lit("").alias("item"))
    if merge.aligned_rows:
        frame = _named(frame, number, known)
    items, keys = frame["item"].to_list(), frame["key"].to_list()
    held = [
        bool(merge.held_out_share) and share_of(item or key) < merge.held_out_share
        for item, key in zip(items, keys, strict=True)
    ]
    frame = frame.select("item", pl.Series("held", held, pl.Boolean))
    shuffle.save_frame(scratch / f"{number:06d}.items.parquet", frame)
    shuffle.save(scratch / f"{number:06d}.held.npy", np.array(held, dtype=np.bool_))


def _named(frame: pl.DataFrame, number: int, known: Decisions) -> pl.DataFrame:
    before = _seen(known.scratch, range(number)).rename({"seen": "before"})
    total = _seen(known.scratch, range(known.count)).rename({"seen": "total"})
    size = pl.col("source").replace_strict(dict(known.merge.aligned_rows), default=0, return_dtype=pl.Int64)
    for each in (before, total):
        frame = frame.join(each, on=["source", "language"], how="left", maintain_order="left")
    place = (pl.col("index") + pl.col("before").fill_null(0)) % size
    item = pl.format("{}-{}", "source", place.cast(pl.String).str.zfill(5))
    complete = (pl.col("index") >= 0) & (pl.col("total") % size == 0)
    return frame.with_columns(pl.when(complete).then(item).otherwise(pl.lit("")).alias("item"))


# --- Exact copies ----------------------------------------------------------------------------------


def _exact(part: int, kind: str, rows: int, known: Decisions) -> None:
    """Find the rows of a range of keys that share theirs; held-out rows stand before the others."""
    scratch, parts = known.scratch, shuffle.ranges(rows)
    first_rows = shuffle.starts(scratch, kind, known.count)
    keys, places, held = [], [], []
    asks_held = kind == "document" and known.merge.holds_out
    for number in range(known.count):
        sorted_keys = shuffle.part(scratch, number, f"{kind}_keys")
        mine = shuffle.within(sorted_keys, part, parts)
        within = np.array(shuffle.part(scratch, number, f"{kind}_rows")[mine], dtype=np.int64)
        keys.append(np.array(sorted_keys[mine]))
        places.append(within + first_rows[number])
        is_held = shuffle.part(scratch, number, "held")[within] if asks_held else np.zeros(len(within), bool)
        held.append(np.asarray(is_held))
    key, place, is_held = np.concatenate(keys), np.concatenate(places), np.concatenate(held)
    order = np.argsort(key, kind="stable")
    order = order[shuffle.repeated(key[order])]
    order = order[np.lexsort((place[order], ~is_held[order], key[order]))]
    table = _counted(key[order], place[order], is_held[order])
    shuffle.put(scratch, f"exact_{kind}_{part:06d}", table, first_rows)


def _counted(key: np.ndarray, place: np.ndarray, held: np.ndarray) -> shuffle.Table:
    """Number the rows of each key, in the order given."""
    table = np.zeros(len(key), dtype=EXACT)
    if not len(key):
        return table
    firsts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    sizes = np.diff(np.append(firsts, len(key)))
    table["row"], table["size"] = place, np.repeat(sizes, sizes)
    table["nth"] = np.arange(len(key)) - np.repeat(firsts, sizes)
    table["first_held"] = np.repeat(held[firsts], sizes)
    return table


# --- Facts -----------------------------------------------------------------------------------------


def _before_learning(number: int, known: Decisions) -> pl.DataFrame:
    """Return the facts that need no measures, with the columns that bounds are learned from."""
    scratch, merge = known.scratch, known.merge
    path = scratch / f"{number:06d}.document.parquet"
    measures = [MEASURED + name for name in merge.quality.learn.measures]
    there = [name for name in measures if name in pl.read_parquet_schema(path)]  # not if it has no rows
    frame = pl.read_parquet(path, columns=["language", *there])
    frame = frame.with_columns(pl.lit(None, pl.Float32).alias(name) for name in measures if name not in there)
    if merge.holds_out:
        frame = frame.hstack(pl.read_parquet(scratch / f"{number:06d}.items.parquet"))
    else:
        frame = frame.with_columns(pl.lit("").alias("item"), pl.lit(False).alias("held"))
    found = known._shared("document", known.documents, number)
    nth, weight = np.zeros(frame.height, dtype=np.int64), np.ones(frame.height, dtype=np.int64)
    first_held = np.zeros(frame.height, dtype=np.bool_)
    nth[found["row"]], first_held[found["row"]] = found["nth"], found["first_held"]
    if not merge.keep_duplicates:
        weight[found["row"]] = found["size"]
    beside_held = pl.Series(first_held) & ~frame["held"]
    repeated = pl.Series(nth > 0) & pl.lit(not merge.keep_duplicates)
    reason = (
        pl.when(beside_held)
        .then(pl.lit("same_as_held_out"))
        .when(repeated)
        .then(pl.lit("exact_duplicate"))
        .otherwise(pl.lit(""))
    )
    return frame.with_columns(pl.Series("nth", nth), reason.alias("reason"), pl.Series("weight", weight))


def _learn(_: int, known: Decisions) -> None:
    parts = (
        _before_learning(number, known)
        .filter((pl.col("reason") == "") & ~pl.col("held"))
        .select("language", pl.selectors.starts_with(MEASURED))
        for number in range(known.count)
    )
    bounds = learned.learn(parts, known.merge.quality)
    (known.scratch / "bounds.json").write_text(json.dumps(bounds), encoding="utf-8")


def _bounds(known: Decisions) -> list[learned.LearnedBound]:
    path = known.scratch / "bounds.json"
    found: list[learned.LearnedBound] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return found


def _facts(number: int, known: Decisions) -> None:
    facts = _before_learning(number, known)
    if known.merge.quality.learn.measures:
        facts = learned.apply(facts, _bounds(known))
    facts = facts.drop(pl.selectors.starts_with(MEASURED), "language")
    alive = (facts["reason"] == "").to_numpy()
    shuffle.save(known.scratch / f"{number:06d}.alive.npy", alive)
    shuffle.save_frame(known.scratch / f"{number:06d}.facts.parquet", facts)


def _cuts(_: int, known: Decisions) -> None:
    """Find repeated substrings among the texts that stay, and leave them by task."""
    without = Decisions(
        known.scratch,
        known.count,
        Merge({}, near=known.merge.near),
        known.documents,
        known.pairs,
    )
    facts = pl.concat([without.facts(number).select("reason", "held") for number in range(known.count)])
    found = repeats.with_cuts(facts, known.scratch, known.count, known.merge.repeats)
    first_rows = shuffle.starts(known.scratch, "document", known.count)
    for number in range(known.count):
        mine = found[int(first_rows[number]) : int(first_rows[number + 1])].select("reason", repeats.CUTS)
        shuffle.save_frame(known.scratch / f"{number:06d}.cuts.parquet", mine)
