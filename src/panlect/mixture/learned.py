"""Shares learned while training: MultiDDS and its stable form MultiDDS-S (Wang, Tsvetkov and Neubig 2020).

A scorer holds one logit per training language. Every so many steps each language gets a reward: how well its
gradient agrees with the gradients on development text of all languages. The scorer is then trained to prefer
languages with high rewards, and its softmax is the new mixture. The authors' settings are the defaults here.

Two additions of ours: a floor under every share, because the softmax can collapse onto one language, and the
entropy of the shares, to be logged at every update. The warm start is exact instead of fitted by steps.

No model is seen here: `panlect.model.live_mixture` trains round by round, takes the rewards and asks for the
quotas of the next round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panlect.errors import ConfigError
from panlect.mixture.shares import Floats, Ints, largest_remainder


@dataclass
class LanguageScorer:
    """Logits of the languages and their Adam state; `shares` is the mixture they stand for.

    Args:
        logits: one per language; start from `LanguageScorer.at(sizes)`.
        learning_rate: of Adam, 1e-4 in the paper's scripts.
        inner_steps: updates per reward, with the reward held fixed.
        floor_share: no language falls below this share (not in the paper).
        scale_reward: weigh each reward by its language's probability: the unbiased expectation.
    """

    logits: Floats
    learning_rate: float = 1e-4
    inner_steps: int = 200
    floor_share: float = 0.0
    scale_reward: bool = False
    updates: int = 0
    _mean: Floats = field(default_factory=lambda: np.zeros(0))
    _square: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not 0 <= self.floor_share * len(self.logits) < 1:
            raise ConfigError(
                f"{len(self.logits)} floors of {self.floor_share:g} leave nothing to learn",
                where="floor_share",
                expected=f"less than {1 / len(self.logits):.3g}",
            )
        if not self._mean.size:
            self._mean, self._square = np.zeros_like(self.logits), np.zeros_like(self.logits)

    @classmethod
    def at(cls, shares: ArrayLike, **settings: Any) -> LanguageScorer:
        """A scorer that starts at these shares (the paper starts at the proportional ones)."""
        return cls(np.log(np.maximum(np.asarray(shares, dtype=np.float64), 1e-12)), **settings)

    @property
    def probabilities(self) -> Floats:
        """Softmax of the logits, without the floor."""
        weights = np.exp(self.logits - self.logits.max())
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    @property
    def shares(self) -> Floats:
        """The mixture: floor_share for everyone, the rest by the softmax."""
        rest = 1 - self.floor_share * len(self.logits)
        return np.asarray(self.floor_share + rest * self.probabilities, dtype=np.float64)

    @property
    def entropy(self) -> float:
        """Entropy of the shares in nats; log(number of languages) when uniform, 0 when collapsed."""
        shares = self.shares
        return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())

    def update(self, rewards: ArrayLike) -> float:
        """Minimise -sum_i R_i log P(i) by `inner_steps` of Adam; returns the entropy afterwards."""
        fixed = np.asarray(rewards, dtype=np.float64)
        for _ in range(self.inner_steps):
            probabilities = self.probabilities
            weights = fixed * probabilities if self.scale_reward else fixed
            self._step(probabilities * weights.sum() - weights)
        return self.entropy

    def _step(self, gradient: Floats) -> None:
        self.updates += 1
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._square = 0.999 * self._square + 0.001 * gradient**2
        mean = self._mean / (1 - 0.9**self.updates)
        square = self._square / (1 - 0.999**self.updates)
        self.logits = self.logits - self.learning_rate * mean / (np.sqrt(square) + 1e-8)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint; `from_dict` gives the same scorer back."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LanguageScorer:
        """The scorer that `to_dict` described."""
        arrays: dict[str, Any] = {
            name: np.array(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**arrays)


def next_quotas(
    shares: Floats, languages: Sequence[str], components: Sequence[tuple[str, float]], draws: int
) -> Ints:
    """Quotas of the next phase: `draws` divided by the languages' shares, then by component size.

    Args:
        shares: one per entry of `languages`.
        languages: their codes.
        components: (language, size in rows) of every component of the schedule.
        draws: length of the phase. `schedule.then(quotas)` appends it.
    """
    share_of = dict(zip(languages, shares, strict=True))
    total: dict[str, float] = {}
    for language, size in components:
        total[language] = total.get(language, 0.0) + size
    weights: NDArray[np.float64] = np.array(
        [
            share_of.get(language, 0.0) * size / total[language] if size else 0.0
            for language, size in components
        ]
    )
    return largest_remainder(weights, draws)
