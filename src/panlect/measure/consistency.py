"""Does a model say the same in two languages? RankC, COverlap, subset consistency and AC3.

* RankC (Qi, Fernández and Bisazza 2023, "Cross-Lingual Consistency of Factual Knowledge", section 3): the
  candidates of a query are ranked in both languages; with N candidates
  `consistency = Σ_j w_j · |top_j ∩ top'_j| / j`, `w_j ∝ exp(N - j + 1)`. RankC is its mean over queries.
  Candidates are matched by their place in the list, so equal strings stay apart.
  **Its chance level is not 0**: independent random orders score `Σ_j w_j · j / N`. It is printed beside every
  RankC of this project.
* COverlap: of the questions at least one language has right, the share both have right.
* Consistency over language subsets and AC3 (Wang et al. 2023, "SeaEval", section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.measure.interval import Interval, macro_bootstrap

Weighting = Literal["softmax", "linear", "squared"]


def rank_weights(candidates: int, weighting: Weighting = "softmax") -> NDArray[np.float64]:
    """Weight of each cut-off j = 1..N; sums to 1 for any N (the largest exponent is subtracted first)."""
    if candidates < 1:
        raise ValueError("RankC needs at least one candidate")
    height = np.arange(candidates, 0, -1, dtype=np.float64)
    raw = {
        "softmax": np.exp(height - candidates),
        "linear": height,
        "squared": height**2,
    }[weighting]
    return np.asarray(raw / raw.sum())


@lru_cache(maxsize=1024)
def _credit(candidates: int, weighting: Weighting) -> NDArray[np.float64]:
    """Credit of a candidate by the worse of its two ranks.

    A candidate is in both top-j lists for every j above the worse rank m, so it earns Σ_{j>m} w_j / j, and a
    query's consistency is the sum of its candidates' credits: no loop over j.
    """
    per_cut = rank_weights(candidates, weighting) / np.arange(1, candidates + 1)
    return np.cumsum(per_cut[::-1])[::-1]


def ranks(scores: ArrayLike) -> NDArray[np.int64]:
    """Rank of each candidate, 0 = best (highest score); equal scores keep the order of the list."""
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    out = np.empty(order.size, dtype=np.int64)
    out[order] = np.arange(order.size)
    return out


def rank_agreement(
    first: Sequence[ArrayLike], second: Sequence[ArrayLike], weighting: Weighting = "softmax"
) -> NDArray[np.float64]:
    """Consistency of each query from its ranks (see `ranks`) in two languages; queries may differ in N."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} queries in one language but {len(second)} in the other")
    out = np.empty(len(first))
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        worse = np.maximum(np.asarray(one), np.asarray(other))
        out[place] = _credit(worse.size, weighting)[worse].sum()
    return out


@dataclass(frozen=True)
class Agreements:
    """Consistency of every query (row) in every pair of languages (column); NaN where one was not asked.

    Attributes:
        pairs: the two languages of each column, in the order they were given.
        values: [query, pair], one consistency per query and pair.
    """

    pairs: tuple[tuple[str, str], ...]
    values: NDArray[np.float64]

    def intervals(self, *, resamples: int = 500, seed: int = 0) -> dict[tuple[str, str], Interval]:
        """RankC of each pair that has queries in common; queries are resampled once for all pairs."""
        queries = self.values.shape[0]
        if np.isnan(self.values).all():
            return {}
        asked_QP = (~np.isnan(self.values)).astype(np.float64)
        sums_QP = np.nan_to_num(self.values)
        share = np.full(queries, 1 / queries)
        draws_RQ = np.random.default_rng(seed).multinomial(queries, share, size=resamples).astype(np.float64)
        asked_RP = draws_RQ @ asked_QP
        means_RP = np.divide(
            draws_RQ @ sums_QP, asked_RP, out=np.full_like(asked_RP, np.nan), where=asked_RP > 0
        )
        counts_P = asked_QP.sum(axis=0)
        kept = np.flatnonzero(counts_P)
        # The path for missing values goes column by column, which takes seconds for 4,950 pairs.
        quantile = np.nanquantile if np.isnan(means_RP[:, kept]).any() else np.quantile
        low_P, high_P = quantile(means_RP[:, kept], [0.025, 0.975], axis=0)
        values_P = sums_QP.sum(axis=0)[kept] / counts_P[kept]
        rows = zip(kept, values_P, np.minimum(low_P, values_P), np.maximum(high_P, values_P), strict=True)
        return {
            self.pairs[place]: Interval(float(value), float(low), float(high), int(counts_P[place]))
            for place, value, low, high in rows
        }

    def overall(self, language: str = "", *, seed: int = 0) -> Interval:
        """Mean over pairs, or over the pairs of one language, with an interval that resamples queries."""
        wanted = [place for place, pair in enumerate(self.pairs) if not language or language in pair]
        values = self.values[:, wanted]
        asked = ~np.isnan(values)
        rows, columns = np.nonzero(asked)
        return macro_bootstrap(values[asked], columns.tolist(), rows.tolist(), seed=seed)


def agreements(
    ranks_of: Mapping[str, Mapping[Hashable, ArrayLike]], weighting: Weighting = "softmax"
) -> Agreements:
    """Compare the rankings of every pair of languages: `ranks_of[language][query]` are ranks, see `ranks`.

    All languages of a query are compared at once, so a hundred languages (4,950 pairs) take a second.
    """
    names = list(ranks_of)
    first, second = np.triu_indices(len(names), k=1)
    place_of = np.full((len(names), len(names)), -1)
    place_of[first, second] = np.arange(len(first))
    queries = list(dict.fromkeys(query for table in ranks_of.values() for query in table))
    values_QP = np.full((len(queries), len(first)), np.nan)
    for row, query in enumerate(queries):
        asked = np.array([place for place, name in enumerate(names) if query in ranks_of[name]])
        ranks_LN = np.stack([np.asarray(ranks_of[names[place]][query]) for place in asked])
        credit = _credit(ranks_LN.shape[1], weighting)
        one, other = np.triu_indices(len(asked), k=1)
        worse = np.maximum(ranks_LN[one], ranks_LN[other])
        values_QP[row, place_of[asked[one], asked[other]]] = credit[worse].sum(axis=1)
    pairs = tuple((names[a], names[b]) for a, b in zip(first, second, strict=True))
    return Agreements(pairs, values_QP)


def rankc_chance(candidates: Sequence[int], weighting: Weighting = "softmax") -> float:
    """RankC of independent random orders, for queries with these numbers of candidates."""
    if not len(candidates):
        return math.nan
    levels = [float(rank_weights(n, weighting) @ np.arange(1, n + 1)) / n for n in candidates]
    return float(np.mean(levels))


def above_chance(score: float, chance: float) -> float:
    """Rescale so that chance is 0 and perfect agreement is 1; NaN where chance is already 1."""
    return math.nan if chance >= 1 else (score - chance) / (1 - chance)


def right_in(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per question, right in both languages and right in at least one; COverlap is the ratio of their sums.

    With English as one side this is also CLiKA's en-CO (Gao et al. 2024).
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    return (one & other).astype(np.float64), (one | other).astype(np.float64)


def subset_consistency(answers: Sequence[Sequence[Hashable | None]], size: int) -> NDArray[np.float64]:
    """Of each question, the share of all language subsets of `size` that answer it alike.

    `answers[language][question]` is the chosen option; None (no readable option) agrees with nothing. Counted
    in closed form, Σ_options C(n_option, size) / C(languages, size), so a hundred languages cost nothing.
    """
    languages = len(answers)
    if not 2 <= size <= languages:
        raise ValueError(f"subset size {size} is not between 2 and the number of languages, {languages}")
    subsets, shares = math.comb(languages, size), []
    for chosen in zip(*answers, strict=True):
        counts: dict[Hashable, int] = {}
        for option in chosen:
            if option is not None:
                counts[option] = counts.get(option, 0) + 1
        shares.append(sum(math.comb(n, size) for n in counts.values()) / subsets)
    return np.array(shares)


def ac3(accuracy: ArrayLike, consistency: ArrayLike) -> NDArray[np.float64]:
    """Harmonic mean of accuracy and consistency; 0 when both are 0."""
    one, other = np.asarray(accuracy, dtype=np.float64), np.asarray(consistency, dtype=np.float64)
    together = np.where(one + other > 0, one + other, 1.0)
    return np.asarray(2 * one * other / together)
