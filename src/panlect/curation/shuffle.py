"""Files between the phases: arrays per task, sorted by key, so that any part of all keys can be read off.

A phase that compares all rows is many jobs, each for one range of the keys. A job takes its range
out of every task's sorted array and leaves what it found sorted by row, with the places where each
task's rows begin; the next phase takes its task's rows out of every job's file. That is a shuffle
through files: no process holds more than its range.
"""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROWS_PER_JOB = 1 << 20
"""How many rows' keys one job compares; fixed, so that a resumed run has the same jobs."""

Table = Any
"""A structured array whose first field is `row`, the row's number among all rows."""


def save(path: Path, values: NDArray[Any]) -> None:
    """Write an array as a whole or not at all: a reader never sees half of it."""
    passing = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    with passing.open("wb") as stream:
        np.save(stream, values)
    passing.replace(path)


def save_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as a whole or not at all."""
    passing = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    frame.write_parquet(passing, compression="lz4")
    passing.replace(path)


def part(scratch: Path, number: int, name: str) -> NDArray[Any]:
    """Map a task's array into memory."""
    return _mapped(scratch / f"{number:06d}.{name}.npy")


def _mapped(path: Path) -> NDArray[Any]:
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r")
    except ValueError:  # an empty array cannot be mapped
        found = np.load(path)
    return found


def starts(scratch: Path, kind: str, count: int) -> NDArray[np.int64]:
    """Return the number of each task's first row among all rows, and how many rows there are."""
    path = scratch / f"{kind}.starts.npy"
    if not path.exists():
        heights = [
            pl.scan_parquet(scratch / f"{number:06d}.{kind}.parquet").select(pl.len()).collect().item()
            for number in range(count)
        ]
        save(path, np.concatenate([[0], np.cumsum(heights, dtype=np.int64)]).astype(np.int64))
    found: NDArray[np.int64] = np.load(path)
    return found


def ranges(rows: int) -> int:
    """Return into how many ranges the keys of so many rows are cut."""
    return max(1, -(-rows // ROWS_PER_JOB))


def limits(number: int, count: int) -> tuple[np.uint64, np.uint64]:
    """Return the first and the last key of a range."""
    first, end = (number << 64) // count, ((number + 1) << 64) // count
    return np.uint64(first), np.uint64(end - 1)


def within(keys: NDArray[np.uint64], number: int, count: int) -> slice:
    """Return where a range's keys are among sorted keys."""
    first, last = limits(number, count)
    return slice(int(np.searchsorted(keys, first, "left")), int(np.searchsorted(keys, last, "right")))


def by_key(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return the keys in order and the row of each; equal keys keep the order of their rows."""
    order = np.argsort(keys, kind="stable")
    return keys[order], order.astype(np.uint32)


def repeated(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of sorted keys occur more than once."""
    same = np.zeros(len(keys), dtype=np.bool_)
    equal = keys[1:] == keys[:-1]
    same[1:] |= equal
    same[:-1] |= equal
    return same


def put(scratch: Path, name: str, table: Table, first_rows: NDArray[np.int64]) -> None:
    """Leave what a job found, sorted by row, for the tasks that the rows belong to."""
    table = table[np.argsort(table["row"], kind="stable")]
    save(scratch / f"{name}.bounds.npy", np.searchsorted(table["row"], first_rows))
    save(scratch / f"{name}.table.npy", table)


def taken(scratch: Path, names: Iterable[str], number: int, first_row: int) -> Table:
    """Return what jobs found about a task's rows; `row` counts within the task."""
    parts = []
    for name in names:
        bounds = np.load(scratch / f"{name}.bounds.npy")
        parts.append(np.array(_mapped(scratch / f"{name}.table.npy")[bounds[number] : bounds[number + 1]]))
    table = np.concatenate(parts)
    table["row"] -= first_row
    return table
