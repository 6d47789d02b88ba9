"""Compiled loops that measure words, characters and repetitions; `panlect.text.quality` names the numbers.

A text is an array of code points. Words are hashed to 64 bits; repetitions are counted on hashes in
an open-addressing table that is emptied by changing its stamp.
"""

from typing import Any

import numpy as np

from panlect.text.characters import (
    DIGIT,
    LETTER,
    MARK,
    PUNCTUATION,
    SPACE,
    SPECIAL,
    UNSPACED_LETTER,
)
from panlect.text.needs import needs

numba = needs("numba", "the quality filters")
jit = numba.njit(cache=True, nogil=True)

FNV_START = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ROLL = np.uint64(0xD6E8FEB86659FD93)

ELLIPSIS, HASH, DOT = 0x2026, 0x23, 0x2E


@jit  # type: ignore[untyped-decorator]
def mixed(value: Any) -> Any:
    """Spread a hash over all 64 bits (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@jit  # type: ignore[untyped-decorator]
def find(keys: Any, stamps: Any, stamp: Any, key: Any) -> Any:
    """Return the slot of a key, or the free slot where it belongs."""
    mask = np.uint64(len(keys) - 1)
    slot = mixed(key) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@jit  # type: ignore[untyped-decorator]
def split(codes: Any, kinds: Any, lower: Any, by_character: bool, out: Any) -> Any:
    """Find the words of a text.

    With `by_character`, punctuation at a word's ends is cut off and each character of a script
    without spaces is a word, with its marks; otherwise a word is what stands between white space.

    Args:
        codes: the text.
        kinds: bits per code point.
        lower: lower-case form per code point.
        by_character: see above.
        out: (hashes, first, last) to write to.

    Returns:
        the number of words.
    """
    hashes, firsts, lasts = out
    at, size, count = 0, len(codes), 0
    while at < size:
        if kinds[codes[at]] & SPACE:
            at += 1
            continue
        end = at
        while end < size and not kinds[codes[end]] & SPACE:
            end += 1
        if not by_character:
            firsts[count], lasts[count] = at, end
            count += 1
        else:
            count = _pieces(codes, kinds, at, end, (firsts, lasts, count))
        at = end
    for word in range(count):
        value = FNV_START
        for position in range(firsts[word], lasts[word]):
            value = (value ^ np.uint64(lower[codes[position]])) * FNV_PRIME
        hashes[word] = mixed(value)
    return count


@jit  # type: ignore[untyped-decorator]
def _pieces(codes: Any, kinds: Any, at: Any, end: Any, out: Any) -> Any:
    firsts, lasts, count = out
    while at < end:
        kind = kinds[codes[at]]
        if kind & UNSPACED_LETTER:
            stop = at + 1
            while stop < end and kinds[codes[stop]] & MARK:
                stop += 1
        else:
            stop = at
            while stop < end and not kinds[codes[stop]] & UNSPACED_LETTER:
                stop += 1
        first, last = at, stop
        while first < last and kinds[codes[first]] & PUNCTUATION:
            first += 1
        while last > first and kinds[codes[last - 1]] & PUNCTUATION:
            last -= 1
        if first < last:
            firsts[count], lasts[count] = first, last
            count += 1
        at = stop
    return count


@jit  # type: ignore[untyped-decorator]
def word_measures(codes: Any, kinds: Any, words: Any, stops: Any, out: Any) -> None:
    """Measure words: 1 count, 2 not all symbols, 3 mean length, 4 longest, 5 with letters, 6-7 stop words."""
    hashes, firsts, lasts, count = words
    solid = solid_length = longest = alphabetic = hits = 0
    distinct = np.zeros(len(stops), dtype=np.uint8)
    for word in range(count):
        symbol, letter = True, False
        for position in range(firsts[word], lasts[word]):
            kind = kinds[codes[position]]
            symbol &= (kind & PUNCTUATION) > 0
            letter |= (kind & LETTER) > 0
        length = lasts[word] - firsts[word]
        longest = max(longest, length)
        if not symbol:
            solid += 1
            solid_length += length
        alphabetic += letter
        place = np.searchsorted(stops, hashes[word])
        if place < len(stops) and stops[place] == hashes[word]:
            hits += 1
            distinct[place] = 1
    out[1], out[2], out[4] = count, solid, longest
    out[3] = solid_length / solid if solid else np.nan
    out[5] = alphabetic / count if count else np.nan
    out[6] = distinct.sum()
    out[7] = hits / count if count and len(stops) else np.nan


@jit  # type: ignore[untyped-decorator]
def character_measures(codes: Any, kinds: Any, words: Any, out: Any) -> None:
    """Measure characters: 0 count, 8 special, 9 digits, 10 '#' per word, 11 ellipses per word."""
    special = digits = hashes = ellipses = at = 0
    size = len(codes)
    while at < size:
        kind = kinds[codes[at]]
        special += (kind & SPECIAL) > 0
        digits += (kind & DIGIT) > 0
        hashes += codes[at] == HASH
        if codes[at] == ELLIPSIS:
            ellipses += 1
        elif codes[at] == DOT and at + 2 < size and codes[at + 1] == DOT and codes[at + 2] == DOT:
            ellipses += 1
            special += 2 * ((kind & SPECIAL) > 0)
            at += 2
        at += 1
    out[0] = size
    out[8] = special / size if size else np.nan
    out[9] = digits / size if size else np.nan
    out[10] = hashes / words if words else np.nan
    out[11] = ellipses / words if words else np.nan


@jit  # type: ignore[untyped-decorator]
def word_entropy_bits(words: Any, table: Any) -> Any:
    """Return the entropy of the distribution of words."""
    hashes, _, _, count = words
    keys, stamps, counts, stamp = table
    weighted = 0.0  # the sum of c log2(c) over all words' counts
    for word in range(count):
        slot = find(keys, stamps, stamp, hashes[word])
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = hashes[word], stamp, 0
        times = counts[slot]
        weighted += (times + 1) * np.log2(times + 1) - (times * np.log2(times) if times else 0.0)
        counts[slot] = times + 1
    return np.log2(count) - weighted / count if count else np.nan


@jit  # type: ignore[untyped-decorator]
def top_gram(grams: Any, words: Any, n: Any, table: Any) -> Any:
    """Return the characters that the most frequent n-gram covers (the first of several), and its count."""
    _, firsts, lasts, count = words
    keys, stamps, counts, stamp = table
    for at in range(count - n + 1):
        slot = find(keys, stamps, stamp, grams[at])
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = grams[at], stamp, 0
        counts[slot] += 1
    best, covered = 0, 0
    for at in range(count - n + 1):
        times = counts[find(keys, stamps, stamp, grams[at])]
        if times > best:
            length = n - 1
            for word in range(at, at + n):
                length += lasts[word] - firsts[word]
            best, covered = times, length * times
    return covered, best


@jit  # type: ignore[untyped-decorator]
def repeated_grams(grams: Any, words: Any, n: Any, table: Any) -> Any:
    """Return the characters in n-grams that were there before, without counting any word twice."""
    _, firsts, lasts, count = words
    keys, stamps, _, stamp = table
    at = covered = 0
    while at < count - n + 1:
        slot = find(keys, stamps, stamp, grams[at])
        if stamps[slot] == stamp:
            for word in range(at, at + n):
                covered += lasts[word] - firsts[word]
            at += n
        else:
            keys[slot], stamps[slot] = grams[at], stamp
            at += 1
    return covered


@jit  # type: ignore[untyped-decorator]
def next_grams(grams: Any, hashes: Any, n: Any, count: Any) -> None:
    """Lengthen the n-gram hashes by one word: from n - 1 words to n."""
    for at in range(count - n + 1):
        grams[at] = mixed(grams[at] * _ROLL + hashes[at + n - 1] + _MIX)


@jit  # type: ignore[untyped-decorator]
def word_repetition(grams: Any, size: Any, table: Any) -> Any:
    """Return the share of n-grams that occur more than once (ROOTS)."""
    keys, stamps, counts, stamp = table
    repeated = 0
    for at in range(size):
        slot = find(keys, stamps, stamp, grams[at])
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = grams[at], stamp, 0
        counts[slot] += 1
        repeated += 2 if counts[slot] == 2 else counts[slot] > 2
    return repeated / size if size > 0 else 0.0


@jit  # type: ignore[untyped-decorator]
def character_repetition(codes: Any, n: Any, table: Any) -> Any:
    """Return the share of character n-grams that are among the most frequent ones (ROOTS).

    The most frequent ones are the first min(⌊√distinct⌋, distinct - occurring once).
    """
    keys, stamps, counts, stamp = table
    total = len(codes) - n + 1
    if total <= 0:
        return 0.0
    power = np.uint64(1)
    for _ in range(n - 1):
        power *= _ROLL
    value, distinct = np.uint64(0), 0
    slots = np.empty(total, dtype=np.int64)
    for at in range(len(codes)):
        if at >= n:
            value -= np.uint64(codes[at - n] + 1) * power
        value = value * _ROLL + np.uint64(codes[at] + 1)
        if at < n - 1:
            continue
        slot = find(keys, stamps, stamp, value)
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = value, stamp, 0
            slots[distinct] = slot
            distinct += 1
        counts[slot] += 1
    several = np.empty(distinct, dtype=np.int64)
    size = 0
    for place in range(distinct):
        if counts[slots[place]] > 1:
            several[size] = counts[slots[place]]
            size += 1
    taken = min(int(np.sqrt(distinct)), size)
    several = np.sort(several[:size])
    return several[size - taken :].sum() / total
