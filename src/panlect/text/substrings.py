"""Repeated substrings: spans of bytes that occur more than once anywhere (Lee et al. 2022; ROOTS: 50 bytes).

A span of at least n bytes is repeated if and only if all its windows of n bytes are, so hashing every
window and sorting the hashes finds exactly the spans that a suffix array finds, in numpy's sort and without
building one. Memory is 16 bytes a byte of text, or a part of it at a time (`parts`): equal windows
have equal hashes, so each residue of the hash can be sorted by itself.

Offsets are bytes; a cut never falls inside a character.
"""

from collections.abc import Callable, Iterable, Sequence
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
    return repeated_in_chunks(
        lambda: iter([texts]), window_bytes=window_bytes, keep_first=keep_first, parts=parts
    )[0]


def repeated_in_chunks(
    chunks: Callable[[], Iterable[Sequence[str]]], *, window_bytes: int, keep_first: bool, parts: int
) -> list[Spans]:
    """Find repeated spans in more text than fits in memory; return one `Spans` per chunk.

    Args:
        chunks: gives the same texts, chunk by chunk, every time that it is called (parts + 1 times).
        window_bytes: the shortest span.
        keep_first: leave out each window's first occurrence.
        parts: how many passes to make. Memory: 16 bytes per byte of all texts / parts, a bit per byte
            of all texts, and one chunk.
    """
    from panlect.text.substrings_kernel import cover

    covers: list[NDArray[np.uint8]] = []
    for part in range(parts):
        hits, sizes = _hits(chunks, window_bytes, keep_first, (part, parts))
        covers = covers or [np.zeros((size + 7) // 8, dtype=np.uint8) for size in sizes]
        first = 0
        for number, size in enumerate(sizes):
            mine = hits[np.searchsorted(hits, first) : np.searchsorted(hits, first + size)] - first
            if len(mine):
                covered = np.unpackbits(covers[number], count=size).view(np.bool_)
                cover(covered, mine, window_bytes)
                covers[number] = np.packbits(covered)
            first += size
    found = []
    for packed, texts in zip(covers, chunks(), strict=True):
        data, starts = _bytes_of(texts)
        found.append(_spans(np.unpackbits(packed, count=len(data)).view(np.bool_), data, starts))
    return found


def _bytes_of(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    starts = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), starts


def _hits(
    chunks: Callable[[], Iterable[Sequence[str]]], width: int, keep_first: bool, part: tuple[int, int]
) -> tuple[NDArray[np.int64], list[int]]:
    """Return where repeated windows of one part begin (sorted, in all texts' bytes) and the chunks' sizes."""
    from panlect.text.substrings_kernel import window_hashes

    hashed, placed, sizes, first = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [], 0
    for texts in chunks():
        data, starts = _bytes_of(texts)
        hashes, places = window_hashes(data, starts, width, part)
        hashed.append(hashes)
        placed.append(places + first)
        sizes.append(len(data))
        first += len(data)
    hashes, places = np.concatenate(hashed), np.concatenate(placed)
    order = np.argsort(hashes, kind="stable")
    hashes, places = hashes[order], places[order]
    same = hashes[1:] == hashes[:-1]
    again = np.concatenate([[False], same])[: len(hashes)]
    hit = again if keep_first else again | np.concatenate([same, [False]])[: len(hashes)]
    return np.sort(places[hit]), sizes


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
