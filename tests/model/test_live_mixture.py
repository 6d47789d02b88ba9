"""Shares learned while a model trains: a useful language gets more, a killed run reads the same again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from panlect.model import load, loop, objectives, packing
from panlect.model.held_out import split
from panlect.model.ledger import Ledger
from panlect.model.live_mixture import LivePlan
from panlect.model.settings import HeldOut
from panlect.stages.pretrain import LearnedShares, PretrainConfig
from tiny_model import SHAPE
from training_desk import Desk, settings

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def counting(letters: str, start: int) -> str:
    """Ten letters one after the other, from one of them on."""
    return " ".join(letters[(start + step) % 10] for step in range(10))


def texts() -> list[packing.Text]:
    """English and Swahili are about the same letters, Thai about others."""
    letters = {"eng_Latn": "abcdefghij", "swh_Latn": "abcdefghij", "tha_Thai": "klmnopqrst"}
    return [
        packing.Text(f"{counting(own, i)} {counting(own, i + 3)}", code)
        for i in range(60)
        for code, own in letters.items()
    ]


def run(tokenizer: Any, path: Path, **changes: Any) -> tuple[LivePlan, Ledger, torch.Tensor]:
    learned = LearnedShares(every_steps=4, learning_rate=1e-2, inner_steps=20, reward_tokens=400, **changes)
    config = settings(batch_tokens=200, checkpoint_seconds=0, log_steps=3, learning_rate=2e-2)
    model = load.build(tokenizer, SHAPE, seed=1)
    tokens = packing.tokenise(tokenizer, texts(), specials=True)
    order, held = split(tokens, np.arange(len(tokens)), HeldOut(every_steps=1, texts_per_language=6), 0)
    fixed = packing.Plan(tokens, order, 100, 200, 10**6, 0, held_out=held)
    objective = objectives.language_model(model.network)
    plan = LivePlan(fixed, objective, learned, ("eng_Latn",), seed=0)
    ledger = loop.train(model.network, plan, objective, config, Desk(path))  # type: ignore[arg-type]
    weights = torch.cat([p.detach().flatten() for p in model.network.parameters()])
    return plan, ledger, weights


@pytest.mark.parametrize("method", ["multidds-s", "multidds"])
def test_a_language_that_helps_gets_more(tokenizer: Any, tmp_path: Path, method: str) -> None:
    """Only English text is to be learned: Swahili, which is like it, is worth more than Thai."""
    plan, ledger, _ = run(tokenizer, tmp_path, method=method)
    first, last = np.array(plan.history[0]["shares"]), np.array(plan.history[-1]["shares"])
    english, swahili, thai = (plan.languages.index(code) for code in ("eng_Latn", "swh_Latn", "tha_Thai"))
    assert len(plan.history) == (len(plan) - 1) // 4 > 3
    assert last[thai] < first[thai]
    assert last[thai] < min(last[english], last[swahili])
    assert last.sum() == pytest.approx(1)
    assert last.min() >= 0.1 / 3
    # What was drawn follows the shares, and all of it was seen.
    np.testing.assert_allclose(plan.planned(), ledger.seen)
    drawn = np.array(plan.rounds[-2]) * [
        plan.planned_order.tokens.lengths[pool].mean() for pool in plan.pools
    ]
    np.testing.assert_allclose(drawn / drawn.sum(), plan.history[-2]["shares"], atol=0.08)
    assert not set(np.concatenate([plan._draws(i) for i in range(len(plan.rounds))]).tolist()) & set(
        plan.planned_order.held_out.tolist()
    )


def test_a_floor_keeps_a_language_that_harms(tokenizer: Any, tmp_path: Path) -> None:
    plan, _, _ = run(tokenizer, tmp_path, least=0.9)
    assert min(plan.history[-1]["shares"]) >= 0.3


def test_a_resumed_run_equals_a_straight_one(tokenizer: Any, tmp_path: Path) -> None:
    ends = []
    for stops in ([], [3, 4, 9]):
        path = tmp_path / str(len(stops))
        for stop in [*stops, None]:
            Desk.stop_after = stop
            try:
                plan, ledger, weights = run(tokenizer, path)
            except Desk.Stopped:
                continue
            finally:
                Desk.stop_after = None
        ends.append((plan.history, plan.rounds, ledger.seen.tolist(), weights))
    (history, rounds, seen, weights), again = ends
    assert (history, rounds, seen) == again[:3]
    assert torch.equal(weights, again[3])


def test_only_copies_of_a_decoder_can_learn_shares() -> None:
    for changes in ({"objective": "masked"}, {"parallel": "fsdp"}):
        with pytest.raises(ValueError, match="learned_shares"):
            PretrainConfig(learned_shares=LearnedShares(every_steps=1), **changes)
