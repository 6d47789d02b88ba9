"""Near-duplicates among all rows, found with the signatures that the tasks left behind.

| phase | a job is | it leaves |
|---|---|---|
| `near_compare` | some bands and a range of their keys | links between rows that are alike |
| `near_unite` | all links, one job | for each linked row: its cluster's weight, and whether it goes |

Only keys of one range, and the signatures of rows that share one, are in memory.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.curation import shuffle
from panlect.curation.engine import Engine, Phase, run_phase
from panlect.curation.settings import NearSettings
from panlect.text import duplicates
from panlect.text.keys import text_key

BAND_GROUPS = 8
SIMHASH_DISTANCE = 4
COPIES = np.dtype([("row", np.int64), ("copies", np.int64), ("reason", np.int8)])
REASONS = ("", "near_duplicate", "near_same_as_held_out")

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]


def language_keys(languages: pl.Series) -> Keys:
    """Return a number per row that is the same for rows of the same language."""
    said = languages.unique().to_list()
    if not said:
        return np.zeros(0, dtype=np.uint64)
    known = {each: text_key(each) for each in said}
    return languages.replace_strict(known, return_dtype=pl.UInt64).to_numpy()


# --- What a task leaves ----------------------------------------------------------------------------


def shelved(
    found: dict[str, NDArray[Any]], languages: pl.Series, settings: NearSettings
) -> dict[str, NDArray[Any]]:
    """Return a task's signatures as the comparison wants them: each band's keys sorted, with their rows."""
    if settings.method == "off":
        return {}
    if settings.method == "simhash":
        return {**found, "languages": language_keys(languages)}
    rows = np.flatnonzero(found["shingles"] >= max(1, settings.minimum_shingles)).astype(np.uint32)
    keys = np.asarray(found["bands"])[rows].T.astype(np.uint64)
    if not settings.across_languages:
        keys = keys ^ language_keys(languages)[rows]
    order = np.argsort(keys, axis=1, kind="stable")
    return {
        "band_keys": np.take_along_axis(keys, order, axis=1),
        "band_rows": rows[order],
        "minima": found["minima"],
    }


# --- Comparison ------------------------------------------------------------------------------------


def find(engine: Engine, scratch: Path, count: int, settings: NearSettings) -> None:
    """Find the clusters of all rows that have no reason to go yet."""
    rows = int(shuffle.starts(scratch, "document", count)[-1])
    jobs = BAND_GROUPS * shuffle.ranges(rows)
    compare = partial(_compare, scratch=scratch, count=count, settings=settings)
    run_phase(engine, Phase("near_compare", scratch, compare), range(jobs))
    unite = partial(_unite, scratch=scratch, count=count, settings=settings)
    run_phase(engine, Phase("near_unite", scratch, unite), range(1))


class Slice(NamedTuple):
    """The rows of one band whose keys are in the job's range."""

    keys: Keys
    places: Places


def _compare(job: int, scratch: Path, count: int, settings: NearSettings) -> None:
    first_rows = shuffle.starts(scratch, "document", count)
    parts = shuffle.ranges(int(first_rows[-1]))
    group, part = divmod(job, parts)
    if settings.method == "simhash":
        read, bands = _fingerprints, len(duplicates.simhash_masks(SIMHASH_DISTANCE))
    else:
        read, bands = _band_keys, duplicates.PRESETS[settings.method].bands
    mine = [int(band) for band in np.array_split(np.arange(bands), BAND_GROUPS)[group]]
    links = np.zeros((0, 2), dtype=np.int64)
    if mine:
        slices = read(scratch, first_rows, mine, (part, parts))
        links = _links(slices, (scratch, first_rows), settings)
    shuffle.save(scratch / f"links_{job:06d}.npy", links)


def _band_keys(scratch: Path, first_rows: Places, bands: list[int], part: tuple[int, int]) -> list[Slice]:
    found: list[tuple[list[Keys], list[Places]]] = [([], []) for _ in bands]
    for number in range(len(first_rows) - 1):
        keys, rows = (shuffle.part(scratch, number, name) for name in ("band_keys", "band_rows"))
        alive = shuffle.part(scratch, number, "alive")
        for band, (all_keys, all_places) in zip(bands, found, strict=True):
            mine = shuffle.within(keys[band], *part)
            places = np.array(rows[band, mine], dtype=np.int64)
            stays = alive[places]
            all_keys.append(keys[band, mine][stays])
            all_places.append(places[stays] + first_rows[number])
    return [_repeated(np.concatenate(keys), np.concatenate(places)) for keys, places in found]


def _fingerprints(scratch: Path, first_rows: Places, bands: list[int], part: tuple[int, int]) -> list[Slice]:
    masks = [duplicates.simhash_masks(SIMHASH_DISTANCE)[band] for band in bands]
    found: list[tuple[list[Keys], list[Places]]] = [([], []) for _ in bands]
    first, last = shuffle.limits(*part)
    for number in range(len(first_rows) - 1):
        prints, usable, alive = (
            np.asarray(shuffle.part(scratch, number, name)) for name in ("prints", "usable", "alive")
        )
        rows = np.flatnonzero(usable & alive)
        for mask, (all_keys, all_places) in zip(masks, found, strict=True):
            keys = prints[rows] & mask
            with np.errstate(over="ignore"):
                spread = keys * np.uint64(0x9E3779B97F4A7C15)
            mine = (first <= spread) & (spread <= last)
            all_keys.append(keys[mine])
            all_places.append(rows[mine] + first_rows[number])
    return [_repeated(np.concatenate(keys), np.concatenate(places)) for keys, places in found]


def _repeated(keys: Keys, places: Places) -> Slice:
    """Return the rows that share a key, by key and then in order."""
    order = np.argsort(keys, kind="stable")
    order = order[shuffle.repeated(keys[order])]
    return Slice(keys[order], places[order])


def _links(slices: list[Slice], where: tuple[Path, Places], settings: NearSettings) -> NDArray[np.int64]:
    """Compare the rows that share a key; return (row, first row of its cluster) of those that are alike."""
    nodes = np.unique(np.concatenate([each.places for each in slices]))
    parents = np.arange(len(nodes), dtype=np.int64)
    simhash = settings.method == "simhash"
    from panlect.text.duplicates_kernel import link_fingerprints

    known = _gathered(*where, nodes, "prints" if simhash else "minima") if len(nodes) else None
    for keys, places in slices:
        if known is None or not len(keys):
            continue
        local = np.searchsorted(nodes, places)
        if simhash:
            link_fingerprints(keys, local, known, SIMHASH_DISTANCE, parents)
        else:
            duplicates.link(keys, local, known, duplicates.PRESETS[settings.method], parents)
    return _forest(nodes, duplicates.roots(parents))


def _gathered(scratch: Path, first_rows: Places, nodes: Places, name: str) -> NDArray[Any]:
    """Return some rows' values out of the tasks' arrays."""
    edges = np.searchsorted(nodes, first_rows)
    parts = [
        shuffle.part(scratch, number, name)[nodes[first:end] - first_rows[number]]
        for number, (first, end) in enumerate(pairwise(edges))
        if end > first
    ]
    return np.concatenate(parts)


def _forest(nodes: Places, first: Places) -> NDArray[np.int64]:
    linked = first != np.arange(len(nodes))
    return np.stack([nodes[linked], nodes[first[linked]]], axis=1).reshape(-1, 2)


# --- Clusters --------------------------------------------------------------------------------------


def _all_links(scratch: Path, jobs: int) -> Iterator[NDArray[np.int64]]:
    for job in range(jobs):
        yield np.load(scratch / f"links_{job:06d}.npy")


def _unite(_: int, scratch: Path, count: int, settings: NearSettings) -> None:
    """Put the links of all bands together; say of each linked row how large its cluster is and if it goes.

    The first row of a cluster stays. A cluster that holds a held-out row loses all its others.
    """
    first_rows = shuffle.starts(scratch, "document", count)
    jobs = BAND_GROUPS * shuffle.ranges(int(first_rows[-1]))
    links = np.concatenate(list(_all_links(scratch, jobs)))
    nodes, places = np.unique(links, return_inverse=True)
    first = duplicates.united(places.reshape(-1, 2), len(nodes))
    if settings.method == "simhash" and not settings.across_languages and len(nodes):
        first = _split(first, _gathered(scratch, first_rows, nodes, "languages"))
    weight, held = _weights(scratch, first_rows, nodes)
    alone = np.bincount(first, minlength=len(nodes))[first] < 2
    beside_held = (np.bincount(first, weights=held, minlength=len(nodes)) > 0)[first]
    table = np.zeros(len(nodes), dtype=COPIES)
    table["row"] = nodes
    table["copies"] = np.bincount(first, weights=weight, minlength=len(nodes))[first].astype(np.int64)
    goes = ~held & ~alone
    table["reason"] = np.where(goes & beside_held, 2, np.where(goes & (first != np.arange(len(nodes))), 1, 0))
    shuffle.put(scratch, "near", table, first_rows)


def _split(first: Places, group: NDArray[Any]) -> Places:
    """Cut clusters that cross groups into one per group."""
    frame = pl.DataFrame({"first": first, "group": group}).with_row_index("at")
    return frame.select(pl.col("at").min().over("first", "group").cast(pl.Int64))["at"].to_numpy()


def _weights(scratch: Path, first_rows: Places, nodes: Places) -> tuple[Places, NDArray[np.bool_]]:
    """Return how many texts each row stands for, and which rows are held out."""
    weights, held = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.bool_)]
    edges = np.searchsorted(nodes, first_rows)
    for number, (first, end) in enumerate(pairwise(edges)):
        if end > first:
            facts = pl.read_parquet(scratch / f"{number:06d}.facts.parquet", columns=["weight", "held"])
            rows = nodes[first:end] - first_rows[number]
            weights.append(facts["weight"].to_numpy()[rows])
            held.append(facts["held"].to_numpy()[rows])
    return np.concatenate(weights), np.concatenate(held)


def with_copies(facts: pl.DataFrame, scratch: Path, number: int, first_row: int) -> pl.DataFrame:
    """Add to a task's facts `copies` (texts in the row's cluster) and the reasons of near-duplicates."""
    found = shuffle.taken(scratch, ["near"], number, first_row)
    copies = np.where((facts["reason"] == "").to_numpy(), facts["weight"].to_numpy(), 0)
    copies[found["row"]] = found["copies"]
    goes = found[found["reason"] > 0]
    code = np.zeros(facts.height, dtype=np.int8)
    code[goes["row"]] = goes["reason"]
    names = pl.Series(REASONS).gather(code)
    return facts.with_columns(
        pl.Series("copies", copies),
        pl.when(names != "").then(names).otherwise("reason").alias("reason"),
    )
