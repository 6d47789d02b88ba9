import math

import numpy as np
import pytest

from panlect.measure.fairness import democratisation, gap, transfer_gap, worst, worst_mean

SCORES = np.array([60.0, 30.0, 15.0])
MISSING = np.array([60.0, 30.0, 15.0, math.nan])


def test_golden_democratisation() -> None:
    assert democratisation(SCORES) == pytest.approx(58.3333, abs=1e-4)
    assert democratisation(np.full(3, 7.0)) == 100
    assert math.isnan(democratisation(np.zeros(3)))
    assert math.isnan(democratisation(np.array([math.nan])))
    with pytest.raises(ValueError, match="0 and above"):
        democratisation(np.array([-1.0]))


def test_gap_and_worst_languages() -> None:
    assert gap(SCORES) == 45
    assert worst_mean(np.array([9.0, 1, 2, 3, 4, 5])) == 3
    assert worst_mean(SCORES) == 35  # there are only three
    assert worst({"b": 1.0, "a": 1.0, "c": 0.5, "d": math.nan}, 2) == ("c", "a")
    assert math.isnan(gap(np.array([math.nan])))


def test_transfer_gap() -> None:
    assert transfer_gap(SCORES, 0) == 37.5
    assert math.isnan(transfer_gap(MISSING, 3))
    assert math.isnan(transfer_gap(np.array([60.0]), 0))


@pytest.mark.parametrize("statistic", [gap, worst_mean, democratisation, lambda s: transfer_gap(s, 0)])
def test_a_missing_language_changes_nothing_and_draws_are_rows(statistic) -> None:
    draws = np.stack([MISSING, MISSING * 2])
    assert statistic(MISSING) == statistic(SCORES)
    assert statistic(draws).tolist() == [statistic(MISSING), statistic(MISSING * 2)]
