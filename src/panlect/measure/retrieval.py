"""Finding a sentence's translation by vectors: accuracy of the nearest neighbour, with CSLS against hubs.

Tatoeba retrieval as in Artetxe and Schwenk 2019; cross-domain similarity local scaling is Conneau et al.
2018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def similarities(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Cosines [N, M]; a zero vector is similar to nothing."""
    return np.asarray(_unit(first) @ _unit(second).T)


def _unit(vectors: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0))


def csls(cosines: ArrayLike, neighbours: int = 10) -> NDArray[np.float64]:
    """Twice the cosine minus the mean cosine of either side with its nearest neighbours."""
    matrix = np.asarray(cosines, dtype=np.float64)
    count = min(neighbours, *matrix.shape)
    of_rows = np.sort(matrix, axis=1)[:, -count:].mean(axis=1, keepdims=True)
    of_columns = np.sort(matrix, axis=0)[-count:].mean(axis=0, keepdims=True)
    return np.asarray(2 * matrix - of_rows - of_columns)


def nearest_is_right(scores: ArrayLike) -> NDArray[np.float64]:
    """1 for each row whose best column is its own (row i translates column i); ties with another count 0."""
    matrix = np.asarray(scores, dtype=np.float64)
    own = np.diagonal(matrix)
    others = matrix.copy()
    np.fill_diagonal(others, -np.inf)
    return (own > others.max(axis=1)).astype(np.float64) if matrix.shape[1] > 1 else np.ones(len(matrix))
