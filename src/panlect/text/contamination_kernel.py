"""Compiled loops of contamination."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit, mixed, next_grams, split


@jit  # type: ignore[untyped-decorator]
def _words(codes: Any, tables: Any) -> Any:
    hashes = np.empty(len(codes) + 1, dtype=np.uint64)
    firsts, lasts = np.empty(len(codes) + 1, dtype=np.int64), np.empty(len(codes) + 1, dtype=np.int64)
    count = split(codes, tables[0], tables[1], True, (hashes, firsts, lasts))
    return hashes[:count]


@jit  # type: ignore[untyped-decorator]
def _key(gram: Any, width: Any) -> Any:
    return mixed(gram + np.uint64(width))


@jit  # type: ignore[untyped-decorator]
def word_runs(codes: Any, starts: Any, tables: Any, widths: Any, out: Any) -> Any:
    """Write the keys of all runs of all texts; return how many.

    A text shorter than its width, but not shorter than the shortest that counts, is one run as a
    whole. `out` is (keys, which widths occur, the shortest width that counts).
    """
    keys, present, shortest = out
    size = 0
    for text in range(len(starts) - 1):
        hashes = _words(codes[starts[text] : starts[text + 1]], tables)
        count = len(hashes)
        width = min(widths[text], count)
        if count < shortest:
            continue
        present[width] = True
        grams = hashes.copy()
        for n in range(2, width + 1):
            next_grams(grams, hashes, n, count)
        for at in range(count - width + 1):
            keys[size] = _key(grams[at], width)
            size += 1
    return size


@jit  # type: ignore[untyped-decorator]
def count_shared(codes: Any, starts: Any, tables: Any, present: Any, index: Any) -> Any:
    """Return how many runs of each text, of every width that occurs, are in the sorted index."""
    out = np.zeros(len(starts) - 1, dtype=np.int64)
    widest = 0
    for width in range(len(present)):
        if present[width]:
            widest = width
    for text in range(len(starts) - 1):
        hashes = _words(codes[starts[text] : starts[text + 1]], tables)
        count = len(hashes)
        grams = hashes.copy()
        for n in range(2, min(widest, count) + 1):
            next_grams(grams, hashes, n, count)
            if not present[n]:
                continue
            for at in range(count - n + 1):
                key = _key(grams[at], n)
                place = np.searchsorted(index, key)
                out[text] += place < len(index) and index[place] == key
    return out
