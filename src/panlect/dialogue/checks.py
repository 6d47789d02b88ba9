"""Whether a translation can be believed: its length, its language, and whether it leads back.

Every check gives a reason or nothing; a row carries the first reason that applies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.translator import Outcome, Translator, translate_texts
from panlect.measure.confusion import MINIMUM_LETTERS, judgeable, letters
from panlect.measure.translation import chrf_score, chrf_statistics
from panlect.text.confusable import alike
from panlect.text.keys import exact_form

Among = Callable[[Sequence[str], Sequence[str]], Sequence[str]]
"""Identify the texts' languages, choosing among these only."""


class Checks(Config):
    """What a translation has to pass."""

    longest_ratio: float = Field(default=4.0, ge=1)
    """Bytes of the longer side over those of the shorter one; scripts differ by up to a factor of three."""
    back_translation: float = Field(default=0.0, ge=0, le=100)
    """The least chrF between a text and its translation translated back; 0 does not translate back."""
    minimum_letters: int = Field(default=20, ge=1)
    """Shorter translations are not checked for their language, their length or being copied."""
    repeats: int = Field(default=6, ge=2)
    """A word that stands so many times in a row, and not in the source, is a loop of the decoder."""


class Checked(NamedTuple):
    """A translation with the reason to reject it ("" if there is none) and what the way back gave."""

    text: str
    reason: str
    back: str = ""
    score: float | None = None


def check_all(
    texts: Sequence[str],
    outcomes: Sequence[Outcome],
    languages: tuple[str, str],
    settings: Checks,
    *,
    identify: Among | None = None,
    translator: Translator | None = None,
) -> list[Checked]:
    """Check translations of one direction.

    Args:
        texts: the originals.
        outcomes: their translations.
        languages: of both.
        settings: the limits.
        identify: tells the languages; None checks none.
        translator: translates back, where the settings ask for it.
    """
    found = [
        Checked(outcome.text, outcome.failure or _shape(text, outcome.text, settings))
        for text, outcome in zip(texts, outcomes, strict=True)
    ]
    if identify:
        found = _language(found, languages, settings, identify)
    if settings.back_translation and translator:
        found = _back(texts, found, languages, settings, translator)
    return found


def _shape(text: str, translation: str, settings: Checks) -> str:
    if not translation.strip():
        return "empty"
    if loops(translation, settings.repeats) and not loops(text, settings.repeats):
        return "repeated"
    if letters(judgeable(text)) < settings.minimum_letters:
        return ""
    if exact_form(text) == exact_form(translation):
        return "copied"
    sizes = sorted((len(text.encode()), len(translation.encode())))
    return "length" if sizes[1] > settings.longest_ratio * sizes[0] else ""


def loops(text: str, repeats: int) -> bool:
    """Whether a word, or two words in turn, stands so many times in a row."""
    words = text.split()
    for period in (1, 2):
        run = 0
        for before, after in zip(words, words[period:], strict=False):
            run = run + 1 if before == after else 0
            if run >= (repeats - 1) * period:
                return True
    return False


def _language(
    found: Sequence[Checked], languages: tuple[str, str], settings: Checks, identify: Among
) -> list[Checked]:
    among = list(dict.fromkeys([*languages, "eng_Latn"]))
    told = identify([judgeable(each.text) for each in found], among)
    return [
        each._replace(reason="wrong_language")
        if not each.reason
        and letters(judgeable(each.text)) >= settings.minimum_letters
        and not _same(code, languages[1])
        else each
        for each, code in zip(found, told, strict=True)
    ]


def elsewhere(
    texts: Sequence[str], languages: Sequence[str], identify: Among, known: Collection[str]
) -> list[bool]:
    """Whether each text is in another one of these languages than its own.

    False for texts with fewer than 20 letters, languages that the identifier cannot tell, and neighbours that
    are written nearly alike.

    Args:
        texts: any.
        languages: of the texts, one each; together they are what is chosen from.
        identify: tells the languages.
        known: the languages that it can tell; empty for any.
    """
    bodies = [judgeable(text) for text in texts]
    found = identify(bodies, sorted(set(languages)))
    return [
        letters(body) >= MINIMUM_LETTERS
        and (not known or knows(known, own))
        and not _same(told, own)
        and not alike(told, own)
        for body, told, own in zip(bodies, found, languages, strict=True)
    ]


def _same(found: str, wanted: str) -> bool:
    """Whether the language is the one that was wanted; Chinese scripts are not told apart by characters."""
    hans = {"Hans", "Hant", "Hani"}
    return found == wanted or (found[:3] == wanted[:3] and {found[4:], wanted[4:]} <= hans)


def _back(
    texts: Sequence[str],
    found: Sequence[Checked],
    languages: tuple[str, str],
    settings: Checks,
    translator: Translator,
) -> list[Checked]:
    places = [place for place, each in enumerate(found) if not each.reason]
    outcomes = translate_texts([found[place].text for place in places], translator, languages[::-1])
    checked = list(found)
    for place, outcome in zip(places, outcomes, strict=True):
        score = float(chrf_score(np.array(chrf_statistics(outcome.text, texts[place]))))
        reason = "back_translation" if score < settings.back_translation else ""
        checked[place] = checked[place]._replace(reason=reason, back=outcome.text, score=score)
    return checked


def knows(languages: Collection[str], target: str) -> bool:
    """Whether an identifier can be asked about this language; one that cannot be told is not checked."""
    return any(_same(language, target) for language in languages)
