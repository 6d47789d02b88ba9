"""Vectors of sentences from an encoder such as LaBSE or a multilingual E5.

Shapes: B texts, T tokens, C model width, N all texts.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from panlect.errors import ModelError
from panlect.model.load import load_tokenizer

LONGEST_TOKENS = 256
BATCH = 64


class Encoder:
    """An encoder with the pooling that its directory names (`1_Pooling/config.json`), else the mean."""

    def __init__(self, location: str) -> None:
        from transformers import AutoModel

        if not (Path(location) / "config.json").is_file():
            raise ModelError("this is no model directory", where=location, expected="config.json and weights")
        self._tokenizer = load_tokenizer(location)
        # Weights that could run code when they are opened are never read.
        self._network: Any = AutoModel.from_pretrained(location, use_safetensors=True).eval()
        pooling = Path(location) / "1_Pooling" / "config.json"
        said = json.loads(pooling.read_text(encoding="utf-8")) if pooling.is_file() else {}
        self._first_only = bool(said.get("pooling_mode_cls_token"))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text, (N, C)."""
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        vectors = np.zeros((len(texts), self._network.config.hidden_size), dtype=np.float32)
        for at in range(0, len(order), BATCH):
            mine = order[at : at + BATCH]
            batch = self._tokenizer(
                [texts[n] for n in mine],
                padding=True,
                truncation=True,
                max_length=LONGEST_TOKENS,
                return_tensors="pt",
            )
            hidden_BTC = self._network(**batch).last_hidden_state
            if self._first_only:
                vectors[mine] = hidden_BTC[:, 0].float().numpy()
                continue
            there_BT1 = batch["attention_mask"][:, :, None]
            mean_BC = (hidden_BTC * there_BT1).sum(1) / there_BT1.sum(1).clamp(min=1)
            vectors[mine] = mean_BC.float().numpy()
        return vectors


@lru_cache(maxsize=1)
def load_encoder(location: str) -> Encoder:
    """Return the encoder in a directory; the same one again for the same directory."""
    return Encoder(location)
