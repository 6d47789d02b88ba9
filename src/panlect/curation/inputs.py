"""From what the user named to tasks: files in order, cut into blocks, gathered into pieces of work."""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from panlect.curation import hub
from panlect.curation.settings import FileRule
from panlect.errors import DataError, FolderError
from panlect.folder import Folder, Input
from panlect.read import Block, Limits, Rule, blocks

SKIPPED_NAMES = ("readme", "licence", "license", "rows.txt", "labels.txt")
"""Files beside a corpus that are not part of it (lower case beginnings)."""


class File(NamedTuple):
    """One input file and how to read it."""

    path: str
    name: str
    rule: Rule


class Task(NamedTuple):
    """A piece of work: some blocks, in order."""

    number: int
    blocks: tuple[Block, ...]
    read_bytes: int
    """The size of the files that were finished before or with it, since the task before."""


def files(inputs: Sequence[Input], rules: Sequence[FileRule]) -> list[File]:
    """List every input file in a fixed order, with the rule that its path matches.

    Raises:
        FolderError: an input has no files.
        DataError: the other side of a Moses pair is missing.
    """
    found: list[File] = []
    for each in inputs:
        listed = _listed(each)
        if not listed:
            raise FolderError("the input has no files to read", where=each.name, expected="text files")
        for path, name in listed:
            rule = _rule_for(path, name, rules)
            if rule is not None:
                found.append(File(str(path), name, rule))
    others = {file.rule.other_side for file in found}
    return [file for file in found if file.path not in others]


def _listed(each: Input) -> list[tuple[Path, str]]:
    if isinstance(each, Folder):
        return _folder_files(each)
    if each.location.startswith(hub.SCHEME):
        return hub.fetch(each.location)
    return _external_files(each.paths())


def _folder_files(folder: Folder) -> list[tuple[Path, str]]:
    paths = [*folder.files("document"), *folder.files("pair")]
    return [(path, f"{folder.name}/{path.name}") for path in paths]


def _external_files(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    listed: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_file():
            listed.append((path, path.name))
            continue
        inside = [file for file in path.rglob("*") if file.is_file() and _is_corpus_file(file, path)]
        listed += [(file, str(file.relative_to(path.parent))) for file in inside]
    listed.sort(key=lambda pair: (pair[1], str(pair[0])))
    if len({name for _, name in listed}) < len(listed):  # the same file name in several directories
        listed = [(path, str(Path(*path.parts[-3:]))) for path, _ in listed]
    return listed


def _is_corpus_file(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and not file.name.lower().startswith(SKIPPED_NAMES)


def _rule_for(path: Path, name: str, rules: Sequence[FileRule]) -> Rule | None:
    for each in rules:
        if not (fnmatch.fnmatch(str(path), each.files) or fnmatch.fnmatch(name, each.files)):
            continue
        if each.layout == "skip":
            return None
        rule = each.rule()
        return _with_other_side(path, each, rule) if each.other_side else rule
    return Rule()


def _with_other_side(path: Path, each: FileRule, rule: Rule) -> Rule:
    other = path.with_name(path.name.replace(_language_ending(path), "." + each.other_side.lstrip(".")))
    if not other.is_file() or other == path:
        raise DataError(
            "the other side of the pair is missing",
            where=str(path),
            expected=str(other),
            fix="set other_side to the ending of the translation's file name",
        )
    return replace(
        rule, layout="text", other_side=str(other), language_column=each.other_language or each.other_side
    )


def _language_ending(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix not in (".gz", ".bz2", ".xz", ".zst")]
    return suffixes[-1] if suffixes else ""


def tasks(listed: Sequence[File], limits: Limits) -> Iterator[Task]:
    """Gather blocks into tasks: many small files become one, one big file becomes many.

    Where the cuts are depends on the limits only, never on the number of workers.
    """
    number, gathered, weight_bytes, read_bytes = 0, [], 0, 0
    for file in listed:
        for block in blocks(file.path, file.name, file.rule, limits):
            gathered.append(block)
            weight_bytes += max(block.weight_bytes, limits.block_bytes // 64)
            if block.payload is None or weight_bytes >= limits.block_bytes:
                yield Task(number, tuple(gathered), read_bytes)
                number, gathered, weight_bytes, read_bytes = number + 1, [], 0, 0
        read_bytes += Path(file.path).stat().st_size
    yield Task(number, tuple(gathered), read_bytes)
