"""Signs of damage and of private data, found in one pass over many texts.

The repairs of `panlect.text.doctor` and the patterns of `panlect.text.private` look at a text many
times, and find nothing in most. What each of them needs to be there at all is little (a control
character, three equal characters at a line's end, seven digits near each other) and is looked for
here, for all of them at once. A sign promises nothing; without it, there is nothing to find.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntFlag, auto
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panlect.text.characters import DIGIT, MARK, SPACE, kinds
from panlect.text.needs import needs
from panlect.text.scripts import batches


class Sign(IntFlag):
    """What a text may hold."""

    GLYPH = auto()
    MOJIBAKE = auto()
    TRIPLED = auto()
    HYPHEN = auto()
    FURNITURE = auto()
    CONTROL = auto()
    FORM = auto()
    """Not in NFC."""
    ENTITY = auto()
    """Also terminal escapes, C1 controls and lone surrogates."""
    EMAIL = auto()
    NUMBER = auto()
    """Seven digits near each other, or four groups with dots between."""
    ADDRESS = auto()
    """An IPv6 address."""


EVERY_SIGN = int(~Sign(0))


def signs_of(texts: Sequence[str]) -> NDArray[np.uint16]:
    """Return the signs of each text, as the bits of `Sign`."""
    from panlect.text.signs_kernel import find_signs

    found = np.zeros(len(texts), dtype=np.uint16)
    for mine, codes, starts in batches(texts):
        find_signs(codes, starts, _table(), found[mine])
    return found


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint32]:
    """Return what every code point is."""
    from panlect.text import doctor, shifted
    from panlect.text import signs_kernel as kernel

    table = np.zeros(0x110000, dtype=np.uint32)
    bits = kinds()
    table[(bits & SPACE) > 0] |= kernel.BLANK | kernel.SEPARATOR
    table[(bits & DIGIT) > 0] |= kernel.DIGIT
    table[[ord(each) for each in "./()\u2010\u2011\u2013-"]] |= kernel.SEPARATOR
    table[ord("@")] |= int(Sign.EMAIL)
    everything = "".join(map(chr, range(0x10000)))
    for pattern, sign in ((shifted.RUN, Sign.GLYPH), (doctor.INVISIBLE, Sign.CONTROL)):
        table[_members(pattern, everything)] |= int(sign)
    table[_members(re.compile("[\x1b\x80-\x9f\ud800-\udfff]"), everything)] |= int(Sign.ENTITY)
    table[(bits & MARK) > 0] |= int(Sign.FORM)
    table[[*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]] |= int(Sign.FORM)
    table[list(_not_composed())] |= int(Sign.FORM)
    _enter_mojibake(table)
    return table


def _members(pattern: re.Pattern[str], among: str) -> list[int]:
    return [ord(each) for run in pattern.findall(among) for each in run]


def _not_composed() -> Iterable[int]:
    """Yield the characters that NFC replaces whatever stands beside them."""
    for point in (
        *range(0xC0, 0xD800),
        *range(0xF900, 0xFB50),
        *range(0x1D15E, 0x1D1C1),
        *range(0x2F800, 0x2FA20),
    ):
        if unicodedata.normalize("NFC", chr(point)) != chr(point):
            yield point


def _enter_mojibake(table: NDArray[Any]) -> None:
    """Enter what ftfy's pattern of badness is made of.

    Each of its branches has two characters beside each other of those that occur in it, one of them rare
    in healthy text, or else one of four letters before something ordinary.
    """
    from panlect.text import doctor
    from panlect.text import signs_kernel as kernel

    badness = needs("ftfy", "mending mojibake").badness
    beyond_ascii = "".join(map(chr, range(0x80, 0x10000)))
    in_classes = re.compile("[" + "".join(badness.MOJIBAKE_CATEGORIES.values()) + "]")
    partners = {*in_classes.findall(beyond_ascii), *re.findall(r"[^\x00-\x7f]", badness.BADNESS_RE.pattern)}
    table[[ord(each) for each in partners] + [0xA0, 0xAD]] |= kernel.PARTNER
    table[_members(doctor.triggers(), beyond_ascii)] |= kernel.TRIGGER
    table[[ord(each) for each in "ŒœÂÃ"]] |= kernel.ALONE
