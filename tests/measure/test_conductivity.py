import math

import pytest

from panlect.measure.conductivity import (
    CLIKA_LEVELS,
    conductivity,
    rescaled_accuracy,
)


@pytest.mark.parametrize(
    ("dataset", "accuracy", "expected"),
    [("xCSQA", 47.3, 0.5), ("xCOPA", 50, 0), ("xCOPA", 40, 0), ("xGeo", 97, 1)],
)
def test_golden_rescaled_accuracy(dataset: str, accuracy: float, expected: float) -> None:
    chance, reference = CLIKA_LEVELS[dataset]
    assert rescaled_accuracy(accuracy, chance, reference) == pytest.approx(expected)


def test_reference_must_beat_chance() -> None:
    assert math.isnan(rescaled_accuracy(0.5, 0.5, 0.5))


def test_conductivity_counts_the_pivot_on_the_same_facts() -> None:
    pivot = {"a": 1.0, "b": 1.0, "c": 0.0}
    # a: 3 of 4 languages, b: 1 of 4, c: 0 of 4; d was never asked in the pivot.
    items = ["a"] * 4 + ["b"] * 4 + ["c"] * 4 + ["d"] * 4
    right = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    result = conductivity(right, items, pivot)
    assert result.value == pytest.approx((4 / 12) / (8 / 12))
    assert result.count == 12
    assert result.low <= result.value <= result.high
    assert math.isnan(conductivity(right, items, {"a": 0.0}).value)
