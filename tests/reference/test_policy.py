"""Losses of policies against values worked by hand, against TRL's GRPO and RLOO, and finite differences."""

import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from panlect.model import losses

NEW, OLD = torch.tensor([-1.0, -1.0, -1.0, -1.0]), torch.tensor([-1.0, -1.5, -0.5, -1.5])
GOOD = torch.tensor([1.0, 2.0, 1.0, -1.0])


def test_the_clipped_objective_by_hand() -> None:
    """Ratios 1, e^.5, e^-.5, e^.5: only a gain beyond 1.2 is cut, a loss is felt in full."""
    found, clipped = losses.clipped_policy(NEW, OLD, GOOD, 0.2)
    expected = torch.tensor([-1.0, -2 * 1.2, -(0.5**0.5) * 0, 0.0])
    expected[2] = -torch.exp(torch.tensor(-0.5))  # below the range with a gain: not cut
    expected[3] = torch.exp(torch.tensor(0.5))  # above the range with a loss: not cut
    torch.testing.assert_close(found, expected)
    assert clipped.tolist() == [False, True, False, False]


def test_a_clipped_token_has_no_gradient() -> None:
    new = NEW.clone().requires_grad_()
    losses.clipped_policy(new, OLD, GOOD, 0.2)[0].sum().backward()
    assert new.grad is not None
    assert new.grad[1] == 0
    assert (new.grad[[0, 2, 3]] != 0).all()


def test_the_critics_loss_by_hand() -> None:
    """From 0 to 1 with a return of 1 the held value is 0.2: half of 0.64. Within the range: half the square."""
    values, old, returns = torch.tensor([1.0, 0.1]), torch.zeros(2), torch.tensor([1.0, 0.5])
    torch.testing.assert_close(losses.clipped_value(values, old, returns, 0.2), torch.tensor([0.32, 0.08]))


def test_groups_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    torch.testing.assert_close(
        losses.leave_one_out(rewards), torch.tensor([[1.0, -1 / 3, -1 / 3, -1 / 3], [0.0] * 4])
    )
    torch.testing.assert_close(
        losses.group_advantages(rewards, scaled=False),
        torch.tensor([[0.75, -0.25, -0.25, -0.25], [0.0] * 4]),
    )
    scaled = losses.group_advantages(rewards)
    torch.testing.assert_close(scaled[0], torch.tensor([1.5, -0.5, -0.5, -0.5]), atol=1e-3, rtol=1e-3)
    assert (scaled[1] == 0).all()
    white = losses.whitened(torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(white, torch.tensor([-1.5, 0.0, 1.5]) / 1.5**0.5)


@pytest.fixture(scope="module")
def trl() -> Any:
    pytest.importorskip("trl", reason="TRL is a development dependency")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trl import GRPOTrainer, RLOOTrainer
    return SimpleNamespace(grpo=GRPOTrainer, rloo=RLOOTrainer)


def fake(kind: str, logps: torch.Tensor, beta: float) -> SimpleNamespace:
    """As much of a trainer as its loss needs; the model's log-probabilities are given."""
    same = SimpleNamespace(gather=lambda x: x, reduce=lambda x, **_: x, sync_gradients=True, num_processes=1)
    entropies = torch.zeros_like(logps)
    return SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logps, entropies, None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=beta,
        importance_sampling_level="token", epsilon_low=0.2, epsilon_high=0.2, loss_type=kind, use_vllm=False,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False), _entropy_bonus_enabled=False,
        entropy_coef=0.0, current_gradient_accumulation_steps=1, model=SimpleNamespace(training=True),
        accelerator=same, _metrics={"train": defaultdict(list)},
    )  # fmt: skip


def inputs_of(mask: torch.Tensor, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    ids = torch.zeros_like(mask, dtype=torch.long)
    return {"prompt_ids": ids, "prompt_mask": ids, "completion_ids": ids, "completion_mask": mask, **more}


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_grpo_equals_trl(trl: Any, beta: float) -> None:
    """TRL's mean over all tokens of a step (`bnpo`) is what the loop takes."""
    torch.manual_seed(0)
    new, old, reference = (-torch.rand(6, 5) * 3 for _ in range(3))
    mask = (torch.arange(5)[None] < torch.tensor([5, 2, 3, 1, 4, 5])[:, None]).float()
    advantages = losses.group_advantages(torch.rand(2, 3)).flatten()
    given = inputs_of(mask, old_per_token_logps=old, ref_per_token_logps=reference, advantages=advantages)
    theirs = trl.grpo._compute_loss(fake("bnpo", new, beta), None, given)
    real = mask.bool()
    ours, _ = losses.clipped_policy(new[real], old[real], advantages[:, None].expand(6, 5)[real], 0.2)
    ours = ours + beta * losses.kl_estimates(new[real], reference[real])[1]
    torch.testing.assert_close(ours.mean(), theirs)


def test_rloo_has_the_gradient_of_trl(trl: Any) -> None:
    """TRL clips the ratio of whole answers; on answers just drawn the gradient is ours, up to the divisor."""
    torch.manual_seed(0)
    old = -torch.rand(6, 5) * 3
    mask = (torch.arange(5)[None] < torch.tensor([5, 2, 3, 1, 4, 5])[:, None]).float()
    advantages = losses.leave_one_out(torch.rand(2, 3)).flatten()
    theirs, ours = old.clone().requires_grad_(), old.clone().requires_grad_()
    given = inputs_of(mask, old_logps=(old * mask).sum(1), advantages=advantages)
    trl.rloo._compute_loss(fake("", theirs, 0.0), None, given).backward()
    each, _ = losses.clipped_policy(ours, old, advantages[:, None].expand(6, 5), 0.2)
    ((each * mask).sum() / 6).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_gradients_match_finite_differences() -> None:
    torch.manual_seed(2)
    new, old, values = (torch.randn(7, dtype=torch.float64) for _ in range(3))
    advantages, returns = torch.randn(7, dtype=torch.float64), torch.randn(7, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: losses.clipped_policy(x, old, advantages)[0], new.requires_grad_()
    )
    assert torch.autograd.gradcheck(lambda x: losses.clipped_value(x, old, returns), values.requires_grad_())
