"""What there is in which language, and why there is nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from panlect.benchmarks import BENCHMARKS, benchmark, catalog
from panlect.benchmarks.benchmark import Benchmark
from panlect.benchmarks.files import canonical
from panlect.errors import DataError, FolderError

FIX = "name their directory in data or data_directory, or set hub"
WIDE = 8
"""A table with a column per language is drawn for this many; more are counted."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one benchmark has for one language; `problem` says why there is nothing."""

    benchmark: str
    language: str
    rows: int
    problem: str
    provenance: str
    licence: str
    chance: float


def coverage(names: Iterable[str], places: catalog.Places, languages: Sequence[str]) -> Iterator[Coverage]:
    """One line per benchmark and language, whether there are rows or not.

    A language that a benchmark is not published in is told apart from one whose files are missing here.
    """
    for name in names:
        counts: dict[str, int] = {}
        problem = ""
        try:
            for row in catalog.read(name, places, languages).rows:
                counts[row["language"]] = counts.get(row["language"], 0) + 1
        except (FolderError, DataError) as error:
            problem = error.what
        yield from lines_of(name, counts, problem, languages)


def lines_of(
    name: str, counts: Mapping[str, int], problem: str, languages: Sequence[str]
) -> Iterator[Coverage]:
    """The lines of one benchmark.

    Args:
        name: the benchmark; one of a user's own table has no provenance.
        counts: rows by language.
        problem: why its files could not be read, or "".
        languages: those asked for; none means those that are there.
    """
    found = benchmark(name) if name in BENCHMARKS else None
    for language in languages or sorted(counts):
        rows = counts.get(language, 0)
        why = "" if rows else _reason(found, language, problem)
        facts = (found.provenance, found.licence, found.chance) if found else ("", "", float("nan"))
        yield Coverage(name, language, rows, why, *facts)


def _reason(found: Benchmark | None, language: str, problem: str) -> str:
    published_in = {canonical(code) for code in found.languages} if found else set()
    if published_in and language not in published_in:
        return "not published in this language"
    return problem or "no rows in this language here"


def table(lines: Sequence[Coverage]) -> list[str]:
    """The lines as a text to read: questions by benchmark and language, and what is nowhere to be found."""
    languages = list(dict.fromkeys(line.language for line in lines))
    of: dict[str, list[Coverage]] = {}
    for line in lines:
        of.setdefault(line.benchmark, []).append(line)
    there = {name: each for name, each in of.items() if any(line.rows for line in each)}
    size = max(map(len, there), default=0)
    out = []
    if there and len(languages) <= WIDE:
        out.append(f"{'questions':{size}}  " + "  ".join(languages))
        for name, each in there.items():
            cells = (f"{line.rows or '–':>{len(line.language)}}" for line in each)
            out.append(f"{name:{size}}  " + "  ".join(cells))
    for name, each in there.items() if len(languages) > WIDE else ():
        have = [line for line in each if line.rows]
        count = f"{len(have)} of {len(languages)} languages"
        out.append(f"{name:{size}}  {sum(line.rows for line in have)} questions in {count}")
    why: dict[str, list[str]] = {}
    for name, each in of.items():
        if name not in there:
            why.setdefault(_shared(each), []).append(name)
    fix = f" ({FIX})"
    return [
        *out,
        *(
            f"nothing of {', '.join(names)}: {reason}{fix * ('files' in reason)}"
            for reason, names in why.items()
        ),
    ]


def _shared(lines: Sequence[Coverage]) -> str:
    """The reason that is true of a benchmark as a whole: its files are missing, before anything else."""
    reasons = {line.problem.replace(f" of '{line.benchmark}'", "") for line in lines}
    usual = ("not published in this language", "no rows in this language here")
    return next((each for each in sorted(reasons) if each not in usual), min(reasons))
