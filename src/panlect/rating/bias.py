"""Does a reward model like a language? A probe to run before it ranks answers in several.

The same answers in several languages should get the same reward. What is left of the differences between
languages once the differences between answers are taken out is the model's taste for languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        items: how many there were.
    """

    offsets: Mapping[str, Interval]
    share: float
    trusted: bool
    items: int


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


def probe(rewards: Iterable[tuple[str, str, float]], *, limit: float = 0.25, seed: int = 0) -> Bias | None:
    """Probe rewards of right answers to the same items in several languages.

    Args:
        rewards: item, language and reward of each answer; answers of one item in one language are averaged.
        limit: see `language_bias`.
        seed: see `language_bias`.

    Returns:
        None where too few items are answered in several languages.
    """
    places: dict[tuple[str, str], list[float]] = {}
    for item, language, reward in rewards:
        places.setdefault((item, language), []).append(reward)
    found = complete({place: float(np.mean(values)) for place, values in places.items()})
    return found and language_bias(found.rewards, found.languages, limit=limit, seed=seed)


def describe(bias: Bias | None) -> str:
    """One line for a log."""
    if bias is None:
        return "no items in several languages: whether the reward model prefers a language is not known"
    liked = max(bias.offsets, key=lambda language: bias.offsets[language].value)
    return (
        f"same answers in {len(bias.offsets)} languages: language explains {bias.share:.1%} of the "
        f"differences, most liked {liked} ({bias.offsets[liked].value:+.2f} deviations); "
        + ("trusted" if bias.trusted else "not to be trusted across languages")
    )


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
    return Bias(offsets, explained / total if total else 0.0, trusted, len(matrix))
