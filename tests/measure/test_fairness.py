import math

import pytest

from panlect.measure.fairness import (
    backward_transfer,
    democratisation,
    group_means,
    macro_mean,
    spread,
    transfer_gap,
    worst,
)

SCORES = {"eng_Latn": 60.0, "fra_Latn": 30.0, "swh_Latn": 15.0}


def test_golden_democratisation() -> None:
    assert democratisation(SCORES) == pytest.approx(58.3333, abs=1e-4)
    assert democratisation(dict.fromkeys(SCORES, 7.0)) == 100
    assert math.isnan(democratisation(dict.fromkeys(SCORES, 0.0)))
    assert math.isnan(democratisation({}))
    with pytest.raises(ValueError, match="0 and above"):
        democratisation({"eng_Latn": -1})


def test_means_over_a_fixed_set() -> None:
    assert macro_mean(SCORES) == 35
    assert macro_mean(SCORES, ["eng_Latn", "swh_Latn"]) == 37.5
    assert math.isnan(macro_mean(SCORES, ["eng_Latn", "khm_Khmr"]))
    assert macro_mean({**SCORES, "khm_Khmr": math.nan}) == 35
    assert math.isnan(macro_mean({}))


def test_spread_and_worst() -> None:
    result = spread(SCORES, 2)
    assert (result.gap, result.worst_mean, result.worst) == (45, 22.5, ("swh_Latn", "fra_Latn"))
    assert worst({"b": 1.0, "a": 1.0, "c": 0.5}, 2) == ("c", "a")
    assert math.isnan(spread({}).gap)


def test_groups_gap_and_forgetting() -> None:
    assert group_means(SCORES, {"eng_Latn": "high", "fra_Latn": "high"}) == {"": 15, "high": 45}
    assert transfer_gap(SCORES) == 37.5
    assert math.isnan(transfer_gap(SCORES, "khm_Khmr"))
    changed = backward_transfer(SCORES, {"eng_Latn": 50.0, "swh_Latn": 40.0, "yor_Latn": 5.0})
    assert changed == {"eng_Latn": -10, "swh_Latn": 25}
