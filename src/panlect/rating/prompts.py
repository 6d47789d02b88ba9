"""Prompts that a model is asked again: the last answer of a dialogue is what would be right."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from panlect.language import codes_of
from panlect.rating.samples import Row
from panlect.text.keys import share_of


def named(
    frame: pl.DataFrame, *, languages: str | Sequence[str] = (), item_pattern: str = ""
) -> pl.DataFrame:
    """Dialogues with a column `item`, "" for those without one.

    Args:
        frame: dialogues.
        languages: codes or groups of answers; empty for all.
        item_pattern: for ids of dialogues without `item`; its first group is the item's name.
    """
    if wanted := codes_of(languages):
        frame = frame.filter(pl.col("answer_language").is_in(wanted))
    by_id = pl.lit("") if not item_pattern else pl.col("id").str.extract(item_pattern, 1)
    known = pl.col("item").fill_null(by_id) if "item" in frame.columns else by_id
    return frame.with_columns(known.fill_null("").alias("item"))


def choose(frame: pl.DataFrame, *, per_language: int, seed: int) -> list[Row]:
    """Dialogues whose last answer is asked for again; the first by the hash of their item, each prompt once.

    Args:
        frame: dialogues with a column `item`.
        per_language: so many per pair of prompt and answer language.
        seed: of the hash.
    """
    rows = [row for row in frame.unique("id", keep="first", maintain_order=True).to_dicts() if _asks(row)]
    rows.sort(key=lambda row: (share_of(f"{seed}:{row['item'] or row['id']}"), row["id"]))
    kept: list[Row] = []
    seen: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        place = seen.setdefault((row["language"], row["answer_language"]), set())
        asked = "\n".join(turn["content"] for turn in row["messages"][:-1])
        if len(place) < per_language and asked not in place:
            place.add(asked)
            kept.append(row)
    return kept


def _asks(row: Row) -> bool:
    roles = [turn["role"] for turn in row["messages"]]
    return len(roles) > 1 and roles[-2:] == ["user", "assistant"]


def of_pairs(frame: pl.DataFrame) -> pl.DataFrame:
    """Preference pairs as dialogues: the prompt with its chosen answer."""
    return frame.with_columns(
        pl.concat_list("prompt", "chosen").alias("messages"), pl.col("prompt_language").alias("language")
    ).drop("prompt", "chosen", "rejected", "prompt_language", "reason")
