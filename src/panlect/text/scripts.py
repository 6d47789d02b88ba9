"""Scripts: which one a character, and a text, is written in.

`scripts.csv` holds the ranges of the Unicode property Script (Scripts.txt of Unicode 18.0, Unicode
licence), with the unassigned gaps inside a script's blocks closed.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

NEUTRAL = frozenset({"Zyyy", "Zinh", "Zzzz"})
"""Punctuation, digits, spaces, combining marks, unassigned: they belong to no script."""

UNSPACED = frozenset(
    {
        "Hani",
        "Hira",
        "Kana",
        "Bopo",
        "Thai",
        "Laoo",
        "Khmr",
        "Mymr",
        "Tibt",
        "Lana",
        "Tavt",
        "Talu",
        "Bali",
        "Java",
        "Yiii",
    }
)
"""Scripts that put no space between words; there each character with its marks counts as a word."""


@lru_cache(maxsize=1)
def script_names() -> tuple[str, ...]:
    """Return every script's ISO 15924 code; a position here is the number in `script_numbers`."""
    return ("Zzzz", *sorted({name for _, _, name in _ranges()}))


@lru_cache(maxsize=1)
def _ranges() -> tuple[tuple[int, int, str], ...]:
    text = (files("panlect.text") / "scripts.csv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines()[1:])
    return tuple((int(first, 16), int(last, 16), script) for first, last, script in rows)


@lru_cache(maxsize=1)
def script_numbers() -> NDArray[np.uint8]:
    """Return the script of every code point, as a position in `script_names`."""
    numbers = np.zeros(0x110000, dtype=np.uint8)
    position = {name: number for number, name in enumerate(script_names())}
    for first, last, script in _ranges():
        numbers[first : last + 1] = position[script]
    return numbers


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the text's code points (lone surrogates included)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


BATCH_CHARACTERS = 1 << 17
"""So many stay in a core's cache; to make those of a whole corpus first takes as long as a loop over them."""


def batches(texts: Sequence[str]) -> Iterator[tuple[slice, NDArray[np.uint32], NDArray[np.int64]]]:
    """Yield some texts at a time: which, their code points, and where each begins and the last one ends."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    ends = np.cumsum(lengths)
    first = 0
    while first < len(texts):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + BATCH_CHARACTERS)))
        starts = np.concatenate([[0], ends[first:last] - before])
        yield slice(first, last), code_points("".join(texts[first:last])), starts
        first = last


def script_of(character: str) -> str:
    """Return one character's script, such as ``Latn``; ``Zyyy`` for what all scripts share."""
    return script_names()[int(script_numbers()[ord(character)])]


def script_counts(text: str) -> Counter[str]:
    """Count the letters (and other characters of one script only) by script."""
    counts = np.bincount(script_numbers()[code_points(text)], minlength=1)
    names = script_names()
    return Counter({names[i]: int(counts[i]) for i in counts.nonzero()[0] if names[i] not in NEUTRAL})


def main_script(text: str) -> str:
    """Return the script that most letters are in, or ``Zyyy`` where there are no letters.

    Japanese mixes scripts by nature: kana beside Han characters is ``Jpan``.
    """
    return main_scripts([text])[0][0]


def main_scripts(texts: Sequence[str]) -> list[tuple[str, int, float]]:
    """Return each text's main script, how many letters it has, and the share of them in that script."""
    points = code_points("".join(texts))
    numbers = script_numbers()[points].astype(np.int64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    size, names = len(script_names()), script_names()
    owner = np.repeat(np.arange(len(texts)), lengths)
    counts = np.bincount(owner * size + numbers, minlength=len(texts) * size).reshape(len(texts), size)
    counts[:, [names.index(name) for name in NEUTRAL]] = 0
    letters = counts.sum(axis=1)
    kana = counts[:, names.index("Hira")] + counts[:, names.index("Kana")]
    han = counts[:, names.index("Hani")]
    top, most = counts.argmax(axis=1), counts.max(axis=1)
    # One kana in twenty is enough: Chinese has none, and names in Japanese text are all Han.
    japanese = (kana > 0) & (han + kana >= most) & (kana * 20 >= han + kana)
    most = np.where(japanese, han + kana, most)
    shares = most / np.maximum(letters, 1)
    columns = zip(top.tolist(), japanese.tolist(), letters.tolist(), shares.tolist(), strict=True)
    return [("Zyyy" if not n else "Jpan" if j else names[t], n, share) for t, j, n, share in columns]


@lru_cache(maxsize=1)
def _han_forms() -> tuple[frozenset[str], frozenset[str]]:
    """The characters that only GB 2312 has, and those that only the frequent half of Big5 has."""
    simplified, traditional = set(), set()
    for point in range(0x4E00, 0x9FA6):
        character = chr(point)
        in_gb = bool(character.encode("gb2312", "ignore"))
        in_big5 = b"\xa4" <= character.encode("big5", "ignore")[:1] <= b"\xc6"
        if in_gb and not in_big5:
            simplified.add(character)
        elif in_big5 and not in_gb:
            traditional.add(character)
    return frozenset(simplified), frozenset(traditional)


def han_form(text: str) -> str:
    """Return ``Hant`` if Chinese text has more traditional than simplified characters, else ``Hans``."""
    simplified, traditional = _han_forms()
    return "Hant" if sum(c in traditional for c in text) > sum(c in simplified for c in text) else "Hans"
