"""The same exchange in several languages: what cross-lingual instructions are made of.

Rows belong together by their column `item` (Bactrian-X's ids, the parent of translated rows), or by the part
of their id that a pattern's group names (the embedded world's ids are ``fact@asked>answered``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from panlect.config import Config
from panlect.dialogue.rows import Row


class Exchanges(NamedTuple):
    """One item: its question and answer in each language that has it, with the rows they are from."""

    item: str
    rows: Mapping[str, Row]

    def question(self, language: str) -> str:
        """The question in a language."""
        return str(self.rows[language]["messages"][-2]["content"])

    def answer(self, language: str) -> str:
        """The answer in a language."""
        return str(self.rows[language]["messages"][-1]["content"])

    def facts(self, asked: str, answered: str, task: str) -> dict[str, str]:
        """What a row made of two languages inherits: both parents, both licences, the answer's origin."""
        both = [self.rows[language] for language in dict.fromkeys((asked, answered))]
        return {
            "origin": both[-1]["origin"],
            "source": both[-1]["source"],
            "licence": " AND ".join(dict.fromkeys(row["licence"] for row in both)),
            "task": task,
            "parent": "+".join(dict.fromkeys(row["id"] for row in both)),
            "item": self.item,
        }


class Parallel(Config):
    """Which rows are the same exchange."""

    item_pattern: str = ""
    """A regular expression over `item`, or the id of rows without one; its first group is the item's name.
    Where it does not match, that is `item` itself."""
    pivot: str = "eng_Latn"
    """The language that is reasoned in, retold in and aligned with."""
    identifier: str = ""
    """The model (`both`, `langid`, a file) that checks the languages of questions and answers before they are
    put together; rows in another language are left out. Empty checks none."""


def by_item(frame: pl.DataFrame, settings: Parallel) -> Iterator[Exchanges]:
    """Items with one question and one answer in one language per row; longer conversations take no part."""
    pattern = re.compile(settings.item_pattern) if settings.item_pattern else None
    items: dict[str, dict[str, Row]] = {}
    for row in frame.iter_rows(named=True):
        item = row.get("item") or ""
        name = _named(pattern, item or row["id"]) or item
        roles = [turn["role"] for turn in row["messages"]]
        if name and row["language"] == row["answer_language"] and roles == ["user", "assistant"]:
            items.setdefault(name, {}).setdefault(row["language"], row)
    for name, rows in items.items():
        yield Exchanges(name, rows)


def _named(pattern: re.Pattern[str] | None, identifier: str) -> str:
    match = pattern.match(identifier) if pattern else None
    return match[1] if match else ""
