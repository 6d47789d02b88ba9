"""95 % intervals and paired tests: every number of the project carries `low`, `high` and `count`.

A share of independent answers gets the Wilson score interval (Wilson 1927); everything else gets a percentile
bootstrap (Efron 1979). When the same question is asked in many languages the answers are not independent:
pass `clusters` (the item of each answer) and whole items are resampled, as in the cluster bootstrap of Field
and Welsh 2007. Two models on the same questions are compared by the paired bootstrap or by McNemar's exact
test, never by looking whether two intervals overlap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
CELLS_KEPT = 1_000_000  # resample-by-cluster counts held in memory at once: 8 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Difference `second - first` with its interval, the two-sided p value and the number of pairs."""

    difference: float
    low: float
    high: float
    p_value: float
    count: int


EMPTY = Interval(math.nan, math.nan, math.nan, 0)


def wilson(successes: float, count: int, *, level: float = 0.95) -> Interval:
    """Wilson score interval of a share; `count` 0 gives NaN, never a made-up zero.

    >>> interval = wilson(8, 10)
    >>> interval.value, round(interval.low, 4), round(interval.high, 4), interval.count
    (0.8, 0.4902, 0.9433, 10)
    """
    if count == 0:
        return EMPTY
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(share, max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share)), count)


def cluster_index(clusters: Sequence[Hashable]) -> NDArray[np.int64]:
    """Number the clusters 0, 1, … in the order they first occur."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(cluster, len(seen)) for cluster in clusters], dtype=np.int64)


def _cluster_totals(columns: NDArray[np.float64], clusters: Sequence[Hashable] | None) -> NDArray[np.float64]:
    """Sum rows [N, K] by cluster; without clusters every row is its own."""
    if clusters is None:
        return columns
    index = cluster_index(clusters)
    totals = np.zeros((int(index.max()) + 1, columns.shape[1]))
    np.add.at(totals, index, columns)
    return totals


@lru_cache(maxsize=32)
def _draws(clusters: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each cluster is drawn, [resamples, clusters]; kept, for one report asks for it often."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=resamples).astype(
        np.float64
    )


def _resampled_sums(totals_CK: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Column sums [resamples, K] over clusters drawn with replacement."""
    clusters = totals_CK.shape[0]
    if clusters * resamples <= CELLS_KEPT:
        return _draws(clusters, resamples, seed) @ totals_CK
    generator = np.random.default_rng(seed)
    share = np.full(clusters, 1.0 / clusters)
    chunk = max(1, CELLS_KEPT // clusters)
    parts = [
        generator.multinomial(clusters, share, size=min(chunk, resamples - start)).astype(np.float64)
        @ totals_CK
        for start in range(0, resamples, chunk)
    ]
    return np.concatenate(parts)


def bootstrap(
    values: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of a mean; with `clusters`, whole clusters are drawn."""
    return bootstrap_ratio(
        values,
        np.ones(np.size(np.asarray(values))),
        clusters=clusters,
        resamples=resamples,
        seed=seed,
        level=level,
    )


def bootstrap_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Bootstrap interval of sum(numerators) / sum(denominators), the two drawn together.

    A mean is the case of all denominators 1. Draws whose denominator is 0 are left out; if the observed
    denominator is 0 the value is NaN with the count kept.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    if top.size == 0:
        return EMPTY
    if bottom.sum() == 0:
        return Interval(math.nan, math.nan, math.nan, int(top.size))
    sums = _resampled_sums(_cluster_totals(np.stack([top, bottom], axis=1), clusters), resamples, seed)
    kept = sums[sums[:, 1] != 0]
    ratios = kept[:, 0] / kept[:, 1]
    low, high = np.quantile(ratios, [0.5 - level / 2, 0.5 + level / 2])
    value = float(top.sum() / bottom.sum())
    return Interval(value, float(min(low, value)), float(max(high, value)), int(top.size))


def mean_over_groups(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of the groups that have a score; NaN where none has."""
    present = ~np.isnan(scores)
    counts = present.sum(axis=-1)
    sums = np.where(present, scores, 0.0).sum(axis=-1)
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))


@dataclass(frozen=True)
class Draws:
    """Scores of groups (languages): as observed, and in every draw of whole clusters (items).

    Attributes:
        groups: G names, in the order they first occur.
        observed_G: their scores.
        drawn_RG: the same in R draws; NaN where a draw has nothing of a group.
        count: observations behind them.
    """

    groups: tuple[Hashable, ...]
    observed_G: NDArray[np.float64]  # noqa: N815
    drawn_RG: NDArray[np.float64]  # noqa: N815
    count: int

    def interval(
        self, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]] = mean_over_groups
    ) -> Interval:
        """A statistic of all groups, made anew in every draw; without ends where no draw has it.

        Args:
            statistic: from scores [..., G] to values [...].
        """
        value, drawn = float(statistic(self.observed_G)), statistic(self.drawn_RG)
        drawn = drawn[~np.isnan(drawn)]
        if math.isnan(value) or not drawn.size:
            return Interval(value, math.nan, math.nan, self.count)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Interval(value, float(min(low, value)), float(max(high, value)), self.count)


def drawn_means(
    values: ArrayLike,
    groups: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Draws:
    """The mean of each group, drawing whole clusters."""
    data = np.asarray(values, dtype=np.float64)
    rows = np.stack([data, np.ones(data.size)], axis=1)
    return drawn_statistics(rows, _ratio, groups, clusters, resamples=resamples, seed=seed)


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    top, bottom = sums[..., 0], sums[..., 1]
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)


def drawn_statistics(
    statistics_NK: ArrayLike,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    groups: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Draws:
    """A score of each group's summed statistics, drawing whole clusters.

    Args:
        statistics_NK: one row of K statistics per answer.
        score: from sums [..., K] to scores [...].
        groups: the language of each answer.
        clusters: the item of each answer.
        resamples: number of draws.
        seed: of the draws.
    """
    rows = np.asarray(statistics_NK, dtype=np.float64)
    group_of, cluster_of = cluster_index(groups), cluster_index(clusters)
    shape = (int(cluster_of.max()) + 1, int(group_of.max()) + 1, rows.shape[1])
    sums_CGK = np.zeros(shape)
    np.add.at(sums_CGK, (cluster_of, group_of), rows)
    drawn = _resampled_sums(sums_CGK.reshape(len(sums_CGK), -1), resamples, seed)
    drawn_RG = score(drawn.reshape(len(drawn), *shape[1:]))
    return Draws(tuple(dict.fromkeys(groups)), score(sums_CGK.sum(axis=0)), drawn_RG, len(rows))


def macro_bootstrap(
    values: ArrayLike,
    groups: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of the mean over groups (languages) of each group's mean, drawing whole clusters (items).

    Every group counts alike, however many values it has. A draw in which some group has no value averages the
    others. The count is the number of values.
    """
    if not len(groups):
        return EMPTY
    return drawn_means(values, groups, clusters, resamples=resamples, seed=seed).interval()


def bootstrap_statistics(
    statistics_NK: ArrayLike,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    groups: Sequence[Hashable] | None = None,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a score of summed statistics (chrF, BLEU, bits per byte), drawing whole clusters.

    With `groups` (languages), of the mean over groups of each group's score; without `clusters`, every answer
    is drawn alone. See `drawn_statistics`.
    """
    count = len(np.asarray(statistics_NK))
    if not count:
        return EMPTY
    together = groups if groups is not None else [0] * count
    apart = clusters if clusters is not None else range(count)
    return drawn_statistics(statistics_NK, score, together, apart, resamples=resamples, seed=seed).interval()


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two systems scored on the same questions (Koehn 2004); value i of both is question i.

    With `groups` (languages) the difference is the mean over groups; with `clusters` (items) whole clusters
    are drawn. The p value is two-sided and never below 2 / (resamples + 1), which is all that many draws can
    show.
    """
    difference = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    if difference.size == 0:
        return Comparison(math.nan, math.nan, math.nan, math.nan, 0)
    one_group = groups if groups is not None else [0] * difference.size
    apart = clusters if clusters is not None else list(range(difference.size))
    made = drawn_means(difference, one_group, apart, resamples=resamples, seed=seed)
    value, draws = float(mean_over_groups(made.observed_G)), mean_over_groups(made.drawn_RG)
    draws = draws[~np.isnan(draws)]
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    low, high = np.quantile(draws, [0.025, 0.975])
    p_value = min(1.0, 2 * (tail + 1) / (resamples + 1))
    return Comparison(value, float(low), float(high), p_value, int(difference.size))


def false_discoveries(p_values: Sequence[float], rate: float = 0.05) -> list[bool]:
    """Which of many tests to believe, so that at most `rate` of those are wrong (Benjamini, Hochberg 1995).

    >>> false_discoveries([0.001, 0.04, 0.03, 0.5])
    [True, False, False, False]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    last = 0
    for rank, place in enumerate(order, start=1):
        if p_values[place] <= rate * rank / len(p_values):
            last = rank
    believed = set(order[:last])
    return [place in believed for place in range(len(p_values))]


def mcnemar(first: ArrayLike, second: ArrayLike) -> Comparison:
    """McNemar's exact test on right/wrong answers to the same questions (McNemar 1947).

    Only questions on which the two disagree carry evidence; under no difference each falls either way with
    probability 1/2. The interval is that of Agresti and Min 2005, which adds half a question to each of the
    four outcomes, so that a few questions that agree are no certainty.
    """
    before = np.asarray(first, dtype=bool)
    after = np.asarray(second, dtype=bool)
    count = int(before.size)
    if count == 0:
        return Comparison(math.nan, math.nan, math.nan, math.nan, 0)
    gained = int((~before & after).sum())
    lost = int((before & ~after).sum())
    discordant, fewer = gained + lost, min(gained, lost)
    log_terms = [
        math.lgamma(discordant + 1) - math.lgamma(k + 1) - math.lgamma(discordant - k + 1)
        for k in range(fewer + 1)
    ]
    tail = sum(math.exp(term - discordant * math.log(2)) for term in log_terms)
    p_value = min(1.0, 2 * tail) if discordant else 1.0
    difference = (gained - lost) / count
    middle = (gained - lost) / (count + 2)
    half = 1.959964 * math.sqrt((gained + lost + 1) / (count + 2) - middle**2) / math.sqrt(count + 2)
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Comparison(difference, min(low, difference), max(high, difference), p_value, count)
