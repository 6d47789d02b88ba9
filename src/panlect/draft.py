"""A `Draft` is a folder in the making: written beside its final place, finished atomically.

Everything goes to ``<out>.partial``; the manifest is written last and the directory renamed, so a
folder that looks finished is finished. A killed stage leaves its partial directory: the same
command finds the same fingerprint there and keeps what the stage had put into `Draft.scratch`.
"""

import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from panlect import __version__, progress, ranks, tables
from panlect.config import Config
from panlect.errors import DataError, FolderError, PanlectError
from panlect.folder import MANIFEST, PARTIAL, External, Folder, Input, sha256
from panlect.folder import tables as rows_of

FORMAT = 1


def fingerprint(stage: str, version: int, config: Config, inputs: Sequence[str]) -> str:
    """Identify a result before it exists: stage, its version, complete settings, inputs' fingerprints.

    Names and places of inputs do not count, only what is in them; the content of files that settings
    name (word lists, benchmarks) counts too.
    """
    facts = [FORMAT, stage, version, config.model_dump(mode="json"), list(inputs)]
    if named := config.files_named():
        facts.append([External(file).fingerprint for file in named])
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place to write; what was written takes the path in one step."""
    partial = path.with_name(path.name + PARTIAL)
    yield partial
    os.replace(partial, path)


class Draft:
    """Collects a stage's rows, dropped rows, measurements and notes. Made by `draft`."""

    def __init__(self, out: Path, facts: dict[str, Any]) -> None:
        self.out = out
        self.path = out.with_name(out.name + PARTIAL)
        self._kept = self.path
        self.facts = facts
        self._counts: dict[str, dict[str, dict[str, int]]] = {}
        self._numbers: list[pl.DataFrame] = []
        self._rows: list[dict[str, object]] = []
        self._notes: dict[str, Any] = {}
        self._damaged: list[dict[str, str]] = []
        self._required: frozenset[str] = frozenset()
        self._started_seconds = time.monotonic()
        self._started_cpu_seconds = time.process_time()

    @property
    def folder(self) -> Folder:
        """The finished folder; only there after the ``with`` block."""
        return Folder.open(self.out)

    @property
    def model_path(self) -> Path:
        """Where the stage saves its model or tokenizer."""
        return self.path / "model"

    @property
    def scratch(self) -> Path:
        """A directory that survives a kill and is gone from the finished folder (checkpoints)."""
        path = self._kept / "scratch"
        path.mkdir(exist_ok=True)
        return path

    def write(self, kind: str, frame: pl.DataFrame, *, shard: int = 0) -> None:
        """Write rows as ``data/<kind>-<shard>.parquet`` and count them per language."""
        frame = tables.check(kind, frame, where=f"{self.facts['stage']} → {self.out.name}")
        self._save(frame, "data", kind, shard)
        self._count(kind, frame, rows="rows", size="bytes")

    def read(self, inputs: Sequence[Input], kind: str) -> pl.DataFrame:
        """Rows of one kind from all inputs, but for files that are damaged (`set_aside`).

        Raises:
            FolderError: no input has such rows.
        """
        return rows_of(inputs, kind, set_aside=self.set_aside)

    def set_aside(self, error: FolderError) -> None:
        """Go on without a file that cannot be read: it is named in ``dropped/``, counted, and told."""
        self.log(f"set aside: {error.what} ({error.where})")
        self._damaged.append({"file": error.where, "reason": error.what})

    def drop(self, kind: str, frame: pl.DataFrame, *, shard: int = 0) -> None:
        """Set rows aside in ``dropped/``; each carries its `reason`."""
        if "reason" not in frame.columns or frame["reason"].null_count():
            raise DataError("a dropped row must carry its reason", where=f"{self.out.name}:dropped/{kind}")
        if frame.is_empty():
            return
        self._save(frame, "dropped", kind, shard)
        self._count(kind, frame, rows="dropped_rows", size="dropped_bytes")

    def _save(self, frame: pl.DataFrame, directory: str, kind: str, shard: int) -> None:
        (self.path / directory).mkdir(exist_ok=True)
        frame.write_parquet(self.path / directory / f"{kind}-{shard:05d}.parquet", compression="zstd")

    def _count(self, kind: str, frame: pl.DataFrame, *, rows: str, size: str) -> None:
        by_language = self._counts.setdefault(kind, {})
        needed = {*tables.TEXT_COLUMNS.get(kind, ("text",)), tables.LANGUAGE_COLUMN.get(kind, "language")}
        if not needed <= set(frame.columns):
            # A row that was set aside for being damaged may not have its columns at all.
            frame = pl.DataFrame({"language": ["und_Zyyy"] * frame.height, "text": [""] * frame.height})
            kind = "document"
        for language, count, size_bytes in tables.sizes(kind, frame).iter_rows():
            entry = by_language.setdefault(
                language or "und_Zyyy", {"rows": 0, "bytes": 0, "dropped_rows": 0, "dropped_bytes": 0}
            )
            entry[rows] += count
            entry[size] += size_bytes

    def require_languages(self, languages: Iterable[str]) -> None:
        """Refuse to finish unless each of these languages has rows in the result."""
        self._required = frozenset(languages)

    def number(self, measure: str, value: float | None, **columns: object) -> None:
        """Record one measurement; the columns are those of the numbers schema.

        `step` defaults to this folder's name, text columns to "", `low`, `high` and `count` to null.
        """
        row: dict[str, object] = {
            name: "" for name, dtype in tables.SCHEMAS["numbers"].items() if dtype == pl.String
        }
        row |= {"low": None, "high": None, "count": None, "step": self.out.name}
        if unknown := set(columns) - set(row):
            raise TypeError(f"the numbers schema has no column {', '.join(sorted(unknown))}")
        self._rows.append(row | columns | {"measure": measure, "value": value})

    def numbers(self, frame: pl.DataFrame) -> None:
        """Record many measurements at once, in the schema of numbers."""
        self._numbers.append(tables.check("numbers", frame, where=f"{self.out.name}:numbers"))

    def note(self, **facts: object) -> None:
        """Keep facts about the run in the manifest, under `notes`."""
        self._notes |= facts

    def log(self, text: str) -> None:
        """Write a line to ``log.txt`` and show it on stderr."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")
        progress.say(f"  {text}")

    def progress(self, total: float, unit: str, description: str) -> AbstractContextManager[progress.Bar]:
        """Show a progress bar with an ETA while the block runs."""
        return progress.bar(total, unit, description)

    def finish(self) -> None:
        """Write the manifest last and move the directory to its final name."""
        self._check_languages()
        if self._damaged:
            self.drop("file", pl.DataFrame(self._damaged))
        if self._rows or self._numbers:
            rows = pl.DataFrame(self._rows, schema=dict(tables.SCHEMAS["numbers"]))
            frame = pl.concat([*self._numbers, rows], how="diagonal_relaxed")
            frame.write_parquet(self.path / "numbers.parquet", compression="zstd")
        shutil.rmtree(self.path / "scratch", ignore_errors=True)
        files = sorted(file for file in self.path.rglob("*") if file.is_file() and file.name != ".lock")
        manifest = self.facts | {
            "counts": self._counts,
            "notes": self._notes,
            "files": {
                str(file.relative_to(self.path)): {"bytes": file.stat().st_size, "sha256": sha256(file)}
                for file in files
            },
            "seconds": round(time.monotonic() - self._started_seconds, 3),
            "cpu_seconds": round(time.process_time() - self._started_cpu_seconds, 3),
            "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "machine": {
                "python": platform.python_version(),
                "system": platform.platform(),
                "cores": os.cpu_count(),
            },
        }
        with (self.path / MANIFEST).open("w", encoding="utf-8") as stream:
            json.dump(manifest, stream, ensure_ascii=False, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        (self.path / ".lock").unlink()
        self._take_place()

    def _check_languages(self) -> None:
        have = {
            language
            for by_language in self._counts.values()
            for language, entry in by_language.items()
            if entry["rows"]
        }
        if lost := sorted(self._required - have):
            raise DataError(
                f"{len(lost)} languages went in and did not come out: {', '.join(lost)}",
                where=self.out.name,
                fix="see `panlect show --dropped`, or allow it in the stage's settings",
            )

    def _take_place(self) -> None:
        if not self.out.exists():
            os.rename(self.path, self.out)
            return
        old = self.out.with_name(self.out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(self.out, old)
        os.rename(self.path, self.out)
        shutil.rmtree(old)


@contextmanager
def draft(out: Path, stage: str, version: int, config: Config, inputs: Sequence[Input]) -> Iterator[Draft]:
    """Open a draft of the folder `out`; leaving the block without an error finishes it.

    Args:
        out: the final place.
        stage: the stage's name.
        version: the stage's `VERSION`.
        config: its complete settings.
        inputs: what it reads.

    Raises:
        FolderError: `out` holds something that is not a folder of ours, another process is writing
            it, or the disk is full.
    """
    facts = {
        "format": FORMAT,
        "stage": stage,
        "stage_version": version,
        "panlect": __version__,
        "fingerprint": fingerprint(stage, version, config, [each.fingerprint for each in inputs]),
        "config": config.model_dump(mode="json"),
        "inputs": [
            {"name": each.name, "location": _location(each, out), "fingerprint": each.fingerprint}
            for each in inputs
        ],
    }
    work = Draft(out, facts)
    try:
        with _claim(work) if not ranks.rank() else _follow(work):
            yield work
            if not ranks.rank():
                work.finish()
    except PanlectError:
        raise
    except Exception as error:
        if _is_disk_full(error):
            raise FolderError(
                "the disk is full",
                where=str(work.path),
                fix="free some space and run the same command again; it continues where it was",
            ) from error
        raise


def _location(each: Input, out: Path) -> str:
    """Write a folder's place relative to the result, so that a run directory can be moved as a whole."""
    if isinstance(each, Folder):
        return os.path.relpath(each.path, out.parent)
    return each.location


def _is_disk_full(error: BaseException) -> bool:
    # Rust libraries (polars, safetensors, tokenizers) wrap the operating system's error in their own.
    return getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error)


@contextmanager
def _claim(work: Draft) -> Iterator[None]:
    """Lock the partial directory; wipe it unless it was left by this same computation."""
    if work.out.exists() and not (work.out / MANIFEST).is_file():
        raise FolderError(
            "the output exists and is not a folder made by Panlect",
            where=str(work.out),
            fix="choose another --out, or move it away",
        )
    work.path.mkdir(parents=True, exist_ok=True)
    with (work.path / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderError("another process is writing this folder", where=str(work.out)) from error
        lock.seek(0)
        same = lock.read() == work.facts["fingerprint"]
        _wipe(work.path, keep={".lock", "scratch", "log.txt"} if same else {".lock"})
        if not same:
            lock.seek(0)
            lock.truncate()
            lock.write(work.facts["fingerprint"])
            lock.flush()
        yield


@contextmanager
def _follow(work: Draft) -> Iterator[None]:
    """What a process that does not lead does: share the scratch, write nowhere, wait for the folder."""
    wanted = work.facts["fingerprint"]
    lock = work.path / ".lock"
    ranks.wait_until(lambda: lock.is_file() and lock.read_text(encoding="utf-8") == wanted)
    progress.console.quiet = True
    with tempfile.TemporaryDirectory() as own:
        work.path = Path(own)
        yield
    ranks.wait_until(lambda: Folder.finished(work.out, wanted) is not None)


def _wipe(path: Path, keep: set[str]) -> None:
    for child in path.iterdir():
        if child.name in keep:
            continue
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()
