"""Worked examples before a question: chosen once per language, the same for every question of it.

A benchmark with files of its own for examples lends those; of the others a few items are held out, the same
in every language, and with them all questions about the same passages. The form is that of
lm-evaluation-harness: prompt, a space, answer; an empty line; the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from panlect.benchmarks.benchmark import Ask, Row
from panlect.benchmarks.questions import item_hash

Shots = Mapping[tuple[str, str, str], Sequence[Row]]
"""Examples by benchmark, group and language."""

BETWEEN = "\n\n"


def choose(rows: Sequence[Row], lent: Sequence[Row], count: int, seed: int) -> tuple[list[Row], Shots]:
    """The rows that remain to be asked, and `count` examples for each benchmark, group and language of them.

    Args:
        rows: what is to be asked.
        lent: rows of the benchmarks' own files for examples; their groups do not matter.
        count: how many.
        seed: of the choice.
    """
    lenders = {row["benchmark"] for row in lent}
    shots: dict[tuple[str, str, str], list[Row]] = {}
    own: dict[tuple[str, str], list[Row]] = {}
    for row in _by_hash(lent, seed):
        own.setdefault((row["benchmark"], row["language"]), []).append(row)
    held_out = _held_out([row for row in rows if row["benchmark"] not in lenders], count, seed)
    kept: list[Row] = []
    for row in rows:
        key = (row["benchmark"], row["group"], row["language"])
        if row["benchmark"] in lenders:
            shots[key] = own.get((row["benchmark"], row["language"]), [])[:count]
        elif row["item"] in held_out[key[:2]]:
            shots.setdefault(key, []).append(row)
            continue
        kept.append(row)
    passages = {key: {row.get("passage") for row in found} - {None} for key, found in shots.items()}
    kept = [
        row
        for row in kept
        if row.get("passage") not in passages.get((row["benchmark"], row["group"], row["language"]), ())
    ]
    return kept, {key: list(_by_hash(found, seed)) for key, found in shots.items()}


def _by_hash(rows: Sequence[Row], seed: int) -> list[Row]:
    return sorted(rows, key=lambda row: (item_hash(row["item"], seed), row["id"]))


def _held_out(rows: Sequence[Row], count: int, seed: int) -> dict[tuple[str, str], set[str]]:
    """Items by benchmark and group: those in most languages, the last ones that a sample would take."""
    languages: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        of_group = languages.setdefault((row["benchmark"], row["group"]), {})
        of_group[row["item"]] = of_group.get(row["item"], 0) + 1
    return {
        key: set(sorted(found, key=lambda item: (found[item], item_hash(item, seed)))[-count:])
        for key, found in languages.items()
    }


def shown(shots: Sequence[Row], asked: Callable[[Row], Ask | None]) -> list[str]:
    """The examples as texts; `asked` makes the prompt of one."""
    return [text for row in shots if (made := asked(row)) is not None and (text := _worked(made, row))]


def preceded(ask: Ask, examples: Sequence[str]) -> Ask:
    """A question with its examples before it."""
    before = "".join(text + BETWEEN for text in examples)
    contexts = tuple(before + context for context in ask.contexts)
    return replace(ask, context=before + ask.context if not ask.contexts else ask.context, contexts=contexts)


def _worked(ask: Ask, row: Row) -> str:
    """The example's text; nothing if it has no answer to show."""
    if ask.form == "choose":
        context, choice = ask.pairs()[row["gold"]]
        return context + choice
    space = "" if not ask.context or ask.context[-1].isspace() else " "
    answer = row["answer"] if ask.worked is None else ask.worked
    return f"{ask.context}{space}{answer}" if answer else ""
