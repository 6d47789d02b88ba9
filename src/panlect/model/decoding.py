"""Rows of one cache that are continued together: some leave, others join.

All rows stand at their right ends; a mask hides what is left of a row's first token, and every row counts its
own positions, so that none depends on its neighbours.

Shapes: B rows, T cached positions, V vocabulary.
"""
# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache, DynamicLayer

ATTENTION = frozenset({"full_attention", "sliding_attention"})


def can_join(network: Any) -> bool:
    """Whether rows can be put into one cache: keys and values can, the state of a recurrent layer cannot."""
    kinds = set(getattr(network.config.get_text_config(), "layer_types", None) or ())
    return kinds <= ATTENTION and not getattr(network, "_is_stateful", False)


@dataclass(frozen=True)
class Rows:
    """What is needed to continue some rows.

    Attributes:
        numbers: whose rows they are.
        logits_BV: of the token that comes next.
        positions_B1: the position of that token.
        mask_BT: 1 where a row has a token in the cache.
        cache: keys and values.
    """

    numbers: list[int]
    logits_BV: Tensor
    positions_B1: Tensor
    mask_BT: Tensor
    cache: Any

    @staticmethod
    def start(network: Any, numbers: Sequence[int], prompts: Sequence[Sequence[int]]) -> Rows:
        """Read some prompts."""
        device = network.device
        width = max(map(len, prompts))
        ids_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        mask_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids_BT[row, width - len(prompt) :] = torch.tensor(prompt)
            mask_BT[row, width - len(prompt) :] = 1
        ids_BT, mask_BT = ids_BT.to(device), mask_BT.to(device)
        positions_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)
        # Layers that look at a window keep all they have seen too: the mask hides what is outside of it.
        cache = DynamicCache() if can_join(network) else DynamicCache(config=network.config)
        logits_BV = _forward(network, ids_BT, mask_BT, positions_BT, cache)
        return Rows(list(numbers), logits_BV, positions_BT[:, -1:] + 1, mask_BT, cache)

    def continued(self, network: Any, next_B: Tensor) -> Rows:
        """Read one more token of every row."""
        mask_BT = torch.cat([self.mask_BT, self.mask_BT.new_ones(len(self.mask_BT), 1)], 1)
        logits_BV = _forward(network, next_B[:, None], mask_BT, self.positions_B1, self.cache)
        limit = int(getattr(network.config, "max_position_embeddings", 0) or 2**31)
        positions_B1 = (self.positions_B1 + 1).clamp(
            max=limit - 1
        )  # rows that have ended may be kept a while
        return Rows(self.numbers, logits_BV, positions_B1, mask_BT, self.cache)

    def only(self, places: Sequence[int]) -> Rows:
        """Some of the rows, without the columns that none of them uses."""
        keep = torch.tensor(places, device=self.mask_BT.device)
        self.cache.batch_select_indices(keep)
        mask_BT = self.mask_BT[keep]
        unused = int(mask_BT.argmax(1).min())
        if unused and all(type(layer) is DynamicLayer for layer in self.cache.layers):
            mask_BT = mask_BT[:, unused:]
            for layer in self.cache.layers:
                layer.keys, layer.values = layer.keys[:, :, unused:], layer.values[:, :, unused:]
        numbers = [self.numbers[place] for place in places]
        return Rows(numbers, self.logits_BV[keep], self.positions_B1[keep], mask_BT, self.cache)

    def joined(self, other: Rows) -> Rows:
        """These rows and others."""
        width = max(self.mask_BT.shape[1], other.mask_BT.shape[1])
        for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            mine.keys = torch.cat([_widened(mine.keys, width), _widened(theirs.keys, width)])
            mine.values = torch.cat([_widened(mine.values, width), _widened(theirs.values, width)])
        masks = [
            torch.nn.functional.pad(each.mask_BT, (width - each.mask_BT.shape[1], 0))
            for each in (self, other)
        ]
        return Rows(
            self.numbers + other.numbers,
            torch.cat([self.logits_BV, other.logits_BV]),
            torch.cat([self.positions_B1, other.positions_B1]),
            torch.cat(masks),
            self.cache,
        )


def _widened(states: Tensor, width: int) -> Tensor:
    return pad(states, (0, 0, width - states.shape[2], 0))


def _forward(network: Any, ids_BT: Tensor, mask_BT: Tensor, positions_BT: Tensor, cache: Any) -> Tensor:
    logits_BTV = network(
        input_ids=ids_BT,
        attention_mask=None if bool(mask_BT.all()) else mask_BT,
        position_ids=positions_BT,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    assert isinstance(logits_BTV, Tensor)
    return logits_BTV[:, -1]
