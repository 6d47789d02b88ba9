"""The doctor: finds and mends what conversions do to text, and counts every repair.

Each repair is a function of one text that returns the text and how many places it changed; a text
without the damage comes back unchanged, whatever its script. `examine` runs them in order:

| repair | damage |
|---|---|
| `shifted_glyphs` | ASCII that a PDF's font tables moved into a CJK block (U+6500 + byte) |
| `mojibake` | UTF-8 read as Windows-1252, Latin-1 ..., also several times over (ftfy) |
| `tripled_headings` | bold headings whose every character was printed three times |
| `hyphenation` | words cut at the end of a line |
| `furniture` | running heads, page numbers |
| `controls` | zero-width and bidirectional controls, except where a script needs them |
| `unicode_form` | decomposed letters (NFC) |
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from panlect.text import shifted
from panlect.text.needs import needs
from panlect.text.scripts import script_of
from panlect.text.signs import EVERY_SIGN, Sign, signs_of


class Repaired(NamedTuple):
    """A mended text and the number of places changed."""

    text: str
    changes: int


def shifted_glyphs(text: str) -> Repaired:
    """Decode Latin letters that stand at U+6500 plus their byte (`panlect.text.shifted`)."""
    return Repaired(*shifted.repair(text))


# --- mojibake --------------------------------------------------------------------------------------

# What ftfy acts on besides mojibake: entities, terminal escapes, C1 controls, halves of surrogate pairs.
_OTHER_DAMAGE = re.compile("&#?\\w{1,24};|[\x1b\x80-\x9f\ud800-\udfff]")


def mojibake(text: str) -> Repaired:
    """Undo wrong decodings with ftfy, in its cautious settings (nothing is only made prettier).

    ftfy looks at every line several times; looking only where something could be wrong spares that
    for nearly all lines, with the same result.
    """
    if _OTHER_DAMAGE.search(text):
        fixed = _fixed(text)  # whether entities are mended depends on the lines before
    elif text.isascii() or not _looks_bad(text):
        return Repaired(text, 0)
    else:
        *lines, last = text.split("\n")
        lines = [*(line + "\n" for line in lines), last]
        fixed = "".join(_fixed(line) if _looks_bad(line) else line for line in lines)
    if fixed == text:
        return Repaired(text, 0)
    pairs = zip(text.split("\n"), fixed.split("\n"), strict=False)
    return Repaired(fixed, max(1, sum(a != b for a, b in pairs)))


def _fixed(text: str) -> str:
    return str(_ftfy().fix_text(text, config=_cautious()))


def _looks_bad(text: str) -> bool:
    """Whether ftfy would call some place of the text bad.

    Its pattern has thirty branches of at most six characters, and each needs one of the characters
    that are rare in healthy text; so it is enough to look around those.
    """
    is_bad = _ftfy().badness.is_bad
    return any(is_bad(text[max(0, at - 8) : at + 9]) for at in (m.start() for m in triggers().finditer(text)))


@lru_cache(maxsize=1)
def triggers() -> re.Pattern[str]:
    """Match a character that is rare in healthy text, by ftfy's categories."""
    harmless = {"lower_accented", "lower_common", "upper_common", "common", "kaomoji"}
    kinds = _ftfy().badness.MOJIBAKE_CATEGORIES
    return re.compile("[" + "".join(kinds[name] for name in kinds if name not in harmless) + "ЂŒœ°]")


@lru_cache(maxsize=1)
def _ftfy() -> Any:
    return needs("ftfy", "mending mojibake")


@lru_cache(maxsize=1)
def _cautious() -> Any:
    return _ftfy().TextFixerConfig(
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,  # `controls` does it, and knows the scripts that need some of them
        normalization=None,
    )


# --- layout ----------------------------------------------------------------------------------------

_TRIPLED = re.compile(r"(?:(\S)\1\1[ \t]*)+")


def tripled_headings(text: str) -> Repaired:
    """Collapse lines in which every character is printed three times (摘摘摘要要要 is 摘要).

    Only whole lines of at least two different characters: "---" and "mmm" are what they are.
    """
    count, lines = 0, text.split("\n")
    for number, line in enumerate(lines):
        if len(line) < 6 or not (line[-1] == line[-2] == line[-3] or line[-1].isspace()):
            continue  # nearly all lines
        stripped = line.strip()
        if not _TRIPLED.fullmatch(stripped):
            continue
        letters = re.sub(r"(\S)\1\1", r"\1", stripped)
        if len(set(letters)) >= 2 and sum(character.isalnum() for character in letters) >= 2:
            lines[number] = line.replace(stripped, letters)
            count += 1
    return Repaired("\n".join(lines), count) if count else Repaired(text, 0)


_HYPHENATED = re.compile(r"([^\W\d_]{2,})[-\u00ad\u2010]\n[ \t]*([^\W\d_]{2,})")


def hyphenation(text: str) -> Repaired:
    """Join words that are cut at a line's end, where the rest begins in lower case.

    A compound that is written with its hyphen elsewhere in the text keeps it; a soft hyphen always goes.
    """
    count = 0

    def join(match: re.Match[str]) -> str:
        nonlocal count
        first, second = match.groups()
        if not (first[-1].islower() and second[0].islower()):
            return match.group()
        count += 1
        hyphen = "-" if f"{first}-{second}" in text else ""
        return f"{first}{hyphen}{second}"

    fixed = _HYPHENATED.sub(join, text) if "-\n" in text or "\u00ad\n" in text or "\u2010\n" in text else text
    return Repaired(fixed, count)


_DIGITS = re.compile(r"\d+")


def furniture(text: str) -> Repaired:
    """Remove running heads and page numbers from text that was cut into pages.

    A line is furniture if it stands next to a form feed, or if it comes back at least three times
    with nothing but its digits changing, in steps (page numbers). Other repeated lines stay: a
    refrain is not furniture.
    """
    lines = text.split("\n")
    if "\f" not in text and sum(len(line) <= 80 and _DIGITS.search(line) is not None for line in lines) < 3:
        return Repaired(text, 0)
    gone = _numbered_lines(lines) | _beside_form_feeds(lines)
    kept = [line for number, line in enumerate(lines) if number not in gone]
    fixed = "\n".join(kept).replace("\f", "\n") if gone or "\f" in text else text
    return Repaired(fixed, len(gone))


def _numbered_lines(lines: list[str]) -> set[int]:
    """Lines equal but for one number that grows from one to the next by a small step, far apart."""
    groups: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        numbers = _DIGITS.findall(line)
        if len(numbers) == 1 and len(numbers[0]) <= 4 and len(line) <= 80:
            groups.setdefault(_DIGITS.sub("#", line.strip()), []).append((number, int(numbers[0])))
    gone: set[int] = set()
    for found in groups.values():
        pairs = list(pairwise(found))
        apart = all(b[0] - a[0] >= 8 for a, b in pairs)
        grows = all(1 <= b[1] - a[1] <= 4 for a, b in pairs)
        if len(found) >= 3 and apart and grows:
            gone |= {number for number, _ in found}
    return gone


def _beside_form_feeds(lines: list[str]) -> set[int]:
    """Short lines before and after a page break that occur beside other page breaks too."""
    beside: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if "\f" not in line:
            continue
        for near in (number - 1, number, number + 1):
            if 0 <= near < len(lines) and 0 < len(lines[near].strip()) <= 80:
                beside.setdefault(_DIGITS.sub("#", lines[near].replace("\f", "").strip()), []).append(near)
    return {number for key, found in beside.items() if key and len(set(found)) >= 2 for number in found}


# --- invisible characters --------------------------------------------------------------------------

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"

_JOINING = (
    "Arab Syrc Mand Mong Nkoo Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym "
    "Sinh Mymr Khmr Tibt Newa Gran Tirh Shrd Sidd Java Bali Sund Lana Cham Kthi Takr "
    "Modi Dogr Gong Gonm Nand Diak Khar Brah Phag Mani Sogd Ougr "
)
REACH = 32
"""How many marks and invisible characters may stand between a character and the letter that decides on it."""
JOINING_SCRIPTS = frozenset(_JOINING.split())
"""Scripts whose letters join or stack: there ZWJ and ZWNJ choose between different spellings."""

UNSPACED_BREAKS = frozenset({"Khmr", "Thai", "Laoo", "Mymr", "Tibt", "Lana", "Java", "Bali"})
"""Scripts in which a zero-width space marks a word boundary that nothing else marks."""


def controls(text: str) -> Repaired:
    """Remove invisible characters, except those that carry meaning where they stand.

    Kept: ZWJ and ZWNJ between letters of a script that joins or stacks (Persian, Sinhala, Hindi ...), ZWJ and
    variation selectors inside emoji, the zero-width space between letters of a script without
    spaces (Khmer, Thai), a single direction mark between scripts of different direction, and
    direction marks in a text that is written from right to left. Removed: everything else that
    cannot be seen: byte-order marks, embeddings and overrides, C0 and C1 controls, soft hyphens.
    """
    if not INVISIBLE.search(text):
        return Repaired(text, 0)
    count = 0

    def judge(match: re.Match[str]) -> str:
        nonlocal count
        at, character = match.start(), match.group()
        if _is_needed(text, at, character):
            return character
        count += 1
        return ""

    return Repaired(INVISIBLE.sub(judge, text), count)


def _is_needed(text: str, at: int, character: str) -> bool:
    before, after = _near(text, at, -1), _near(text, at, 1)
    if character in _JOINERS:
        if before and after and _is_emoji(before) and _is_emoji(after):
            return character == "\u200d"
        # ZWNJ also ends words (Persian plurals), ZWJ also stands at a word's end to force a form.
        return bool(before) and script_of(before) in JOINING_SCRIPTS and text[at - 1 : at] not in _JOINERS
    if character == "\u200b":
        return (
            bool(before and after)
            and script_of(before) in UNSPACED_BREAKS
            and script_of(after) in UNSPACED_BREAKS
        )
    if character in _MARKS:
        directions = {_direction(before), _direction(after)} if before and after else set()
        repeated = text[at - 1 : at] == character
        return not repeated and ("R" in directions)
    if character == "\u034f":  # combining grapheme joiner: keeps two marks apart (Hebrew, Thai)
        return bool(before and after) and unicodedata.combining(after) > 0
    return character in "\u180e\u17b4\u17b5" and bool(before) and script_of(before) in {"Mong", "Khmr"}


def _near(text: str, at: int, step: int) -> str:
    """The next character on one side that is visible and no mark of the letter it stands on.

    Not farther than `REACH`: a run of invisible characters would be walked for each of them.
    """
    for place in range(at + step, at + step * (REACH + 1), step):
        if not 0 <= place < len(text):
            break
        character = text[place]
        visible = not INVISIBLE.match(character)
        if (visible and unicodedata.category(character) not in ("Mn", "Me")) or character == "\ufe0f":
            if character != "\ufe0f":
                return character
        elif (
            visible
            and unicodedata.category(character) == "Mn"
            and script_of(character) not in ("Zinh", "Zyyy")
        ):
            return character  # a virama or vowel sign of a joining script
    return ""


def _is_emoji(character: str) -> bool:
    return (
        unicodedata.category(character) in ("So", "Sk")
        or 0x1F3FB <= ord(character) <= 0x1F3FF
        or character in "♂♀⚕⚖✈❤"
    )


def _direction(character: str) -> str:
    kind = unicodedata.bidirectional(character)
    return "R" if kind in ("R", "AL", "AN") else "L" if kind == "L" else ""


def unicode_form(text: str) -> Repaired:
    """Compose letters (NFC). The compatibility forms are left alone: they say something."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return Repaired(text, 0)
    return Repaired(unicodedata.normalize("NFC", text), 1)


REPAIRS: Mapping[str, Callable[[str], Repaired]] = MappingProxyType(
    {
        "shifted_glyphs": shifted_glyphs,
        "mojibake": mojibake,
        "tripled_headings": tripled_headings,
        "hyphenation": hyphenation,
        "furniture": furniture,
        "controls": controls,
        "unicode_form": unicode_form,
    }
)
"""All repairs, in the order in which they must run."""

SIGNS: Mapping[str, int] = MappingProxyType(
    {
        "shifted_glyphs": Sign.GLYPH,
        "mojibake": Sign.MOJIBAKE | Sign.ENTITY,
        "tripled_headings": Sign.TRIPLED,
        "hyphenation": Sign.HYPHEN,
        "furniture": Sign.FURNITURE,
        "controls": Sign.CONTROL,
        "unicode_form": Sign.FORM,
    }
)
"""Without one of these signs, a repair changes nothing."""


def examine(text: str, repairs: tuple[str, ...] = tuple(REPAIRS)) -> tuple[str, Counter[str]]:
    """Run the repairs; return the text and how many places each one changed."""
    return _examined(text, repairs, EVERY_SIGN)


def examine_all(
    texts: Sequence[str], repairs: tuple[str, ...] = tuple(REPAIRS)
) -> list[tuple[str, Counter[str]]]:
    """Run the repairs over many texts: what `examine` returns for each, some ten times as fast.

    A repair is only tried on texts that show a sign of its damage, and on those that another repair changed.
    """
    return [_examined(text, repairs, int(of)) for text, of in zip(texts, signs_of(texts), strict=True)]


def _examined(text: str, repairs: tuple[str, ...], signs: int) -> tuple[str, Counter[str]]:
    counts: Counter[str] = Counter()
    for name, repair in REPAIRS.items():
        if name in repairs and signs & SIGNS[name]:
            text, count = repair(text)
            if count:
                counts[name] += count
                signs = EVERY_SIGN
    return text, counts
