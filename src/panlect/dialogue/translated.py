"""Translated instructions: dialogues of one language in many others, checked, with sheets for speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.checks import Among, Checked, Checks, check_all
from panlect.dialogue.review import sheet
from panlect.dialogue.rows import Made, Row, row
from panlect.dialogue.translator import Translator, translate_texts
from panlect.endpoint import EndpointConfig
from panlect.text.keys import share_of


class TranslatorConfig(Config):
    """Who translates."""

    kind: Literal["pairs", "seq2seq", "chat", "web", "stub"] = "pairs"
    """`pairs`: looked up in the pairs of the inputs; `seq2seq`: a model such as NLLB on this machine; `chat`:
    any chat model behind `endpoint`; `web`: a LibreTranslate server behind it; `stub`: marks the text."""
    model: str = ""
    """Directory or hub id of the `seq2seq` model."""
    endpoint: EndpointConfig | None = None
    """The server of `chat` and `web`."""
    longest_characters: int = Field(default=1000, ge=20)
    """Longer lines are translated sentence by sentence."""


class Translated(Config):
    """How dialogues become translated dialogues."""

    source_language: str = "eng_Latn"
    """The language of the dialogues that are translated."""
    targets: str | tuple[str, ...] = ()
    """Into which languages or groups; empty: the recipe's `languages` without the source language."""
    rows_per_language: int = Field(default=0, ge=0)
    """How many dialogues each language gets; 0 takes all. Every language gets another choice."""
    same_rows: bool = False
    """Whether all languages get the same dialogues instead, so that rows stay parallel."""
    translator: TranslatorConfig = TranslatorConfig()
    """Who translates."""
    checks: Checks = Checks()
    """What a translation has to pass."""
    identifier: str = ""
    """The model that checks the languages (`both`, `langid`, a file); empty checks none."""
    review_rows: int = Field(default=40, ge=0)
    """How many rows of each language go to the sheet for native speakers: half of them those that came back
    worst, half drawn by hash."""


class Services(NamedTuple):
    """What a maker may ask: a translator, an identifier with the languages that it knows."""

    translator: Translator
    identify: Among | None = None
    known: frozenset[str] = frozenset()
    done: Callable[[int], object] = lambda _: None


class Sheets(NamedTuple):
    """What was made, and a sheet per language for native speakers."""

    made: Made
    sheets: Mapping[str, pl.DataFrame]


def translated(
    frame: pl.DataFrame, targets: Sequence[str], settings: Translated, services: Services, *, seed: int
) -> Sheets:
    """Translate every message of dialogues into each target language.

    Args:
        frame: dialogues; only those within `source_language` are taken.
        targets: canonical codes.
        settings: how many, and what they have to pass.
        services: who translates and checks.
        seed: of the choice of rows.
    """
    source = settings.source_language
    sides = pl.all_horizontal(pl.col("language", "answer_language") == source)
    rows = frame.filter(sides).to_dicts()
    made, sheets = Made([], []), {}
    for target in targets:
        chosen = _chosen(rows, target, settings, seed)
        texts = [turn["content"] for each in chosen for turn in each["messages"]]
        checked = _checked(texts, (source, target), settings, services)
        ends = accumulate((len(each["messages"]) for each in chosen), initial=0)
        parts = [checked[start:end] for start, end in pairwise(ends)]
        pairs = list(zip(chosen, parts, strict=True))
        for each, part in pairs:
            _take(each, part, target, services.translator.name, made)
        if settings.review_rows:
            sheets[target] = sheet(pairs, target, settings.review_rows, f"{seed}:{target}")
    return Sheets(made, sheets)


def _chosen(rows: Sequence[Row], target: str, settings: Translated, seed: int) -> list[Row]:
    if not settings.rows_per_language:
        return list(rows)
    key = "" if settings.same_rows else target
    return sorted(rows, key=lambda each: share_of(f"{seed}:{key}:{each['id']}"))[: settings.rows_per_language]


def _checked(
    texts: Sequence[str], languages: tuple[str, str], settings: Translated, services: Services
) -> list[Checked]:
    outcomes = translate_texts(
        texts,
        services.translator,
        languages,
        longest=settings.translator.longest_characters,
        done=services.done,
    )
    asks = services.identify if languages[1] in services.known or not services.known else None
    return check_all(
        texts, outcomes, languages, settings.checks, identify=asks, translator=services.translator
    )


def _take(each: Row, part: Sequence[Checked], target: str, translator: str, made: Made) -> None:
    turns = [(turn["role"], one.text) for turn, one in zip(each["messages"], part, strict=True)]
    facts = {
        "origin": "translated",
        "source": each["source"],
        "licence": each["licence"],
        "task": each.get("task") or "instruction",
        "parent": each["id"],
        "item": each.get("item") or each["id"],
        "translator": translator,
    }
    new = row(turns, (target, target), **facts)
    reason = next((one.reason for one in part if one.reason), "")
    if reason:
        made.left_out.append({**new, "reason": reason})
    else:
        made.rows.append(new)
