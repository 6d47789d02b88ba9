"""Finding a benchmark's files and reading its rows.

Files are looked for where the settings say, then in a directory that holds one folder per benchmark (its name
may go on: `flores200` for `flores`), then, where it has one, in its repository on the Hugging Face Hub.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from panlect.benchmarks import BENCHMARKS, benchmark
from panlect.benchmarks.benchmark import Benchmark, Reading
from panlect.benchmarks.files import canonical, lines_of, text_of
from panlect.errors import FolderError

OFFLINE = frozenset({"OfflineModeIsEnabled", "LocalEntryNotFoundError", "ConnectionError", "ConnectTimeout"})
"""What the Hub's client raises where there is no network."""
TABLES_ONLY = (
    "world",
    "world_crossed",
    "world_names",
    "held_out_text",
    "held_out_translation",
    "preferences",
)
"""Benchmarks whose rows are made by a stage, not read from published files."""


@dataclass(frozen=True)
class Places:
    """Where files are looked for.

    Attributes:
        named: paths by benchmark.
        directory: a directory of benchmark folders, or "".
        hub: whether the Hub may be asked.
    """

    named: Mapping[str, str]
    directory: str = ""
    hub: bool = False


def published() -> tuple[str, ...]:
    """Names of the benchmarks that are read from published files and run if none is named.

    Translation between all pairs of languages is run only where it is asked for: 200 languages have 39,800
    pairs.
    """
    return tuple(name for name in BENCHMARKS if name not in TABLES_ONLY and not name.endswith("_all"))


def locate(found: Benchmark, places: Places) -> Path:
    """The directory or file with a benchmark's files.

    Raises:
        FolderError: it is nowhere, with the places that were tried.
    """
    if named := places.named.get(found.name):
        if Path(named).exists():
            return Path(named)
        raise FolderError("nothing is there", where=f"data.{found.name}: {named}")
    if places.directory:
        for path in sorted(Path(places.directory).glob(f"{found.name.removesuffix('_all')}*")):
            return path
    if places.hub and "://" not in found.source:
        return _download(found)
    raise FolderError(
        f"the files of '{found.name}' are not there",
        where=places.directory or "data",
        expected=f"the files of {found.source}",
        fix=f"set data.{found.name} to their directory",
    )


@lru_cache(maxsize=64)
def _snapshot(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.jsonl", "*.json", "*.tsv", "*.csv", "*.parquet", "*.gz", "*.txt", "*.dev", "*.devtest"]
    return Path(snapshot_download(repository, repo_type="dataset", allow_patterns=patterns))


def _download(found: Benchmark) -> Path:
    try:
        return _snapshot(found.source)
    except Exception as error:  # any failure of the network is the same to the user
        kind = type(error).__name__
        offline = kind in OFFLINE or os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
        why = "the Hub cannot be reached from here, and it is not in its cache" if offline else kind
        raise FolderError(
            f"the files of '{found.name}' could not be fetched ({why})",
            where=f"https://huggingface.co/datasets/{found.source}",
            fix=f"go online once, or copy the files here and set data.{found.name} to their directory",
        ) from error


def read(name: str, places: Places, languages: Sequence[str]) -> Reading:
    """The rows of a benchmark in some languages (all, if none is named).

    Raises:
        FolderError: its files are not there, or none of them is one of its files.
    """
    found = benchmark(name)
    return found.read(locate(found, places), languages)


def lexicons(directory: Path, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    """Word lists into English by language, from files `en_<language>.tsv` of English and translation.

    Raises:
        FolderError: there is none for any of the languages.
    """
    out: dict[str, dict[str, str]] = {}
    for file in sorted(directory.glob("en_*.tsv")):
        language = canonical(file.stem.removeprefix("en_"))
        if language in languages:
            pairs = (line.split("\t") for line in lines_of(text_of(file)))
            words = [(pair[1].strip().lower(), pair[0].strip()) for pair in pairs if len(pair) == 2]
            out[language] = {theirs: ours for theirs, ours in words if theirs and " " not in theirs}
    if not out:
        raise FolderError(
            "no word list of these languages is there", where=str(directory), expected="en_<language>.tsv"
        )
    return out
