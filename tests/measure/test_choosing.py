import math

import numpy as np
import pytest

from panlect.measure.choosing import length_bias, minimum_risk, reward_accuracy
from panlect.measure.retrieval import csls, nearest_is_right, similarities


def test_golden_minimum_risk() -> None:
    utilities = [[1, 0.6, 0.5], [0.6, 1, 0.7], [0.5, 0.7, 1]]
    best, expected = minimum_risk(utilities)
    assert best == 1
    assert expected == pytest.approx([0.7, 0.7667, 0.7333], abs=1e-4)
    best, expected = minimum_risk(utilities, include_self=False)
    assert best == 1
    assert expected == pytest.approx([0.55, 0.65, 0.60])


def test_ties_go_to_the_model_then_to_the_first() -> None:
    assert minimum_risk([[1, 1], [1, 1]])[0] == 0
    assert minimum_risk([[1, 1], [1, 1]], [-2.0, -1.0])[0] == 1


def test_reward_accuracy_by_language_pair() -> None:
    pairs = [("eng_Latn", "eng_Latn"), ("eng_Latn", "swh_Latn"), ("eng_Latn", "swh_Latn")]
    table = reward_accuracy([1.0, 2.0, 0.5], [0.0, 3.0, 0.5], pairs)
    assert table["eng_Latn", "eng_Latn"].value == 1
    assert table["eng_Latn", "swh_Latn"].value == 0.25
    assert table["eng_Latn", "swh_Latn"].count == 2
    assert length_bias([3, 1, 2], [1, 3, 2]) == 0.5
    assert math.isnan(length_bias([], []))


def test_retrieval_finds_a_planted_translation_despite_a_hub() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(50, 16))
    other = truth + 0.3 * generator.normal(size=(50, 16))
    assert nearest_is_right(similarities(truth, other)).mean() == 1
    hub = other.copy()
    hub[0] = truth.mean(axis=0) * 0 + truth[1:].sum(axis=0)
    assert nearest_is_right(csls(similarities(truth, hub))).mean() >= 0.96


def test_ties_and_zero_vectors_are_not_found() -> None:
    assert nearest_is_right([[1.0, 1.0], [0.0, 2.0]]).tolist() == [0, 1]
    assert nearest_is_right(similarities([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]])).tolist() == [
        0,
        0,
    ]
    assert nearest_is_right([[0.3]]).tolist() == [1]
