"""How to ask for a translation.

The instruction is English, or nothing but the names of the two languages, so that no grammar of a hundred
languages has to be written by hand. Names are English or the languages' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from panlect.dialogue.rows import choose
from panlect.language import Language

Names = Literal["english", "own"]

PLAIN = "Translate from {source} to {target}: {text}"
"""The form that `evaluate` asks in (`held_out_translation`)."""

PHRASINGS: Sequence[str] = (
    "Translate the following sentences from {source} to {target}.\n{text}",
    "Translate this from {source} to {target}:\n{source}: {text}\n{target}:",
    "{source}: {text}\n{target}:",
    "{text}\n→ {target}",
    "[{source} → {target}] {text}",
    "What is this in {target}?\n\n{text}",
    "How would you say this in {target}? {text}",
    "Please translate into {target}.\n\n{text}",
    "Please give me the {target} translation of this {source} text:\n{text}",
    "Here is a text in {source}. Write it in {target}.\n\n{text}",
    "{text}\n\nTranslate the text above into {target}.",
    "{text}\n\nThe text above is in {source}. I need it in {target}.",
    "Rewrite this {source} passage in {target} without changing what it says:\n\n{text}",
    "I am reading something in {source} and only understand {target}. What does it say?\n\n{text}",
    "As a translator from {source} to {target}, translate: {text}",
    "Text ({source}):\n{text}\n\nTranslation ({target}):",
    "Give the meaning of the following in {target}, sentence by sentence.\n{text}",
    "Could you put this into {target} for me? {text}",
    "Source language: {source}\nTarget language: {target}\nText: {text}",
    "Render in {target}: {text}",
)


def language_name(code: str, names: Names) -> str:
    """The English name, or the language's own where a source has one."""
    language = Language.parse(code)
    return (language.own_name if names == "own" else "") or language.name


def ask(
    text: str, languages: tuple[str, str], *, phrasing: str = PLAIN, names: tuple[Names, Names] | None = None
) -> str:
    """Ask for a translation of the text.

    Args:
        text: what to translate.
        languages: of the text and of the translation.
        phrasing: may name {source}, {target} and {text}.
        names: in which form the two languages are named; English for both if not given.
    """
    source_names, target_names = names or ("english", "english")
    return phrasing.format(
        source=language_name(languages[0], source_names),
        target=language_name(languages[1], target_names),
        text=text,
    )


def chosen_names(key: str, allowed: Sequence[Names]) -> tuple[Names, Names]:
    """Choose how to name the two languages, by hash and independently of each other."""
    return choose(allowed, f"{key}:source"), choose(allowed, f"{key}:target")
