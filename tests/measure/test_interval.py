import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.measure.bits import ratio_score
from panlect.measure.interval import (
    bootstrap,
    bootstrap_ratio,
    bootstrap_statistics,
    macro_bootstrap,
    mcnemar,
    paired_bootstrap,
    wilson,
)


def test_wilson_against_the_textbook_values() -> None:
    # Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for successes, count, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        result = wilson(successes, count)
        assert (result.low, result.high) == pytest.approx((low, high), abs=5e-5)
        assert result.count == count


def test_no_observations_give_no_number() -> None:
    assert math.isnan(wilson(0, 0).value)
    assert math.isnan(bootstrap([]).low)
    assert math.isnan(bootstrap_ratio([1.0, 2.0], [0.0, 0.0]).value)


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilson_contains_its_value(successes: int, count: int) -> None:
    result = wilson(min(successes, count), count)
    assert 0 <= result.low <= result.value <= result.high <= 1


def test_bootstrap_covers_the_true_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        result = bootstrap(generator.normal(3.0, 1.0, 80), seed=trial, resamples=400)
        hits += result.low <= 3.0 <= result.high
    assert 0.90 <= hits / 200 <= 0.99


def test_clusters_widen_the_interval_when_answers_of_an_item_agree() -> None:
    # 20 items asked in 50 languages, every language giving the same answer: 20 observations, not 1000.
    items = np.repeat(np.arange(20), 50)
    right = np.repeat(np.arange(20) % 2, 50)
    plain, clustered = bootstrap(right), bootstrap(right, clusters=items.tolist())
    assert plain.value == clustered.value == 0.5
    ratio = (clustered.high - clustered.low) / (plain.high - plain.low)
    assert ratio == pytest.approx(math.sqrt(50), rel=0.15)


def test_the_same_seed_gives_the_same_interval_and_chunks_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.arange(100) % 7
    first = bootstrap(values, seed=5)
    assert bootstrap(values, seed=5) == first
    assert bootstrap(values, seed=6) != first
    monkeypatch.setattr("panlect.measure.interval.CELLS_KEPT", 1000)
    assert bootstrap(values, seed=5) == first


def test_ratio_is_of_sums() -> None:
    result = bootstrap_ratio([10.0, 30.0], [1.0, 9.0])
    assert result.value == 4.0
    assert result.low >= 30 / 9 - 1e-12
    assert result.high <= 10


def test_paired_bootstrap_sees_what_overlapping_bars_hide() -> None:
    generator = np.random.default_rng(0)
    hard = generator.random(400)
    first = (hard < 0.50).astype(float)
    second = (hard < 0.54).astype(float)  # right wherever the first is, and on 4 % more
    bars = bootstrap(first), bootstrap(second)
    assert bars[0].high > bars[1].low  # the bars overlap
    result = paired_bootstrap(first, second)
    assert result.difference == pytest.approx((second - first).mean())
    assert result.low > 0
    assert result.p_value < 0.01


def test_paired_bootstrap_of_equal_systems() -> None:
    result = paired_bootstrap([1, 0, 1], [1, 0, 1])
    assert (result.difference, result.p_value) == (0.0, 1.0)


def test_mcnemar_exact() -> None:
    # 1 lost, 9 gained: p = 2 · (1 + 10) / 2^10.
    first = [1] + [0] * 9 + [1] * 5
    second = [0] + [1] * 9 + [1] * 5
    result = mcnemar(first, second)
    assert result.p_value == pytest.approx(22 / 1024)
    assert result.difference == pytest.approx(8 / 15)
    # Agresti and Min 2005: 8 / 17, ± 1.96 · sqrt(11 / 17 - (8 / 17)²) / sqrt(17).
    half = 1.959964 * math.sqrt(11 / 17 - (8 / 17) ** 2) / math.sqrt(17)
    assert (result.low, result.high) == pytest.approx((8 / 17 - half, 8 / 17 + half))


def test_a_few_questions_that_agree_are_no_certainty() -> None:
    result = mcnemar([1, 0], [1, 0])
    assert (result.p_value, result.difference) == (1.0, 0.0)
    assert -1 <= result.low < -0.4
    assert 0.4 < result.high <= 1


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_mcnemar_is_symmetric(values: list[bool]) -> None:
    other = values[::-1]
    assert mcnemar(values, other).p_value == pytest.approx(mcnemar(other, values).p_value)


def test_macro_mean_counts_each_language_alike() -> None:
    values = [1.0] * 30 + [0.0, 1.0]
    languages = ["big"] * 30 + ["small"] * 2
    result = macro_bootstrap(values, languages, [*range(30), 0, 1])
    assert result.value == pytest.approx(0.75)
    assert result.count == 32
    assert result.low < 0.75 <= result.high
    assert math.isnan(macro_bootstrap([], [], []).value)


def test_macro_interval_follows_items_not_rows() -> None:
    generator = np.random.default_rng(0)
    items = np.tile(np.arange(16), 100)
    languages = np.repeat(np.arange(100), 16)
    item_skill = generator.random(16)
    right = (generator.random(1600) < item_skill[items]).astype(float)
    narrow = macro_bootstrap(right, languages.tolist(), list(range(1600)))
    wide = macro_bootstrap(right, languages.tolist(), items.tolist())
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_draws_without_any_value_are_left_out() -> None:
    # Two items, each in one language only: some draws of two items miss a language, none misses both.
    result = macro_bootstrap([1.0, 0.0], ["a", "b"], ["x", "y"])
    assert (result.value, result.low, result.high) == (0.5, 0.0, 1.0)
    statistics = bootstrap_statistics([[1.0, 0.0], [4.0, 2.0]], ratio_score, resamples=50)
    assert (statistics.value, statistics.low, statistics.high) == (2.5, 2.0, 2.5)
