"""Vectors of texts: the mean over a block's outputs, the same alone and in any batch."""

from typing import Any

import numpy as np
import pytest
import torch

from panlect.errors import ModelError
from panlect.model.load import Model
from panlect.model.pooling import pooled
from tiny_families import FAMILIES, replica
from tiny_model import SENTENCES


def test_means_by_hand(model: Model) -> None:
    found = pooled(model.network, model.tokenizer, SENTENCES, 1)
    for text, vector in zip(SENTENCES, found, strict=True):
        begin = model.tokenizer.bos_token_id
        ids = [begin, *model.tokenizer.encode(text, add_special_tokens=False)]
        kept = []
        block = model.network.model.layers[1]
        handle = block.register_forward_hook(lambda m, i, o, kept=kept: kept.append(o))
        with torch.no_grad():
            model.network(torch.tensor([ids]))
        handle.remove()
        assert vector == pytest.approx(kept[0][0, 1:].mean(0).numpy(), abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_alone_and_in_a_batch(family: str, tokenizer: Any) -> None:
    network = replica(family, tokenizer).network
    together = pooled(network, tokenizer, [*SENTENCES, ""])
    alone = [pooled(network, tokenizer, [text], batch_tokens=1)[0] for text in SENTENCES]
    assert np.abs(together[:-1] - alone).max() < 1e-4
    assert not together[-1].any()
    assert len({tuple(each) for each in together}) == len(SENTENCES) + 1


def test_a_block_that_is_not_there(model: Model) -> None:
    with pytest.raises(ModelError, match="no block 2"):
        pooled(model.network, model.tokenizer, ["a"], 2)
