"""One pass through a model: hidden states for packed rows, logits only where a loss needs them.

Shapes: B rows, T positions, C model width, V vocabulary, N positions that carry a loss.
"""

from typing import Any

import torch
from torch import Tensor

from panlect.model.attention import packed_mask
from panlect.model.head import plain_head, probing, trunk
from panlect.model.losses import cross_entropy, linear_cross_entropy
from panlect.model.packing import Batch

__all__ = [
    "hidden_states",
    "isolates",
    "plain_head",
    "selected_logits",
    "token_logprobs",
    "token_losses",
    "trunk",
]


def isolates(network: Any) -> bool:
    """Whether packed documents keep the hidden states that they have alone.

    Families that build positions or biases from a plain padding mask (BLOOM's ALiBi) do not; for them
    every row holds one document.
    """
    ids = torch.arange(12, device=network.device)[None] % network.config.get_text_config().vocab_size
    segments = torch.tensor([[0] * 7 + [1] * 5], device=network.device)
    positions = torch.tensor([[*range(7), *range(5)]], device=network.device)
    with probing(network), torch.no_grad():
        try:
            packed = trunk(network)(
                input_ids=ids,
                position_ids=positions,
                attention_mask=packed_mask(network, segments),
                use_cache=False,
            ).last_hidden_state
        except (TypeError, ValueError, RuntimeError):
            return False
        alone = [
            trunk(network)(input_ids=part, use_cache=False).last_hidden_state for part in ids.split([7, 5], 1)
        ]
    return torch.allclose(packed, torch.cat(alone, 1), atol=1e-2, rtol=1e-2)


def _inputs(network: Any, batch: Batch) -> dict[str, Any]:
    inputs: dict[str, Any] = {"input_ids": batch.ids_BT, "use_cache": False}
    if batch.packed:
        mask = packed_mask(network, batch.segments_BT)
        return inputs | {"position_ids": batch.positions_BT, "attention_mask": mask}
    return inputs | {"attention_mask": (batch.segments_BT >= 0).long()}


def hidden_states(network: Any, batch: Batch) -> Tensor:
    """Last hidden states of the positions that carry a loss: (N, C)."""
    out = trunk(network)(**_inputs(network, batch)).last_hidden_state
    return out.flatten(0, 1)[batch.select_N]  # type: ignore[no-any-return]


def selected_logits(network: Any, batch: Batch) -> Tensor:
    """Logits of the positions that carry a loss, (N, V), for models whose head is not a plain product."""
    out = network(**_inputs(network, batch)).logits
    return out.flatten(0, 1)[batch.select_N]  # type: ignore[no-any-return]


def _head(network: Any) -> Tensor:
    """The output matrix (V, C) as it is now: a sharded one is whole only during a pass."""
    weight = network.get_output_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight


def token_losses(network: Any, batch: Batch, head_VC: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weighted sum of the token losses (differentiable) and the loss of each token, (N,), for the ledger."""
    if head_VC is not None:
        hidden_NC = hidden_states(network, batch)
        return linear_cross_entropy(hidden_NC, _head(network), batch.targets_N, batch.weights_N)
    losses_N = cross_entropy(selected_logits(network, batch), batch.targets_N)
    return (losses_N * batch.weights_N).sum(), losses_N.detach()


def token_logprobs(network: Any, batch: Batch, head_VC: Tensor | None) -> Tensor:
    """Log-probability of each token that carries a loss, (N,), differentiable one by one."""
    if head_VC is not None:
        hidden_NC = hidden_states(network, batch)
        return -cross_entropy(hidden_NC @ _head(network).T, batch.targets_N)
    return -cross_entropy(selected_logits(network, batch), batch.targets_N)
