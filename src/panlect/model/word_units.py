"""Splits texts into the words that a tokenizer treats one by one, so that each is tokenised only once.

A byte-level tokenizer cuts a text at a pattern and never reaches across a cut. The library finds the cuts
with their offsets and tokenises every occurrence; here the same pattern runs in `regex`, and a word that was
seen before costs a look-up. Where a tokenizer has no such pattern, or splits a probe otherwise, whole texts
are the units.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import regex  # type: ignore[import-untyped]
from numpy.typing import NDArray

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
Split = Callable[[str], list[str]]
_NORMALISE: dict[bool, Callable[[str], str]] = {True: partial(unicodedata.normalize, "NFC"), False: str}


class Words(NamedTuple):
    """How a tokenizer finds words, and the ids of one of them."""

    normalise: Callable[[str], str]
    split: Split
    ids: Callable[[str], list[int]]


@dataclass(frozen=True)
class Units:
    """Texts as rows of units, each of which is tokenised without regard to the others.

    Attributes:
        spelled: each distinct unit.
        ids: of each distinct unit.
        rows: numbers of the units of each text, in order.
        texts: what the units spell: the texts, normalised.
    """

    spelled: Sequence[str]
    ids: Sequence[list[int]]
    rows: Sequence[list[int]]
    texts: Sequence[str]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        tokens = np.fromiter(map(len, self.ids), dtype=np.int64, count=len(self.ids))
        units = np.fromiter(map(len, self.rows), dtype=np.int64, count=len(self.rows))
        text_of_unit = np.repeat(np.arange(len(self.rows)), units)
        sums = np.bincount(text_of_unit, weights=tokens[self._flat], minlength=len(self.rows))
        return sums.astype(np.int64)

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """How often each id is used in all texts together."""
        uses = np.bincount(self._flat, minlength=len(self.ids))
        tokens = np.fromiter(chain.from_iterable(self.ids), dtype=np.int64)
        of_unit = np.repeat(uses, [len(each) for each in self.ids])
        return np.bincount(tokens, weights=of_unit, minlength=1).astype(np.int64)

    @cached_property
    def _flat(self) -> NDArray[np.int64]:
        return np.fromiter(chain.from_iterable(self.rows), dtype=np.int64)

    def ids_of(self, row: int) -> list[int]:
        """The ids of one text."""
        return [number for unit in self.rows[row] for number in self.ids[unit]]


def whole(texts: Sequence[str], ids: Sequence[list[int]]) -> Units:
    """Texts that are units themselves."""
    return Units(texts, ids, [[number] for number in range(len(texts))], texts)


def in_words(texts: Sequence[str], words: Words) -> Units:
    """Texts cut into words."""
    normal = [words.normalise(text) for text in texts]
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    rows = [[numbers[word] for word in words.split(text)] for text in normal]
    return Units(list(numbers), [words.ids(word) for word in numbers], rows, normal)


def pattern_of(facts: Any) -> tuple[Callable[[str], str], Split] | None:
    """The normaliser and the splitter of a tokenizer.json, if both can be run here.

    That is: byte-level BPE after one pattern, no prefix space, no added token that ordinary text could hold.
    """
    pre, normalizer = facts["pre_tokenizer"] or {}, facts["normalizer"]
    parts = pre.get("pretokenizers", [pre])
    if facts["model"]["type"] != "BPE" or any(not token["special"] for token in facts["added_tokens"]):
        return None
    if normalizer is not None and normalizer["type"] != "NFC":
        return None
    if parts[-1].get("type") != "ByteLevel" or parts[-1].get("add_prefix_space"):
        return None
    own = parts[-1].get("use_regex", True)
    if len(parts) == 1 and own:
        pattern = GPT2_PATTERN
    elif len(parts) == 2 and not own and _cuts(parts[0]):
        pattern = parts[0]["pattern"]["Regex"]
    else:
        return None
    python = re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda found: rf"\U{int(found[1], 16):08X}", pattern)
    try:
        # What lies between two words is one, too. Version 1 of the syntax has sets in sets, as the library.
        compiled = regex.compile(rf"{python}|(?:(?!{python})(?s:.))+", flags=regex.VERSION1)
    except regex.error:
        return None
    # With groups, findall would give those instead of the words.
    return None if compiled.groups else (_NORMALISE[bool(normalizer)], compiled.findall)


def _cuts(part: Any) -> bool:
    return (
        part["type"] == "Split"
        and "Regex" in part["pattern"]
        and part["behavior"] == "Isolated"
        and not part["invert"]
    )
