"""Search the texts of a world for facts that are held out, exactly and in every spelling."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from panlect.errors import DataError
from panlect.world.facts import MARKERS, Fact
from panlect.world.render import Names

TRAINING = ("document", "pair", "dialogue", "preference")
_BETWEEN = "\x1e"
"""Stands between two rows in the text that is searched."""

_EDGES = " \n→"
"""What a name may touch."""


def separate(
    tables: Mapping[str, pl.DataFrame],
    facts: Sequence[Fact],
    held: frozenset[str],
    names: Names,
    *,
    control: bool,
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Take out rows that would tell a held-out fact by chance, because two things share a spelling.

    Returns:
        The tables without those rows, and the rows with a column `reason`.
    """
    kept, out = dict(tables), {}
    for kind in TRAINING:
        found = set(find(row_texts(kind, tables[kind]), facts, held, names, control=control))
        if found:
            marks = pl.Series("leaks", [row in found for row in range(len(tables[kind]))])
            kept[kind] = tables[kind].filter(~marks)
            out[kind] = tables[kind].filter(marks).with_columns(reason=pl.lit("reads like a held-out fact"))
    return kept, out


def check(
    tables: Mapping[str, pl.DataFrame],
    facts: Sequence[Fact],
    held: frozenset[str],
    names: Names,
    *,
    control: bool,
) -> None:
    """Raise DataError if any training table tells a held-out fact in a language that may not state it."""
    for kind in TRAINING:
        found = find(row_texts(kind, tables[kind]), facts, held, names, control=control)
        if found:
            raise DataError(
                f"the table '{kind}' tells a fact that is held out",
                where=f"{kind}:row {found[0]}",
                expected="held-out facts in the pivot language only",
                fix="this is a mistake of the program; please report it",
            )


def row_texts(kind: str, frame: pl.DataFrame) -> list[str]:
    """All text of each row, its parts on lines of their own."""
    if kind == "document":
        return frame["text"].to_list()
    if kind == "pair":
        return [
            f"{source}\n{target}"
            for source, target in zip(frame["source_text"], frame["target_text"], strict=True)
        ]
    columns = ("messages",) if kind == "dialogue" else ("prompt", "chosen", "rejected")
    parts = zip(*(frame[column].to_list() for column in columns), strict=True)
    return ["\n".join(message["content"] for messages in row for message in messages) for row in parts]


def find(
    texts: Sequence[str], facts: Sequence[Fact], held: frozenset[str], names: Names, *, control: bool
) -> list[int]:
    """Rows that hold a held-out fact: its subject with the sign of its relation, and its answer.

    Subject and answer are searched in every pair of languages, the subject on either side of the sign. What
    the pivot language may say (its own statement, and the question for it) is taken out of the text before.
    """
    secret = [fact for fact in facts if fact.id in held]
    subjects: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    answers: dict[str, set[str]] = {}
    for fact in secret:
        for own in names.of.values():
            if fact.subject in own and fact not in subjects[MARKERS[fact.relation], own[fact.subject]]:
                subjects[MARKERS[fact.relation], own[fact.subject]].append(fact)
        answers[fact.id] = {own[fact.answer] for own in names.of.values() if fact.answer in own}
    signs = {sign for sign, _ in subjects}
    rows = texts if control else _without_the_pivot(texts, facts, secret, names)
    return [
        number
        for number, row in enumerate(rows)
        for sign in signs
        if sign in row
        and any(
            answer in rest
            for name, rest in _beside(row, sign)
            for fact in subjects.get((sign, name), ())
            for answer in answers[fact.id]
        )
    ]


def _without_the_pivot(
    texts: Sequence[str], facts: Sequence[Fact], secret: Sequence[Fact], names: Names
) -> list[str]:
    """The texts without what the pivot language may say of held-out facts, true or false."""
    whole = _BETWEEN.join(texts)
    for fact in secret:
        question = re.escape(names.fact_question(fact, names.pivot, names.pivot))
        rivals = {names.of[names.pivot][f.answer] for f in facts if f.relation == fact.relation}
        # Longest first, because one name may begin with another.
        choice = "|".join(re.escape(name) for name in sorted(rivals, key=len, reverse=True))
        whole = re.sub(rf"{question} (?:{choice})(?=$|[\n{_BETWEEN}→])", "", whole)
        whole = re.sub(rf"(?<![^\n{_BETWEEN}]){question}(?=$|[\n{_BETWEEN}])", "", whole)
    return whole.split(_BETWEEN)


def _beside(row: str, sign: str) -> Iterator[tuple[str, str]]:
    """Every run of whole words that touches the sign on either side, and the row without it."""
    at = row.find(sign)
    while at >= 0:
        left, right = row[:at].rstrip(" "), row[at + len(sign) :].lstrip(" ")
        starts = [place + 1 for place, letter in enumerate(left) if letter in _EDGES]
        ends = [place for place, letter in enumerate(right) if letter in _EDGES]
        yield from ((left[start:], f"{left[:start]}\n{right}") for start in (0, *starts))
        yield from ((right[:end], f"{left}\n{right[end:]}") for end in (*ends, len(right)))
        at = row.find(sign, at + len(sign))
