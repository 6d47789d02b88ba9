"""How well training on each language serves the others: the rewards of MultiDDS, from gradients.

MultiDDS-S (Wang et al. 2020, section 4.2) compares gradients at the same weights: the reward of a
training language is the mean cosine between its gradient and those on development text. MultiDDS proper looks
one small step ahead: it takes the development gradients after a trial step on the language. Both leave the
model as it was.

Shapes: J development and K training languages, D parameters. Two or three gradients of D numbers are held at
a time, on the device, however many languages there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]
Loss = Callable[[Any], Tensor]
"""From a batch to its mean loss, differentiable."""
NEVER_ZERO = 1e-10


def gradient(loss: Loss, batch: Any, parameters: Sequence[nn.Parameter]) -> Tensor:
    """The loss's gradient over these parameters, end to end: (D,). Nothing is kept."""
    parts = torch.autograd.grad(loss(batch), list(parameters), allow_unused=True)
    return torch.cat(
        [
            torch.zeros_like(parameter).flatten() if part is None else part.detach().flatten()
            for part, parameter in zip(parts, parameters, strict=True)
        ]
    ).float()


def cosine(a_D: Tensor, b_D: Tensor) -> float:
    """Cosine between two gradients; 0 where one of them is nothing."""
    return float(a_D @ b_D / (a_D.norm() * b_D.norm() + NEVER_ZERO))


def stable_rewards(
    loss: Loss,
    training: Sequence[Any],
    development: Sequence[Any],
    parameters: Sequence[nn.Parameter],
    *,
    average: str = "all",
) -> Floats:
    """Rewards (K,) of MultiDDS-S: the mean over j of cos(gradient of development j, gradient of training k).

    Args:
        loss: of a batch.
        training: a batch per training language.
        development: a batch per development language.
        parameters: those whose gradients are compared.
        average: over `all` development languages, or the `worst-half` or `best-half` of them by their loss
            (the authors' min-half and max-half).
    """
    chosen = development if average == "all" else _half(loss, development, worst=average == "worst-half")
    mean_D = torch.zeros(sum(each.numel() for each in parameters), device=parameters[0].device)
    for batch in chosen:
        ahead_D = gradient(loss, batch, parameters)
        mean_D += ahead_D / (ahead_D.norm() + NEVER_ZERO) / len(chosen)
    rewards = []
    for batch in training:
        own_D = gradient(loss, batch, parameters)
        rewards.append(float(mean_D @ own_D / (own_D.norm() + NEVER_ZERO)))
    return np.array(rewards)


def _half(loss: Loss, development: Sequence[Any], *, worst: bool) -> list[Any]:
    with torch.no_grad():
        losses = [float(loss(batch)) for batch in development]
    order = sorted(range(len(losses)), key=lambda j: -losses[j] if worst else losses[j])
    return [development[j] for j in order[: max(1, len(order) // 2)]]


def look_ahead_rewards(
    loss: Loss,
    training: Sequence[Any],
    development: Sequence[Any],
    parameters: Sequence[nn.Parameter],
    *,
    step: float = 1e-3,
) -> Floats:
    """Rewards (K,) of MultiDDS: after a trial step on language k, does its gradient still point right?

    The development gradients of all languages are added up. Costs K times as many backward passes as the
    stable form; the weights are put back bit for bit.
    """
    before = [each.detach().clone() for each in parameters]
    rewards = []
    for batch in training:
        own_D = gradient(loss, batch, parameters)
        _step(parameters, own_D, step)
        total_D = torch.zeros_like(own_D)
        for other in development:
            total_D += gradient(loss, other, parameters)
        with torch.no_grad():
            for each, value in zip(parameters, before, strict=True):
                each.copy_(value)
        rewards.append(cosine(total_D, own_D))
    return np.array(rewards)


def _step(parameters: Sequence[nn.Parameter], gradient_D: Tensor, step: float) -> None:
    with torch.no_grad():
        parts = torch.split(gradient_D, [each.numel() for each in parameters])
        for each, part in zip(parameters, parts, strict=True):
            each.sub_(step * part.view_as(each))
