"""One pass through a model: hidden states for packed rows, logits only where a loss needs them.

Shapes: B rows, T positions, C model width, V vocabulary, N positions that carry a loss.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from panlect.model.attention import packed_mask
from panlect.model.losses import cross_entropy, linear_cross_entropy
from panlect.model.packing import Batch


def trunk(network: Any) -> Any:
    """The network without its output layer; adapters of PEFT stay in place."""
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return inner.base_model


def plain_head(network: Any) -> Tensor | None:
    """The output matrix (V, C), if logits are nothing but ``hidden @ matrix.T``; else None.

    Some families scale or cap their logits, or the hidden state before them. Rather than keep a list of them,
    a few tokens go through with the head's output made large: what comes out must be just that.
    """
    head = network.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or head.bias is not None:
        return None
    seen: dict[str, Tensor] = {}

    def enlarge(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        seen["product"] = output
        seen["logits"] = output * (1000 / output.abs().max().clamp(min=1e-6))
        return seen["logits"]

    with probing(network), torch.no_grad():
        ids = torch.arange(4, device=head.weight.device)[None] % head.weight.shape[0]
        hidden = trunk(network)(input_ids=ids, use_cache=False).last_hidden_state
        handle = head.register_forward_hook(enlarge)
        try:
            logits = network(input_ids=ids, use_cache=False).logits
        finally:
            handle.remove()
        product = hidden @ head.weight.T
    plain = torch.allclose(seen["product"], product, atol=1e-5, rtol=1e-3)
    return head.weight if plain and torch.allclose(logits, seen["logits"]) else None


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


@contextmanager
def probing(network: Any) -> Iterator[None]:
    """No dropout, no gradient, and everything as before afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


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
