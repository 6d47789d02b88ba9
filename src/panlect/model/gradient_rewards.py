"""How well training on each language serves all of them: the rewards of MultiDDS, from gradients.

MultiDDS-S (Wang et al. 2020, section 4.2) compares gradients at the same weights: C[j, k] is the cosine
between the gradient on development text of language j and the one on training text of language k. MultiDDS
proper looks one small step ahead: it takes the development gradients after a trial step on language k. Both
leave the model as it was.

Shapes: J development and K training languages, D parameters. One gradient of D numbers per language is held
on the processor; with a large model, use few languages at a time or a part of the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from panlect.mixture.learned import cosines

Floats = NDArray[np.float64]


def gradient(network: Any, ids_BT: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Floats, float]:
    """The loss's gradient over these parameters as one array of D numbers, and the loss. Nothing is kept."""
    loss = network(input_ids=ids_BT, labels=ids_BT).loss
    parts = torch.autograd.grad(loss, list(parameters), allow_unused=True)
    flat = [
        torch.zeros(parameter.numel()) if part is None else part.detach().float().cpu().flatten()
        for part, parameter in zip(parts, parameters, strict=True)
    ]
    return torch.cat(flat).numpy().astype(np.float64), float(loss.detach())


def stable_cosines(
    network: Any,
    training: Sequence[Tensor],
    development: Sequence[Tensor],
    parameters: Sequence[nn.Parameter] = (),
) -> tuple[Floats, list[float]]:
    """Cosines (J, K) of MultiDDS-S, and the J development losses that its halves are chosen by.

    Args:
        network: a causal language model.
        training: a batch of ids (B, T) per training language.
        development: a batch of ids per development language.
        parameters: those whose gradients are compared; empty for all that learn.
    """
    chosen = list(parameters) or [each for each in network.parameters() if each.requires_grad]
    training_KD = np.stack([gradient(network, ids_BT, chosen)[0] for ids_BT in training])
    found = [gradient(network, ids_BT, chosen) for ids_BT in development]
    return cosines(np.stack([each for each, _ in found]), training_KD), [loss for _, loss in found]


def look_ahead_rewards(
    network: Any, training: Sequence[Tensor], development: Sequence[Tensor], *, step: float = 1e-3
) -> Floats:
    """Rewards (K,) of MultiDDS: after a trial step on language k, does its gradient still point right?

    The development gradients of all languages are added up. Costs K times as many backward passes as the
    stable form; the weights are put back bit for bit.
    """
    chosen = [each for each in network.parameters() if each.requires_grad]
    before = [each.detach().clone() for each in chosen]
    rewards = []
    for ids_BT in training:
        mine_D, _ = gradient(network, ids_BT, chosen)
        _step(chosen, mine_D, step)
        total_D = np.sum([gradient(network, other_BT, chosen)[0] for other_BT in development], axis=0)
        with torch.no_grad():
            for each, value in zip(chosen, before, strict=True):
                each.copy_(value)
        rewards.append(float(cosines(total_D[None], mine_D[None])[0, 0]))
    return np.array(rewards)


def _step(parameters: Sequence[nn.Parameter], gradient_D: Floats, step: float) -> None:
    at = 0
    with torch.no_grad():
        for each in parameters:
            part = torch.from_numpy(gradient_D[at : at + each.numel()]).to(each.dtype).view_as(each)
            each.sub_(step * part.to(each.device))
            at += each.numel()
