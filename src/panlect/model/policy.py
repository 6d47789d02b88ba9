"""A language model as a policy: PPO, GRPO and RLOO on answers that it drew itself.

One objective for all three: the clipped ratio of each token (Schulman et al. 2017), against advantages that
`rollouts` made. PPO has a critic beside it, a linear layer on the last hidden state that shares the trunk;
GRPO adds the divergence from the reference to the loss (Shao et al. 2024), the others to the reward.

Shapes: N answer tokens, V vocabulary, C model width.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.model.forward import hidden_states, plain_head, selected_logits, trunk
from panlect.model.loop import Objective, Terms
from panlect.model.losses import (
    clipped_policy,
    clipped_value,
    generalised_advantages,
    group_advantages,
    kl_estimates,
    leave_one_out,
    whitened,
)
from panlect.model.packing import Batch


class PolicyBatch(NamedTuple):
    """Packed rows, and what was known of each answer token when it was drawn."""

    rows: Batch
    old_N: Tensor
    reference_N: Tensor
    advantages_N: Tensor
    values_N: Tensor
    returns_N: Tensor
    seen: NDArray[np.float64]

    @property
    def weight(self) -> float:
        """Tokens count alike, whatever answer they are of."""
        return float(len(self.old_N))


class Outputs(NamedTuple):
    """Of each answer token: log-probability, entropy of its distribution, and the state that predicts it."""

    logprobs_N: Tensor
    entropies_N: Tensor
    hidden_NC: Tensor


def add_critic(network: Any) -> None:
    """Give the network a `value_head`, which says 0 to begin with."""
    weight = network.get_output_embeddings().weight
    head = torch.nn.Linear(weight.shape[1], 1, device=weight.device)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    network.value_head = head


def outputs(network: Any, rows: Batch, head_VC: Tensor | None, temperature: float) -> Outputs:
    """One pass over packed rows; the distribution is the one that answers are drawn from."""
    if head_VC is not None:
        hidden_NC = hidden_states(network, rows)
        logits_NV = hidden_NC @ network.get_output_embeddings().weight.T
    else:
        hidden_NC, logits_NV = _with_logits(network, rows)
    scores_NV = torch.log_softmax(logits_NV.float() / temperature, -1)
    with torch.no_grad():
        entropies_N = -(scores_NV.exp() * scores_NV).sum(-1)
    logprobs_N = scores_NV.gather(1, rows.targets_N[:, None])[:, 0]
    return Outputs(logprobs_N, entropies_N, hidden_NC)


def _with_logits(network: Any, rows: Batch) -> tuple[Tensor, Tensor]:
    """States and logits of a model whose head is more than a product."""
    kept: list[Tensor] = []
    handle = trunk(network).register_forward_hook(lambda *call: kept.append(call[2].last_hidden_state))
    try:
        logits_NV = selected_logits(network, rows)
    finally:
        handle.remove()
    return kept.pop().flatten(0, 1)[rows.select_N], logits_NV


def values(network: Any, hidden_NC: Tensor) -> Tensor:
    """The critic's value of each state: (N,), in fp32."""
    with torch.autocast(hidden_NC.device.type, enabled=False):
        return network.value_head(hidden_NC.float())[:, 0]  # type: ignore[no-any-return]


def advantages(
    rewards_S: NDArray[np.float64],
    old: Tensor,
    reference: Tensor,
    critic: Tensor,
    sizes: list[int],
    settings: Any,
) -> dict[str, Tensor]:
    """Advantages and returns of every token, (N,) each, from one reward per answer.

    PPO: the reward falls on the last token, the divergence (k1) on each; generalised advantages, whitened.
    RLOO: reward less the answer's whole divergence, against the other answers to the same prompt. GRPO: the
    reward against its group; there the divergence is part of the loss.
    """
    divergence_N = kl_estimates(old, reference)[0] * settings.kl_weight
    rewards = torch.from_numpy(rewards_S).float()
    if settings.method == "ppo":
        made, returns = [], []
        for reward, kl_T, values_T in zip(
            rewards, torch.split(divergence_N, sizes), torch.split(critic, sizes), strict=True
        ):
            rewards_T = -kl_T
            rewards_T[-1] += reward
            made.append(generalised_advantages(rewards_T, values_T, settings.discount, settings.trace))
            returns.append(made[-1] + values_T)
        return {"advantages": whitened(torch.cat(made)), "returns": torch.cat(returns)}
    if settings.method == "rloo":
        rewards = rewards - torch.stack([part.sum() for part in torch.split(divergence_N, sizes)])
    groups = rewards.reshape(-1, settings.samples)
    compared = (
        leave_one_out(groups)
        if settings.method == "rloo"
        else group_advantages(groups, scaled=settings.scaled)
    )
    spread = compared.flatten().repeat_interleave(torch.tensor(sizes))
    return {"advantages": spread, "returns": torch.zeros_like(old)}


def objective(network: Any, settings: Any) -> Objective:
    """The clipped objective, with the critic's for PPO; the ledger gets its parts, token by token.

    `settings` are those of `reinforce`.
    """
    head_VC = plain_head(network)

    def improve(network: Any, batch: PolicyBatch) -> Terms:
        out = outputs(network, batch.rows, head_VC, settings.temperature)
        losses_N, clipped_N = clipped_policy(out.logprobs_N, batch.old_N, batch.advantages_N, settings.clip)
        parts = {"policy_loss": losses_N, "clipped_share": clipped_N, "entropy": out.entropies_N}
        if settings.method == "ppo":
            values_N = values(network, out.hidden_NC)
            parts["value_loss"] = clipped_value(
                values_N, batch.values_N, batch.returns_N, settings.value_clip
            )
            losses_N = losses_N + settings.value_weight * parts["value_loss"]
        if settings.method == "grpo" and settings.kl_weight:
            losses_N = losses_N + settings.kl_weight * kl_estimates(out.logprobs_N, batch.reference_N)[1]
        parts = {"loss": losses_N, **parts}
        return Terms(losses_N.sum(), batch.rows.cells_N, {k: v.detach() for k, v in parts.items()})

    return improve


def drop_critic(network: Any) -> None:
    """Leave a plain language model."""
    if hasattr(network, "value_head"):
        del network.value_head
