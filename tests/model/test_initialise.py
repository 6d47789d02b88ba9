import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.model import initialise
from panlect.model.initialise import Mix, Words


def test_sparsemax_on_a_case_worked_by_hand() -> None:
    assert initialise.sparsemax([1, 0.5, -1]) == pytest.approx([0.75, 0.25, 0])


def test_softmax_on_a_case_worked_by_hand() -> None:
    assert initialise.softmax([0.9, 0.8], 0.1) == pytest.approx([0.731059, 0.268941], abs=1e-6)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores: list[float]) -> None:
    point = initialise.sparsemax(scores)
    assert point.sum() == pytest.approx(1)
    assert (point >= 0).all()
    # Optimality: scores minus point is one constant on the support, and not larger elsewhere.
    gap = np.array(scores) - point
    assert np.ptp(gap[point > 1e-12]) < 1e-9
    assert (gap[point <= 1e-12] <= gap[point > 1e-12].max() + 1e-9).all()


def test_subpieces_are_equal_parts() -> None:
    assert initialise.subpieces({9: (1, 1, 4), 10: ()}) == {9: Mix((1, 1, 4), (1 / 3, 1 / 3, 1 / 3))}


def planted(rng: np.random.Generator, topics: int = 4, each: int = 5) -> list[list[int]]:
    """Sentences of one topic each; ids of a topic are interchangeable."""
    return [rng.integers(0, each, size=12).tolist() for _ in range(0)] + [
        (rng.integers(0, each, size=12) + topic * each).tolist() for topic in range(topics) for _ in range(60)
    ]


def test_the_static_space_finds_planted_topics_and_is_reproducible() -> None:
    sentences = planted(np.random.default_rng(0))
    space, counts = initialise.static_space(sentences, 21, width=8)
    assert counts.sum() == 4 * 60 * 12
    assert not space[20].any(), "an id that never occurs has no place"
    nearness = space[:20] @ space[:20].T
    same = np.kron(np.eye(4), np.ones((5, 5))) > 0
    assert nearness[same].min() > nearness[~same].max()
    again, _ = initialise.static_space(sentences, 21, width=8)
    assert (again == space).all()


def test_focus_mixes_old_pieces_of_the_same_topic() -> None:
    """In each topic the last id is new, the others are old; a new piece gets only old pieces of its topic."""
    order = {old: new for new, old in enumerate([*(n for n in range(20) if n % 5 != 4), 4, 9, 14, 19])}
    sentences = [[order[number] for number in row] for row in planted(np.random.default_rng(1))]
    mixes = initialise.focus(sentences, [16, 17, 18, 19], first_new=16, width=8)
    for topic, new in enumerate((16, 17, 18, 19)):
        assert set(mixes[new].ids) <= set(range(topic * 4, topic * 4 + 4))
        assert sum(mixes[new].weights) == pytest.approx(1)


def test_focus_without_overlap_knows_nothing() -> None:
    assert initialise.focus([[5, 6, 5, 6] * 9], [5, 6], first_new=5) == {}


def test_procrustes_on_a_case_worked_by_hand() -> None:
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    found = initialise.rotation(np.eye(2), quarter)
    assert found == pytest.approx(quarter, abs=1e-12)
    assert np.linalg.det(found) == pytest.approx(1)


def test_wechsel_goes_through_the_dictionary_to_pieces_of_the_same_meaning() -> None:
    """The target space is the source space turned; word n of both means the same, half are in the dictionary."""
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(12, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    source = Words(vectors, [1] * 12, [[n] for n in range(12)])
    target = Words(vectors @ turn, [1] * 12, [[100 + n] for n in range(12)])
    mixes = initialise.wechsel(
        source, target, [(n, n) for n in range(8)], list(range(100, 113)), neighbours=3
    )
    assert sorted(mixes) == list(range(100, 112)), "a piece that no word contains has no mix"
    for n in range(12):
        best = mixes[100 + n].ids[int(np.argmax(mixes[100 + n].weights))]
        assert best == n
        assert len(mixes[100 + n].ids) == 3


def test_alignment_finds_a_planted_dictionary() -> None:
    """Target id 100 + n always stands in for source id n, in another order."""
    rng = np.random.default_rng(3)
    pairs = []
    for _ in range(300):
        source = rng.choice(15, size=6, replace=False)
        pairs.append((source.tolist(), rng.permutation(source + 100).tolist()))
    mixes = initialise.alignment(pairs, range(100, 115), rounds=8)
    for n in range(15):
        mix = dict(zip(mixes[100 + n].ids, mixes[100 + n].weights, strict=True))
        assert max(mix, key=lambda old: mix[old]) == n
        assert mix[n] > 0.9
    assert initialise.alignment([], [1]) == {}


def test_what_the_pairs_hold_too_seldom_gets_no_alignment() -> None:
    pairs = [([1, 2], [101, 102])] * 4 + [([1], [101])]
    assert set(initialise.alignment(pairs, [101, 102])) == {101}
    assert set(initialise.alignment(pairs, [101, 102], min_count=4)) == {101, 102}
