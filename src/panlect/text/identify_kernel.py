"""Compiled loops of identification. Importing this file compiles nothing; the first call does."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit


@jit  # type: ignore[untyped-decorator]
def _automaton(data: Any, starts: Any, automaton: Any, table: Any, scores: Any) -> None:
    nextmove, row, output = automaton
    features = table.shape[0]
    counts = np.zeros(features, dtype=np.int32)
    found = np.empty(features, dtype=np.int64)
    for text in range(len(starts) - 1):
        state, size = 0, 0
        for at in range(starts[text], starts[text + 1]):
            state = nextmove[(row[state] << 8) + data[at]]
            feature = output[state]
            if feature >= 0:
                if counts[feature] == 0:
                    found[size] = feature
                    size += 1
                counts[feature] += 1
        for number in range(size):
            feature = found[number]
            weight = np.float32(np.log1p(counts[feature]))
            counts[feature] = 0
            for language in range(table.shape[1]):
                scores[text, language] += weight * table[feature, language]


def automaton_scores(data: Any, starts: Any, automaton: tuple[Any, Any, Any], table: Any) -> Any:
    """Walk the automaton over every text and sum the damped counts times the features' log-probabilities.

    Args:
        data: the texts' bytes, one after the other.
        starts: where each text begins, and where the last one ends.
        automaton: next state by (row, byte), row by state, feature by state (-1: none).
        table: features × languages.

    Returns:
        texts × languages, float32.
    """
    scores = np.zeros((len(starts) - 1, table.shape[1]), dtype=np.float32)
    _automaton(data, starts, automaton, table, scores)
    return scores
