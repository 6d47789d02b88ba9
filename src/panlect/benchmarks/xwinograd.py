"""XWinograd (Tikhonov and Ryabinin 2021): whom does a pronoun mean? Six languages, two possible readings.

Reads the original TSV (tokens, pronoun and candidates as JSON) and the Hub's `sentence` with `_`, `option1`,
`option2`, `answer`. The two readings differ before a shared continuation, so the sentence's end is scored
after each of them. Languages differ in size 28-fold: micro and macro means are far apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Ask, Benchmark, Reading, Row
from panlect.benchmarks.files import BAD, Rows, canonical, files_by_language, part_in, records

LANGUAGES = ("en", "fr", "jp", "pt", "ru", "zh")
COLUMNS = ("language", "type", "source", "sentence", "tokens", "pronoun", "candidates")


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All rows of either format."""
    rows = Rows("xwinograd")
    original = path if path.is_file() else path / "dataset.tsv"
    if original.is_file() and original.suffix == ".tsv":
        for place, record in records(original, COLUMNS):
            language = canonical(record.get("language", ""))
            if not languages or language in languages or not language:
                _add_original(rows, place, language, record)
        return rows.reading
    for language, file in files_by_language(path, languages, lambda each: part_in(each, LANGUAGES)):
        for place, record in rows.each(language, file, ("sentence", "option1", "option2", "answer")):
            if str(record["answer"]) not in ("1", "2") or record["sentence"].count("_") != 1:
                rows.drop(place, language, "answer or gap missing", record)
                continue
            before, after = record["sentence"].split("_")
            _add(rows, place, language, (before, after), [record["option1"], record["option2"]],
                 int(record["answer"]) - 1)  # fmt: skip
    return rows.reading


def _add_original(rows: Rows, place: str, language: str, record: dict[str, Any]) -> None:
    if BAD in record or not language:
        rows.drop(place, language or "und_Zyyy", record.get(BAD, "unknown language"), record)
        return
    try:
        tokens, pronoun = json.loads(record["tokens"]), json.loads(record["pronoun"])
        candidates = json.loads(record["candidates"])
        gold = [bool(each[3]) for each in candidates].index(True)
        start, end = _span(record["sentence"], tokens, pronoun)
    except (ValueError, IndexError, TypeError) as error:
        rows.drop(place, language, f"the pronoun or candidates cannot be found ({error})", record)
        return
    parts = record["sentence"][:start], record["sentence"][end:]
    _add(rows, place, language, parts, [each[0] for each in candidates], gold)


def _span(sentence: str, tokens: Sequence[str], pronoun: Sequence[Any]) -> tuple[int, int]:
    """Where the pronoun stands: by its tokens, or, where these do not spell the sentence, by its text."""
    first, last = pronoun[1]
    places, cursor = [], 0
    for token in tokens:
        start = sentence.find(token, cursor)
        if start < 0:
            break
        cursor = start + len(token)
        places.append((start, cursor))
    if len(places) >= last:
        return places[first][0], places[last - 1][1]
    found = list(re.finditer(rf"(?<!\w){re.escape(pronoun[0])}(?!\w)", sentence))
    if len(found) != 1:
        raise ValueError(f"'{pronoun[0]}' occurs {len(found)} times")
    return found[0].span()


def _add(
    rows: Rows, place: str, language: str, parts: tuple[str, str], choices: list[str], gold: int
) -> None:
    rows.add(place, language, choices=choices, gold=gold, before=parts[0], after=parts[1])


def ask(row: Row) -> Ask:
    """As in lm-evaluation-harness: a space before the sentence's end, whatever stood there."""
    end = f" {row['after'].strip()}"
    contexts = tuple(f"{row['before']}{each}" for each in row["choices"])
    return Ask("choose", "", choices=(end,) * len(contexts), contexts=contexts)


def ask_corrected(row: Row) -> Ask:
    """The sentence's end exactly as it is written."""
    contexts = tuple(f"{row['before']}{each}" for each in row["choices"])
    return Ask("choose", "", choices=(row["after"].rstrip(),) * len(contexts), contexts=contexts)


XWINOGRAD = Benchmark(
    name="xwinograd",
    measure="accuracy",
    ask=ask,
    judge=choice.judge,
    languages=LANGUAGES,
    source="Muennighoff/xwinograd",
    provenance="mixed",
    licence="CC-BY-4.0 (Hub copy); Apache-2.0 (original repository)",
    chance=0.5,
    read=read,
    variants={"corrected": ask_corrected},
    inputs=("before", "after"),
)
