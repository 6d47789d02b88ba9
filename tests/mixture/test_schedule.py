import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.errors import DataError
from panlect.mixture.schedule import Schedule, permuted

QUOTAS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 200)), min_size=1, max_size=12).filter(
    lambda pairs: any(quota for _, quota in pairs)
)


def schedule_of(pairs: list[tuple[int, int]], seed: int = 0) -> Schedule:
    rows, quotas = zip(*pairs, strict=True)
    return Schedule([f"c{n}" for n in range(len(pairs))], rows, [quotas], seed=seed)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 100, 1000, 4097])
def test_the_permutation_is_one(size: int) -> None:
    for key in (0, 1, 2**63):
        places = permuted(np.arange(size), np.full(size, size), np.full(size, key, dtype=np.uint64))
        assert sorted(places.tolist()) == list(range(size))


def test_permutations_look_random() -> None:
    """Over many keys each row is equally often first (chi-square, 99.9 % bound for 31 degrees of freedom)."""
    keys = np.arange(32_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    firsts = permuted(np.zeros(len(keys), np.int64), np.full(len(keys), 32), keys)
    counts = np.bincount(firsts, minlength=32)
    assert ((counts - 1000) ** 2 / 1000).sum() < 61.1


@given(QUOTAS)
@settings(max_examples=60, deadline=None)
def test_quotas_are_met_exactly_and_no_row_is_ahead_of_another(pairs: list[tuple[int, int]]) -> None:
    schedule = schedule_of(pairs)
    seen = schedule.draws(0, len(schedule))
    for number, (rows, quota) in enumerate(pairs):
        mine = seen.rows[seen.components == number]
        assert len(mine) == quota
        visits = np.bincount(mine, minlength=rows)
        assert visits.max() - visits.min() <= 1
        assert visits.tolist() == schedule.visits(number).tolist()


@given(QUOTAS, st.data())
@settings(max_examples=60, deadline=None)
def test_every_prefix_is_close_to_the_shares(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    schedule = schedule_of(pairs)
    quotas = np.array([quota for _, quota in pairs])
    stop = data.draw(st.integers(0, len(schedule)))
    counts = schedule.counts(stop)
    assert counts.sum() == stop
    assert counts.tolist() == np.bincount(schedule.draws(0, stop).components, minlength=len(pairs)).tolist()
    # One draw of its own, and its share of the one draw that each other component may be ahead or behind.
    assert (np.abs(counts - quotas * stop / len(schedule)) <= 1 + quotas / quotas.sum() * len(pairs)).all()


@given(QUOTAS, st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_any_number_of_workers_reads_the_same(pairs: list[tuple[int, int]], workers: int) -> None:
    straight = list(schedule_of(pairs))
    shared = [list(schedule_of(pairs).iterate(worker, stride=workers)) for worker in range(workers)]
    assert [shared[n % workers][n // workers] for n in range(len(straight))] == straight


def test_random_access_equals_reading_on_and_costs_the_same_anywhere() -> None:
    names = [f"c{n}" for n in range(500)]
    schedule = Schedule(names, [10**6] * 500, [[2 * 10**6 + n for n in range(500)], [3] * 500], seed=7)
    assert len(schedule) > 10**9
    start = 987_654_321
    piece = schedule.draws(start, start + 5000)
    again = Schedule.from_dict(schedule.to_dict())
    began = time.process_time()
    assert again[start + 4321] == tuple(int(values[4321]) for values in piece)
    assert again[len(schedule) - 1].epoch == 2
    # Far below what reading up to there would take (minutes); not a benchmark.
    assert time.process_time() - began < 2


def test_another_language_in_the_mix_does_not_change_the_order_of_the_others() -> None:
    alone = Schedule(["a"], [50], [[80]], seed=3).draws(0, 80).rows
    mixed = Schedule(["b", "a"], [9, 50], [[33, 80]], seed=3)
    seen = mixed.draws(0, len(mixed))
    assert seen.rows[seen.components == 1].tolist() == alone.tolist()


def test_epochs_have_different_orders_and_run_on_over_phases() -> None:
    schedule = Schedule(["a"], [40], [[30], [30], [20]], seed=0)
    seen = schedule.draws(0, len(schedule))
    first, second = seen.rows[:40], seen.rows[40:]
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()
    assert seen.epochs.tolist() == [0] * 40 + [1] * 40


def test_a_phase_can_be_added_without_changing_what_came_before() -> None:
    short = Schedule(["a", "b"], [7, 11], [[5, 20]], seed=1)
    longer = short.then([30, 1])
    assert list(longer)[: len(short)] == list(short)
    assert longer.counts().tolist() == [35, 21]


def test_it_behaves_as_a_sequence() -> None:
    schedule = schedule_of([(3, 5), (2, 4)])
    assert schedule[-1] == schedule[8] == list(schedule)[-1]
    assert schedule[2:4] == list(schedule)[2:4]
    with pytest.raises(IndexError):
        schedule[9]
    assert len(schedule.draws(9, 20).rows) == 0


def test_impossible_quotas_are_refused() -> None:
    with pytest.raises(DataError, match="without rows"):
        Schedule(["a"], [0], [[1]], seed=0)
    with pytest.raises(DataError, match="names that differ"):
        Schedule(["a", "a"], [1, 1], [[1, 1]], seed=0)
