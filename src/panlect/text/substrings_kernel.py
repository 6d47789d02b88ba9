"""Compiled loops of repeated substrings."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit, mixed

_ROLL = np.uint64(0xD6E8FEB86659FD93)


@jit  # type: ignore[untyped-decorator]
def window_hashes(data: Any, starts: Any, width: Any, part: Any) -> Any:
    """Return (hash, place) of every window of `width` bytes inside a text whose hash falls into the part."""
    number, parts = part
    hashes = np.empty(len(data), dtype=np.uint64)
    places = np.empty(len(data), dtype=np.int64)
    power, size = np.uint64(1), 0
    for _ in range(width - 1):
        power *= _ROLL
    for text in range(len(starts) - 1):
        value = np.uint64(0)
        for at in range(starts[text], starts[text + 1]):
            if at - starts[text] >= width:
                value -= np.uint64(data[at - width] + 1) * power
            value = value * _ROLL + np.uint64(data[at] + 1)
            if at - starts[text] < width - 1:
                continue
            key = mixed(value)
            if key % np.uint64(parts) == np.uint64(number):
                hashes[size], places[size] = key, at - width + 1
                size += 1
    return hashes[:size].copy(), places[:size].copy()


@jit  # type: ignore[untyped-decorator]
def cover(covered: Any, places: Any, width: Any) -> None:
    """Mark the bytes of windows."""
    for place in places:
        for at in range(place, place + width):
            covered[at] = True
