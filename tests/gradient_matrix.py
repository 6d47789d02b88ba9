"""MultiDDS-S from the whole matrix of gradients, as its paper writes it: what the frugal form is held against."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cosines(development_JD: ArrayLike, training_KD: ArrayLike) -> NDArray[np.float64]:
    """Cosines between the gradients of J development and K training languages: (J, K)."""
    left, right = np.asarray(development_JD, dtype=np.float64), np.asarray(training_KD, dtype=np.float64)
    norms = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=1)[None]
    return np.asarray(left @ right.T / norms, dtype=np.float64)


def mean_rewards(cosines_JK: NDArray[np.float64]) -> NDArray[np.float64]:
    """A training language's reward (K,): its mean agreement with the development languages."""
    return np.asarray(cosines_JK.mean(axis=0), dtype=np.float64)
