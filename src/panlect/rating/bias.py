"""Does a reward model like a language? A probe to run before it ranks answers in several.

The same answers in several languages should get the same reward. What is left of the differences between
languages once the differences between answers are taken out is the model's taste for languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.measure.interval import Interval, bootstrap


class Bias(NamedTuple):
    """What a probe found.

    Attributes:
        offsets: mean reward of each language above the mean of all, with 95 % intervals over items, in
            standard deviations of the reward between items.
        share: of the variance within items that language explains, 0 to 1; by chance about 1 / items.
        trusted: whether no interval lies wholly beyond the limit.
    """

    offsets: Mapping[str, Interval]
    share: float
    trusted: bool


class Complete(NamedTuple):
    """Rewards [items, languages] of the same answers in all of the languages."""

    rewards: NDArray[np.float64]
    languages: tuple[str, ...]


def complete(rewards: Mapping[tuple[str, str], float], *, at_least: int = 5) -> Complete | None:
    """The largest part of the rewards in which every item has every language, or None if it is too small.

    The language that fewest items have is left out, until enough items have all that remain.

    Args:
        rewards: by (item, language).
        at_least: items, below which nothing can be said.
    """
    has: dict[str, set[str]] = {}
    for item, language in rewards:
        has.setdefault(language, set()).add(item)
    languages = sorted(has)
    while len(languages) > 1:
        items = sorted(set.intersection(*(has[language] for language in languages)))
        if len(items) >= at_least:
            matrix = np.array([[rewards[item, language] for language in languages] for item in items])
            return Complete(matrix, tuple(languages))
        languages.remove(min(languages, key=lambda language: len(has[language])))
    return None


def language_bias(
    rewards: ArrayLike, languages: Sequence[str], *, limit: float = 0.25, seed: int = 0
) -> Bias:
    """Probe rewards of the same answers in several languages.

    Args:
        rewards: [items, languages].
        languages: codes of the columns.
        limit: the largest offset, in standard deviations between items, that is accepted.
        seed: of the intervals.
    """
    matrix = np.asarray(rewards, dtype=np.float64)
    within = matrix - matrix.mean(axis=1, keepdims=True)
    scale = float(matrix.mean(axis=1).std(ddof=1)) or 1.0
    offsets = {
        language: bootstrap(within[:, column] / scale, seed=seed) for column, language in enumerate(languages)
    }
    total = float((within**2).sum())
    explained = float(len(matrix) * (within.mean(axis=0) ** 2).sum())
    trusted = all(each.low <= limit and each.high >= -limit for each in offsets.values())
    return Bias(offsets, explained / total if total else 0.0, trusted)
