"""First vectors for new vocabulary entries: weighted means of old rows, and where the weights come from.

A method answers, for a new id, which old ids to mix and how much of each. The same mix is applied to the
input and to the output table. Methods:

* subpieces: the old pieces that the new one replaces, equally (Hewitt 2021; Yao et al. 2021 and many since).
* focus: old pieces that also occur in the new text, by nearness in a static space of the new text, with
  sparsemax (Dobler and de Melo 2023). The static space is PPMI and a truncated SVD (Levy and Goldberg 2014)
  instead of fastText: no further dependency, and the same numbers on every run.
* wechsel: old pieces by nearness in two static word spaces that a bilingual dictionary turns onto each other
  (Minixhofer et al. 2022): ten nearest, softmax with temperature 0.1.
* alignment: old pieces that the new one is aligned with in parallel sentences (trans-tokenization, Remy et
  al. 2024), by IBM model 1.

Shapes: V old entries, N new ones, D width of a table or space.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Method = Literal["random", "mean", "subpieces", "focus", "wechsel", "alignment"]
WINDOW = 5


class Mix(NamedTuple):
    """Old ids and their weights, which sum to 1."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def sparsemax(scores: ArrayLike) -> Floats:
    """The point of the simplex nearest to `scores` (Martins and Astudillo 2016); many are exactly 0.

    >>> sparsemax([1.0, 0.5, -1.0]).tolist()
    [0.75, 0.25, 0.0]
    """
    array = np.asarray(scores, dtype=np.float64)
    ordered = np.sort(array)[::-1]
    sums = np.cumsum(ordered)
    ranks = np.arange(1, len(array) + 1)
    kept = int(ranks[1 + ranks * ordered > sums][-1])
    return np.asarray(np.maximum(array - (sums[kept - 1] - 1) / kept, 0.0))


def softmax(scores: ArrayLike, temperature: float) -> Floats:
    """Shares by exp(score / temperature)."""
    array = np.asarray(scores, dtype=np.float64) / temperature
    weights = np.exp(array - array.max())
    return np.asarray(weights / weights.sum())


def subpieces(replaces: Mapping[int, Sequence[int]]) -> dict[int, Mix]:
    """Equal parts of the old pieces; a piece that occurs twice counts twice."""
    return {
        new: Mix(tuple(old), tuple(1 / len(old) for _ in old))
        for new, old in replaces.items()
        if len(old) > 0
    }


def static_space(
    sequences: Iterable[Sequence[int]], size: int, *, width: int = 100, seed: int = 0
) -> tuple[Floats, NDArray[np.int64]]:
    """Unit vectors (size, width) of ids from what they stand next to, and how often each occurs.

    Positive pointwise mutual information in a window of 5 (nearer neighbours count more), then a truncated
    SVD. Ids that never occur have zero vectors.
    """
    tokens, sentence = _flat(sequences)
    counts = np.bincount(tokens, minlength=size)
    pairs, values = _neighbours(tokens, sentence, size)
    if not len(pairs):
        return np.zeros((size, width)), counts
    rows, columns = pairs // size, pairs % size
    sums = np.bincount(rows, weights=values, minlength=size)
    information = np.log(values * values.sum() / (sums[rows] * sums[columns]))
    kept = information > 0
    indices = torch.from_numpy(np.stack([rows[kept], columns[kept]]))
    strengths = torch.from_numpy(information[kept])
    matrix = torch.sparse_coo_tensor(indices, strengths, (size, size), check_invariants=True)
    vectors = _left_singular(matrix, min(width, size), seed)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12)), counts


def _flat(sequences: Iterable[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows = [np.asarray(row, dtype=np.int64) for row in sequences]
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(row) for row in rows])


def _neighbours(
    tokens: NDArray[np.int64], sentence: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], Floats]:
    """Pairs that stand within the window, as one number each, and how often (nearer ones weigh more)."""
    keys, weights = [], []
    for distance in range(1, WINDOW + 1):
        same = sentence[distance:] == sentence[:-distance]
        left, right = tokens[:-distance][same], tokens[distance:][same]
        keys += [left * size + right, right * size + left]
        weights += [np.full(2 * len(left), 1 / distance)]
    if not keys:
        return np.zeros(0, np.int64), np.zeros(0)
    pairs, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    sums = np.bincount(inverse, weights=np.concatenate(weights))
    return np.asarray(pairs), np.asarray(sums, dtype=np.float64)


def _left_singular(matrix: torch.Tensor, width: int, seed: int) -> Floats:
    """U times the root of S of the largest `width` singular values (randomised: Halko et al. 2011)."""
    start = torch.randn(
        matrix.shape[1],
        min(width + 10, matrix.shape[1]),
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(seed),
    )
    basis = torch.linalg.qr(matrix @ start).Q
    for _ in range(3):  # the matrix is symmetric
        basis = torch.linalg.qr(matrix @ basis).Q
    left, values, _ = torch.linalg.svd((matrix @ basis).T, full_matrices=False)
    vectors = basis @ left
    return np.asarray((vectors[:, :width] * values[:width].sqrt()).numpy(), dtype=np.float64)


def focus(
    sequences: Iterable[Sequence[int]],
    new_ids: Sequence[int],
    *,
    first_new: int,
    width: int = 100,
    min_count: int = 5,
    seed: int = 0,
) -> dict[int, Mix]:
    """Weights by nearness in the static space of the new text, tokenised with the extended tokenizer.

    Args:
        sequences: the tokenised new text.
        new_ids: those that need vectors.
        first_new: ids below it are old.
        width: of the static space.
        min_count: rarer entries have no place in it (the paper's choice is 10).
        seed: of the SVD.
    """
    size = max(new_ids) + 1
    space, counts = static_space(sequences, size, width=width, seed=seed)
    old = np.flatnonzero(counts[:first_new] >= min_count)
    fresh = [number for number in new_ids if counts[number] >= min_count and space[number].any()]
    if not len(old) or not fresh:
        return {}
    similarity_NO = space[fresh] @ space[old].T
    return {new: _mix(old, sparsemax(row)) for new, row in zip(fresh, similarity_NO, strict=True)}


def _mix(ids: NDArray[np.int64], weights: Floats) -> Mix:
    kept = weights > 0
    return Mix(tuple(int(number) for number in ids[kept]), tuple(float(weight) for weight in weights[kept]))


def rotation(left_PD: Floats, right_PD: Floats) -> Floats:
    """The orthogonal matrix W that brings `left @ W` nearest to `right` (Procrustes: Schönemann 1966)."""
    left, _, right = np.linalg.svd(left_PD.T @ right_PD)
    return np.asarray(left @ right)


class Words(NamedTuple):
    """A word list of one side: each word's vector, its count and its ids under that side's tokenizer."""

    vectors: Floats
    counts: Sequence[int]
    ids: Sequence[Sequence[int]]


def wechsel(
    source: Words,
    target: Words,
    dictionary: Sequence[tuple[int, int]],
    new_ids: Sequence[int],
    *,
    neighbours: int = 10,
    temperature: float = 0.1,
) -> dict[int, Mix]:
    """Weights by nearness of a new piece to old pieces, across languages.

    Args:
        source: words of a language the model knows, tokenised by the old tokenizer.
        target: words of the new language, tokenised by the extended one.
        dictionary: (row of source, row of target) of words that mean the same.
        new_ids: those that need vectors.
        neighbours: how many old pieces are mixed.
        temperature: of their softmax.
    """
    if not dictionary:
        return {}
    from_rows, to_rows = (np.array(side) for side in zip(*dictionary, strict=True))
    turned = source.vectors @ rotation(source.vectors[from_rows], target.vectors[to_rows])
    old_ids, old = _piece_vectors(source._replace(vectors=turned))
    found_ids, found = _piece_vectors(target)
    row_of = {int(number): row for row, number in enumerate(found_ids)}
    mixes = {}
    for new in new_ids:
        if new not in row_of:
            continue
        nearness = old @ found[row_of[new]]
        best = np.sort(np.argsort(-nearness, kind="stable")[:neighbours])
        mixes[new] = _mix(old_ids[best], softmax(nearness[best], temperature))
    return mixes


def _piece_vectors(words: Words) -> tuple[NDArray[np.int64], Floats]:
    """Ids and unit vectors of pieces: the mean of the words that contain them, by how often those occur."""
    sums: dict[int, Floats] = {}
    for vector, count, ids in zip(words.vectors, words.counts, words.ids, strict=True):
        if not vector.any():
            continue
        for number in set(ids):
            sums[number] = sums.get(number, np.zeros_like(vector)) + count * vector
    numbers = np.array(sorted(sums), dtype=np.int64)
    vectors = np.array([sums[int(number)] for number in numbers]).reshape(len(numbers), -1)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = norms[:, 0] > 1e-12
    return numbers[kept], np.asarray(vectors[kept] / norms[kept])


def alignment(
    pairs: Iterable[tuple[Sequence[int], Sequence[int]]],
    new_ids: Sequence[int],
    *,
    rounds: int = 5,
    keep: int = 20,
    min_count: int = 5,
) -> dict[int, Mix]:
    """Weights by how often a new piece is aligned with an old one (IBM model 1: Brown et al. 1993).

    Args:
        pairs: (source ids under the old tokenizer, target ids under the extended one) per sentence pair.
        new_ids: those that need vectors.
        rounds: of expectation maximisation.
        keep: at most so many old ids per piece.
        min_count: pieces that the pairs hold less often get no mix; what they are aligned with is chance.
    """
    sources, targets, cells = _cells(pairs)
    if not len(sources):
        return {}
    base = int(sources.max()) + 1
    keys, key_of = np.unique(targets * base + sources, return_inverse=True)
    key_source = keys % base
    counts: NDArray[Any] = np.ones(len(keys))
    table = counts
    for _ in range(rounds):
        strength = table[key_of]
        counts = np.bincount(key_of, weights=strength / np.bincount(cells, weights=strength)[cells])
        table = counts / np.bincount(key_source, weights=counts)[key_source]
    seen = np.bincount(targets[np.unique(cells, return_index=True)[1]])
    wanted = {new for new in new_ids if new < len(seen) and seen[new] >= min_count}
    mixes = {}
    key_target = keys // base
    starts = np.flatnonzero(np.diff(key_target, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
        new = int(key_target[start])
        if new in wanted:
            best = start + np.argsort(-counts[start:stop], kind="stable")[:keep]
            mixes[new] = _mix(key_source[best], counts[best] / counts[best].sum())
    return mixes


def _cells(
    pairs: Iterable[tuple[Sequence[int], Sequence[int]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every source id beside every target id of its pair; the third array numbers the target positions."""
    sources, targets, cells = [], [], []
    position = 0
    for source, target in pairs:
        if not len(source) or not len(target):
            continue
        sources.append(np.tile(np.asarray(source, dtype=np.int64), len(target)))
        targets.append(np.repeat(np.asarray(target, dtype=np.int64), len(source)))
        cells.append(np.repeat(np.arange(position, position + len(target)), len(source)))
        position += len(target)
    if not sources:
        return (np.zeros(0, np.int64),) * 3
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(cells)
