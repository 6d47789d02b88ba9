"""Compiled loops that measure the lines of a text. `panlect.text.quality` gives the numbers names."""

from typing import Any

import numpy as np

from panlect.text.characters import PUNCTUATION, SPACE, TERMINAL, UNSPACED_LETTER
from panlect.text.quality_kernel import DOT, ELLIPSIS, FNV_PRIME, FNV_START, find, jit

BULLET, DASH, NEWLINE = 0x2022, 0x2D, 0x0A


@jit  # type: ignore[untyped-decorator]
def _is_line_end(code: Any) -> Any:
    return (10 <= code <= 13) or (0x1C <= code <= 0x1E) or code == 0x85 or code == 0x2028 or code == 0x2029


@jit  # type: ignore[untyped-decorator]
def bullet_measures(codes: Any, kinds: Any, out: Any) -> None:
    """Measure lines as `str.splitlines` sees them: 12 beginning with a bullet, 13 ending in an ellipsis."""
    lines = bullets = ellipses = at = 0
    size = len(codes)
    while at < size:
        end = at
        while end < size and not _is_line_end(codes[end]):
            end += 1
        first, last = at, end
        while first < last and kinds[codes[first]] & SPACE:
            first += 1
        while last > first and kinds[codes[last - 1]] & SPACE:
            last -= 1
        lines += 1
        if first < last:
            bullets += codes[first] == BULLET or codes[first] == DASH
            dots = (
                last - first >= 3
                and codes[last - 1] == DOT
                and codes[last - 2] == DOT
                and codes[last - 3] == DOT
            )
            ellipses += codes[last - 1] == ELLIPSIS or dots
        if end + 1 < size and codes[end] == 13 and codes[end + 1] == 10:
            end += 1
        at = end + 1
    out[12] = bullets / lines if lines else np.nan
    out[13] = ellipses / lines if lines else np.nan


@jit  # type: ignore[untyped-decorator]
def ends_a_sentence(codes: Any, kinds: Any) -> Any:
    """Return whether there is a sentence mark among the punctuation and spaces that a text ends with."""
    for at in range(len(codes) - 1, -1, -1):
        if kinds[codes[at]] & TERMINAL:
            return True
        if not kinds[codes[at]] & (PUNCTUATION | SPACE):
            return False
    return False


@jit  # type: ignore[untyped-decorator]
def fragment_lines(codes: Any, kinds: Any, words: Any) -> Any:
    """Return (lines that are not blank, those of them that are no sentence and have fewer than three words).

    A character of a script without spaces is a third of a word.
    """
    _, firsts, _, count = words
    lines = fragments = at = word = 0
    size = len(codes)
    while at < size:
        end, blank, thirds = at, True, 0
        while end < size and codes[end] != NEWLINE:
            blank &= (kinds[codes[end]] & SPACE) > 0
            end += 1
        while word < count and firsts[word] < end:
            thirds += 1 if kinds[codes[firsts[word]]] & UNSPACED_LETTER else 3
            word += 1
        if not blank:
            lines += 1
            fragments += thirds < 9 and not ends_a_sentence(codes[at:end], kinds)
        at = end + 1
    return lines, fragments


@jit  # type: ignore[untyped-decorator]
def line_measures(codes: Any, kinds: Any, words: Any, table: Any, out: Any) -> None:
    """Measure lines between newlines that are not blank.

    14 count, 15 ending a sentence, 16 of at most 30 characters, 17 characters in repeated lines per
    character, 18 newlines per word, 19 length of the third longest line.
    """
    keys, stamps, _, stamp = table
    lines = terminal = short = repeated = newlines = at = 0
    longest = np.zeros(3, dtype=np.int64)
    size = len(codes)
    while at <= size:
        end, value, blank = at, FNV_START, True
        while end < size and codes[end] != NEWLINE:
            value = (value ^ np.uint64(codes[end])) * FNV_PRIME
            blank &= (kinds[codes[end]] & SPACE) > 0
            end += 1
        newlines += end < size
        length = end - at
        _keep_longest(longest, length)
        if not blank:
            lines += 1
            terminal += (kinds[codes[end - 1]] & TERMINAL) > 0
            short += length <= 30
            slot = find(keys, stamps, stamp, value)
            if stamps[slot] == stamp:
                repeated += length
            keys[slot], stamps[slot] = value, stamp
        at = end + 1
    out[14], out[19] = lines, longest[2]
    out[15] = terminal / lines if lines else np.nan
    out[16] = short / lines if lines else np.nan
    out[17] = repeated / (size - newlines) if size > newlines else np.nan
    out[18] = newlines / words if words else np.nan


@jit  # type: ignore[untyped-decorator]
def _keep_longest(longest: Any, length: Any) -> None:
    for place in range(len(longest)):
        if length > longest[place]:
            length, longest[place] = longest[place], length


@jit  # type: ignore[untyped-decorator]
def repeated_parts(codes: Any, breaks: Any, table: Any) -> Any:
    """Split at runs of at least `breaks` newlines; return (parts, repeated parts, characters in those)."""
    keys, stamps, _, stamp = table
    parts = repeated = characters = at = 0
    size = len(codes)
    while at <= size:
        end, value, run = at, FNV_START, 0
        while end < size:
            if codes[end] == NEWLINE:
                run = 1
                while end + run < size and codes[end + run] == NEWLINE:
                    run += 1
                if run >= breaks:
                    break
                for _ in range(run):
                    value = (value ^ np.uint64(NEWLINE)) * FNV_PRIME
                end += run
                run = 0
                continue
            value = (value ^ np.uint64(codes[end])) * FNV_PRIME
            end += 1
        parts += 1
        slot = find(keys, stamps, stamp, value)
        if stamps[slot] == stamp:
            repeated += 1
            characters += end - at
        keys[slot], stamps[slot] = value, stamp
        if end >= size:
            break
        at = end + run
    return parts, repeated, characters
