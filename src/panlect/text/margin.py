"""Translations among sentences of two languages, by the margin of their vectors' similarity.

A cosine says little by itself: some sentences are close to everything. The margin (Artetxe and Schwenk 2019,
"Margin-based parallel corpus mining", ratio margin, and candidates of both directions) divides it by the mean
similarity of both sentences to their nearest neighbours in the other language.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_ROWS = 2048
"""Rows compared at once: what bounds memory."""


class Match(NamedTuple):
    """The numbers of two sentences that translate each other, and their margin."""

    first: int
    second: int
    margin: float


def matches(first: Vectors, second: Vectors, *, neighbours: int = 4, threshold: float = 1.06) -> list[Match]:
    """Find pairs, best first; each sentence takes part in one.

    Args:
        first: one row per sentence; lengths do not matter.
        second: the same for the other language.
        neighbours: how many of a sentence's nearest in the other language its similarity is compared with.
        threshold: least margin; 1 is no closer than to the neighbours.
    """
    if not len(first) or not len(second):
        return []
    ours, theirs = _unit(first), _unit(second)
    of_first, of_second = _nearness(ours, theirs, neighbours), _nearness(theirs, ours, neighbours)
    forward = _best(ours, theirs, of_first, of_second)
    backward = _best(theirs, ours, of_second, of_first)
    found = {(n, other): margin for n, (other, margin) in enumerate(forward)}
    found |= {(other, n): margin for n, (other, margin) in enumerate(backward)}
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for (left, right), margin in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        if margin >= threshold and left not in taken[0] and right not in taken[1]:
            taken[0].add(left)
            taken[1].add(right)
            pairs.append(Match(left, right, margin))
    return pairs


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _nearness(ours: Vectors, theirs: Vectors, neighbours: int) -> Vectors:
    """Return each sentence's mean similarity to its nearest ones of the other language."""
    k = min(neighbours, len(theirs))
    parts = [
        np.sort(ours[at : at + _ROWS] @ theirs.T, axis=1)[:, -k:].mean(axis=1)
        for at in range(0, len(ours), _ROWS)
    ]
    return np.concatenate(parts)


def _best(
    ours: Vectors, theirs: Vectors, near_ours: Vectors, near_theirs: Vectors
) -> list[tuple[int, float]]:
    """Return, for each sentence, the other language's with the greatest margin."""
    found: list[tuple[int, float]] = []
    for at in range(0, len(ours), _ROWS):
        between = (near_ours[at : at + _ROWS, None] + near_theirs[None, :]) / 2
        margins = (ours[at : at + _ROWS] @ theirs.T) / np.maximum(between, 1e-6)
        best = margins.argmax(axis=1)
        found += list(zip(best.tolist(), margins[np.arange(len(best)), best].tolist(), strict=True))
    return found
