"""The rows that all makers give: a dialogue, what it is for, where it is from, and what it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from panlect.tables import SCHEMAS, Kind
from panlect.text.keys import content_id, share_of

Row = dict[str, Any]
Messages = list[dict[str, str]]
Origin = Literal["human", "translated", "benchmark", "generated", "constructed", "unknown"]
"""Who wrote the answers: people, a translation system, the makers of a benchmark, a model, or a program that
fills names into a pattern."""

SCHEMA: dict[str, Kind] = {**SCHEMAS["dialogue"], "task": pl.String, "parent": pl.String}
"""`task` says what is asked for; `parent` is the id of the row that this one was made of."""


class Made(NamedTuple):
    """What a maker gives: dialogues, and rows that it had to leave out, each with its `reason`."""

    rows: list[Row]
    left_out: list[Row]


def row(messages: Sequence[tuple[str, str]], languages: tuple[str, str], **facts: str) -> Row:
    """Build one dialogue.

    Args:
        messages: (role, content) of every turn.
        languages: of the prompt and of the answer.
        facts: origin, source, licence, task, parent. The id is a hash of task, languages and messages.
    """
    turns = [{"role": role, "content": content} for role, content in messages]
    parts = [facts.get("task", ""), *languages, *(part for message in messages for part in message)]
    return {
        "id": content_id(*parts),
        "messages": turns,
        "language": languages[0],
        "answer_language": languages[1],
        **facts,
    }


def exchange(question: str, answer: str) -> list[tuple[str, str]]:
    """One question and its answer."""
    return [("user", question), ("assistant", answer)]


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a table; columns beyond the schema hold text, or null where a row has none."""
    return _table(rows)


def left_out(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows that were left out, as a table with their `reason`."""
    return _table(rows, reason=pl.String)


def _table(rows: Iterable[Row], **further: Kind) -> pl.DataFrame:
    rows = list(rows)
    extra = {name: pl.String() for each in rows for name in each if name not in SCHEMA}
    return pl.DataFrame(rows, schema={**SCHEMA, **extra, **further})


def choose(options: Sequence[Any], key: str) -> Any:
    """Choose one by hash: always the same one for a key, and all equally often over many keys."""
    return options[int(share_of(key) * len(options))]
