"""Text in many languages, aligned where it is: what tokenizers are compared on. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from panlect.errors import DataError, LanguageError
from panlect.folder import External, Folder, Input, tables
from panlect.language import Language, group

Say = Callable[[str], None]


class Aligned(NamedTuple):
    """Sentences per language.

    Attributes:
        reference: the language that others are compared with.
        texts: sentences by language code.
        rows: for languages that are translations of the reference: for each sentence, its place in the
            reference's sentences.
    """

    reference: str
    texts: Mapping[str, list[str]]
    rows: Mapping[str, list[int]]


def read_aligned(inputs: Sequence[Input], reference: str, sentences: int, say: Say) -> Aligned:
    """Read what the inputs hold; names of the CLDR where there are none.

    Raises:
        DataError: an input has no text, or a parallel file has another number of lines than the others.
    """
    if not inputs:
        say("no text given: names of the Unicode CLDR are the parallel text")
        return _from_lines(_names(), reference, sentences)
    parts = [_read(each, reference, sentences, say) for each in inputs]
    return _merged(reference, parts)


def _read(each: Input, reference: str, sentences: int, say: Say) -> Aligned:
    if isinstance(each, External) and any(path.is_dir() for path in each.paths()):
        return _from_lines(_line_files(Path(each.location), say), reference, sentences)
    if isinstance(each, Folder):
        if "pair" in each.kinds:
            return _from_pairs(each.table("pair"), reference, sentences)
        if "document" in each.kinds:
            return _from_documents(each.table("document"), reference, sentences)
        raise DataError(f"'{each.name}' holds neither pairs nor documents", where=str(each.path))
    try:
        return _from_pairs(tables([each], "pair"), reference, sentences)
    except DataError:
        return _from_documents(tables([each], "document"), reference, sentences)


def _from_documents(frame: pl.DataFrame, reference: str, sentences: int) -> Aligned:
    groups = frame.group_by("language", maintain_order=True).agg(pl.col("text").head(sentences))
    texts = {language: [row for row in rows if row.strip()] for language, rows in groups.iter_rows()}
    return Aligned(reference, {language: rows for language, rows in texts.items() if rows}, {})


def _from_pairs(frame: pl.DataFrame, reference: str, sentences: int) -> Aligned:
    """Pairs of which one side is in the reference language."""
    columns = ("source_language", "source_text", "target_language", "target_text")
    place: dict[str, int] = {}
    texts: dict[str, list[str]] = {reference: []}
    rows: dict[str, list[int]] = {}
    for source, source_text, target, target_text in frame.select(columns).iter_rows():
        if reference not in (source, target):
            continue
        language, text, other = (
            (target, target_text, source_text) if source == reference else (source, source_text, target_text)
        )
        mine = texts.setdefault(language, [])
        if language == reference or len(mine) >= sentences or not text.strip() or not other.strip():
            continue
        if other not in place:
            place[other] = len(texts[reference])
            texts[reference].append(other)
        mine.append(text)
        rows.setdefault(language, []).append(place[other])
    if not texts[reference]:
        raise DataError(f"no pair has a side in {reference}", where="pair", fix="choose another reference")
    rows[reference] = list(range(len(texts[reference])))
    return Aligned(reference, {language: found for language, found in texts.items() if found}, rows)


def _from_lines(lines: Mapping[str, list[str]], reference: str, sentences: int) -> Aligned:
    """Files of which line i is the same sentence in every language; empty lines are left out in both."""
    if reference not in lines:
        texts = {
            language: [row for row in rows if row.strip()][:sentences] for language, rows in lines.items()
        }
        return Aligned(reference, {language: rows for language, rows in texts.items() if rows}, {})
    length = len(lines[reference])
    if wrong := sorted(language for language, rows in lines.items() if len(rows) != length):
        raise DataError(
            f"{len(wrong)} files have another number of lines than {reference}: {', '.join(wrong[:10])}",
            where=wrong[0],
            expected=f"{length} lines, each the translation of the same line",
        )
    chosen = [n for n in range(length) if lines[reference][n].strip()][:sentences]
    place = {line: row for row, line in enumerate(chosen)}
    texts, rows = {}, {}
    for language, found in lines.items():
        mine = [line for line in chosen if found[line].strip()]
        if mine:
            texts[language] = [found[line] for line in mine]
            rows[language] = [place[line] for line in mine]
    return Aligned(reference, texts, rows)


def _line_files(directory: Path, say: Say) -> dict[str, list[str]]:
    """One file per language: the first part of its name, from the right, that is a known code."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for path in directory.iterdir() if path.is_file()):
        language = _language_of(file.name)
        if language is None or language in found:
            reason = "its name holds no language code" if language is None else f"a second file of {language}"
            say(f"{file.name} is left out: {reason}")
            continue
        text = file.read_bytes().decode("utf-8-sig")
        lines = text.split("\n")
        found[language] = [line.strip("\r\ufeff") for line in (lines[:-1] if lines[-1] == "" else lines)]
    if not found:
        raise DataError(
            "no file is named after a language", where=str(directory), expected="such as swh_Latn.dev"
        )
    return found


def _language_of(name: str) -> str | None:
    for part in reversed(name.split(".")):
        if part in ("txt", "tsv", "dev", "test", "devtest", "spm", "raw", "gz"):
            continue
        try:
            return Language.parse(part).code
        except LanguageError:
            continue
    return None


def _names() -> dict[str, list[str]]:
    """Names of the same things in the languages of the CLDR; an empty line where a language has no name."""
    from panlect.world import cldr

    languages = {language.code: cldr.names(language.cldr_locale) for language in group("cldr-100")}
    concepts = sorted(set(_concepts(languages.values())))
    return {code: [names.get(concept, "") for concept in concepts] for code, names in languages.items()}


def _concepts(names: Iterable[Mapping[str, str]]) -> Iterable[str]:
    for each in names:
        yield from each


def _merged(reference: str, parts: Sequence[Aligned]) -> Aligned:
    """Inputs one after the other; places in the reference shift with it."""
    texts: dict[str, list[str]] = {}
    rows: dict[str, list[int]] = {}
    parallel = [set(part.rows) for part in parts if part.rows]
    for part in parts:
        offset = len(texts.get(reference, []))
        for language, places in part.rows.items():
            rows.setdefault(language, []).extend(place + offset for place in places)
        for language, found in part.texts.items():
            texts.setdefault(language, []).extend(found)
    # A language that is parallel in one input and alone in another has no common count: keep what is aligned.
    mixed = {language for language in rows if len(rows[language]) != len(texts[language])}
    if mixed and parallel:
        texts |= {language: _only_aligned(language, parts) for language in mixed}
    return Aligned(reference, texts, rows)


def _only_aligned(language: str, parts: Sequence[Aligned]) -> list[str]:
    return [text for part in parts if language in part.rows for text in part.texts[language]]
