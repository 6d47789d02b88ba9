"""Byte-pair encoding that goes on where an old tokenizer stopped.

The words of the new text are first split by the old tokenizer; then the most frequent adjacent pair is
merged, again and again (Purason et al. 2025, "Teaching old tokenizers new words"). Every new piece is
therefore reached by the merges that made it, after all old ones; of a separately trained vocabulary many
pieces never are.

A pair is passed over if its union is not allowed; that is how old text is kept as it was.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple


class Merge(NamedTuple):
    """One learned merge: the ids of the two parts, the id of the union, and how often it was seen."""

    left: int
    right: int
    union: int
    seen: int


class NewPiece(NamedTuple):
    """A new entry: its id and spelling, the old ids that it replaces, and how often it was seen."""

    id: int
    piece: str
    replaces: tuple[int, ...]
    seen: int


class Start(NamedTuple):
    """Where the old tokenizer stopped.

    Attributes:
        words: ids of each distinct word; changed in place.
        counts: of each word.
        spelling: of every id that occurs in the words.
        first_id: of the first new piece.
    """

    words: Sequence[list[int]]
    counts: Sequence[int]
    spelling: Mapping[int, str]
    first_id: int


class Words:
    """Words as sequences of ids, with counts of adjacent pairs and where they are, and of all tokens."""

    def __init__(self, words: Sequence[list[int]], counts: Sequence[int]) -> None:
        self.words, self.counts = words, counts
        self.tokens = sum(len(word) * count for word, count in zip(words, counts, strict=True))
        self.pairs: dict[tuple[int, int], int] = {}
        self.places: dict[tuple[int, int], set[int]] = {}
        for number, word in enumerate(words):
            for pair in pairwise(word):
                self.pairs[pair] = self.pairs.get(pair, 0) + counts[number]
                self.places.setdefault(pair, set()).add(number)

    def merge(self, pair: tuple[int, int], union: int) -> set[tuple[int, int]]:
        """Replace the pair everywhere; returns the pairs whose counts grew."""
        changed: set[tuple[int, int]] = set()
        for number in sorted(self.places.pop(pair, ())):
            old = self.words[number]
            new = _merged(old, pair, union)
            if len(new) == len(old):
                continue
            count = self.counts[number]
            self.tokens -= (len(old) - len(new)) * count
            for each in pairwise(old):
                self.pairs[each] -= count
            for each in pairwise(new):
                self.pairs[each] = self.pairs.get(each, 0) + count
                if union in each:
                    self.places.setdefault(each, set()).add(number)
                    changed.add(each)
            self.words[number][:] = new
        self.pairs.pop(pair, None)
        return changed


def _merged(word: list[int], pair: tuple[int, int], union: int) -> list[int]:
    left, right = pair
    new: list[int] = []
    at, last = 0, len(word) - 1
    while at <= last:
        if at < last and word[at] == left and word[at + 1] == right:
            new.append(union)
            at += 2
        else:
            new.append(word[at])
            at += 1
    return new


def continue_bpe(
    start: Start, *, allowed: Callable[[str], bool], pieces: int, min_count: int = 2
) -> list[Merge]:
    """Learn merges until there are `pieces` new pieces or no pair is left that is frequent and allowed.

    Args:
        start: the words as the old tokenizer splits them.
        allowed: whether a union may become a piece, by its spelling.
        pieces: how many new ids.
        min_count: rarer pairs are not merged.

    Returns:
        Merges in the order in which they must be applied. A union that two pairs lead to has one id.
    """
    state = Words(start.words, start.counts)
    names = dict(start.spelling)
    ids: dict[str, int] = {}
    verdicts: dict[str, bool] = {}
    # Ties are broken by the spelling, so the result does not depend on the order of the words.
    heap = [(-count, names[a] + names[b], (a, b)) for (a, b), count in state.pairs.items()]
    heapq.heapify(heap)
    merges: list[Merge] = []
    while heap and len(ids) < pieces:
        negative, union, pair = heapq.heappop(heap)
        count = state.pairs.get(pair, 0)
        if count < min_count:
            continue
        if -negative != count:
            heapq.heappush(heap, (-count, union, pair))
            continue
        if union not in verdicts:
            verdicts[union] = allowed(union)
        if not verdicts[union]:
            continue
        number = ids.setdefault(union, start.first_id + len(ids))
        names[number] = union
        merges.append(Merge(*pair, number, count))
        for a, b in state.merge(pair, number):
            heapq.heappush(heap, (-state.pairs[a, b], names[a] + names[b], (a, b)))
    return merges
