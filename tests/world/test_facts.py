"""The facts: true, shared, balanced, chosen by seed."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.world.facts import Fact, choose, guessing, hold_out, truths

ABOUT_TERRITORIES = [fact for fact in truths() if fact.subject.startswith("territory:")]


def test_known_truths():
    truth = {fact.id: fact.answer for fact in truths()}
    assert truth["currency:SN"] == "currency:XOF"
    assert truth["language:BR"] == "language:pt"
    assert truth["continent:KE"] == "continent:002"
    assert truth["continent:NZ"] == "continent:009"
    assert truth["script:ru"] == "script:Cyrl"
    assert truth["month+1:12"] == "month:1"
    assert truth["month+3:11"] == "month:2"
    assert truth["weekday+2:6"] == "weekday:1"


def test_what_has_no_single_truth_is_left_out():
    ids = {fact.id for fact in truths()}
    assert "continent:TR" not in ids  # two continents
    assert "language:BE" not in ids  # no official language with twice the speakers of the next
    assert "currency:PA" not in ids  # two currencies in use


@pytest.mark.parametrize("territories", [4, 16, 24, 40])
def test_every_answer_is_shared_and_a_guess_is_seldom_right(territories):
    for seed in range(3):
        facts = choose(ABOUT_TERRITORIES, territories, seed)
        held = hold_out(facts, 1 / 3, seed)
        shared = Counter((fact.relation, fact.answer) for fact in facts)
        stated = Counter((fact.relation, fact.answer) for fact in facts if fact.id not in held)
        assert len({fact.subject for fact in facts}) == territories
        assert min(shared.values()) >= 2
        assert all(stated[fact.relation, fact.answer] for fact in facts if fact.id in held)
        # Nothing else that is stated of a territory may give its held-out facts away.
        silent = {fact.subject for fact in facts if fact.id in held}
        assert not [fact for fact in facts if fact.subject in silent and fact.id not in held]
        if territories >= 16:
            assert len(held) == pytest.approx(len(facts) / 3, abs=2)
            assert guessing(facts, held)[""] < 0.22


def test_the_seed_decides():
    first, again, other = (choose(ABOUT_TERRITORIES, 16, seed) for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)
    assert hold_out(first, 0.3, 1) != hold_out(first, 0.3, 2)


def test_guessing_by_hand():
    facts = [Fact("r", f"territory:{n}", f"r:{answer}") for n, answer in enumerate("aaabbc")]
    # Held out: one a and one b. Stated: a a b c. So a guess is right 2/4 and 1/4 of the time.
    assert guessing(facts, frozenset({"r:0", "r:3"})) == {"": 0.375, "r": 0.375}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.floats(0, 0.9), st.integers(0, 99))
def test_hold_out_always_leaves_every_answer_stated(answers, share, seed):
    facts = [Fact("r", f"territory:{n}", f"r:{answer}") for n, answer in enumerate(answers)]
    held = hold_out(facts, share, seed)
    assert len(held) <= round(share * len(facts))
    assert {f.answer for f in facts} == {f.answer for f in facts if f.id not in held}
