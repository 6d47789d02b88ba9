"""Bitext: pairs that are no translations, and translations that hide inside documents.

`fault` is the first reason why a pair is not believed (the filters that OpusFilter and Bicleaner's hard
rules share): sides that are the same, lengths that do not fit, numbers and placeholders that are
not preserved. `incidental` finds translation pairs inside a text of two languages (Briakou et al.
2023 found that "monolingual" corpora hold many): neighbouring lines in two languages whose
lengths and numbers agree. Neither needs a model; both are hints of form, not of meaning. With sentence
vectors, lines anywhere in the text are matched by meaning (`panlect.text.margin`).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from panlect.text.confusable import alike
from panlect.text.identify import Guess, Identifier
from panlect.text.margin import Vectors, matches
from panlect.text.private import ascii_digits
from panlect.text.scripts import main_scripts

_NUMBER = re.compile(r"\d+(?:[.,٫٬'’  ]\d+)*")
_PLACEHOLDER = re.compile(
    r"%(?:\d+\$|\(\w+\))?[-+0#]*\d*(?:\.\d+)?[sdifuxgc]\b|\{\w*(?:[:!][^{}]*)?\}|\$\{\w+\}|</?[a-zA-Z][^<>]{0,60}>|https?://\S+"
)


class Limits(NamedTuple):
    """What a pair must satisfy."""

    length_ratio: float = 3.0
    """Longest side per shortest, in characters weighted by script (`weight`)."""
    shortest: int = 1
    """Fewest characters of a side."""
    longest: int = 5_000
    """Most characters of a side."""
    numbers: float = 0.5
    """Least share of the numbers (from two digits on) that both sides have."""


_DENSE = re.compile("[\u3040-\u9fff\ua000-\ua48f\uac00-\ud7a3\U00020000-\U0003ffff]")
CHARACTER_WEIGHT: Mapping[str, float] = MappingProxyType({"Hani": 3.0, "Jpan": 2.5, "Hang": 2.0, "Yiii": 3.0})
"""How many letters of an alphabet one character of a syllabic or logographic script says as much as."""


def weight(text: str) -> float:
    """Return a length that can be compared between scripts."""
    if not _DENSE.search(text):
        return float(len(text))
    return len(text) * CHARACTER_WEIGHT.get(main_scripts([text])[0][0], 1.0)


def numbers(text: str) -> Counter[str]:
    """Return the numbers of at least two digits, in any script's digits, without separators."""
    found = (re.sub(r"\D", "", number) for number in _NUMBER.findall(ascii_digits(text)))
    return Counter(number for number in found if len(number) > 1)


def placeholders(text: str) -> Counter[str]:
    """Return what programs fill in or act on: format fields, tags, addresses."""
    return Counter(_PLACEHOLDER.findall(text))


def fault(source: str, target: str, limits: Limits = Limits()) -> str:  # noqa: B008 - immutable
    """Return the first reason against a pair, or ""."""
    left, right = source.strip(), target.strip()
    if min(len(left), len(right)) < limits.shortest:
        return "side_too_short"
    if max(len(left), len(right)) > limits.longest:
        return "side_too_long"
    if _same(left, right):
        return "identical_sides"
    a, b = weight(left), weight(right)
    # A few characters more are nothing: "Yes" and "Ndiyo" differ by a factor too.
    if max(a, b) > limits.length_ratio * min(a, b) + 20:
        return "length_ratio"
    if placeholders(left) != placeholders(right):
        return "placeholders_differ"
    ours, theirs = numbers(left), numbers(right)
    total = max(ours.total(), theirs.total())
    if total and (ours & theirs).total() < limits.numbers * total:
        return "numbers_differ"
    return ""


def _same(left: str, right: str) -> bool:
    def form(text: str) -> str:
        plain = unicodedata.normalize("NFKC", text).casefold()
        return "".join(character for character in plain if character.isalnum())

    a, b = form(left), form(right)
    return a == b and bool(a or left == right)


class Incidental(NamedTuple):
    """A pair found inside a document."""

    first: str
    second: str
    first_language: str
    second_language: str


class Mining(NamedTuple):
    """When two neighbouring lines count as translations of each other."""

    minimum_letters: int = 15
    minimum_score: float = 0.8
    """How sure the identifier must be of both languages."""
    length_ratio: float = 2.0
    margin: float = 1.06
    """Least margin of two lines' similarity, where sentences have vectors."""


def incidental(
    texts: Sequence[str],
    identifier: Identifier,
    how: Mining = Mining(),  # noqa: B008 - immutable
    *,
    encode: Callable[[Sequence[str]], Vectors] | None = None,
) -> list[list[Incidental]]:
    """Find, in each text, lines that look like translations of each other.

    The two languages must be surely different, not merely written alike, and the pair without `fault`.
    A line takes part in one pair only.

    Args:
        texts: documents.
        identifier: tells the lines' languages.
        how: what makes a pair.
        encode: gives sentences vectors; without it only neighbouring lines can be pairs.
    """
    lines = [
        [line.strip() for line in text.split("\n") if len(line.strip()) >= how.minimum_letters]
        for text in texts
    ]
    # A text of one line cannot hold a pair.
    lines = [mine if len(mine) > 1 else [] for mine in lines]
    guesses = iter(identifier.identify([line for mine in lines for line in mine]))
    named = [(mine, [next(guesses) for _ in mine]) for mine in lines]
    if encode is None:
        return [_neighbours(mine, found, how) for mine, found in named]
    return [_anywhere(mine, found, how, encode) for mine, found in named]


def _anywhere(
    lines: Sequence[str], guesses: Sequence[Guess], how: Mining, encode: Callable[[Sequence[str]], Vectors]
) -> list[Incidental]:
    """Match the lines of a text's two most frequent languages by their vectors, in the order of the text."""
    sides: dict[str, list[int]] = {}
    for number, guess in enumerate(guesses):
        if guess.score >= how.minimum_score and guess.language[:3] not in ("und", "zxx"):
            sides.setdefault(guess.language, []).append(number)
    ranked = sorted(sides, key=lambda language: (-len(sides[language]), language))[:2]
    if len(ranked) < 2 or alike(*ranked):
        return []
    first, second = (sides[language] for language in ranked)
    vectors = encode([lines[number] for number in (*first, *second)])
    found = matches(vectors[: len(first)], vectors[len(first) :], threshold=how.margin)
    limits = Limits(how.length_ratio)
    pairs = sorted((first[match.first], second[match.second]) for match in found)
    return [
        Incidental(lines[left], lines[right], ranked[0], ranked[1])
        for left, right in pairs
        if not fault(lines[left], lines[right], limits)
    ]


def _neighbours(lines: Sequence[str], guesses: Sequence[Guess], how: Mining) -> list[Incidental]:
    limits = Limits(how.length_ratio)
    found, at = [], 0
    while at < len(lines) - 1:
        a, b = guesses[at], guesses[at + 1]
        sure = min(a.score, b.score) >= how.minimum_score
        named = not {a.language[:3], b.language[:3]} & {"und", "zxx"}
        different = named and not alike(a.language, b.language)
        if sure and different and not fault(lines[at], lines[at + 1], limits):
            found.append(Incidental(lines[at], lines[at + 1], a.language, b.language))
            at += 2
        else:
            at += 1
    return found
