"""How much of which language: from sizes to shares, as pure arithmetic.

Sizes are counted in one declared unit (bytes, tokens or documents); the choice changes the result, so
whoever calls these functions must say which one it used. All functions take and return one-dimensional
arrays in the caller's order.

* temperature: q_l = p_l^alpha / sum_k p_k^alpha (Devlin et al. 2019 use alpha 0.7; Conneau et al. 2020,
  XLM-R, 0.3).
* UniMax: as uniform as possible with a cap on epochs (Chung et al. 2023, ICLR, algorithm 1).
* caps and floors: the shares closest in ratio to the given ones that respect both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panlect.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _sizes(sizes: Sequence[float] | Floats) -> Floats:
    array = np.asarray(sizes, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise ConfigError(
            "sizes must be finite and not negative", where="sizes", expected="one number per language"
        )
    if not array.sum() > 0:
        raise ConfigError(
            "there is nothing to mix: every size is zero",
            where="sizes",
            expected="at least one language with text",
            fix="check that the inputs hold documents or pairs",
        )
    return array


def temperature(sizes: Sequence[float] | Floats, alpha: float) -> Floats:
    """Exponent sampling; `alpha` 1 is proportional, 0 uniform; no text, no share.

    >>> temperature([8, 1, 1], 0.5).round(4).tolist()
    [0.5858, 0.2071, 0.2071]
    """
    array = _sizes(sizes)
    if not 0 <= alpha <= 1:
        raise ConfigError(
            f"alpha is {alpha}", where="alpha", expected="a number from 0 (uniform) to 1 (proportional)"
        )
    present = array > 0
    # In log space: sizes span twelve orders of magnitude on the web.
    logits = alpha * np.log(array[present])
    weights = np.exp(logits - logits.max())
    shares = np.zeros_like(array)
    shares[present] = weights / weights.sum()
    return shares


def unimax(
    sizes: Sequence[float] | Floats, budget: float, *, max_epochs: float, shortfall: bool = False
) -> Floats:
    """Amounts per language, in the unit of `sizes`: one level, or `max_epochs` where that is less.

    The budget that short languages cannot use flows to the longer ones. If all together cannot use it, this
    is an error, unless `shortfall` allows a smaller total; `max_epochs` is never exceeded.

    >>> unimax([1000, 500, 20, 5], 800, max_epochs=4).tolist()
    [350.0, 350.0, 80.0, 20.0]
    """
    array = _sizes(sizes)
    if not budget > 0 or not max_epochs > 0:
        raise ConfigError(
            f"budget {budget:g}, max_epochs {max_epochs:g}", where="unimax", expected="both above zero"
        )
    limits = array * max_epochs
    missing = budget - float(limits.sum())
    if missing > 1e-9 * budget and not shortfall:
        raise ConfigError(
            f"the budget of {budget:,.0f} cannot be spent: {max_epochs:g} epochs of everything are"
            f" {limits.sum():,.0f}, {missing:,.0f} are missing",
            where="budget, max_epochs",
            expected=f"a budget up to {limits.sum():,.0f}, or max_epochs from {budget / array.sum():.3g}",
            fix="lower the budget, raise max_epochs, add text, or set allow_shortfall: true",
        )
    amounts = np.zeros_like(array)
    left = budget
    order = np.argsort(limits, kind="stable")
    for rank, index in enumerate(order):
        amounts[index] = min(left / (len(order) - rank), limits[index])
        left -= amounts[index]
    return amounts


def bounded(shares: Floats, floors: Floats, caps: Floats) -> Floats:
    """The shares `clip(level * shares, floors, caps)` with the one level at which they sum to 1.

    Languages between their bounds keep their ratios; a language without text (share 0) stays at 0.
    Caps too small to reach 1, or floors beyond it, are an error that says by how much.
    """
    present = shares > 0
    low, high = np.where(present, floors, 0.0), np.where(present, np.minimum(caps, 1.0), 0.0)
    if (low > high + 1e-12).any():
        raise ConfigError(
            "a floor lies above its cap", where="floors, caps", expected="floor <= cap per language"
        )
    if low.sum() > 1 + 1e-9 or high.sum() < 1 - 1e-9:
        raise ConfigError(
            f"the floors sum to {low.sum():.4g} and the caps to {high.sum():.4g}",
            where="floors, caps, max_epochs",
            expected="floors up to 1 and caps from 1 on",
            fix=f"the caps leave {1 - high.sum():.4g} of the budget unused: raise them or lower the budget"
            if high.sum() < 1
            else "lower the floors",
        )
    weight = np.where(present, shares, 1.0)
    levels = np.unique(np.concatenate([low[present] / weight[present], high[present] / weight[present]]))

    def total(level: float) -> float:
        return float(np.clip(level * shares, low, high).sum())

    # The total is piecewise linear in the level, with its corners at `levels`: find the segment, then
    # interpolate.
    left, right = 0, len(levels) - 1
    while right - left > 1:
        middle = (left + right) // 2
        left, right = (middle, right) if total(float(levels[middle])) <= 1 else (left, middle)
    below, above = total(float(levels[left])), total(float(levels[right]))
    step = 0.0 if above <= below else min(max((1 - below) / (above - below), 0.0), 1.0)
    result = np.clip((levels[left] + step * (levels[right] - levels[left])) * shares, low, high)
    return np.asarray(result / result.sum(), dtype=np.float64)


def largest_remainder(weights: Sequence[float] | Floats, total: int) -> Ints:
    """Whole numbers in proportion to `weights` that sum to exactly `total`; ties go to the earlier entry.

    >>> largest_remainder([0.5, 0.25, 0.25], 5).tolist()
    [3, 1, 1]
    """
    array = np.asarray(weights, dtype=np.float64)
    if total == 0 or array.sum() <= 0:
        return np.zeros(len(array), dtype=np.int64)
    exact = array / array.sum() * total
    counts = np.floor(exact).astype(np.int64)
    short = int(total - counts.sum())
    remainders = np.where(array > 0, exact - counts, -1.0)
    counts[np.argsort(-remainders, kind="stable")[:short]] += 1
    return np.asarray(counts, dtype=np.int64)
