"""The compiled pass that looks for signs of damage and of private data; see `panlect.text.signs`."""

from typing import Any

from panlect.text.quality_kernel import jit
from panlect.text.signs import Sign

MOJIBAKE, TRIPLED, HYPHEN, FURNITURE, ENTITY, NUMBER, ADDRESS = (
    int(each)
    for each in (
        Sign.MOJIBAKE,
        Sign.TRIPLED,
        Sign.HYPHEN,
        Sign.FURNITURE,
        Sign.ENTITY,
        Sign.NUMBER,
        Sign.ADDRESS,
    )
)
_BY_THEMSELVES = int(Sign.GLYPH | Sign.CONTROL | Sign.FORM | Sign.ENTITY | Sign.EMAIL)
"""Signs that are one character."""
DIGIT, BLANK, SEPARATOR, TRIGGER, PARTNER, ALONE = (1 << bit for bit in range(16, 22))
"""What else a character may be."""

_NEWLINE, _FORM_FEED, _DOT, _COLON, _AMPERSAND, _SEMICOLON = 0x0A, 0x0C, 0x2E, 0x3A, 0x26, 0x3B
_SHORT_LINE, _LONGEST_ENTITY = 80, 26
_PHONE_DIGITS, _ADDRESS_DOTS, _COLONS = 7, 3, 6


@jit  # type: ignore[untyped-decorator]
def _entity(codes: Any, at: Any, end: Any, table: Any) -> Any:
    """Whether a semicolon follows this ampersand closely, with no blank between."""
    for place in range(at + 1, min(end, at + _LONGEST_ENTITY)):
        if codes[place] == _SEMICOLON:
            return True
        if table[codes[place]] & BLANK:
            return False
    return False


@jit  # type: ignore[untyped-decorator]
def _ends_tripled(codes: Any, first: Any, last: Any, table: Any) -> Any:
    """Whether a line ends in the same character three times."""
    while last > first and table[codes[last - 1]] & BLANK:
        last -= 1
    return last - first >= 6 and codes[last - 1] == codes[last - 2] == codes[last - 3]


@jit  # type: ignore[untyped-decorator]
def _numbers(codes: Any, first: Any, end: Any, table: Any) -> Any:
    """Whether there are seven digits with at most two separators between any two, or an address of digits."""
    digits = dots = apart = 0
    for at in range(first, end):
        kind = table[codes[at]]
        if kind & DIGIT:
            digits, apart = digits + 1, 0
            if digits >= _PHONE_DIGITS or (dots >= _ADDRESS_DOTS and digits > _ADDRESS_DOTS):
                return True
        elif digits:
            apart += 1
            dots += codes[at] == _DOT
            if apart > 2 or not kind & SEPARATOR:
                digits = dots = 0
    return False


@jit  # type: ignore[untyped-decorator]
def _hexadecimal(codes: Any, first: Any, end: Any) -> Any:
    """Whether there are two colons side by side, or six groups of hexadecimal digits with one after each."""
    groups = length = 0
    for at in range(first, end):
        code = codes[at]
        if 48 <= code <= 57 or 65 <= code <= 70 or 97 <= code <= 102:
            length += 1
        elif code == _COLON:
            groups = groups + 1 if 1 <= length <= 4 else length > 4
            if groups >= _COLONS or (at > first and codes[at - 1] == _COLON):
                return True
            length = 0
        else:
            groups = length = 0
    return False


@jit  # type: ignore[untyped-decorator]
def _layout(codes: Any, first: Any, end: Any, table: Any) -> Any:
    """Return the signs that are in lines: `TRIPLED`, `HYPHEN`, `FURNITURE`."""
    found = numbered = runs = 0
    start, in_number = first, False
    for at in range(first, end + 1):
        if at == end or codes[at] == _NEWLINE:
            if at > start and codes[at - 1] in (0x2D, 0xAD, 0x2010):
                found |= HYPHEN
            if _ends_tripled(codes, start, at, table):
                found |= TRIPLED
            numbered += runs == 1 and at - start <= _SHORT_LINE
            start, runs, in_number = at + 1, 0, False
        else:
            is_digit = (table[codes[at]] & DIGIT) > 0
            runs += is_digit and not in_number
            in_number = is_digit
            if codes[at] == _FORM_FEED:
                found |= FURNITURE
    return found | FURNITURE if numbered >= 3 else found


@jit  # type: ignore[untyped-decorator]
def find_signs(codes: Any, starts: Any, table: Any, found: Any) -> None:
    """Write the signs of each text to `found`.

    Args:
        codes: the code points of all texts, one after the other.
        starts: where each text begins, and where the last one ends.
        table: bits by code point.
        found: what to write to, zeros.
    """
    for text in range(len(starts) - 1):
        first, end = starts[text], starts[text + 1]
        every = before = colons = digits = 0
        for at in range(first, end):
            kind = table[codes[at]]
            every |= kind
            digits += (kind & DIGIT) > 0
            if (kind & TRIGGER and before & PARTNER) or (before & TRIGGER and kind & PARTNER):
                every |= MOJIBAKE
            before = kind
            if codes[at] == _COLON:
                colons += 1
            elif codes[at] == _AMPERSAND and _entity(codes, at, end, table):
                every |= ENTITY
        if every & ALONE:
            every |= MOJIBAKE
        signs = (every & (_BY_THEMSELVES | MOJIBAKE)) | _layout(codes, first, end, table)
        if digits > _ADDRESS_DOTS and _numbers(codes, first, end, table):
            signs |= NUMBER
        if colons >= 2 and _hexadecimal(codes, first, end):
            signs |= ADDRESS
        found[text] = signs
