"""Sheets for native speakers, and what they sent back.

A sheet has one line per message: the original, its translation, what the checks said, and room for a
verdict and a correction. Filled in and read again, a person's verdict counts for more than any check: `good`
keeps a dialogue (also one that the checks had left out), a correction replaces the translation, and `bad`
without a correction leaves the dialogue out.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from panlect.dialogue.checks import Checked
from panlect.dialogue.rows import Made, Row, row
from panlect.errors import DataError
from panlect.language import Language
from panlect.text.keys import share_of

VERDICT = "verdict (good, bad)"
COLUMNS = ("id", "language", "turn", "translation", VERDICT, "correction")
RISKY = ("=", "+", "-", "@", "\t")
"""A cell that begins so is a formula to spreadsheets; an apostrophe in front makes it text."""


Translated = tuple[Row, Sequence[Checked]]
"""A dialogue, and the translations of its messages."""


class Verdict(NamedTuple):
    """What a person said about one message."""

    good: bool
    correction: str
    place: str


Verdicts = Mapping[tuple[str, str], Mapping[int, Verdict]]
"""From a parent's id and a language to the verdicts on its messages, by their number from 1."""


def sheet(
    pairs: Sequence[tuple[Row, Sequence[Checked]]], language: str, count: int, key: str
) -> pl.DataFrame:
    """One line per message of so many dialogues: half those that came back worst, half drawn by hash."""
    by_hash = sorted(pairs, key=lambda pair: share_of(f"{key}:{pair[0]['id']}"))
    scored = [pair for pair in by_hash if any(one.score is not None for one in pair[1])]
    worst = sorted(scored, key=lambda pair: min(one.score for one in pair[1] if one.score is not None))
    chosen: dict[str, Translated] = {}
    for pair in [*worst[: count // 2], *by_hash]:
        if len(chosen) < count:
            chosen.setdefault(pair[0]["id"], pair)
    lines: list[dict[str, Any]] = [
        {
            "id": each["id"],
            "language": language,
            "turn": number,
            "role": turn["role"],
            "original": _harmless(turn["content"]),
            "translation": _harmless(one.text),
            "back_translation": _harmless(one.back),
            "chrf": one.score,
            "rejected_because": one.reason,
            VERDICT: "",
            "correction": "",
        }
        for each, part in chosen.values()
        for number, (turn, one) in enumerate(zip(each["messages"], part, strict=True), 1)
    ]
    schema = {"chrf": pl.Float64, "turn": pl.Int64}
    return pl.DataFrame(lines, schema_overrides=schema) if lines else pl.DataFrame()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(RISKY) else text


def _typed(cell: str) -> str:
    """What a person typed: without the apostrophe that keeps a cell from being a formula."""
    text = cell.replace("\r\n", "\n").strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(RISKY) else text


def read_sheets(paths: Sequence[Path]) -> Verdicts:
    """Read filled-in sheets; commas, semicolons or tabs between cells, as spreadsheets write them.

    Raises:
        DataError: a column is missing, a cell is not what it should be, or two sheets disagree.
    """
    found: dict[tuple[str, str], dict[int, Verdict]] = {}
    mistakes: list[str] = []
    for path in paths:
        for place, line in _lines(path):
            told = _verdict(line, place)
            if isinstance(told, str):
                mistakes.append(told)
            elif told:
                verdicts = found.setdefault((line["id"], Language.parse(line["language"]).code), {})
                first = verdicts.setdefault(int(line["turn"]), told)
                if first[:2] != told[:2]:
                    mistakes.append(f"{place}: says otherwise than {first.place}")
    if mistakes:
        shown = "\n  ".join(mistakes[:10])
        raise DataError(f"{len(mistakes)} lines cannot be read\n  {shown}", where=mistakes[0].split(": ")[0])
    return found


def _lines(path: Path) -> list[tuple[str, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        fix = "save the sheet as CSV in UTF-8"
        raise DataError("the sheet is not in UTF-8", where=path.name, fix=fix) from error
    start = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=start.count)
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        expected = f"the columns that the sheet came with: {', '.join(COLUMNS)}"
        raise DataError(f"no column {', '.join(missing)}", where=path.name, expected=expected)
    return [(f"{path.name}:{reader.line_num}", {k: v or "" for k, v in line.items() if k}) for line in reader]


def _verdict(line: Mapping[str, str], place: str) -> Verdict | str | None:
    """The verdict of a line; None where there is none, or a sentence on what is wrong with it."""
    said, correction = line[VERDICT].strip().casefold(), _typed(line["correction"])
    if said not in ("", "good", "bad"):
        return f"{place}: the verdict is '{line[VERDICT]}', expected good, bad or nothing"
    if not line["turn"].strip().isdigit():
        return f"{place}: the turn is '{line['turn']}', expected the number that the sheet came with"
    if correction and correction == _typed(line["translation"]):
        correction = ""
    if said == "good" and correction:
        return f"{place}: the verdict is good and there is a correction; keep one of the two"
    return Verdict(said == "good", correction, place) if said or correction else None


def reviewed(dialogues: pl.DataFrame, left_out: pl.DataFrame, verdicts: Verdicts) -> Made:
    """Apply what people said.

    Args:
        dialogues: translated ones; `parent` and `language` say which line of a sheet speaks of them.
        left_out: those that the checks had left out, with their `reason`.
        verdicts: from `read_sheets`.

    Raises:
        DataError: a sheet speaks of a dialogue that is not there.
    """
    made = Made([], [])
    unused = dict(verdicts)
    for each in dialogues.iter_rows(named=True):
        told = unused.pop((each["parent"], each["language"]), {})
        _apply(each, told, made)
    for each in left_out.iter_rows(named=True):
        told = unused.pop((each.get("parent") or "", each["language"]), {})
        if told and len(told) == len(each["messages"]):  # every message was read, so it can be believed
            _apply(each, told, made)
        else:
            made.left_out.append(each)
    if unused:
        (parent, language), told = next(iter(unused.items()))
        raise DataError(
            f"the sheets speak of {len(unused)} dialogues that are not there, such as {parent} in {language}",
            where=next(iter(told.values())).place,
            fix="give the folder that the sheets came from",
        )
    return made


def _apply(each: Row, told: Mapping[int, Verdict], made: Made) -> None:
    """Keep a dialogue as it is, keep it corrected, or leave it out."""
    checked = each.get("reason") or ""
    facts = {name: value for name, value in each.items() if name not in ("id", "messages", "reason", "kind")}
    if any(not one.good and not one.correction for one in told.values()):
        made.left_out.append({**each, "reason": "reviewer_bad", "checked": checked})
        return
    languages = facts.pop("language"), facts.pop("answer_language")
    corrected = {number: one.correction for number, one in told.items() if one.correction}
    turns = [
        (turn["role"], corrected.get(number, turn["content"]))
        for number, turn in enumerate(each["messages"], 1)
    ]
    said = ("", "partly_read", "accepted")[bool(told) + (len(told) == len(turns))]
    facts |= {"review": "edited" if corrected else said, "checked": checked}
    made.rows.append(row(turns, languages, **facts))


def summary(made: Made) -> dict[str, dict[str, int]]:
    """Per language, how many were accepted, edited, bad or not read, and where people and checks disagree."""
    counts: dict[str, Counter[str]] = {}
    for each in made.rows:
        own = counts.setdefault(each["language"], Counter())
        own[each["review"] or "not_read"] += 1
        own["rescued"] += bool(each["checked"])
    for each in made.left_out:
        own = counts.setdefault(each["language"], Counter())
        bad = each["reason"] == "reviewer_bad"
        own["bad" if bad else "left_out_by_checks"] += 1
        own["missed_by_checks"] += bad and not each["checked"]
    return {language: dict(sorted(own.items())) for language, own in sorted(counts.items())}
