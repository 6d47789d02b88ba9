import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.errors import ConfigError
from panlect.mixture.shares import bounded, largest_remainder, temperature, unimax

SIZES = st.lists(st.floats(1e-3, 1e15) | st.just(0.0), min_size=1, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (1.0, [0.8, 0.1, 0.1]),
        (0.7, [0.6819, 0.1591, 0.1591]),
        (0.5, [0.5858, 0.2071, 0.2071]),
        (0.3, [0.4827, 0.2587, 0.2587]),
        (0.2, [0.4311, 0.2844, 0.2844]),
        (0.0, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_temperature_on_a_case_worked_by_hand(alpha: float, expected: list[float]) -> None:
    assert temperature([8, 1, 1], alpha) == pytest.approx(expected, abs=1e-4)


def test_a_language_without_text_gets_nothing_even_at_alpha_zero() -> None:
    assert temperature([4, 0, 2], 0.0).tolist() == [0.5, 0.0, 0.5]


@given(SIZES, st.floats(0, 1))
def test_temperature_sums_to_one_and_keeps_the_order_of_sizes(sizes: list[float], alpha: float) -> None:
    shares = temperature(sizes, alpha)
    assert shares.sum() == pytest.approx(1)
    order = np.argsort(sizes, kind="stable")
    assert (np.diff(shares[order]) >= -1e-12).all()


def test_unimax_on_a_case_worked_by_hand() -> None:
    assert unimax([1000, 500, 20, 5], 800, max_epochs=4).tolist() == [350, 350, 80, 20]


def test_an_infeasible_unimax_says_how_much_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"752 are missing") as caught:
        unimax([10, 2], 800, max_epochs=4)
    assert "66.7" in str(caught.value), "the smallest sufficient max_epochs is 800 / 12"
    amounts = unimax([10, 2], 800, max_epochs=4, shortfall=True)
    assert amounts.tolist() == [40, 8]
    assert (amounts / amounts.sum()) == pytest.approx([0.8333, 0.1667], abs=1e-4)


@given(SIZES, st.floats(0.01, 20), st.floats(0.01, 1))
def test_unimax_is_water_filling(sizes: list[float], max_epochs: float, part: float) -> None:
    """There is one level, and every language gets it or its cap (the closed form of the algorithm)."""
    array = np.array(sizes)
    budget = part * max_epochs * array.sum()
    amounts = unimax(sizes, budget, max_epochs=max_epochs)
    assert amounts.sum() == pytest.approx(budget, rel=1e-6)
    level = amounts.max()
    assert amounts == pytest.approx(np.minimum(level, max_epochs * array), rel=1e-6, abs=1e-9 * level)


@given(SIZES, st.floats(0.05, 1))
def test_unimax_is_a_uniform_share_under_caps(sizes: list[float], part: float) -> None:
    array = np.array(sizes)
    array = array / array.max()
    budget = part * 4 * array.sum()
    capped = bounded(temperature(array, 0.0), np.zeros(len(array)), 4 * array / budget)
    assert capped * budget == pytest.approx(unimax(array, budget, max_epochs=4), rel=1e-6, abs=1e-9)


def test_caps_and_floors_on_a_case_worked_by_hand() -> None:
    shares = bounded(np.array([0.8, 0.1, 0.1]), np.array([0, 0.3, 0]), np.array([0.5, 1, 1]))
    assert shares == pytest.approx([0.5, 0.3, 0.2])


def test_caps_that_cannot_reach_one_say_how_much_is_left() -> None:
    with pytest.raises(ConfigError, match=r"leave 0\.4"):
        bounded(np.array([0.5, 0.5]), np.zeros(2), np.array([0.3, 0.3]))
    with pytest.raises(ConfigError, match="floor lies above its cap"):
        bounded(np.array([0.5, 0.5]), np.array([0.4, 0]), np.array([0.3, 1]))


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30), st.integers(0, 10**9))
def test_largest_remainder_is_exact_and_within_one(weights: list[float], total: int) -> None:
    counts = largest_remainder(weights, total)
    if sum(weights) == 0:
        assert counts.sum() == 0
        return
    exact = np.array(weights) / np.sum(weights) * total
    assert counts.sum() == total
    assert (np.abs(counts - exact) <= 1 + 1e-6 * total).all()
    assert not counts[np.array(weights) == 0].any()


@pytest.mark.parametrize("sizes", [[], [0.0, 0.0], [-1.0, 2.0], [float("nan")]])
def test_sizes_that_mean_nothing_are_refused(sizes: list[float]) -> None:
    with pytest.raises(ConfigError):
        temperature(sizes, 0.5)
