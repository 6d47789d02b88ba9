r"""What a translation must leave alone: code, addresses, tags, placeholders, formulas, and numbers' digits.

Translating these is the classic damage of translated instruction data. Code blocks are never sent. Inside a
line, spans are replaced by marks before translating and put back after; a translation in which a span is
lost, doubled or invented is rejected.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

MARK = "⟦{}⟧"
_MARK = re.compile(r"⟦\s*(\d+)\s*⟧")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+).*?^[ \t]*\1[^\n]*$|^[ \t]*(?:```+|~~~+).*\Z", re.S | re.M)
_SPAN = re.compile(
    r"""
      ⟦[^⟧\n]*⟧                                   # what looks like a mark
    | `[^`\n]+`                                   # code in a line
    | \$\$.+?\$\$ | \$[^\s$][^$\n]*[^\s$]\$(?!\d) # formulas
    | \\\(.+?\\\) | \\\[.+?\\\]
    | (?:https?|ftp)://[^\s<>"'，。、！？；：（）]+[^\s<>"'，。、！？；：（）.,;:!?)\]}]  # addresses
    | www\.[^\s<>"'()，。、！？；：（）]+[^\s<>"'()，。、！？；：（）.,;:!?\]}]
    | [\w.+-]+@[\w-]+\.[\w.-]*\w
    | </?[A-Za-z][^<>\n]*>                        # tags
    | \{\{[^{}\n]*\}\} | \$\{[^{}\n]*\} | \{[^{}\s][^{}\n]*\} | \{\}   # placeholders
    | %\([^)\n]+\)[sdifr] | %[sdif]\b
    | \[[A-Z][A-Z0-9_]{2,}\] | <\|[^|\n]*\|>
    | "(?:[^"\\\n]|\\.)*"(?=\s*:\s*["\[{\d])      # keys of JSON
    | (?<![\w/])(?:~|\.{1,2})?/(?:[\w.-]+/)*[\w-]+\.\w+ # paths
    | (?<![^\W_])[A-Za-z]\w*\([^()\n]*\)(?=[\s.,;:!?)]|$)  # calls of functions
    | (?<!\w)[a-z]+(?:_[a-z0-9]+)+(?!\w)          # snake_case
    | (?<!\w)--[a-z][\w-]*                        # options
    """,
    re.X,
)
_PREFIX = re.compile(r"(\s*(?:(?:[-*+•–]|\d{1,3}[.)]|[A-Za-z][.)]|#{1,6}|>)[ \t]+)*)(.*?)(\s*)\Z", re.S)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？।॥۔។၊။።᠃])\s*(?=\S)")
_NUMBER = re.compile(r"\d+(?:[.,٫٬\u00a0\u202f'’ ]\d+)*")


class Segment(NamedTuple):
    """A piece of a text; what is not to be translated stays as it is."""

    text: str
    translate: bool


class Protected(NamedTuple):
    """A text with marks in place of its spans."""

    text: str
    spans: tuple[str, ...]


def segments(text: str, *, longest: int = 1000) -> list[Segment]:
    """Cut a text into pieces that translate by themselves; joined, they are the text again.

    Args:
        text: anything.
        longest: a longer line is cut where sentences end.
    """
    pieces: list[Segment] = []
    at = 0
    for fence in _FENCE.finditer(text):
        pieces += _lines(text[at : fence.start()], longest)
        pieces.append(Segment(fence[0], False))
        at = fence.end()
    return [*pieces, *_lines(text[at:], longest)]


def _lines(text: str, longest: int) -> list[Segment]:
    pieces: list[Segment] = []
    for line in re.split(r"(\n+)", text):
        match = _PREFIX.match(line)
        assert match is not None, "the pattern matches every text"
        before, body, after = match.groups()
        pieces.append(Segment(before, False))
        pieces += _sentences(body, longest) if _has_letters(body) else [Segment(body, False)]
        pieces.append(Segment(after, False))
    return [piece for piece in pieces if piece.text]


def _sentences(body: str, longest: int) -> list[Segment]:
    if len(body) <= longest:
        return [Segment(body, True)]
    pieces: list[Segment] = []
    at = start = 0
    cuts = [*(match.span() for match in _SENTENCE.finditer(body)), (len(body), len(body))]
    for (end, following), (next_end, _) in zip(cuts, [*cuts[1:], (len(body) + longest, 0)], strict=True):
        if next_end - start > longest or end == len(body):
            pieces += [Segment(body[at:end], True), Segment(body[end:following], False)]
            at = start = following
    return [piece for piece in pieces if piece.text]


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in _SPAN.sub("", text))


def protect(text: str) -> Protected:
    """Replace spans by numbered marks."""
    spans: list[str] = []

    def mark(match: re.Match[str]) -> str:
        spans.append(match[0])
        return MARK.format(len(spans) - 1)

    return Protected(_SPAN.sub(mark, text), tuple(spans))


def restore(translation: str, spans: tuple[str, ...]) -> str:
    """Put the spans back; digits of any script and spaces inside a mark are forgiven, unknown marks stay."""

    def span(match: re.Match[str]) -> str:
        number = int(match[1])
        return spans[number] if number < len(spans) else match[0]

    return _MARK.sub(span, translation)


def changed(source: str, translation: str) -> str:
    """Why the translation did not keep what it must: ``spans_changed``, ``numbers_changed`` or ""."""
    if Counter(_SPAN.findall(source)) != Counter(_SPAN.findall(translation)):
        return "spans_changed"
    without = _SPAN.sub(" ", source), _SPAN.sub(" ", translation)
    return "numbers_changed" if numbers(without[0]) != numbers(without[1]) else ""


def numbers(text: str) -> Counter[str]:
    """The numbers of a text by their digits, whatever the script and the separators (1,000.5 and ۱۰۰۰٫۵)."""
    return Counter(
        "".join(str(unicodedata.decimal(digit)) for digit in match[0] if digit.isdecimal())
        for match in _NUMBER.finditer(text)
    )
