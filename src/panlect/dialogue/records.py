"""Records of files of dialogues: JSON lines, JSON lists and parquet, compressed or not.

What cannot be read is told apart with its place and a reason; the records around it survive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import polars as pl

from panlect.errors import DataError, FolderError
from panlect.folder import Folder, Input
from panlect.read import Bad, Limits, Rule
from panlect.read.lines import line_blocks, lines_of
from panlect.read.rows import sample
from panlect.read.stream import Stream, head, plain_name

ENDINGS = (".json", ".jsonl", ".ndjson", ".parquet")


class Record(NamedTuple):
    """One record and where it stands: ``alpaca.json:17``."""

    place: str
    values: Mapping[str, Any]


def files_of(inputs: Sequence[Input]) -> list[Path]:
    """The files of external inputs that may hold dialogues; directories are searched.

    Raises:
        FolderError: an input names nothing, or nothing that can be read.
    """
    found: list[Path] = []
    for each in inputs:
        if isinstance(each, Folder):
            continue
        inside = (sorted(path.rglob("*")) if path.is_dir() else [path] for path in each.paths())
        files = [file for files in inside for file in files if plain_name(file).endswith(ENDINGS)]
        if not files:
            expected = f"files ending in {', '.join(ENDINGS)}"
            raise FolderError("no file of dialogues is there", where=each.name, expected=expected)
        found += files
    return list(dict.fromkeys(found))


def records(path: Path) -> Iterator[Record | Bad]:
    """Read every record of one file, in order."""
    limits = Limits()
    if plain_name(path).endswith(".parquet"):
        yield from _parquet(path)
        return
    start = head(path, limits, 256).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        yield from _list(path, limits)
        return
    bad: list[Bad] = []
    for block in line_blocks(str(path), path.name, Rule(), limits):
        yield from block.bad
        for number, line in lines_of(block, limits, bad):
            if not line.isspace():
                yield _parsed(line, f"{path.name}:{number}")
        yield from bad
        bad.clear()


def _parsed(line: bytes, place: str) -> Record | Bad:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Bad(place, "invalid_json", sample(line))
    return Record(place, values) if isinstance(values, Mapping) else Bad(place, "not_a_record", sample(line))


def _list(path: Path, limits: Limits) -> Iterator[Record | Bad]:
    stream = Stream(path, limits)
    data = b"".join(stream).removeprefix(b"\xef\xbb\xbf")
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        reason = f"{stream.trouble}_file" if stream.trouble else "invalid_json"
        yield Bad(f"{path.name}:{error.lineno}", reason, sample(data[:8000]))
        return
    for number, value in enumerate(values, 1):
        place = f"{path.name}:{number}"
        if isinstance(value, Mapping):
            yield Record(place, value)
        else:
            yield Bad(place, "not_a_record", str(value)[:2000])


def _parquet(path: Path) -> Iterator[Record]:
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        expected = "a complete parquet file"
        raise DataError("the file cannot be read", where=str(path), expected=expected) from error
    for number, values in enumerate(frame.iter_rows(named=True), 1):
        yield Record(f"{path.name}:{number}", values)
