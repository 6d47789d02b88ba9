"""Reading benchmark files as published: JSON, JSON lines, TSV, CSV and parquet, plain or gzipped.

A record that cannot be read is set aside with its place and the reason; the records around it survive.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks.benchmark import Reading
from panlect.errors import DataError, FolderError, LanguageError
from panlect.language import Language

Record = dict[str, Any]
FORMATS = (".jsonl", ".json", ".tsv", ".csv", ".parquet")
BAD = "_unreadable"


def text_of(path: Path) -> str:
    """A whole file as text; a byte order mark is removed.

    Raises:
        DataError: it is not UTF-8, or its gzip data are cut off.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8-sig")
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(
            f"the file cannot be read ({error})", where=str(path), expected="UTF-8 text"
        ) from error


def lines_of(text: str) -> list[str]:
    """Lines as an editor counts them; U+2028 and its like, which `splitlines` cuts at, belong to the text."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def records(path: Path, columns: Sequence[str] = ()) -> Iterator[tuple[str, Record]]:
    """Every record with its place; one that cannot be read is `{BAD: reason}`.

    Args:
        path: a file in one of FORMATS, or the same with `.gz`.
        columns: names of the columns of a TSV or CSV file without a header.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind == ".parquet":
        yield from _parquet(path)
    elif kind == ".jsonl":
        for number, line in enumerate(lines_of(text_of(path)), start=1):
            if line.strip():
                yield f"{path.name}:{number}", _json(line)
    elif kind == ".json":
        yield from _json_file(path)
    else:
        yield from _table(path, "\t" if kind == ".tsv" else ",", columns)


def _parquet(path: Path) -> Iterator[tuple[str, Record]]:
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FolderError("the parquet file cannot be read", where=str(path)) from error
    for number, record in enumerate(frame.iter_rows(named=True), start=1):
        yield f"{path.name}:{number}", record


def _json(text: str) -> Record:
    try:
        record = json.loads(text)
    except ValueError:
        return {BAD: "not JSON"}
    return record if isinstance(record, dict) else {BAD: "not a JSON object"}


def _json_file(path: Path) -> Iterator[tuple[str, Record]]:
    """A list of objects, or (as some `.json` files are) one object a line."""
    text = text_of(path)
    try:
        content = json.loads(text)
    except ValueError:
        for number, line in enumerate(lines_of(text), start=1):
            if line.strip():
                yield f"{path.name}:{number}", _json(line)
        return
    for number, record in enumerate(content if isinstance(content, list) else [content], start=1):
        good = record if isinstance(record, dict) else {BAD: "not a JSON object"}
        yield f"{path.name}:{number}", good


def _table(path: Path, separator: str, columns: Sequence[str]) -> Iterator[tuple[str, Record]]:
    # Quotes mean nothing in the TSV files of these benchmarks, and stand around fields in the CSV files.
    stream = io.StringIO(text_of(path), newline="")
    if separator == "\t":
        reader = csv.reader(stream, delimiter=separator, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(stream, delimiter=separator)
    names = list(columns)
    for fields in reader:
        if not names:
            names = fields
        elif len(fields) == len(names):
            yield f"{path.name}:{reader.line_num}", dict(zip(names, fields, strict=True))
        elif fields:
            yield f"{path.name}:{reader.line_num}", {BAD: f"{len(fields)} columns, expected {len(names)}"}


def files_by_language(
    root: Path, wanted: Sequence[str], code_of: Callable[[Path], str], formats: Iterable[str] = FORMATS
) -> list[tuple[str, Path]]:
    """(language, file) for every file below `root` in a wanted language (all if none is named), sorted.

    `code_of` finds the language in a path; "" says that the file is not part of the benchmark.

    Raises:
        FolderError: there is no such file at all.
    """
    endings = tuple(formats) + tuple(f"{ending}.gz" for ending in formats)
    paths = [root] if root.is_file() else sorted(root.rglob("*"))
    found = []
    for path in paths:
        if path.is_file() and path.name.endswith(endings):
            language = canonical(code_of(path.relative_to(root.parent if root.is_file() else root)))
            if language:
                found.append((language, path))
    if not found:
        raise FolderError("no file of this benchmark is there", where=str(root), expected=", ".join(formats))
    return [(language, path) for language, path in found if not wanted or language in wanted]


def canonical(code: str) -> str:
    """The project's code of a language in any scheme; "" if it is none."""
    if not code:
        return ""
    try:
        return Language.parse(code).code
    except LanguageError:
        return ""


def part_in(path: Path, codes: Iterable[str]) -> str:
    """The first of the codes that stands in a path as a word of its own; "" if none does."""
    words = set(re.split(r"[/._\\-]", str(path))) | set(path.parts) | {path.name.partition(".")[0]}
    return next((code for code in codes if code in words), "")


def row(benchmark: str, item: str, language: str, **columns: Any) -> Record:
    """A row of the question table with the schema's columns filled in."""
    basic: Record = {
        "benchmark": benchmark,
        "id": f"{benchmark}:{item}@{language}",
        "item": str(item),
        "language": language,
        "group": "",
        "prompt": "",
        "choices": [],
        "gold": -1,
        "answer": "",
    }
    return basic | columns


class Rows:
    """Collects rows and those set aside."""

    def __init__(self, benchmark: str) -> None:
        self.benchmark = benchmark
        self.reading = Reading([])

    def add(self, item: str, language: str, **columns: Any) -> None:
        """Keep one row; without an answer of its own, the gold choice is the answer."""
        made = row(self.benchmark, item, language, **columns)
        if not made["answer"] and 0 <= made["gold"] < len(made["choices"]):
            made["answer"] = str(made["choices"][made["gold"]])
        self.reading.rows.append(made)

    def drop(self, place: str, language: str, reason: str, record: Mapping[str, Any]) -> None:
        """Set one record aside; what it held is kept as text."""
        text = json.dumps(dict(record), ensure_ascii=False, default=str)[:2000]
        made = row(self.benchmark, place, language, prompt=text)
        self.reading.dropped.append(made | {"reason": reason})

    def each(
        self, language: str, path: Path, needed: Sequence[str], columns: Sequence[str] = ()
    ) -> Iterator[tuple[str, Record]]:
        """Records of a file that have all needed fields, none of them empty; the others are set aside.

        So is a whole file that cannot be read: those of other languages are none the worse.
        """
        try:
            found = list(records(path, columns))
        except (DataError, FolderError) as error:
            self.drop(path.name, language, error.what, {})
            return
        for place, record in found:
            missing = [name for name in needed if record.get(name) is None or str(record[name]).strip() == ""]
            if BAD in record:
                self.drop(place, language, record[BAD], {})
            elif missing:
                self.drop(place, language, f"no {', '.join(missing)}", record)
            else:
                yield place, record
