"""Compiled loops of identification. Importing this file compiles nothing; the first call does."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import jit

_AT_ONCE = 16


@jit  # type: ignore[untyped-decorator]
def _walk(data: Any, starts: Any, automaton: Any, features: Any) -> None:
    """Write the feature that ends at each byte (-1: none).

    The tables are far larger than a cache, and a step waits for the one before it. Several texts walked
    side by side wait together.
    """
    nextmove, row, output = automaton
    texts = len(starts) - 1
    states, places = np.zeros(_AT_ONCE, dtype=np.int64), np.zeros(_AT_ONCE, dtype=np.int64)
    ends = np.zeros(_AT_ONCE, dtype=np.int64)
    waiting, lanes = 0, 0
    while lanes < _AT_ONCE and waiting < texts:
        states[lanes], places[lanes], ends[lanes] = 0, starts[waiting], starts[waiting + 1]
        waiting, lanes = waiting + 1, lanes + 1
    while lanes:
        lane = 0
        while lane < lanes:
            at = places[lane]
            if at < ends[lane]:
                state = nextmove[(row[states[lane]] << 8) + data[at]]
                features[at] = output[state]
                states[lane], places[lane] = state, at + 1
                lane += 1
            elif waiting < texts:
                states[lane], places[lane], ends[lane] = 0, starts[waiting], starts[waiting + 1]
                waiting += 1
            else:
                lanes -= 1
                states[lane], places[lane], ends[lane] = states[lanes], places[lanes], ends[lanes]


@jit  # type: ignore[untyped-decorator]
def _score(features: Any, starts: Any, table: Any, scores: Any) -> None:
    """Add up the damped counts of each text's features times their log-probabilities."""
    counts = np.zeros(table.shape[0], dtype=np.int32)
    found = np.empty(table.shape[0], dtype=np.int64)
    for text in range(len(starts) - 1):
        size = 0
        for at in range(starts[text], starts[text + 1]):
            feature = features[at]
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
    features = np.empty(len(data), dtype=np.int32)
    _walk(data, starts, automaton, features)
    _score(features, starts, table, scores)
    return scores
