"""Compiled loops over the features of a fastText model: words, n-grams of their characters, n-grams of words.

The order of the features, and so of the additions, is that of fastText.
"""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit

_OFFSET, _PRIME, _LOW = np.uint64(2166136261), np.uint64(16777619), np.uint64(0xFFFFFFFF)
_WORD_PRIME = np.uint64(116049371)
_OPENING, _CLOSING = np.uint8(ord("<")), np.uint8(ord(">"))
_LABEL, _END = np.frombuffer(b"__label__", np.uint8), np.frombuffer(b"</s>", np.uint8)


@jit  # type: ignore[untyped-decorator]
def _hashed(value: Any, byte: Any) -> Any:
    """Add a byte to an FNV-1a hash of 32 bits; fastText sees bytes as signed."""
    wide = np.uint64(byte)
    if byte >= 128:
        wide |= np.uint64(0xFFFFFF00)
    return ((value ^ wide) * _PRIME) & _LOW


@jit  # type: ignore[untyped-decorator]
def _hash_of(data: Any, first: Any, last: Any) -> Any:
    value = _OFFSET
    for at in range(first, last):
        value = _hashed(value, data[at])
    return value


@jit  # type: ignore[untyped-decorator]
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@jit  # type: ignore[untyped-decorator]
def _begins(data: Any, first: Any, last: Any, wanted: Any) -> Any:
    if last - first < len(wanted):
        return False
    for at in range(len(wanted)):  # noqa: SIM110 - compiled
        if data[first + at] != wanted[at]:
            return False
    return True


@jit  # type: ignore[untyped-decorator]
def fill_table(slots: Any, bytes_: Any, starts: Any) -> None:
    """Enter words into an open-addressing table of their numbers by hash (-1: free; a power of two slots)."""
    mask = np.uint64(len(slots) - 1)
    for number in range(len(starts) - 1):
        slot = _hash_of(bytes_, starts[number], starts[number + 1]) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number


@jit  # type: ignore[untyped-decorator]
def _word(data: Any, first: Any, last: Any, value: Any, words: Any) -> Any:
    """Return the number of a word with this hash, or -1."""
    slots, bytes_, starts = words
    mask = np.uint64(len(slots) - 1)
    slot = value & mask
    while slots[slot] >= 0:
        number = slots[slot]
        if starts[number + 1] - starts[number] == last - first:
            same = True
            for at in range(last - first):
                if bytes_[starts[number] + at] != data[first + at]:
                    same = False
                    break
            if same:
                return number
        slot = (slot + np.uint64(1)) & mask
    return -1


@jit  # type: ignore[untyped-decorator]
def _gram_row(value: Any, grams: Any) -> Any:
    """Return the row of an n-gram with this hash, or -1 where quantisation took it away."""
    buckets, words, kept, rows = grams
    bucket = np.int64(value % buckets)
    if not len(kept):
        return words + bucket
    if not (kept[bucket >> 3] >> (bucket & 7)) & 1:
        return -1
    return words + rows[bucket]


@jit  # type: ignore[untyped-decorator]
def _add(matrix: Any, row: Any, hidden: Any, text: Any) -> None:
    for at in range(hidden.shape[1]):
        hidden[text, at] += matrix[row, at]


@jit  # type: ignore[untyped-decorator]
def _add_characters(padded: Any, size: Any, model: Any, hidden: Any, text: Any) -> Any:
    """Add the rows of the n-grams of ``<word>``; return how many there are."""
    _, matrix, grams, (shortest, longest, _) = model
    count = 0
    for begin in range(size):
        if padded[begin] & 0xC0 == 0x80:
            continue
        value, at, length = _OFFSET, begin, 1
        while at < size and length <= longest:
            value = _hashed(value, padded[at])
            at += 1
            while at < size and padded[at] & 0xC0 == 0x80:
                value = _hashed(value, padded[at])
                at += 1
            if length >= shortest and not (length == 1 and (begin == 0 or at == size)):
                row = _gram_row(value, grams)
                if row >= 0:
                    _add(matrix, row, hidden, text)
                    count += 1
            length += 1
    return count


@jit  # type: ignore[untyped-decorator]
def _add_words(hashes: Any, size: Any, model: Any, hidden: Any, text: Any) -> Any:
    """Add the rows of n-grams of words; return how many there are."""
    _, matrix, grams, (_, _, words) = model
    count = 0
    for first in range(size):
        value = np.uint64(np.int64(np.int32(hashes[first])))
        for last in range(first + 1, min(size, first + words)):
            value = value * _WORD_PRIME + np.uint64(np.int64(np.int32(hashes[last])))
            row = _gram_row(value, grams)
            if row >= 0:
                _add(matrix, row, hidden, text)
                count += 1
    return count


@jit  # type: ignore[untyped-decorator]
def _add_text(data: Any, span: Any, model: Any, room: Any, out: Any) -> Any:
    """Add the rows of a text's features; return how many there are."""
    words, matrix, _, (_, longest, word_grams) = model
    padded, hashes = room
    (at, end), (hidden, text) = span, out
    count = size = 0
    while at < end:
        if _is_space(data[at]):
            at += 1
            continue
        last = at
        value = _OFFSET
        while last < end and not _is_space(data[last]):
            value = _hashed(value, data[last])
            padded[last - at + 1] = data[last]
            last += 1
        is_end = last - at == len(_END) and _begins(data, at, last, _END)
        number = _word(data, at, last, value, words)
        if number >= 0:
            _add(matrix, number, hidden, text)
            count += 1
        if number >= 0 or not _begins(data, at, last, _LABEL):
            if longest > 0 and not is_end:
                padded[0], padded[last - at + 1] = _OPENING, _CLOSING
                count += _add_characters(padded, last - at + 2, model, hidden, text)
            if word_grams > 1:
                hashes[size] = value
                size += 1
        at = last
        if is_end:
            break  # fastText takes the rest for another text
    return count + _add_words(hashes, size, model, hidden, text)


@jit  # type: ignore[untyped-decorator]
def hidden_states(data: Any, starts: Any, model: Any, room: Any, hidden: Any) -> None:
    """Write the mean of each text's rows to `hidden` (texts × dimensions, zeros).

    Args:
        data: the texts' bytes, one after the other; each ends in ``" </s>"``, which fastText adds.
        starts: where each text begins, and where the last one ends.
        model: (slots, bytes, starts) of the words; the matrix; (buckets, words, bit by bucket whether it is
            kept, row by bucket; both empty if all are); (shortest and longest n-gram of characters, longest
            of words).
        room: (bytes, hashes) to work in, two more than the longest text has bytes.
        hidden: what to write to.
    """
    for text in range(len(starts) - 1):
        count = _add_text(data, (starts[text], starts[text + 1]), model, room, (hidden, text))
        if count:
            share = np.float32(1.0 / count)
            for at in range(hidden.shape[1]):
                hidden[text, at] *= share


@jit  # type: ignore[untyped-decorator]
def tree_scores(hidden: Any, output: Any, children: Any, scores: Any) -> None:
    """Write the labels' probabilities under hierarchical softmax (texts × labels).

    Args:
        hidden: texts × dimensions.
        output: inner nodes × dimensions.
        children: inner nodes × 2; labels come first in the numbering, the root last.
        scores: what to write to.
    """
    labels = len(output) + 1
    logs = np.zeros(2 * labels - 1, dtype=np.float32)
    for text in range(len(hidden)):
        for node in range(2 * labels - 2, labels - 1, -1):
            inner = node - labels
            total = np.float32(0)
            for at in range(hidden.shape[1]):
                total += output[inner, at] * hidden[text, at]
            share = np.float32(1.0 / (1.0 + np.exp(-total)))
            logs[children[inner, 0]] = logs[node] + np.float32(np.log(1.0 - share + 1e-5))
            logs[children[inner, 1]] = logs[node] + np.float32(np.log(share + 1e-5))
        for label in range(labels):
            scores[text, label] = np.exp(logs[label])
