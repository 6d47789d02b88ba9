"""All strategies on the same sizes and budget, side by side: what each would do to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from panlect.mixture.shares import Floats, temperature, unimax

ALPHAS = (1.0, 0.7, 0.5, 0.3, 0.0)
MAX_EPOCHS = (1, 4, 10)


class Comparison(NamedTuple):
    """What one strategy does, in figures that do not need a training run.

    Attributes:
        share_of_largest: of the budget.
        epochs_most: how often the most repeated language is read.
        over_four: languages that are read more than four times.
        tail_share: share of the budget of the smaller half of the languages.
        effective_languages: exp(entropy of the shares); as many languages as if they were equal.
        spent: share of the budget that could be spent.
    """

    share_of_largest: float
    epochs_most: float
    over_four: int
    tail_share: float
    effective_languages: float
    spent: float


def strategies(sizes: Sequence[float] | Floats, budget: float) -> dict[str, Floats]:
    """Amounts per language of proportional, temperature, uniform and UniMax mixtures of the same budget.

    UniMax spends less where its cap leaves it nothing to spend on.
    """
    names = {1.0: "proportional", 0.0: "uniform"}
    amounts = {
        names.get(alpha, f"temperature {alpha:g}"): temperature(sizes, alpha) * budget for alpha in ALPHAS
    }
    for cap in MAX_EPOCHS:
        amounts[f"unimax {cap}"] = unimax(sizes, budget, max_epochs=cap, shortfall=True)
    return amounts


def compare(
    sizes: Sequence[float] | Floats, amounts: Mapping[str, Floats], budget: float
) -> dict[str, Comparison]:
    """Figures for each strategy."""
    array = np.asarray(sizes, dtype=np.float64)
    present = array > 0
    array = array[present]
    tail = np.argsort(array, kind="stable")[: len(array) // 2]
    table = {}
    for name, given in amounts.items():
        mine = given[present]
        shares = mine / mine.sum()
        epochs = mine / array
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum()
        table[name] = Comparison(
            share_of_largest=float(shares.max()),
            epochs_most=float(epochs.max()),
            over_four=int((epochs > 4 + 1e-9).sum()),
            tail_share=float(shares[tail].sum()),
            effective_languages=float(np.exp(entropy)),
            spent=float(mine.sum() / budget),
        )
    return table
