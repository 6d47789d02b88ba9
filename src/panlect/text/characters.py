"""What kind of character each code point is, as bits in one table, for the compiled loops."""

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from panlect.text.scripts import UNSPACED, script_names, script_numbers

SPACE, LETTER, PUNCTUATION, TERMINAL, SPECIAL, UNSPACED_LETTER, MARK, DIGIT = (1 << bit for bit in range(8))

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What `str.splitlines` splits at."""

# Sentence_Terminal of PropList.txt (Unicode 18.0) with the ellipsis; quotation marks and brackets that
# may follow a full stop are looked through by the caller.
_TERMINALS = "sentence_terminals.txt"


@lru_cache(maxsize=1)
def terminals() -> frozenset[str]:
    """Return the characters that end sentences, in every script (Unicode property Sentence_Terminal)."""
    from importlib.resources import files

    text = (files("panlect.text") / _TERMINALS).read_text(encoding="utf-8")
    return frozenset(chr(int(code, 16)) for code in text.split())


@lru_cache(maxsize=8)
def kinds(
    punctuation: frozenset[str] = frozenset(), terminal: frozenset[str] = frozenset()
) -> NDArray[np.uint8]:
    """Return the bits of every code point.

    Args:
        punctuation: what counts as punctuation; empty: the Unicode categories P, S and controls.
        terminal: what ends a sentence; empty: `terminals`.
    """
    bits = np.zeros(0x110000, dtype=np.uint8)
    for point in (*range(0x32000), *range(0xE0000, 0xE0200)):
        bits[point] = _bits(chr(point))
    if punctuation:
        bits &= np.uint8(255 - PUNCTUATION)
        for character in punctuation:
            bits[ord(character)] |= PUNCTUATION
    for character in terminal or terminals():
        bits[ord(character)] |= TERMINAL
    names = script_names()
    unspaced = np.isin(script_numbers(), [names.index(name) for name in UNSPACED if name in names])
    bits[unspaced & ((bits & (LETTER | MARK)) > 0)] |= UNSPACED_LETTER
    return bits


def _bits(character: str) -> int:
    category = unicodedata.category(character)
    bits = SPACE if character.isspace() else 0
    bits |= LETTER if character.isalpha() else 0
    bits |= MARK if category in ("Mn", "Mc", "Me") else 0
    bits |= DIGIT if category == "Nd" else 0
    bits |= PUNCTUATION if category[0] in "PS" or category == "Cc" else 0
    # ROOTS counts ASCII punctuation and digits, white space, symbols and emoji as special characters.
    bits |= SPECIAL if bits & (SPACE | DIGIT | PUNCTUATION) or category in ("Cf", "Co", "Cn") else 0
    return bits


@lru_cache(maxsize=1)
def lower_case() -> NDArray[np.uint32]:
    """Return the lower-case form of every code point that has one of one character, else itself."""
    table = np.arange(0x110000, dtype=np.uint32)
    for point in (*range(0x2D80), *range(0xA640, 0xAB70), *range(0xFF21, 0xFF3B), *range(0x10400, 0x1E944)):
        lower = chr(point).lower()
        if len(lower) == 1:
            table[point] = ord(lower)
    return table
