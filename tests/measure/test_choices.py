import math

import pytest

from panlect.measure.choices import lengths, pick, probabilities, true_mass


def test_normalisations_pick_differently_by_script() -> None:
    choices = ["ก", "abc"]  # one Thai letter is 1 character and 3 bytes
    scores = [-3.0, -6.0]
    assert pick(scores) == 0
    assert pick(scores, lengths(choices, "characters")) == 1  # -3 against -2
    assert pick(scores, lengths(choices, "bytes")) == 0  # -1 against -2
    assert pick(scores, lengths(choices, "tokens", [3, 2])) == 0
    assert pick(scores, lengths(choices, "none")) == 0
    assert pick([1.0, 1.0]) == 0
    assert lengths([""], "characters").tolist() == [1]


def test_a_missing_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="one number each"):
        pick([math.nan, 0.0])


def test_true_mass_is_stable_far_below_zero() -> None:
    assert true_mass([-1000.0, -1000.0, -1001.0], [True, False, False]) == pytest.approx(
        1 / (2 + math.exp(-1))
    )
    assert probabilities([-900.0, -900.0]).tolist() == [0.5, 0.5]
