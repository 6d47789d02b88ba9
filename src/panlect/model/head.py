"""A model's output layer apart from its body: logits only where a token is scored, a cacheful at a time.

Shapes: N hidden states, C model width, V vocabulary, M scored tokens (several may be predicted by one state).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

BLOCK_LOGITS = 2**21
"""8 MB of fp32: larger blocks leave a CPU's cache, and every first touch of a fresh page costs a trap."""
LEAST_ROWS = 64
"""With fewer rows a block spends its time on reading the matrix."""
DEVICE_BLOCKS = 64
"""An accelerator takes this many blocks at once."""


def trunk(network: Any) -> Any:
    """The network without its output layer; adapters of PEFT stay in place."""
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return inner.base_model


@contextmanager
def probing(network: Any) -> Iterator[None]:
    """No dropout, no gradient, and everything as before afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


class Head(NamedTuple):
    """``logits = cap(scale · (hidden @ matrix.T + bias))``; ``cap(x) = cap · tanh(x / cap)``.

    The matrix is (V, C), the bias (V,); a cap of 0 caps nothing.
    """

    matrix: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    cap: float = 0.0

    def logits(self, hidden_NC: Tensor, out: Tensor | None = None) -> Tensor:
        """Logits in fp32, (N, V), written into `out` where that is given."""
        made = torch.mm(hidden_NC, self.matrix.T, out=out).float()
        if self.bias is not None:
            made += self.bias
        if self.scale != 1:
            made *= self.scale
        return made.div_(self.cap).tanh_().mul_(self.cap) if self.cap else made


def head_of(network: Any) -> Head | None:
    """The output layer, if its logits are what `Head` says; else None, and all of the network has to run.

    Scales and caps are taken from the configuration and then checked on a few tokens, with the layer's output
    made large, because an untrained model's logits are too small to show a cap.
    """
    layer = network.get_output_embeddings()
    if not isinstance(layer, torch.nn.Linear):
        return None
    seen: dict[str, Tensor] = {}

    def enlarge(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        seen["product"] = output
        seen["large"] = output * (100 / output.abs().max().clamp(min=1e-6))
        return seen["large"]

    with probing(network), torch.no_grad():
        ids = torch.arange(4, device=layer.weight.device)[None] % layer.weight.shape[0]
        hidden = trunk(network)(input_ids=ids, use_cache=False).last_hidden_state
        handle = layer.register_forward_hook(enlarge)
        try:
            logits = network(input_ids=ids, use_cache=False).logits
        finally:
            handle.remove()
        product = torch.nn.functional.linear(hidden, layer.weight, layer.bias)
        if not torch.allclose(seen["product"], product, atol=1e-5, rtol=1e-3):
            return None
        config = network.config.get_text_config()
        scale = float(
            getattr(config, "logit_scale", None) or 1 / (getattr(config, "logits_scaling", None) or 1)
        )
        head = Head(
            layer.weight, layer.bias, scale, float(getattr(config, "final_logit_softcapping", None) or 0)
        )
        expected = seen["large"].float() * head.scale
        expected = head.cap * (expected / head.cap).tanh() if head.cap else expected
    return head if torch.allclose(logits.float(), expected, atol=1e-3, rtol=1e-3) else None


def plain_head(network: Any) -> Tensor | None:
    """The output matrix (V, C), if logits are nothing but ``hidden @ matrix.T``; else None."""
    head = head_of(network)
    return head.matrix if head is not None and head[1:] == (None, 1.0, 0.0) else None


def target_logprobs(
    states: Tensor, head: Head | None, rows_M: Tensor, targets_M: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probability in nats of each target by the state that predicts it, and whether it is the best token.

    Args:
        states: hidden states (N, C), or without a head the logits (N, V) themselves.
        head: the output layer.
        rows_M: for every target the state that predicts it, in ascending order.
        targets_M: token ids.
    """
    vocabulary = head.matrix.shape[0] if head else states.shape[1]
    size = max(LEAST_ROWS, BLOCK_LOGITS // vocabulary) * (1 if states.device.type == "cpu" else DEVICE_BLOCKS)
    reused = head is not None and states.dtype == torch.float32
    room = states.new_empty(min(size, len(states)), vocabulary) if reused else None
    starts = range(0, len(states), size)
    ends = torch.searchsorted(rows_M, torch.tensor([*starts[1:], len(states)], device=rows_M.device)).tolist()
    values, best = [], []
    for start, first, end in zip(starts, [0, *ends[:-1]], ends, strict=True):
        part = states[start : start + size]
        logits = (
            part.float() if head is None else head.logits(part, None if room is None else room[: len(part)])
        )
        rows, targets = rows_M[first:end] - start, targets_M[first:end]
        top = logits.amax(1)
        own = logits[rows, targets]
        best.append(_is_first(logits, rows, targets, own == top[rows]))
        total = logits.sub_(top[:, None]).exp_().sum(1).log_()
        values.append((own - top[rows]) - total[rows])
    return torch.cat(values), torch.cat(best)


def _is_first(logits_NV: Tensor, rows: Tensor, targets: Tensor, highest: Tensor) -> Tensor:
    """Of several tokens with the highest logit the first is the best, as for every decoder."""
    where = highest.nonzero()[:, 0]
    found = highest.clone()
    found[where] = logits_NV[rows[where]].argmax(1) == targets[where]
    return found
