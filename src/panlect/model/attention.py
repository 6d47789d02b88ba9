"""Attention over packed rows: who may look at whom, in the form that each family takes.

Shapes: B rows, T positions.
"""

from typing import Any

import torch
from torch import Tensor

EAGER_ROW_TOKENS = 256


def isolation_mask(segments_BT: Tensor, window: int | None = None) -> Tensor:
    """Earlier positions of the same document only, the last `window` of them: boolean, (B, 1, T, T).

    A padding position may look at padding before it, because a row without any key would give NaN.
    """
    same_BTT = segments_BT[:, :, None] == segments_BT[:, None, :]
    same_BTT = same_BTT.tril_()
    return (same_BTT.triu_(1 - window) if window else same_BTT)[:, None]


def packed_mask(network: Any, segments_BT: Tensor) -> Any:
    """The isolation mask for a model's blocks; one for each kind, where some look through a window."""
    config = network.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) is False:
        window = None
    if window and window >= segments_BT.shape[1]:
        window = None
    kinds = set(getattr(config, "layer_types", None) or ())
    if len(kinds & {"full_attention", "sliding_attention"}) == 2:
        return {
            "full_attention": _in_form(config, isolation_mask(segments_BT)),
            "sliding_attention": _in_form(config, isolation_mask(segments_BT, window)),
        }
    return _in_form(config, isolation_mask(segments_BT, window))


def _in_form(config: Any, mask: Tensor) -> Tensor:
    """Boolean, or numbers to be added to the scores where attention is written out."""
    if config._attn_implementation != "eager":
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
