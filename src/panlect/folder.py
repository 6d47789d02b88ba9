"""A `Folder` is a finished directory: the only thing that stages read and write.

    <name>/
      manifest.json     written last: its existence means "complete"
      data/*.parquet    rows, one kind of table per file name (document-00000.parquet)
      model/            a Hugging Face directory, where the stage made one
      dropped/*.parquet rows that were set aside, each with a `reason`
      numbers.parquet   every measurement, in the schema of `panlect.tables`
      log.txt

`panlect.draft` writes them; this file reads them.
"""

import glob
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from panlect import tables as _tables
from panlect.errors import FolderError, ModelError
from panlect.progress import say

MANIFEST = "manifest.json"
PARTIAL = ".partial"
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Folder:
    """A finished folder, opened by `Folder.open`. Its name is the step's name."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Open a finished folder.

        Raises:
            FolderError: it is missing, unfinished, or its files are not those that were finished.
        """
        file = path / MANIFEST
        if not file.is_file():
            raise _not_finished(path)
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
            files = manifest["files"]
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(
                "the manifest cannot be read", where=str(file), fix="delete the folder and make it again"
            ) from error
        for name, facts in files.items():
            have = (path / name).stat().st_size if (path / name).is_file() else None
            if have != facts["bytes"]:
                raise FolderError(
                    f"the file {name} is damaged: it has {'no' if have is None else have} bytes",
                    where=str(path / name),
                    expected=f"{facts['bytes']} bytes, as when it was finished",
                    fix="delete the folder and make it again",
                )
        return cls(path, manifest)

    @classmethod
    def finished(cls, path: Path, wanted: str) -> "Folder | None":
        """The finished folder at `path` if its fingerprint is the wanted one; a damaged one is none."""
        if not (path / MANIFEST).is_file():
            return None
        try:
            folder = cls.open(path)
        except FolderError as error:
            say(f"{path.name}: made again, because {error.what}")
            return None
        return folder if folder.fingerprint == wanted else None

    @property
    def name(self) -> str:
        """The directory's name, which is the step's name inside a run."""
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """Identifies the content: stage and its version, settings, and the inputs' fingerprints."""
        return str(self.manifest["fingerprint"])

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of table inside ``data/``."""
        return frozenset(file.name.rsplit("-", 1)[0] for file in (self.path / "data").glob("*-*.parquet"))

    @property
    def model_path(self) -> Path | None:
        """The Hugging Face directory inside, if the stage made a model or a tokenizer."""
        path = self.path / "model"
        return path if path.is_dir() else None

    def files(self, kind: str) -> list[Path]:
        """Return the parquet files of one kind of table, in order."""
        return sorted((self.path / "data").glob(f"{kind}-*.parquet"))

    def table(self, kind: str) -> pl.DataFrame:
        """Return all rows of one kind, checked against its schema.

        Raises:
            FolderError: the folder has no such table, or a file of it cannot be read.
            DataError: the columns are not those of the schema.
        """
        if not (files := self.files(kind)):
            raise FolderError(
                f"the folder holds no table '{kind}'",
                where=str(self.path),
                expected=f"one of: {', '.join(sorted(self.kinds)) or 'no tables at all'}",
            )
        return pl.concat([read_table(kind, file) for file in files], how="diagonal_relaxed")

    def numbers(self) -> pl.DataFrame:
        """Return the measurements; empty when the stage made none."""
        file = self.path / "numbers.parquet"
        return read_table("numbers", file) if file.is_file() else _tables.empty("numbers")

    def dropped(self) -> pl.DataFrame:
        """Return all rows that were set aside: their columns, `kind` and `reason`."""
        files = sorted((self.path / "dropped").glob("*.parquet"))
        frames = [
            _read_parquet(file).with_columns(pl.lit(file.name.rsplit("-", 1)[0]).alias("kind"))
            for file in files
        ]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


@dataclass(frozen=True)
class External:
    """Something that Panlect did not make: a file, a glob, a model directory, or a hub id."""

    location: str

    @property
    def name(self) -> str:
        """The last part of the location."""
        return self.location.rstrip("/").rsplit("/", 1)[-1]

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine (a hub id is not)."""
        return bool(self.paths())

    def paths(self) -> list[Path]:
        """Return the files or directories that the location names, sorted; none for a hub id."""
        path = Path(self.location)
        return (
            [path]
            if path.exists()
            else [Path(found) for found in sorted(glob.glob(self.location, recursive=True))]
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of names and contents; of the id alone when it is on the hub."""
        digest = hashlib.sha256()
        for path in self.paths():
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    digest.update(f"{file.relative_to(path.parent)}\0{sha256(file)}\0".encode())
        if not self.paths():
            digest.update(self.location.encode())
        return digest.hexdigest()[:16]


Input = Folder | External


def resolve(location: str | Path) -> Input:
    """Return what a recipe or a command line names: a finished folder, a path, a glob or a hub id.

    Raises:
        FolderError: nothing is there, or it is unfinished.
    """
    path = Path(location)
    if (path / MANIFEST).is_file():
        return Folder.open(path)
    unfinished = path.name.endswith(PARTIAL) or (path / "log.txt").is_file()
    if unfinished or path.with_name(path.name + PARTIAL).exists():
        raise _not_finished(path)
    external = External(str(location))
    if external.is_local or HUB_ID.fullmatch(str(location)) or str(location).startswith("hf://"):
        return external
    raise FolderError("nothing is there", where=str(location), expected="a folder, file, glob or hub id")


def _not_finished(path: Path) -> FolderError:
    partial = path if path.name.endswith(PARTIAL) else path.with_name(path.name + PARTIAL)
    if path.exists() or partial.exists():
        return FolderError(
            "the folder is not finished: it has no manifest.json",
            where=str(path),
            fix="run the same command again; it continues where it was",
        )
    return FolderError("the folder does not exist", where=str(path))


def sha256(file: Path) -> str:
    """Return the hex digest of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_table(kind: str, file: Path) -> pl.DataFrame:
    """Read one parquet or JSON Lines file as a table of that kind, checked."""
    frame = _read_json_lines(file) if file.suffix == ".jsonl" else _read_parquet(file)
    return _tables.check(kind, frame, where=str(file))


def _read_parquet(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(file, "a complete parquet file") from error


def _read_json_lines(file: Path) -> pl.DataFrame:
    try:
        return pl.read_ndjson(file, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(file, "one JSON object per line") from error


def _unreadable(file: Path, expected: str) -> FolderError:
    empty = file.is_file() and file.stat().st_size == 0
    what = "the file is empty" if empty else "the file cannot be read: it is cut off or of another format"
    return FolderError(what, where=str(file), expected=expected, fix="make or download it again")


# --- what a stage asks of its inputs -------------------------------------------------------------


def tables(
    inputs: Sequence[Input], kind: str, *, set_aside: Callable[[FolderError], None] | None = None
) -> pl.DataFrame:
    """Return the rows of one kind from all inputs that have it: folders, ``.parquet`` and ``.jsonl`` files.

    Args:
        inputs: what is read.
        kind: of table.
        set_aside: is told of each file that is damaged, and the others are read; by default one is an error.

    Raises:
        FolderError: no input has such rows, or a file is damaged.
    """
    frames = []
    for file in _files(inputs, kind):
        try:
            frames.append(read_table(kind, file))
        except FolderError as error:
            if set_aside is None:
                raise
            set_aside(error)
    if not frames:
        raise FolderError(
            f"no input holds a table '{kind}'",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected=f"a folder with data/{kind}-*.parquet, or a .parquet or .jsonl file with its columns",
        )
    return pl.concat(frames, how="diagonal_relaxed")


def _files(inputs: Sequence[Input], kind: str) -> Iterator[Path]:
    for each in inputs:
        if isinstance(each, Folder):
            yield from each.files(kind)
        else:
            yield from (path for path in each.paths() if path.suffix in {".parquet", ".jsonl"})


def models(inputs: Sequence[Input]) -> list[tuple[str, str]]:
    """Return (name, location) of every input that is a model: a folder's model, a directory, a hub id."""
    found = []
    for each in inputs:
        if isinstance(each, Folder):
            if each.model_path and (each.model_path / "config.json").is_file():
                found.append((each.name, str(each.model_path)))
        elif not each.is_local or (Path(each.location) / "config.json").is_file():
            found.append((each.name, each.location))
    return found


def one_model(inputs: Sequence[Input]) -> str:
    """Return the location of the one model among the inputs.

    Raises:
        ModelError: there is none, or more than one.
    """
    found = models(inputs)
    if len(found) != 1:
        raise ModelError(
            f"expected one model among the inputs, found {len(found)}",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected="a folder with a model, a Hugging Face directory, or a hub id",
        )
    return found[0][1]


def one_tokenizer(inputs: Sequence[Input]) -> Path:
    """Return the one directory among the inputs that holds a tokenizer (its own, or a model's).

    Raises:
        ModelError: there is none, or more than one.
    """
    found = []
    for each in inputs:
        path = each.model_path if isinstance(each, Folder) else Path(each.location)
        if path and any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
            found.append(path)
    if len(found) != 1:
        raise ModelError(
            f"expected one tokenizer among the inputs, found {len(found)}",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected="a folder made by `tokenizer`, or a Hugging Face directory with tokenizer.json",
        )
    return found[0]
