"""How people really type: slips of the finger, no diacritics, Latin letters, words of another language.

Each function changes a text the same way every time. A slice asks a benchmark's questions again with the
columns in `Benchmark.inputs` changed; a text that a change does not touch makes no question, so a slice holds
only what differs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

TYPO_SHARE = 0.1
SWITCH_SHARE = 0.3
WITHOUT_MARK = {
    "đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "ħ": "h", "ɓ": "b", "ɗ": "d",
    "ƙ": "k", "Ɓ": "B", "Ɗ": "D", "Ƙ": "K", "ə": "e", "ŋ": "n", "ɛ": "e", "ɔ": "o",
}  # fmt: skip
"""Letters that people without the keyboard type as another letter, and that Unicode does not decompose."""

OPTIONAL_MARKS = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW")
"""Scripts whose texts are still readable without marks. A vowel sign of Khmer or Hindi is a letter."""

_GREEK_OR_CYRILLIC = {
    "ZHE": "zh", "KHA": "kh", "TSE": "ts", "CHE": "ch", "SHA": "sh", "SHCHA": "shch", "YERU": "y", "E": "e",
    "HARD SIGN": "", "SOFT SIGN": "", "SHORT I": "y", "IE": "e", "IO": "yo", "YU": "yu", "YA": "ya",
    "ER": "r", "ES": "s", "EF": "f", "EL": "l", "EM": "m", "EN": "n", "GHE": "g", "BE": "b", "VE": "v",
    "DE": "d", "ZE": "z", "KA": "k", "PE": "p", "TE": "t", "HA": "h", "ALPHA": "a", "BETA": "v", "GAMMA": "g",
    "DELTA": "d", "EPSILON": "e", "ZETA": "z", "ETA": "i", "THETA": "th", "IOTA": "i", "KAPPA": "k",
    "LAMDA": "l", "MU": "m", "NU": "n", "XI": "x", "OMICRON": "o", "PI": "p", "RHO": "r", "SIGMA": "s",
    "FINAL SIGMA": "s", "TAU": "t", "UPSILON": "y", "PHI": "f", "CHI": "ch", "PSI": "ps", "OMEGA": "o",
}  # fmt: skip
_INDIC = "DEVANAGARI BENGALI GUJARATI GURMUKHI ORIYA TAMIL TELUGU KANNADA MALAYALAM"
_BY_CONSONANT = frozenset(_INDIC.split())


def clusters(text: str) -> list[str]:
    """Letters with the marks that belong to them."""
    out: list[str] = []
    for character in text:
        if out and unicodedata.category(character)[0] == "M":
            out[-1] += character
        else:
            out.append(character)
    return out


def _chance(text: str, place: int, seed: int) -> float:
    digest = blake2b(f"{seed}|{place}|{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def typos(text: str, *, share: float = TYPO_SHARE, seed: int = 0) -> str:
    """Exchange, drop or double a letter in about this share of the words of four letters and more."""
    out = []
    for place, word in enumerate(text.split(" ")):
        letters = clusters(word)
        if len(letters) < 4 or not letters[1][0].isalpha():
            out.append(word)
            continue
        if _chance(text, place, seed) < share:
            at = 1 + int(_chance(text, place, seed + 1) * (len(letters) - 2))
            kind = int(_chance(text, place, seed + 2) * 3)
            middle = (
                [letters[at + 1], letters[at]],
                [letters[at + 1]],
                [letters[at], letters[at], letters[at + 1]],
            )[kind]
            letters[at : at + 2] = middle
        out.append("".join(letters))
    return " ".join(out)


def lost_diacritics(text: str) -> str:
    """Without the marks that a text can lose and still be read."""
    out = []
    for cluster in clusters(unicodedata.normalize("NFD", text)):
        base = WITHOUT_MARK.get(cluster[0], cluster[0])
        optional = unicodedata.name(cluster[0], "").startswith(OPTIONAL_MARKS)
        out.append(base if optional else base + cluster[1:])
    return unicodedata.normalize("NFC", "".join(out))


def romanised(text: str) -> str:
    """In Latin letters, roughly as people chat: Cyrillic, Greek, nine scripts of India; others stay."""
    out: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        name = unicodedata.name(character, "")
        script, _, rest = name.partition(" ")
        if script in ("CYRILLIC", "GREEK") and " LETTER " in name:
            letter = rest.partition("LETTER ")[2].partition(" WITH ")[0]
            latin = _GREEK_OR_CYRILLIC.get(letter, letter.lower()[:2])
            out.append(latin.capitalize() if rest.startswith("CAPITAL") else latin)
        elif script in _BY_CONSONANT:
            _add_indic(out, rest)
        else:
            out.append(character)
    return "".join(out)


def _add_indic(out: list[str], name: str) -> None:
    """A consonant brings an a, which a vowel sign replaces and a virama takes away."""
    kind, _, letter = name.rpartition(" ")
    sound = letter.lower().removesuffix("a") + ("a" if len(letter) > 1 and kind.endswith("LETTER") else "")
    if name.startswith("VOWEL SIGN"):
        out[-1:] = [out[-1].removesuffix("a") + letter.lower()] if out else [letter.lower()]
    elif name.startswith("SIGN VIRAMA"):
        out[-1:] = [out[-1].removesuffix("a")] if out else []
    elif name.startswith("DIGIT"):
        out.append(str(unicodedata.digit(unicodedata.lookup(f"DEVANAGARI {name}"))))
    elif kind.endswith("LETTER"):
        out.append(
            letter.lower() if letter in ("A", "AA", "I", "II", "U", "UU", "E", "AI", "O", "AU") else sound
        )
    elif name in ("SIGN ANUSVARA", "SIGN CANDRABINDU"):
        out.append("n")


def code_switched(
    text: str, lexicon: Mapping[str, str], *, share: float = SWITCH_SHARE, seed: int = 0
) -> str:
    """Some of the words that a lexicon has, in the other language; at least one if it has any."""
    words = text.split(" ")
    known = [place for place, word in enumerate(words) if lexicon.get(_bare(word))]
    chosen = [place for place in known if _chance(text, place, seed) < share]
    if known and not chosen:
        chosen = [min(known, key=lambda place: _chance(text, place, seed))]
    for place in chosen:
        bare = _bare(words[place])
        start = words[place].lower().find(bare)
        words[place] = words[place][:start] + lexicon[bare] + words[place][start + len(bare) :]
    return " ".join(words)


def _bare(word: str) -> str:
    return word.lower().strip("".join(c for c in set(word) if unicodedata.category(c)[0] in "PS"))


CHANGES: Mapping[str, Callable[[str], str]] = {
    "typos": typos,
    "lost_diacritics": lost_diacritics,
    "romanised": romanised,
}


def slices(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    names: Sequence[str],
    lexicons: Mapping[str, Mapping[str, str]],
) -> Iterator[dict[str, Any]]:
    """The rows again with changed columns, one group per change (`slice=typos`).

    Args:
        rows: questions.
        columns: columns that hold what the user would type.
        names: changes, or `code_switched`.
        lexicons: by language, from its words to those of the other language.
    """
    for name in names:
        for row in rows:
            changed = {column: _changed(row, column, name, lexicons) for column in columns if row.get(column)}
            if any(text != row[column] for column, text in changed.items()):
                group = f"{row['group']}, slice={name}".removeprefix(", ")
                yield {**row, **changed, "group": group, "id": f"{row['id']}/{name}"}


def _changed(
    row: Mapping[str, Any], column: str, name: str, lexicons: Mapping[str, Mapping[str, str]]
) -> str:
    text = str(row[column])
    if name == "code_switched":
        return code_switched(text, lexicons.get(row["language"], {}))
    return CHANGES[name](text)
