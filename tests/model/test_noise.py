"""Noise does what its paper says, and everything that was hidden is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.model import noise

MASK, SENTINELS = 1, list(range(2, 12))


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_masking_rate_and_fates() -> None:
    """15 % of 100,000 tokens are asked for; of them 80 % masked, 10 % random, 10 % shown; specials never."""
    ids = np.random.default_rng(1).integers(20, 1000, 100_000)
    ids[::50] = 3
    example = noise.mask_tokens(ids, stream(), mask_id=MASK, vocabulary=1000, special=frozenset({1, 3}))
    asked = example.targets != noise.NO_LOSS
    free = ids != 3
    assert asked.sum() / free.sum() == pytest.approx(0.15, abs=0.001)
    assert not asked[~free].any()
    assert (example.targets[asked] == ids[asked]).all()
    assert (example.source[~asked] == ids[~asked]).all()
    shown = example.source[asked]
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.01)
    assert (shown == ids[asked]).mean() == pytest.approx(0.1, abs=0.01)
    assert not np.isin(shown[shown != MASK], [1, 3]).any()


def test_a_short_text_is_asked_for_something() -> None:
    example = noise.mask_tokens(
        np.array([0, 50, 2]), stream(), mask_id=1, vocabulary=60, special=frozenset({0, 1, 2})
    )
    assert example.targets.tolist() == [-1, 50, -1]


def test_sentences_are_permuted_whole() -> None:
    ids = np.array([10, 11, 5, 12, 5, 13, 14, 15, 5, 16])
    orders = {
        tuple(noise.permute_sentences(ids, stream(seed), frozenset({5})).tolist()) for seed in range(400)
    }
    assert len(orders) == 24  # all orders of four sentences
    parts = {(10, 11, 5), (12, 5), (13, 14, 15, 5), (16,)}
    one = next(iter(orders))
    found, at = [], 0
    while at < len(one):
        part = next(p for p in parts if one[at : at + len(p)] == p)
        found.append(part)
        at += len(part)
    assert set(found) == parts


def test_infilling_hides_the_share_in_spans() -> None:
    ids = np.arange(100, 1100)
    shares, lengths = [], []
    for seed in range(20):
        out = noise.infill(ids, stream(seed), mask_id=MASK)
        kept = out[out != MASK]
        assert (np.diff(kept) > 0).all()  # what is left stands in its order
        shares.append(1 - len(kept) / len(ids))
        lengths.append((len(ids) - len(kept)) / (out == MASK).sum())
    assert np.mean(shares) == pytest.approx(0.35, abs=0.005)
    assert np.mean(lengths) == pytest.approx(3.5, abs=0.3)


def restored(read: list[int], said: list[int]) -> list[int]:
    """Put the spans that were said back in place of their sentinels."""
    spans: dict[int, list[int]] = {}
    for token in said:
        if token in SENTINELS:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    return [t for token in read for t in (spans[token] if token in SENTINELS else [token])]


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_spans_can_be_put_back(length: int, seed: int) -> None:
    ids = np.arange(100, 100 + length)
    read, said = noise.corrupt_spans(ids, stream(seed), sentinels=SENTINELS)
    assert restored(read.tolist(), said.tolist()) == ids.tolist()
    read, said = noise.mixed_denoiser(ids, stream(seed), sentinels=SENTINELS)
    assert restored(read.tolist(), said.tolist()) == ids.tolist()


def test_span_corruption_hides_15_percent_in_spans_of_3() -> None:
    ids = np.arange(100, 200)
    read, said = noise.corrupt_spans(ids, stream(), sentinels=list(range(2, 50)))
    assert 100 - (read >= 100).sum() == 15
    assert (read < 100).sum() == 5
    assert (said < 100).sum() == 6  # one more closes


def test_lengths_of_spans_are_positive_and_add_up() -> None:
    drawn = [tuple(noise.span_lengths(stream(seed), 5, 3).tolist()) for seed in range(300)]
    assert all(sum(parts) == 5 and min(parts) >= 1 for parts in drawn)
    assert len(set(drawn)) == 6  # all ways to write 5 as three positive numbers


def test_the_decoder_sees_the_answer_one_place_late() -> None:
    example = noise.answer(np.array([7, 8]), np.array([20, 21, 22]), 9)
    assert example.decoder.tolist() == [9, 20, 21]
    assert example.targets.tolist() == [20, 21, 22]
