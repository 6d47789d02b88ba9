"""Choosing among given continuations by log-probability, and the scores made from it.

`acc` takes the highest sum of log-probabilities, `acc_norm` divides by the length in characters and
`acc_bytes` by the length in UTF-8 bytes, as in lm-evaluation-harness. Characters and bytes favour different
scripts, so which one was used is part of the measure's name. TruthfulQA's MC2 is the normalised probability
of the true answers (Lin, Hilton and Evans 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Normalisation = Literal["none", "characters", "bytes", "tokens"]


def lengths(
    choices: Sequence[str], normalisation: Normalisation, tokens: Sequence[int] = ()
) -> NDArray[np.float64]:
    """Divisor of each choice's log-probability; an empty choice counts as length 1."""
    if normalisation == "none":
        return np.ones(len(choices))
    if normalisation == "tokens":
        sizes = list(tokens)
    elif normalisation == "bytes":
        sizes = [len(choice.encode()) for choice in choices]
    else:
        sizes = [len(choice) for choice in choices]
    return np.maximum(np.asarray(sizes, dtype=np.float64), 1.0)


def pick(scores: ArrayLike, divisors: ArrayLike | None = None) -> int:
    """Index of the best choice; the first of equals. NaN scores are an error, not a choice."""
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0 or np.isnan(values).any():
        raise ValueError("choices need one number each")
    if divisors is not None:
        values = values / np.asarray(divisors, dtype=np.float64)
    return int(values.argmax())


def true_mass(scores: ArrayLike, true: Sequence[bool]) -> float:
    """MC2: probability of the true answers among all given ones, from log-probabilities of any size."""
    values = np.asarray(scores, dtype=np.float64)
    weights = np.exp(values - values.max())
    return float(weights[np.asarray(true, dtype=bool)].sum() / weights.sum())


def probabilities(scores: ArrayLike) -> NDArray[np.float64]:
    """Softmax over the choices of one question."""
    values = np.asarray(scores, dtype=np.float64)
    weights = np.exp(values - values.max())
    return np.asarray(weights / weights.sum())
