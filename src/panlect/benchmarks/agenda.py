"""What is asked: rows of question tables and of published files, chosen by benchmark and language."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from panlect.benchmarks import BENCHMARKS, benchmark, catalog, perturb
from panlect.benchmarks.benchmark import Benchmark, Row
from panlect.benchmarks.coverage import Coverage, lines_of
from panlect.benchmarks.questions import faults, plain
from panlect.errors import DataError, FolderError


@dataclass(frozen=True)
class Found:
    """Rows that can be asked, and the others.

    Attributes:
        rows: what can be asked.
        dropped: rows that cannot; each has a `reason`.
        problems: by benchmark, why its files could not be read.
    """

    rows: list[Row]
    dropped: list[dict[str, Any]]
    problems: Mapping[str, str] = field(default_factory=dict)

    def coverage(self, asked: Sequence[Row], languages: Sequence[str]) -> list[Coverage]:
        """How much is asked in which language, for every benchmark that there are rows or problems of."""
        counts: dict[str, dict[str, int]] = {name: {} for name in (*self._names(), *self.problems)}
        for row in asked:
            of_name = counts[row["benchmark"]]
            of_name[row["language"]] = of_name.get(row["language"], 0) + 1
        everywhere = languages or sorted({row["language"] for row in asked})
        return [
            line
            for name, found in counts.items()
            for line in lines_of(name, found, self.problems.get(name, ""), everywhere)
        ]

    def _names(self) -> list[str]:
        return list(dict.fromkeys(row["benchmark"] for row in self.rows))


def gather(
    tables: Sequence[pl.DataFrame],
    named: Sequence[str],
    places: catalog.Places,
    languages: Sequence[str],
    *,
    otherwise: Sequence[str] | None = None,
) -> Found:
    """All questions of the tables, and of the benchmarks named that no table holds.

    If neither is given, of every published benchmark (or of `otherwise`); one of these whose files are
    missing is a problem that is noted, one that is named and missing an error.

    Raises:
        FolderError: the files of a named benchmark are not there.
        DataError: one of them cannot be read.
    """
    given = [row for frame in tables for row in frame.to_dicts()]
    in_tables = {row["benchmark"] for row in given}
    rows, dropped = faults(_arranged(given), BENCHMARKS)
    problems: dict[str, str] = {}
    published = catalog.published() if otherwise is None else otherwise
    for name in named or (() if given else published):
        if name in in_tables:
            continue
        try:
            reading = catalog.read(name, places, languages)
        except (FolderError, DataError) as error:
            if name in named:
                raise
            problems[name] = error.what
            continue
        kept, bad = faults(reading.rows, BENCHMARKS)
        rows, dropped = [*rows, *kept], [*dropped, *reading.dropped, *bad]
        if not kept:
            problems[name] = ""
    return Found(rows, dropped, problems)


def examples(names: Collection[str], places: catalog.Places, languages: Sequence[str]) -> list[Row]:
    """Rows of the benchmarks' own files for worked examples, as far as they have any and these are there."""
    out: list[Row] = []
    for name in sorted(names):
        if read := known(name).examples:
            with suppress(FolderError):
                out += faults(read(catalog.locate(known(name), places), languages).rows, BENCHMARKS)[0]
    return out


def _arranged(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of.setdefault(row["benchmark"], []).append(row)
    completed = ((known(name).arrange or list)(found) for name, found in of.items())
    return [row for found in completed for row in found]


@lru_cache(maxsize=256)
def known(name: str) -> Benchmark:
    """The benchmark of that name, or that of a table whose name is not known."""
    return benchmark(name) if name in BENCHMARKS else plain(name)


def wanted(rows: Sequence[Row], names: Collection[str], languages: Sequence[str]) -> list[Row]:
    """The rows of some benchmarks and languages; none named is all.

    Raises:
        FolderError: no row is left.
    """
    kept = [
        row
        for row in rows
        if (not names or row["benchmark"] in names) and (not languages or row["language"] in languages)
    ]
    if not kept:
        have = ", ".join(sorted({row["benchmark"] for row in rows})) or "none"
        raise FolderError(
            "no question is left to ask",
            where="benchmarks, languages",
            expected=f"benchmarks of the inputs: {have}",
            fix="ask in languages that these benchmarks have, or say in data_directory where files are",
        )
    return kept


def sliced(rows: Sequence[Row], slices: Sequence[str], lexicons: str) -> list[Row]:
    """The rows again, as people type them (`benchmarks.perturb`)."""
    if not slices:
        return []
    languages = sorted({row["language"] for row in rows})
    words = catalog.lexicons(Path(lexicons), languages) if lexicons else {}
    out: list[Row] = []
    for name in sorted({row["benchmark"] for row in rows}):
        mine = [row for row in rows if row["benchmark"] == name]
        out += perturb.slices(mine, known(name).inputs, slices, words)
    return out
