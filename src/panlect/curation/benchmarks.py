"""Benchmarks as the contamination check sees them: every string in their files."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from panlect.curation.settings import BenchmarkSettings
from panlect.errors import FolderError
from panlect.read.rows import Limits
from panlect.read.stream import Stream, plain_name
from panlect.text.contamination import Index, index


def write_index(settings: BenchmarkSettings, path: Path) -> int:
    """Index the benchmarks' runs of words for the workers; return how many texts were read.

    Raises:
        FolderError: a benchmark's file does not exist.
    """
    texts: list[str] = []
    for name in settings.files:
        if not Path(name).is_file():
            raise FolderError(
                "the benchmark does not exist", where=name, expected="a file", fix="see benchmarks.files"
            )
        texts += _strings(Path(name))
    found = index(texts, settings.run_words)
    with path.open("wb") as file:
        np.savez(file, keys=found.keys, present=found.present)
    return len(texts)


@lru_cache(maxsize=2)
def read_index(path: str) -> Index:
    """Read what `write_index` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Index(arrays["keys"], arrays["present"])


def _strings(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        for row in pl.read_parquet(path).iter_rows():
            yield from _inside(row)
        return
    text = b"".join(Stream(path, Limits())).decode("utf-8", "replace").removeprefix("\ufeff")
    if plain_name(path).endswith((".json", ".jsonl")):
        try:
            yield from _inside(json.loads(text))
        except ValueError:
            for line in text.split("\n"):
                yield from _inside(_loaded(line))
        return
    for line in text.split("\n"):
        yield from line.split("\t")


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _inside(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _inside(each)
