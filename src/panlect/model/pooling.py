"""One vector for a text: the mean of a layer's outputs over its tokens.

The begin token takes part in the pass but not in the mean: in many decoders its states are hundreds of times
larger than all others and the same for every text.

Shapes: B texts, T tokens, C model width, N all texts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.errors import ModelError
from panlect.model.head import trunk
from panlect.model.score import batches, blocks_of


@torch.inference_mode()
def pooled(
    network: Any,
    tokenizer: Any,
    texts: Sequence[str],
    layer: int | None = None,
    *,
    batch_tokens: int = 8192,
) -> NDArray[np.float32]:
    """Mean hidden states of texts, (N, C).

    Args:
        network: a language model.
        tokenizer: its fast tokenizer.
        texts: what becomes vectors; one without tokens becomes zeros.
        layer: the block whose outputs are averaged, from 0; by default the middle one, where languages lie
            closest together.
        batch_tokens: positions that go through the model at once.

    Raises:
        ModelError: the model has no such block.
    """
    blocks = blocks_of(network)
    chosen = (len(blocks) - 1) // 2 if layer is None else layer
    if not 0 <= chosen < len(blocks):
        raise ModelError(
            f"there is no block {layer}", where="retrieval_layer", expected=f"0 to {len(blocks) - 1}"
        )
    limit = int(getattr(network.config, "max_position_embeddings", 0) or 2**31)
    ids = [
        each.ids for each in tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
    first = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = [[*first, *each][:limit] for each in ids]
    vectors = np.zeros((len(texts), network.config.get_text_config().hidden_size), np.float32)
    nonempty = [n for n, each in enumerate(ids) if len(each) > len(first)]
    kept: list[Tensor] = []
    handle = blocks[chosen].register_forward_hook(
        lambda _module, _inputs, output: kept.append(output[0] if isinstance(output, tuple) else output)
    )
    try:
        for batch in batches([len(ids[n]) for n in nonempty], batch_tokens, network.device):
            places = [nonempty[n] for n in batch]
            vectors[places] = _means(network, [ids[n] for n in places], len(first), kept)
    finally:
        handle.remove()
    return vectors


def _means(network: Any, ids: Sequence[Sequence[int]], skip: int, kept: list[Tensor]) -> NDArray[np.float32]:
    ids_BT = torch.zeros(len(ids), len(ids[0]), dtype=torch.long)
    mask_BT = torch.zeros_like(ids_BT)
    for row, each in enumerate(ids):
        ids_BT[row, : len(each)] = torch.tensor(each)
        mask_BT[row, : len(each)] = 1
    ids_BT, mask_BT = ids_BT.to(network.device), mask_BT.to(network.device)
    kept.clear()
    trunk(network)(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False)
    mask_BT = mask_BT[:, skip:]
    hidden_BTC = kept[0][:, skip:].float() * mask_BT[..., None]
    means_BC = hidden_BTC.sum(1) / mask_BT.sum(1, keepdim=True)
    return np.asarray(means_BC.cpu().numpy())
