"""Glyphs that a PDF's font tables moved into a CJK block: U+6500 plus the byte of an ASCII or Latin-1 letter.

"Since" becomes 敓敩敮散敥. Taking such a glyph apart is easy (``chr(ord(glyph) & 0xFF)``); knowing which
ones to take apart is not, because real Chinese characters live in the same block: 数 (number) would
become p, 时效 "öH". What tells them apart is that e, i, n, o, a and s fall on characters that modern
Chinese and Japanese do not use, and that Latin text has one of those in nearly every word.
"""

import re
from functools import lru_cache

PUNCTUATION = {0x10: "\u201c", 0x11: "\u201d", 0x16: "\u2014", 0x1B: "ff", 0x1C: "fi"}
"""Positions below the printable ones that such fonts use."""

RUN = re.compile(r"[\u6510\u6511\u6516\u651b\u651c\u6520-\u657e\u65c0-\u65ff]+")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = r"(?:[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+|\d+)"
_TOKEN = re.compile(rf"[\W\d_]*{_WORD}(?:[\W_]+{_WORD})*[\W_]*")


def decode(glyphs: str) -> str:
    """Return what shifted glyphs stand for."""
    return "".join(PUNCTUATION.get(ord(c) & 0xFF, chr(ord(c) & 0xFF)) for c in glyphs)


@lru_cache(maxsize=1)
def rare_glyphs() -> frozenset[str]:
    """Return the characters of the block that GB 2312, JIS X 0208 and the frequent half of Big5 lack."""
    block = [*range(0x6520, 0x657F), *range(0x65C0, 0x6600)]
    return frozenset(chr(point) for point in block if not _is_in_use(chr(point)))


def _is_in_use(character: str) -> bool:
    for encoding in ("gb2312", "shift_jis", "big5"):
        try:
            code = character.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoding != "big5" or code[0] <= 0xC6:
            return True
    return False


def _is_sure(plain: str) -> bool:
    """Whether a decoded run is a number or longer than the commonest Chinese words, of two characters."""
    letters = sum(c.isalpha() for c in plain)
    return letters == 0 or letters >= 3


def repair(text: str) -> tuple[str, int]:
    """Decode the runs that are shifted Latin text; return the text and how many runs were decoded.

    A run is decoded if it holds a character that Chinese does not use and is at least two long or
    stands free of Chinese. In a text with such runs, a run of characters in use is decoded too
    if it stands free of Chinese and reads as a word or number; two characters are too few to tell
    整数 (whole number) from "tp". A single 数 in Chinese stays 数.
    """
    runs = [match.group() for match in RUN.finditer(text)]
    if not runs:
        return text, 0
    rare = rare_glyphs()
    damaged = sum(1 for run in runs if len(run) > 1 and rare.intersection(run))
    count = 0

    def mend(match: re.Match[str]) -> str:
        nonlocal count
        run, plain = match.group(), decode(match.group())
        free = not _HAN.search(text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1])
        if rare.intersection(run):
            wanted = len(run) > 1 or free
        else:
            wanted = bool(damaged) and free and bool(_TOKEN.fullmatch(plain)) and _is_sure(plain)
        count += wanted
        return plain if wanted else run

    return RUN.sub(mend, text), count
