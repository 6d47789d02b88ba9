"""Compiled loops of the character model."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit, mixed

_ROLL = np.uint64(0xD6E8FEB86659FD93)


@jit  # type: ignore[untyped-decorator]
def _slot(codes: Any, first: Any, last: Any, size: Any) -> Any:
    """The place of an n-gram in the tables; its length takes part, so that orders do not collide."""
    value = np.uint64(last - first) + np.uint64(1)
    for at in range(first, last):
        value = (value + np.uint64(codes[at] + 1)) * _ROLL
    return mixed(value) & np.uint64(size - 1)


@jit  # type: ignore[untyped-decorator]
def count_ngrams(codes: Any, starts: Any, order: Any, tables: Any) -> None:
    """Count every n-gram up to `order`, and what follows every context."""
    counts, totals, kinds = tables
    for text in range(len(starts) - 1):
        for at in range(starts[text], starts[text + 1]):
            for length in range(1, order + 1):
                first = at - length + 1
                if first < starts[text]:
                    break
                gram, context = _slot(codes, first, at + 1, len(counts)), _slot(codes, first, at, len(counts))
                kinds[context] += counts[gram] == 0
                counts[gram] += 1
                totals[context] += 1


@jit  # type: ignore[untyped-decorator]
def surprise(codes: Any, starts: Any, how: Any, tables: Any) -> Any:
    """Return the negative log-probability (nats) of every text.

    P_n(c | context) = max(count - d, 0) / total + d · kinds / total · P_(n-1)(c | shorter context), and
    P_0 is uniform over the alphabet and one more, for characters that were never seen.
    """
    order, discount, alphabet = how
    counts, totals, kinds = tables
    nats = np.zeros(len(starts) - 1)
    for text in range(len(starts) - 1):
        for at in range(starts[text], starts[text + 1]):
            probability = 1.0 / (alphabet + 1)
            for length in range(1, order + 1):
                first = at - length + 1
                if first < starts[text]:
                    break
                context = _slot(codes, first, at, len(counts))
                total = totals[context]
                if total == 0:
                    break
                count = counts[_slot(codes, first, at + 1, len(counts))]
                left = discount * kinds[context] / total
                probability = max(count - discount, 0.0) / total + min(left, 1.0) * probability
            nats[text] -= np.log(probability)
    return nats
