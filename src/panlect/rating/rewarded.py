"""A reward model orders a model's answers: the one it likes best against the one it likes least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panlect.rating.samples import Row, Samples, pair


def by_reward(found: Sequence[Samples], rewards: Sequence[NDArray[np.float64]]) -> list[Row]:
    """One pair per prompt whose answers differ in their reward.

    Args:
        found: samples of prompts.
        rewards: of each prompt's texts, in their order.
    """
    rows = []
    for samples, values in zip(found, rewards, strict=True):
        if not samples.texts:
            continue
        best, worst = int(values.argmax()), int(values.argmin())
        if values[best] > values[worst]:
            made = pair(samples, samples.texts[best], samples.texts[worst], "lower_reward")
            if made:
                rows.append(made | {"margin": f"{values[best] - values[worst]:.4f}"})
    return rows
