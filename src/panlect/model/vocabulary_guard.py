"""Decides which spellings may become pieces, so that old text stays as it was. No torch here.

A new piece can only turn up in a text that contains its characters. Four rules, each stricter than the next;
all of them also refuse what occurs anywhere in the protected text:

* `script`: the piece has a letter of a script that no old language is written in. No text without such
  letters can change, whatever it says.
* `letters`: it has a letter that the protected text does not use. Text in the letters of the protected text
  cannot change; a foreign name with another letter can.
* `pairs`: it has two neighbouring letters that are never neighbours in the protected text.
* `text`: nothing more. What was not shown may change.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from panlect.model.tokenizer_reading import surface
from panlect.text.scripts import NEUTRAL, script_counts, script_names, script_numbers, script_of

Protect = Literal["script", "letters", "pairs", "text"]
OLD_SCRIPT_SHARE = 1e-3
"""A script with this share of the protected letters is old; a stray Greek letter does not make Greek old."""
JOINERS = "\u200c\u200d"
_MEMBERS = {
    "Jpan": {"Hani", "Hira", "Kana"},
    "Hans": {"Hani"},
    "Hant": {"Hani"},
    "Kore": {"Hang", "Hani"},
    "Hrkt": {"Hira", "Kana"},
}


class Fragment(NamedTuple):
    """The bytes of a piece as characters: the end of one, whole ones, the beginning of one."""

    tail: bytes
    whole: str
    head: bytes


def fragment(raw: bytes) -> Fragment:
    r"""Take bytes from anywhere in a UTF-8 text apart.

    >>> fragment("aह".encode()[:3]), fragment("ह".encode()[1:])
    (Fragment(tail=b'', whole='a', head=b'\xe0\xa4'), Fragment(tail=b'\xa4\xb9', whole='', head=b''))
    """
    start = 0
    while start < len(raw) and raw[start] & 0xC0 == 0x80:
        start += 1
    body = raw[start:]
    for cut in range(min(3, len(body)) + 1):
        try:
            return Fragment(raw[:start], body[: len(body) - cut].decode(), body[len(body) - cut :])
        except UnicodeDecodeError:
            continue
    return Fragment(raw, "", b"")


def code_points_of(head: bytes) -> range:
    """The code points whose UTF-8 begins with `head`, an unfinished character."""
    length = 2 if head[0] < 0xE0 else 3 if head[0] < 0xF0 else 4
    value = head[0] & (0xFF >> (length + 1))
    for byte in head[1:]:
        value = value << 6 | byte & 0x3F
    bits = 6 * (length - len(head))
    return range(value << bits, min((value + 1) << bits, 0x110000))


def scripts_of(texts: Iterable[str], languages: Iterable[str] = ()) -> frozenset[str]:
    """The scripts that these languages are written in, and those with a fair share of the letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts += script_counts(text)
    found = {script for script, count in counts.items() if count >= OLD_SCRIPT_SHARE * counts.total()}
    for language in languages:
        script = language.partition("_")[2]
        found |= _MEMBERS.get(script, {script} if script in script_names() else set())
    return frozenset(found - NEUTRAL)


class Guard:
    """Says of a spelling whether it may become a piece.

    Args:
        words: of the protected text, as the vocabulary spells them.
        held_out: words that are protected too; what is refused because of them alone is remembered.
        taken: spellings that exist.
        protect: the rule.
        old_scripts: for the rule `script`.
        byte_level: whether the vocabulary spells bytes.
    """

    def __init__(
        self,
        words: Iterable[str],
        held_out: Iterable[str],
        taken: Iterable[str],
        *,
        protect: Protect,
        old_scripts: frozenset[str],
        byte_level: bool,
    ) -> None:
        seen = list(words)
        self._blob, self._held = "\n".join(seen), "\n".join(held_out)
        self._taken, self._protect, self._byte_level = frozenset(taken), protect, byte_level
        readable = [surface(word, byte_level=byte_level).decode("utf-8", "ignore") for word in seen]
        self._letters = frozenset("".join(readable))
        self._pairs = frozenset(pair for word in readable for pair in pairwise(word.lower()))
        names = list(enumerate(script_names()))
        self._old_numbers = frozenset(number for number, name in names if name in old_scripts)
        self._neutral = frozenset(number for number, name in names if name in NEUTRAL)
        self.caught: set[str] = set()
        """Spellings that only the held-out words forbid: what `words` alone would have let through."""

    def allows(self, spelling: str) -> bool:
        """Whether it may become a piece."""
        raw = surface(spelling, byte_level=self._byte_level)
        # Digits, signs and white space are everybody's.
        if raw.isascii() and not any(chr(byte).isalpha() for byte in raw):
            return False
        if spelling in self._taken or spelling in self._blob or not self._is_foreign(fragment(raw)):
            return False
        if spelling in self._held:
            self.caught.add(spelling)
            return False
        return True

    def _is_foreign(self, piece: Fragment) -> bool:
        if self._protect == "text":
            return True
        if self._protect == "script":
            return any(map(self.is_new_letter, piece.whole)) or self._begins_new_script(piece.head)
        # The bytes of a letter that the protected text uses would be found in it.
        only_tail = not piece.whole and not piece.head
        if only_tail or self._begins_new_letter(piece.head):
            return True
        if any(letter not in self._letters for letter in piece.whole):
            return True
        return self._protect == "pairs" and any(
            pair not in self._pairs for pair in pairwise(piece.whole.lower())
        )

    def is_new_letter(self, letter: str) -> bool:
        """Whether it belongs to a script that no old language is written in."""
        number = int(script_numbers()[ord(letter)])
        return number not in self._old_numbers and number not in self._neutral

    def _begins_new_script(self, head: bytes) -> bool:
        """All letters that begin so are of new scripts; signs among them (the danda) go with them."""
        if not head:
            return False
        points = code_points_of(head)
        found = set(script_numbers()[points.start : points.stop].tolist()) - self._neutral
        return bool(found) and not found & self._old_numbers

    def _begins_new_letter(self, head: bytes) -> bool:
        if not head:
            return False
        points = code_points_of(head)
        return not any(ord(letter) in points for letter in self._letters)

    def share_caught(self, lines: Sequence[Iterable[str]]) -> float:
        """Share of lines (as words) in which a caught spelling occurs."""
        words = {word for line in lines for word in line}
        hit = {word for word in words if any(spelling in word for spelling in self.caught)}
        return sum(not hit.isdisjoint(line) for line in lines) / len(lines) if lines else 0.0


def marks_for(texts: Iterable[str], protected: Iterable[str], old_scripts: frozenset[str] | None) -> str:
    """Combining marks and joiners of new texts that may belong to words: none that the protected text uses.

    With `old_scripts`, only marks of other scripts (the acute accent and the joiners are everybody's).
    """
    found = set().union(*map(set, texts)) - set().union(*map(set, protected))
    marks = {letter for letter in found if unicodedata.category(letter)[0] == "M" or letter in JOINERS}
    if old_scripts is not None:
        marks = {mark for mark in marks if script_of(mark) not in old_scripts | NEUTRAL}
    return "".join(sorted(marks))
