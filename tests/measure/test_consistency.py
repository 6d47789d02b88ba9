import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.measure.consistency import (
    above_chance,
    ac3,
    agreements,
    rank_agreement,
    rank_weights,
    rankc_chance,
    ranks,
    right_in,
    subset_consistency,
)


def rankc_by_the_formula(first: list[int], second: list[int], weighting: str) -> float:
    """The paper's double loop, for comparison; orders are lists of candidates, best first."""
    weights = rank_weights(len(first), weighting)
    return sum(w * len(set(first[:j]) & set(second[:j])) / j for j, w in enumerate(weights, start=1))


def test_golden_weights_and_scores() -> None:
    assert rank_weights(3) == pytest.approx([0.665241, 0.244728, 0.090031], abs=1e-6)
    identity = [0, 1, 2]
    for order, weighting, expected in [
        ([1, 0, 2], "softmax", 0.334759),
        ([0, 1, 2], "softmax", 1.0),
        ([2, 1, 0], "softmax", 0.212395),
        ([1, 0, 2], "linear", 0.5),
        ([1, 0, 2], "squared", 0.357143),
    ]:
        assert rank_agreement([identity], [order], weighting)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("candidates", "expected"), [(3, 0.474930), (4, 0.376838), (10, 0.158152), (1, 1.0)])
def test_golden_chance(candidates: int, expected: float) -> None:
    assert rankc_chance([candidates]) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("weighting", ["softmax", "linear", "squared"])
@pytest.mark.parametrize("candidates", [1, 2, 3, 4, 5])
def test_chance_is_the_mean_over_all_orders(candidates: int, weighting: str) -> None:
    identity = list(range(candidates))
    orders = list(itertools.permutations(identity))
    scores = rank_agreement([identity] * len(orders), orders, weighting)
    assert scores.mean() == pytest.approx(rankc_chance([candidates], weighting))
    for order, score in zip(orders, scores, strict=True):
        # An order and its inverse are the two ways to write a permutation; RankC of (identity, order) is
        # the same for both.
        assert score == pytest.approx(rankc_by_the_formula(identity, list(order), weighting))


def test_many_candidates_do_not_overflow() -> None:
    weights = rank_weights(5000)
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1)
    assert rank_agreement([np.arange(5000)], [np.arange(5000)])[0] == pytest.approx(1)


def test_equal_candidate_strings_stay_apart() -> None:
    # Candidates "Rome, Rome, Paris" (two of them equal): matching by string would leave two candidates.
    first, second = ranks([-1.0, -2.0, -3.0]), ranks([-2.0, -1.0, -3.0])
    assert rank_agreement([first], [second])[0] == pytest.approx(0.334759, abs=1e-6)


def test_ranks_are_positions_not_orders() -> None:
    assert ranks([-5.0, -1.0, -3.0]).tolist() == [2, 0, 1]
    assert ranks([0.0, 0.0]).tolist() == [0, 1]


@given(st.permutations(range(6)), st.permutations(range(6)), st.permutations(range(6)))
def test_rankc_ignores_a_joint_permutation_and_is_symmetric(
    first: list[int], second: list[int], shuffle: list[int]
) -> None:
    one = np.asarray(first)
    other = np.asarray(second)
    plain = rank_agreement([one], [other])[0]
    assert rank_agreement([one[shuffle]], [other[shuffle]])[0] == pytest.approx(plain)
    assert rank_agreement([other], [one])[0] == pytest.approx(plain)


def test_above_chance() -> None:
    assert above_chance(1.0, 0.4) == 1
    assert above_chance(0.4, 0.4) == 0
    assert above_chance(0.2, 0.4) < 0
    assert math.isnan(above_chance(1.0, 1.0))


def test_right_in_both_and_in_either() -> None:
    both, either = right_in([1, 1, 0, 0], [1, 0, 1, 0])
    assert (both.tolist(), either.tolist()) == ([1, 0, 0, 0], [1, 1, 1, 0])


def subsets_by_enumeration(answers: list[list[object]], size: int) -> float:
    shares = []
    for group in itertools.combinations(answers, size):
        agree = [
            chosen[0] is not None and all(c == chosen[0] for c in chosen)
            for chosen in zip(*group, strict=True)
        ]
        shares.append(sum(agree) / len(agree))
    return float(np.mean(shares))


@given(
    st.lists(
        st.lists(st.sampled_from(["A", "B", "C", None]), min_size=4, max_size=4), min_size=2, max_size=6
    ),
    st.data(),
)
def test_subset_consistency_equals_enumeration(answers: list[list[object]], data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(answers)))
    assert subset_consistency(answers, size).mean() == pytest.approx(subsets_by_enumeration(answers, size))


def test_subset_consistency_of_a_hundred_languages() -> None:
    answers = [["A", "B"]] * 99 + [["B", "B"]]
    assert subset_consistency(answers, 50).tolist() == pytest.approx([0.5, 1])
    with pytest.raises(ValueError, match="subset size 1"):
        subset_consistency(answers, 1)


def test_ac3_golden() -> None:
    assert ac3(0.6, 0.4) == pytest.approx(0.48)
    assert ac3(0, 0) == 0


def test_all_pairs_at_once_equal_each_pair_alone() -> None:
    generator = np.random.default_rng(3)
    table = {
        language: {query: generator.permutation(4 + query % 3) for query in range(12) if (query + place) % 5}
        for place, language in enumerate(["eng_Latn", "khm_Khmr", "nqo_Nkoo", "urd_Arab"])
    }
    result = agreements(table).intervals()
    assert len(result) == 6
    for (one, other), interval in result.items():
        common = [query for query in table[one] if query in table[other]]
        expected = rank_agreement([table[one][q] for q in common], [table[other][q] for q in common])
        assert interval.value == pytest.approx(expected.mean())
        assert interval.count == len(common)
        assert interval.low <= interval.value <= interval.high
    overall = agreements(table).overall()
    assert overall.value == pytest.approx(np.mean([interval.value for interval in result.values()]))


def test_languages_without_a_common_query_make_no_pair() -> None:
    assert agreements({"a": {1: [0, 1]}, "b": {2: [0, 1]}}).intervals() == {}
    assert agreements({}).intervals() == {}
    assert math.isnan(agreements({}).overall().value)
