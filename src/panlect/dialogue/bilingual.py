"""Tasks that join two languages inside one exchange, from pairs (InstructAlign, Cahyawijaya et al. 2023).

* `denoise`: restore a damaged sentence with its translation beside it;
* `similar`: do two sentences mean the same? Half of them do, the other half are of different pairs.

Translation, the third task of the paper, is `panlect.dialogue.translation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Formatter
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field, ValidationInfo, field_validator

from panlect.config import Config
from panlect.dialogue.interactive import damaged
from panlect.dialogue.phrasings import Names, language_name
from panlect.dialogue.rows import Origin, Row, choose, exchange, row
from panlect.language import Language
from panlect.text.keys import exact_form, share_of

Task = Literal["denoise", "similar"]
SIDES = ("source", "target")


class _Shown(NamedTuple):
    """A pair in one direction."""

    texts: tuple[str, str]
    languages: tuple[str, str]
    key: str

    def ask(self, phrasing: str, names: Names, **texts: str) -> str:
        source, target = (language_name(code, names) for code in self.languages)
        return phrasing.format(source=source, target=target, **texts)


class Bilingual(Config):
    """Tasks that show a sentence in two languages."""

    tasks: tuple[Task, ...] = Field(default=("denoise", "similar"), min_length=1)
    """Which tasks; every pair serves each of them once, in a direction chosen by hash."""
    denoise: str = "{source}: {source_text}\nRestore the {target} sentence: {damaged}"
    """How restoring is asked for; names {damaged}, and {source_text} if the translation stands beside it."""
    similar: str = "Do these mean the same?\n{source}: {source_text}\n{target}: {target_text}"
    """How the comparison is asked for; names {source_text} and {target_text}."""
    answers: tuple[str, str] = ("Yes.", "No.")
    """The answers to `similar`: the same, and not the same."""
    answer_language: str = "eng_Latn"
    """The language of `answers`."""
    names: Names = "english"
    """How languages are named: in English, or as they call themselves."""
    origin: Origin = "human"
    """Who made the translations, unless the pairs have a column `origin`."""

    @field_validator("denoise", "similar")
    @classmethod
    def _complete(cls, phrasing: str, info: ValidationInfo) -> str:
        shown = "damaged" if info.field_name == "denoise" else "target_text"
        named = {name for _, name, _, _ in Formatter().parse(phrasing) if name is not None}
        if shown not in named or not named <= {"source", "target", "source_text", shown}:
            known = "{source}, {target} and {source_text}"
            raise ValueError(f"{phrasing!r} must name {{{shown}}}, and besides only {known}")
        return phrasing


def bilingual(pairs: pl.DataFrame, settings: Bilingual, *, seed: int) -> Iterator[Row]:
    """One row per pair and task, in a direction chosen by hash; what cannot be asked carries a `reason`."""
    rows = pairs.to_dicts()
    others: dict[tuple[str, str], list[str]] = {}
    for pair in rows:
        for one, other in (SIDES, SIDES[::-1]):
            languages = pair[f"{one}_language"], pair[f"{other}_language"]
            others.setdefault(languages, []).append(pair[f"{other}_text"])
    for pair in rows:
        for task in settings.tasks:
            key = f"{seed}:{task}:{pair['id']}"
            one, other = choose((SIDES, SIDES[::-1]), f"{key}:direction")
            languages = pair[f"{one}_language"], pair[f"{other}_language"]
            shown = _Shown((pair[f"{one}_text"], pair[f"{other}_text"]), languages, key)
            if task == "denoise":
                yield _denoise(shown, settings, pair)
            else:
                yield _similar(shown, others[languages], settings, pair)


def _denoise(shown: _Shown, settings: Bilingual, pair: dict[str, Any]) -> Row:
    source, right = shown.texts
    draft = damaged(right, shown.key)
    question = shown.ask(settings.denoise, settings.names, source_text=source, damaged=draft)
    made = row(exchange(question, right), shown.languages, **_facts(pair, "denoise", settings))
    return made if draft != right else made | {"reason": "too_short_to_damage"}


def _similar(shown: _Shown, others: Sequence[str], settings: Bilingual, pair: dict[str, Any]) -> Row:
    source, target = shown.texts
    same = share_of(f"{shown.key}:same") < 0.5
    text = target if same else choose(others, f"{shown.key}:other")
    question = shown.ask(settings.similar, settings.names, source_text=source, target_text=text)
    languages = shown.languages[0], Language.parse(settings.answer_language).code
    answer = settings.answers[0 if same else 1]
    made = row(exchange(question, answer), languages, **_facts(pair, "similar", settings))
    return made | {"reason": "no_other_pair"} if not same and exact_form(text) == exact_form(target) else made


def _facts(pair: dict[str, Any], task: Task, settings: Bilingual) -> dict[str, str]:
    return {
        "origin": pair.get("origin") or settings.origin,
        "source": pair["source"],
        "licence": pair["licence"],
        "task": f"bilingual_{task}",
        "parent": pair["id"],
    }
