"""Rewards from gradients of a real (tiny) model: a language serves those that are like it."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gradient_matrix import cosines, mean_rewards
from panlect.mixture.learned import LanguageScorer
from panlect.model.gradient_rewards import Loss, gradient, look_ahead_rewards, stable_rewards


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


def loss_of(network: Any) -> Loss:
    return lambda ids_BT: network(input_ids=ids_BT, labels=ids_BT).loss  # type: ignore[no-any-return]


def test_a_gradient_is_that_of_backward_and_leaves_no_trace(network: Any) -> None:
    ids = text(0, 1)
    flat = gradient(loss_of(network), ids, list(network.parameters()))
    assert all(each.grad is None for each in network.parameters())
    network(input_ids=ids, labels=ids).loss.backward()
    expected = torch.cat([each.grad.flatten() for each in network.parameters()])
    torch.testing.assert_close(flat, expected, atol=1e-7, rtol=1e-6)


def trained(network: Any) -> Any:
    """Untrained, everything agrees: first of all, the ids in use must become likely."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for seed in range(20):
        for language in (0, 1):
            ids = text(language, 10 + seed)
            optimiser.zero_grad()
            network(input_ids=ids, labels=ids).loss.backward()
            optimiser.step()
    optimiser.zero_grad()
    return network


def test_languages_agree_with_themselves_more_than_with_each_other(network: Any) -> None:
    loss, parameters = loss_of(trained(network)), list(network.parameters())
    training, development = [text(0, 1), text(1, 2)], [text(0, 3), text(1, 4)]
    rows = [[gradient(loss, ids, parameters).numpy() for ids in each] for each in (development, training)]
    cosines_JK = cosines(*rows)
    assert min(cosines_JK[0, 0], cosines_JK[1, 1]) > max(cosines_JK[0, 1], cosines_JK[1, 0])
    # What is added up language by language is the mean of the matrix, or of its chosen half.
    for average in ("all", "worst-half", "best-half"):
        found = stable_rewards(loss, training, development, parameters, average=average)
        losses = [float(loss(ids).detach()) for ids in development]
        worst = int(np.argmax(losses))
        half = {"all": [0, 1], "worst-half": [worst], "best-half": [1 - worst]}[average]
        assert found == pytest.approx(mean_rewards(cosines_JK[half]), abs=1e-5)
    # Only language 0 is wanted: its reward is higher, and its share rises.
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=1e-3)
    scorer.update(stable_rewards(loss, training, development[:1], parameters))
    assert scorer.shares[0] > 0.5


def test_looking_ahead_puts_the_weights_back_bit_for_bit(network: Any) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    loss, parameters = loss_of(network), list(network.parameters())
    training, development = [text(0, 1), text(1, 2)], [text(0, 3)]
    rewards = look_ahead_rewards(loss, training, development, parameters, step=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert rewards.shape == (2,)
    assert rewards[0] > rewards[1]
    stable = stable_rewards(loss, training, development, parameters)
    assert rewards == pytest.approx(stable, abs=0.01), "a tiny step changes little"
