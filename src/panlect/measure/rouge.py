"""ROUGE for any language: in words, or in characters where words are not written apart.

Lin 2004; the multilingual reading is that of Hasan et al. 2021 ("XL-Sum"), who segment each language its own
way. The usual ROUGE keeps a-z and 0-9 only and therefore scores 0 for every other script. Here a segmenter
may be passed in; the default is words at spaces and punctuation, and characters in scripts without spaces. No
stemming: scores in English differ a little from those of a stemming ROUGE.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

UNSPACED_SCRIPTS = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
Segment = Callable[[str], Sequence[str]]


class Rouge(NamedTuple):
    """F1 of unigrams, bigrams and the longest common subsequence, 0..1."""

    rouge1: float
    rouge2: float
    rouge_l: float


def segmenter(language: str) -> Segment:
    """How texts of a language are cut."""
    return characters if language.partition("_")[2] in UNSPACED_SCRIPTS else spaced_words


def spaced_words(text: str) -> list[str]:
    """Lower-case runs of letters, marks and digits."""
    lowered = unicodedata.normalize("NFC", text).lower()
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in lowered).split()


def characters(text: str) -> list[str]:
    """Letters and digits with the marks that belong to them; a run of Latin letters or digits is one word."""
    out: list[str] = []
    for word in spaced_words(text):
        run = ""
        for character in word:
            if character.isascii():
                run += character
                continue
            if run:
                out.append(run)
                run = ""
            if unicodedata.category(character)[0] == "M" and out:
                out[-1] += character
            else:
                out.append(character)
        if run:
            out.append(run)
    return out


def rouge(summary: str, reference: str, segment: Segment = spaced_words) -> Rouge:
    """ROUGE-1, -2 and -L F1 of one summary."""
    ours, theirs = list(segment(summary)), list(segment(reference))
    return Rouge(
        _overlap(ours, theirs, 1),
        _overlap(ours, theirs, 2),
        _f1(_longest_common(ours, theirs), len(ours), len(theirs)),
    )


def _overlap(ours: Sequence[str], theirs: Sequence[str], order: int) -> float:
    first = Counter(tuple(ours[i : i + order]) for i in range(len(ours) - order + 1))
    second = Counter(tuple(theirs[i : i + order]) for i in range(len(theirs) - order + 1))
    return _f1((first & second).total(), first.total(), second.total())


def _f1(shared: int, ours: int, theirs: int) -> float:
    return 2 * shared / (ours + theirs) if ours and theirs else 0.0


def _longest_common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(theirs) + 1)
    for word in ours:
        diagonal = 0
        for place, other in enumerate(theirs, start=1):
            above = row[place]
            row[place] = diagonal + 1 if word == other else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def lead(text: str, sentences: int = 1) -> str:
    """The first sentences of an article: the baseline that a summary has to beat."""
    ends = ".!?。！？।॥؟۔።។༎"
    out, found = "", 0
    for place, character in enumerate(text):
        out += character
        following = text[place + 1 : place + 2]
        closes = character in ends and (not following or following.isspace() or character not in ".!?")
        found += closes
        if found == sentences:
            break
    return out.strip()
