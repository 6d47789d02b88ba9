"""Token sequences as a tree of their common beginnings, cut into rows that a model reads once.

Sorted, every sequence follows the one that it shares most with; only what is new of it is appended to the
row, and each token sees its own ancestors and nothing else. So examples, passages, contexts and the first
words of choices are each read once, however they nest. A beginning shared by more than fits into a row is
read into a cache of keys and values, which the rows below it look at.

Shapes: T new tokens of a row, M scored tokens of a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panlect.model.score import Part

ROW_TOKENS = 768
"""A tree that fits into a row of this length needs no cache."""
PACKED_TOKENS = 64
"""Smaller trees stand side by side in a row of about this length, which needs less padding."""
BRANCH_TOKENS = 256
"""Rows below a cached beginning are filled to about this length: every row needs a copy of the cache."""
CACHE_TOKENS = 32
"""A shorter beginning is not worth a pass of its own."""
ATTENTION_TOKENS = 3000
"""At this width attention over a row costs about as much as all the rest of a small model."""

Tokens = NDArray[np.int32]
Places = NDArray[np.int64]
Range = tuple[int, int]


class TreeRow(NamedTuple):
    """New tokens of several sequences below a common beginning.

    Attributes:
        ids: every token after its parent, (T,).
        depths: the position of each in its own sequence, (T,).
        seen: for each token the tokens it looks at: itself and its ancestors in the row, (T, T).
        places: the tokens that predict a scored one, (M,).
        numbers: the sequences these belong to, (M,).
        targets: the token ids that are predicted, (M,).
    """

    ids: Tokens
    depths: Places
    seen: NDArray[np.bool_]
    places: Places
    numbers: Places
    targets: Tokens


@dataclass
class Branch:
    """Rows that continue the same cached tokens (none: `beginning` is empty)."""

    beginning: Tokens
    rows: list[TreeRow] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Positions that go through the model."""
        return len(self.beginning) + sum(len(row.ids) for row in self.rows)


def grow(parts: Sequence[Part], numbers: Sequence[int]) -> list[Branch]:
    """The trees of some sequences, which rows refer to by `numbers`; the first branch has no beginning."""
    texts = [np.asarray(part.ids[:-1], dtype=np.int32) for part in parts]  # nobody asks what follows the last
    order = sorted(range(len(parts)), key=lambda n: (texts[n].astype(">i4").tobytes(), n))
    forest = _Forest([texts[n] for n in order], [parts[n] for n in order], [numbers[n] for n in order])
    together = Branch(np.zeros(0, np.int32))
    return [together, *forest.branches(together)]


class _Forest:
    """Sorted sequences, and how much of its beginning each has in common with the one before."""

    def __init__(self, texts: list[Tokens], parts: list[Part], numbers: list[int]) -> None:
        self.texts, self.parts, self.numbers = texts, parts, numbers
        self.common = np.array([0, *(_common(*pair) for pair in pairwise(texts))], dtype=np.int64)
        self.added = np.cumsum([len(text) for text in texts] - self.common)

    def width(self, part: Range) -> int:
        """Tokens of the tree of a range of sequences."""
        low, high = part
        return len(self.texts[low]) + int(self.added[high - 1] - self.added[low])

    def branches(self, together: Branch) -> Iterator[Branch]:
        """Cut the forest until all of it fits into rows; what needs no cache goes into `together`."""
        whole: list[Range] = []
        waiting = [(0, len(self.texts))]
        while waiting:
            low, high = part = waiting.pop()
            if high - low == 1:
                whole.append(part)
                continue
            base = int(self.common[low + 1 : high].min())
            cuts = [low, *(low + 1 + np.flatnonzero(self.common[low + 1 : high] == base)).tolist(), high]
            children = list(pairwise(cuts))
            if self._fits(part, base * (len(children) - 1)):
                whole.append(part)
                continue
            small = [each for each in children if self.width(each) - base <= ROW_TOKENS]
            # The token before a scored one has to be in a row: of the cache only keys and values are left.
            firsts = [self.parts[n].first - 1 for each in small for n in range(*each)]
            cached = min([base, *firsts])
            if cached >= CACHE_TOKENS and len(small) > 1:
                groups = self._filled(small, cached, BRANCH_TOKENS)
                yield Branch(self.texts[low][:cached], [self._row(each, base, cached) for each in groups])
                children = [each for each in children if each not in small]
            waiting += reversed(children)
        groups = self._filled(sorted(whole, key=self.width), 0, PACKED_TOKENS)
        together.rows += [self._row(each, 0, 0) for each in groups]

    def _fits(self, part: Range, saved: int) -> bool:
        """Whether a range stands in one row, which pays if it saves more tokens than its width costs."""
        width = self.width(part)
        return width <= ROW_TOKENS and saved * ATTENTION_TOKENS >= width * (width + saved)

    def _filled(self, children: Sequence[Range], cached: int, limit: int) -> Iterator[list[Range]]:
        """Neighbours that have at most `limit` tokens together below what is cached."""
        group: list[Range] = []
        size = 0
        for child in children:
            more = self.width(child) - cached
            if group and size + more > limit:
                yield group
                group, size = [], 0
            group.append(child)
            size += more
        if group:
            yield group

    def _row(self, ranges: Sequence[Range], base: int, cached: int) -> TreeRow:
        """The row of some ranges, each of which has `base` tokens in common with the others."""
        size = sum(self.width(each) for each in ranges) - base * (len(ranges) - 1) - cached
        ids, depths = np.empty(size, np.int32), np.empty(size, np.int64)
        seen = np.eye(size, dtype=np.bool_)
        path = np.empty(0, np.int64)
        found: list[tuple[Places, Places, Tokens]] = []
        at = 0
        for low, high in ranges:
            for n in range(low, high):
                text, part = self.texts[n], self.parts[n]
                common = int(self.common[n]) if n > low else (base if at else cached)
                new = np.arange(at, at + len(text) - common)
                ids[new], depths[new] = text[common:], np.arange(common, len(text))
                seen[new[:, None], path[: common - cached]] = True
                seen[at : at + len(new), at : at + len(new)] = np.tri(len(new), dtype=np.bool_)
                path = np.concatenate([path[: common - cached], new])
                at += len(new)
                places = path[part.first - 1 - cached :]
                targets = np.asarray(part.ids[part.first :], dtype=np.int32)
                found.append((places, np.full(len(places), self.numbers[n]), targets))
        places, numbers, targets = (np.concatenate(each) for each in zip(*found, strict=True))
        return TreeRow(ids, depths, seen, places, numbers, targets)


def _common(one: Tokens, other: Tokens) -> int:
    """Length of the beginning that two sequences have in common."""
    size = min(len(one), len(other))
    differ = one[:size] != other[:size]
    return int(differ.argmax()) if differ.any() else size
