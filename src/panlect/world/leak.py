"""Search the texts of a world for facts that are held out, exactly and in every spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from panlect.errors import DataError
from panlect.world.facts import MARKERS, Fact
from panlect.world.render import Names

TRAINING = ("document", "pair", "dialogue", "preference")
_BETWEEN = "\x1e"
"""Stands between two rows in the text that is searched."""


def separate(
    tables: Mapping[str, pl.DataFrame],
    facts: Sequence[Fact],
    held: frozenset[str],
    names: Names,
    *,
    control: bool,
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Take out rows that would tell a held-out fact by chance, because two things share a spelling in two languages.

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
                f"the table '{kind}' tells a fact that is held out", where=f"{kind}:row {found[0]}",
                expected="held-out facts in the pivot language only", fix="report this as a mistake of the program",
            )  # fmt: skip


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
    """Rows that hold, for a held-out fact, its subject with the relation's sign and its answer, in any languages.

    Subject and answer are searched in either order and in every pair of languages. What the pivot language may say
    (its own statement, and the question for it) is taken out of the text before.
    """
    whole = _BETWEEN.join(texts)
    secret = [fact for fact in facts if fact.id in held]
    if not control:
        for fact in secret:
            whole = whole.replace(names.statement(fact, names.pivot), "")
            whole = whole.replace(names.fact_question(fact, names.pivot, names.pivot), "")
    starts = _row_starts(whole)
    hits: set[int] = set()
    for fact in secret:
        answers = {own[fact.answer] for own in names.of.values() if fact.answer in own}
        for key in _keys(fact, names):
            hits.update(
                row for row, rest in _occurrences(whole, starts, key) if any(a in rest for a in answers)
            )
    return sorted(hits)


def _keys(fact: Fact, names: Names) -> set[str]:
    """The subject next to the sign of the relation, before or behind it, in every language's spelling."""
    subjects = {own[fact.subject] for own in names.of.values() if fact.subject in own}
    sign = MARKERS[fact.relation]
    return {f"{subject} {sign}" for subject in subjects} | {f"{sign} {subject}" for subject in subjects}


def _row_starts(whole: str) -> list[int]:
    starts = [0]
    while (end := whole.find(_BETWEEN, starts[-1])) >= 0:
        starts.append(end + 1)
    return starts


def _occurrences(whole: str, starts: Sequence[int], key: str) -> Iterable[tuple[int, str]]:
    """Row number, and the row's text with the key taken out, for each row that holds the key as whole names."""
    from bisect import bisect_right

    at = whole.find(key)
    while at >= 0:
        row = bisect_right(starts, at) - 1
        end = starts[row + 1] - 1 if row + 1 < len(starts) else len(whole)
        before = whole[starts[row] : at]
        behind = whole[at + len(key) : end]
        if (not before or before.endswith((": ", "\n", " "))) and (not behind or behind[0] in " \n"):
            yield row, before + "\n" + behind
        at = whole.find(key, at + 1)
