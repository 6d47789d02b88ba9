"""Rewards from gradients of a real (tiny) model: a language serves those that are like it."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from panlect.mixture.learned import LanguageScorer, stable_rewards
from panlect.model.gradient_rewards import gradient, look_ahead_rewards, stable_cosines


@pytest.fixture
def network() -> Any:
    torch.manual_seed(0)
    settings = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2
    )
    return LlamaForCausalLM(settings)


def text(language: int, seed: int) -> torch.Tensor:
    """Language 0 counts upwards through its ids, language 1 downwards through the same ids."""
    starts = torch.randint(0, 20, (8, 1), generator=torch.Generator().manual_seed(seed))
    steps = torch.arange(16)[None] * (1 if language == 0 else -1)
    return (starts + steps) % 20


def test_a_gradient_is_that_of_backward_and_leaves_no_trace(network: Any) -> None:
    ids = text(0, 1)
    flat, loss = gradient(network, ids, list(network.parameters()))
    assert all(each.grad is None for each in network.parameters())
    result = network(input_ids=ids, labels=ids).loss
    result.backward()
    expected = torch.cat([each.grad.flatten() for each in network.parameters()])
    assert flat == pytest.approx(expected.numpy(), abs=1e-7)
    assert loss == pytest.approx(float(result.detach()))


def test_languages_agree_with_themselves_more_than_with_each_other(network: Any) -> None:
    training, development = [text(0, 1), text(1, 2)], [text(0, 3), text(1, 4)]
    # Untrained, everything agrees: first of all, the ids in use must become likely.
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for seed in range(20):
        for language in (0, 1):
            ids = text(language, 10 + seed)
            optimiser.zero_grad()
            network(input_ids=ids, labels=ids).loss.backward()
            optimiser.step()
    cosines, losses = stable_cosines(network, training, development)
    assert cosines.shape == (2, 2)
    assert min(cosines[0, 0], cosines[1, 1]) > max(cosines[0, 1], cosines[1, 0])
    assert len(losses) == 2
    # Only language 0 is wanted: its reward is higher, and its share rises.
    rewards = stable_rewards(cosines[:1])
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=1e-3)
    scorer.update(rewards)
    assert scorer.shares[0] > 0.5


def test_looking_ahead_puts_the_weights_back_bit_for_bit(network: Any) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    rewards = look_ahead_rewards(network, [text(0, 1), text(1, 2)], [text(0, 3)], step=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert rewards.shape == (2,)
    assert rewards[0] > rewards[1]
    stable = stable_rewards(stable_cosines(network, [text(0, 1), text(1, 2)], [text(0, 3)])[0])
    assert rewards == pytest.approx(np.asarray(stable), abs=0.01), "a tiny step changes little"
