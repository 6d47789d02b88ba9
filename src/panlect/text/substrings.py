"""Repeated substrings: spans of bytes that occur more than once anywhere (Lee et al. 2022; ROOTS: 50 bytes).

A span of at least n bytes is repeated if and only if all its windows of n bytes are, so hashing every
window and sorting the hashes finds exactly the spans that a suffix array finds, in numpy's sort and without
building one. Memory is 16 bytes a byte of text, or a part of it at a time (`parts`): equal windows
have equal hashes, so each residue of the hash can be sorted by itself.

Offsets are bytes; a cut never falls inside a character.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES = 50


class Spans(NamedTuple):
    """Repeated spans: which text, and where in its UTF-8 bytes (first included, last not)."""

    text: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def repeated(
    texts: Sequence[str], *, window_bytes: int = WINDOW_BYTES, keep_first: bool = True, parts: int = 1
) -> Spans:
    """Find spans of at least `window_bytes` bytes that occur at least twice, within or across texts.

    Args:
        texts: the texts; no span crosses from one into the next.
        window_bytes: the shortest span.
        keep_first: leave out each window's first occurrence, so that removing the spans keeps one copy.
        parts: how many passes to make; each needs 1/parts of the memory.
    """
    from panlect.text.substrings_kernel import cover, window_hashes

    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    starts = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in encoded], out=starts[1:])
    data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    covered = np.zeros(len(data), dtype=np.bool_)
    for part in range(parts):
        hashes, places = window_hashes(data, starts, window_bytes, (part, parts))
        if not len(hashes):
            continue
        order = np.argsort(hashes, kind="stable")
        hashes, places = hashes[order], places[order]
        same = hashes[1:] == hashes[:-1]
        again = np.concatenate([[False], same])
        hit = again if keep_first else again | np.concatenate([same, [False]])
        cover(covered, places[hit], window_bytes)
    return _spans(covered, data, starts)


def _spans(covered: NDArray[np.bool_], data: NDArray[np.uint8], starts: NDArray[np.int64]) -> Spans:
    edges = np.diff(np.concatenate([[0], covered.view(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    # Touching spans of two texts form one run of covered bytes: cut it where a text begins.
    inner = starts[1:-1]
    cuts = (
        inner[covered[np.minimum(inner, len(covered) - 1)] & covered[inner - 1]]
        if len(covered)
        else inner[:0]
    )
    first, last = np.sort(np.concatenate([first, cuts])), np.sort(np.concatenate([last, cuts]))
    continues = (data & 0xC0) == 0x80  # the later bytes of a character
    for edge, step in ((first, 1), (last, -1)):
        for _ in range(3):  # inwards to whole characters
            inside = (edge < len(data)) & (edge > 0)
            edge[inside] += step * continues[edge[inside]]
    keep = last > first
    first, last = first[keep], last[keep]
    text = np.searchsorted(starts, first, side="right") - 1
    return Spans(text, first - starts[text], last - starts[text])


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the text without some spans of its bytes."""
    data, kept, at = text.encode("utf-8", "surrogatepass"), [], 0
    for first, last in spans:
        kept.append(data[at:first])
        at = last
    return b"".join([*kept, data[at:]]).decode("utf-8", "surrogatepass")
