"""One pass through a model: hidden states for packed rows, logits only where a loss needs them.

Shapes: B rows, T positions, C model width, V vocabulary, N positions that carry a loss.
"""

from typing import Any

import torch
from torch import Tensor

from panlect.model.losses import cross_entropy, linear_cross_entropy
from panlect.model.packing import Batch, isolation_mask


def trunk(network: Any) -> Any:
    """The network without its output layer; adapters of PEFT stay in place."""
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return inner.base_model


def plain_head(network: Any) -> Tensor | None:
    """The output matrix (V, C), if logits are nothing but ``hidden @ matrix.T``; else None.

    Some families scale or cap their logits or add a bias. Rather than keep a list of them, compare both
    ways on a few tokens.
    """
    head = network.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or head.bias is not None:
        return None
    ids = torch.arange(4, device=head.weight.device)[None] % head.weight.shape[0]
    training = network.training
    network.eval()
    with torch.no_grad():
        hidden = trunk(network)(input_ids=ids, use_cache=False).last_hidden_state
        logits = network(input_ids=ids, use_cache=False).logits
        same = torch.allclose(logits.float(), (hidden @ head.weight.T).float(), atol=1e-4, rtol=1e-3)
    network.train(training)
    return head.weight if same else None


def attention_mask(network: Any, segments_BT: Tensor) -> Tensor:
    """The isolation mask in the form that the model's attention takes: boolean, or added to the scores."""
    mask = isolation_mask(segments_BT)
    if network.config._attn_implementation != "eager":
        return mask
    lowest = torch.finfo(torch.float32).min
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, lowest)


def choose_attention(network: Any, *, half: bool, row_tokens: int) -> None:
    """Take plain matrix products for attention over short rows in bf16 on a CPU.

    Measured on one core with 8 rows of 128, forward and backward: 2.4 ms a layer against 10–14 ms of the
    fused kernel, whose bf16 backward is slow there; from 512 tokens on its smaller memory is worth more.
    """
    if half and network.device.type == "cpu" and row_tokens <= EAGER_ROW_TOKENS:
        network.set_attn_implementation("eager")


EAGER_ROW_TOKENS = 256


def hidden_states(network: Any, batch: Batch) -> Tensor:
    """Last hidden states of the positions that carry a loss: (N, C)."""
    out = trunk(network)(
        input_ids=batch.ids_BT,
        position_ids=batch.positions_BT,
        attention_mask=attention_mask(network, batch.segments_BT),
        use_cache=False,
    ).last_hidden_state
    return out.flatten(0, 1)[batch.select_N]  # type: ignore[no-any-return]


def selected_logits(network: Any, batch: Batch) -> Tensor:
    """Logits of the positions that carry a loss, (N, V), for models whose head is not a plain product."""
    out = network(
        input_ids=batch.ids_BT,
        position_ids=batch.positions_BT,
        attention_mask=attention_mask(network, batch.segments_BT),
        use_cache=False,
    ).logits
    return out.flatten(0, 1)[batch.select_N]  # type: ignore[no-any-return]


def token_losses(network: Any, batch: Batch, head_VC: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weighted sum of the token losses (differentiable) and the loss of each token, (N,), for the ledger."""
    if head_VC is not None:
        return linear_cross_entropy(hidden_states(network, batch), head_VC, batch.targets_N, batch.weights_N)
    losses_N = cross_entropy(selected_logits(network, batch), batch.targets_N)
    return (losses_N * batch.weights_N).sum(), losses_N.detach()


def token_logprobs(network: Any, batch: Batch, head_VC: Tensor | None) -> Tensor:
    """Log-probability of each token that carries a loss, (N,), differentiable one by one."""
    if head_VC is not None:
        hidden_NC = hidden_states(network, batch)
        return -cross_entropy(hidden_NC @ head_VC.T, batch.targets_N)
    return -cross_entropy(selected_logits(network, batch), batch.targets_N)
