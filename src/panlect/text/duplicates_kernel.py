"""Compiled loops of near-duplicate search."""

from typing import Any

import numpy as np

from panlect.text.characters import LETTER, MARK
from panlect.text.quality_kernel import jit, mixed, next_grams, split

_ROLL = np.uint64(0xD6E8FEB86659FD93)


@jit  # type: ignore[untyped-decorator]
def minhash_batch(texts: Any, tables: Any, words: Any, permutations: Any, out: Any) -> None:
    """Write (texts × permutations minima as uint32, from the largest; shingles per text) to `out`."""
    codes, starts = texts
    kinds, lower = tables
    factors, terms = permutations
    minima, counts = out
    longest = 0
    for text in range(len(starts) - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    hashes = np.empty(longest + 1, dtype=np.uint64)
    firsts, lasts = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    for text in range(len(starts) - 1):
        mine = codes[starts[text] : starts[text + 1]]
        count = split(mine, kinds, lower, True, (hashes, firsts, lasts))
        wide = min(words, count)
        if not count:
            continue
        grams = hashes[:count].copy()
        for n in range(2, wide + 1):
            next_grams(grams, hashes, n, count)
        counts[text] = count - wide + 1
        row = minima[text]
        for at in range(count - wide + 1):
            value = np.uint32(grams[at] >> np.uint64(32))
            for number in range(len(factors)):
                # Multiplication in 32 bits wraps around, which makes it a permutation (odd factor).
                moved = np.uint32(value * factors[number] + terms[number])
                row[number] = min(row[number], moved)


@jit  # type: ignore[untyped-decorator]
def root(parents: Any, at: Any) -> Any:
    """Return the first text of a cluster, shortening the way for the next time."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@jit  # type: ignore[untyped-decorator]
def join(parents: Any, left: Any, right: Any) -> None:
    """Unite two clusters under the earlier of their first texts."""
    left, right = root(parents, left), root(parents, right)
    if left < right:
        parents[right] = left
    else:
        parents[left] = right


_LOOK_BACK = 16


@jit  # type: ignore[untyped-decorator]
def link_band(keys: Any, texts: Any, minima: Any, needed: Any, parents: Any) -> None:
    """Link texts with the same band key whose signatures agree in at least `needed` places.

    Each text is compared with the first of its bucket and the last few before it: in a bucket of
    thousands, those are copies of one another.
    """
    start = 0
    for at in range(1, len(keys)):
        if keys[at] != keys[start]:
            start = at
            continue
        if needed == 0:
            join(parents, texts[start], texts[at])
            continue
        for step in range(_LOOK_BACK + 1):
            other = start if step == 0 else at - step
            if other < start or (step and other == start):
                break
            if root(parents, texts[other]) == root(parents, texts[at]):
                continue
            equal = 0
            for number in range(minima.shape[1]):
                equal += minima[texts[other], number] == minima[texts[at], number]
            if equal >= needed:
                join(parents, texts[other], texts[at])


@jit  # type: ignore[untyped-decorator]
def simhash_batch(texts: Any, kinds: Any, lower: Any, window: Any, out: Any) -> None:
    """Write (fingerprints, shingles per text) to `out`."""
    codes, starts = texts
    prints, counts = out
    votes = np.empty(64, dtype=np.int64)
    power = np.uint64(1)
    for _ in range(window - 1):
        power *= _ROLL
    for text in range(len(starts) - 1):
        kept = np.empty(starts[text + 1] - starts[text], dtype=np.uint32)
        size, space = 0, True
        for at in range(starts[text], starts[text + 1]):
            solid = (kinds[codes[at]] & (LETTER | MARK)) > 0 or 48 <= codes[at] <= 57
            if solid:
                kept[size] = lower[codes[at]]
                size += 1
            elif not space:
                kept[size] = 32
                size += 1
            space = not solid
        size -= size > 0 and kept[size - 1] == 32
        votes[:] = 0
        value = np.uint64(0)
        for at in range(size):
            if at >= window:
                value -= np.uint64(kept[at - window] + 1) * power
            value = value * _ROLL + np.uint64(kept[at] + 1)
            if at < window - 1:
                continue
            counts[text] += 1
            hashed = mixed(value)
            for bit in range(64):
                votes[bit] += 1 if (hashed >> np.uint64(bit)) & np.uint64(1) else -1
        fingerprint = np.uint64(0)
        for bit in range(64):
            if votes[bit] > 0:
                fingerprint |= np.uint64(1) << np.uint64(bit)
        prints[text] = fingerprint


@jit  # type: ignore[untyped-decorator]
def _bits(value: Any) -> Any:
    count = 0
    while value:
        value &= value - np.uint64(1)
        count += 1
    return count


@jit  # type: ignore[untyped-decorator]
def link_fingerprints(keys: Any, texts: Any, prints: Any, distance: Any, parents: Any) -> None:
    """Link texts with the same key whose fingerprints differ in at most `distance` bits."""
    start = 0
    for at in range(1, len(keys)):
        if keys[at] != keys[start]:
            start = at
            continue
        for other in range(start, at):
            if _bits(prints[texts[other]] ^ prints[texts[at]]) <= distance:
                join(parents, texts[other], texts[at])


@jit  # type: ignore[untyped-decorator]
def link_pairs(links: Any, parents: Any) -> None:
    """Unite the clusters of the two texts of every link."""
    for at in range(len(links)):
        join(parents, links[at, 0], links[at, 1])
