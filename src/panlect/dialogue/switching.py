"""Code-switched questions: words of a sentence replaced by those of another language, from a dictionary.

The code-mixing index of a text with N words, u of which belong to no language, is
100 · (1 - max_l w_l / (N - u)), where w_l words are in language l; 0 if N = u (Das and Gambäck 2014).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.parallel import Exchanges
from panlect.dialogue.rows import Row, choose, exchange, row
from panlect.text.keys import share_of

Dictionary = Mapping[str, Mapping[str, Sequence[str]]]
"""From another language's code to its translations of each word of the pivot language, in lower case."""
_WORD = re.compile(r"[^\W\d_]+(?:[’'\-][^\W\d_]+)*")


class Switch(Config):
    """Code-switched questions."""

    word_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the words that the dictionary knows which are replaced, by hash."""
    least_index: float = Field(default=10.0, ge=0, le=100)
    """Questions whose code-mixing index stays below are left out."""
    languages_per_item: int = Field(default=1, ge=1)
    """With how many languages each question is mixed, each by itself."""


def mixing_index(languages: Sequence[str]) -> float:
    """The code-mixing index of words given by their language; "" is a word of no language.

    >>> mixing_index(["en", "en", "sw", "sw"]), mixing_index(["en", "en", "en", "sw"]), mixing_index(["", ""])
    (50.0, 25.0, 0.0)
    """
    counts = Counter(language for language in languages if language)
    told = sum(counts.values())
    return 100 * (1 - max(counts.values()) / told) if told else 0.0


def dictionary(pairs: pl.DataFrame, pivot: str) -> Dictionary:
    """Collect the pairs whose side in the pivot language is a single word."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in pairs.iter_rows(named=True):
        for one, other in (("source", "target"), ("target", "source")):
            word = each[f"{one}_text"].strip()
            if each[f"{one}_language"] == pivot and _WORD.fullmatch(word) and each[f"{other}_text"].strip():
                words = found.setdefault(each[f"{other}_language"], {}).setdefault(word.lower(), [])
                if each[f"{other}_text"].strip() not in words:
                    words.append(each[f"{other}_text"].strip())
    return found


def switched(
    text: str, languages: tuple[str, str], known: Mapping[str, Sequence[str]], share: float, *, key: str
) -> tuple[str, float]:
    """Replace words by hash; return the text and its code-mixing index.

    Args:
        text: in the first language.
        languages: the text's, and the one that is mixed in.
        known: translations of words in lower case.
        share: of the known words that are replaced.
        key: of the choice.
    """
    tags: list[str] = []

    def replace(match: re.Match[str]) -> str:
        options = known.get(match[0].lower())
        place = f"{key}:{match.start()}"
        if not options or share_of(place) >= share:
            tags.append(languages[0])
            return match[0]
        word = str(choose(options, f"{place}:word"))
        tags.extend([languages[1]] * max(1, len(_WORD.findall(word))))
        return word

    mixed = _WORD.sub(replace, text)
    return mixed, mixing_index(tags)


def switch(
    items: Iterable[Exchanges], pivot: str, words: Dictionary, settings: Switch, *, seed: int
) -> Iterator[Row]:
    """Mix questions of the pivot language; a row that is mixed too little carries a `reason`."""
    for item in items:
        if pivot not in item.rows or not words:
            continue
        order = sorted(words, key=lambda code: share_of(f"{seed}:{item.item}:{code}"))
        for language in order[: settings.languages_per_item]:
            question, index = switched(
                item.question(pivot),
                (pivot, language),
                words[language],
                settings.word_share,
                key=f"{seed}:{item.item}:{language}",
            )
            facts = item.facts(pivot, pivot, "code_switched")
            made = row(exchange(question, item.answer(pivot)), (pivot, pivot), **facts)
            made |= {"mixed_language": language, "mixing_index": f"{index:.1f}"}
            if index < settings.least_index:
                made["reason"] = "mixed_too_little"
            yield made
