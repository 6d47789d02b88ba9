"""New encoders and encoder–decoders around a tokenizer, with the marks that their objectives need.

The decoder of a new model is built by `panlect.model.load.build`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from tokenizers import AddedToken
from transformers import (
    MBartConfig,
    MBartForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from panlect.model.load import Model

MASK = "<|mask|>"
SENTINELS = 32


class Shape(Protocol):
    """Family and size; `pretrain` documents each."""

    @property
    def architecture(self) -> str: ...  # noqa: D102
    @property
    def hidden_size(self) -> int: ...  # noqa: D102
    @property
    def intermediate_size(self) -> int: ...  # noqa: D102
    @property
    def layers(self) -> int: ...  # noqa: D102
    @property
    def heads(self) -> int: ...  # noqa: D102
    @property
    def position_limit(self) -> int: ...  # noqa: D102


def build(tokenizer: Any, shape: Shape, *, languages: Sequence[str], seed: int) -> Model:
    """A new XLM-R, mBART or T5, `layers` blocks a side; the tokenizer gets mask, sentinels, languages."""
    marks: list[str] = []
    if shape.architecture == "t5":
        marks = [f"<extra_id_{i}>" for i in range(SENTINELS)]
    elif shape.architecture == "mbart":
        marks = list(languages)
    if shape.architecture != "t5":
        tokenizer.add_special_tokens({"mask_token": MASK})
    tokenizer.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    makers = {"xlm-roberta": _xlm_roberta, "mbart": _mbart, "t5": _t5}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = makers[shape.architecture](tokenizer, shape)
    return Model(network.eval(), tokenizer, "new")


def _marks(tokenizer: Any) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def _xlm_roberta(tokenizer: Any, shape: Shape) -> Any:
    config = XLMRobertaConfig(
        **_marks(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        # Positions are counted from behind the padding token.
        max_position_embeddings=shape.position_limit + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
    )
    return XLMRobertaForMaskedLM(config)


def _mbart(tokenizer: Any, shape: Shape) -> Any:
    config = MBartConfig(
        **_marks(tokenizer),
        d_model=shape.hidden_size,
        encoder_layers=shape.layers,
        decoder_layers=shape.layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.intermediate_size,
        decoder_ffn_dim=shape.intermediate_size,
        max_position_embeddings=shape.position_limit,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
    )
    return MBartForConditionalGeneration(config)


def _t5(tokenizer: Any, shape: Shape) -> Any:
    config = T5Config(
        **_marks(tokenizer),
        d_model=shape.hidden_size,
        d_kv=shape.hidden_size // shape.heads,
        d_ff=shape.intermediate_size,
        num_layers=shape.layers,
        num_decoder_layers=shape.layers,
        num_heads=shape.heads,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    return T5ForConditionalGeneration(config)
