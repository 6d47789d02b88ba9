"""A two-layer replica of every decoder family, and four texts to train it on."""

from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM

from panlect.model import forward, load, packing

VOCABULARY = 400
LLAMA = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
MARKS = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", LLAMA),
    "mistral": ("MistralConfig", LLAMA | {"sliding_window": 8}),
    "mixtral": ("MixtralConfig", LLAMA | {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2": ("Qwen2Config", LLAMA),
    "qwen3": ("Qwen3Config", LLAMA | {"head_dim": 8}),
    "gemma": ("GemmaConfig", LLAMA | {"head_dim": 8}),
    "gemma2": ("Gemma2Config", LLAMA | {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8}),
    "gemma3": ("Gemma3TextConfig", LLAMA | {"head_dim": 8, "sliding_window": 8}),
    "phi3": ("Phi3Config", LLAMA),
    "olmo2": ("Olmo2Config", LLAMA),
    "cohere": ("CohereConfig", LLAMA),
    "gpt2": ("GPT2Config", MARKS | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
    "gpt_neox": (
        "GPTNeoXConfig",
        MARKS
        | {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48},
    ),
    "bloom": ("BloomConfig", MARKS | {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "xglm": (
        "XGLMConfig",
        MARKS | {"d_model": 32, "ffn_dim": 48, "num_layers": 2, "attention_heads": 4},
    ),
}
LENGTHS = (12, 20, 7, 15)


def replica(family: str, tokenizer: Any) -> load.Model:
    """A two-layer model of the family, without dropout."""
    name, settings = FAMILIES[family]
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(getattr(transformers, name)(**settings))
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return load.Model(network.eval(), tokenizer, family)


def texts() -> packing.Tokens:
    ids = np.random.default_rng(0).integers(5, VOCABULARY, sum(LENGTHS)).astype(np.int32)
    count = len(LENGTHS)
    return packing.Tokens(
        ids=ids,
        trained=np.ones(len(ids), np.bool_),
        offsets=np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64),
        language=np.zeros(count, np.int32),
        component=np.zeros(count, np.int32),
        weight=np.ones(count, np.float32),
        characters=np.array(LENGTHS),
        bytes=np.array(LENGTHS),
        languages=("und_Zyyy",),
        components=("",),
    )


def plan_of(model: load.Model) -> packing.Plan:
    packed = forward.isolates(model.network)
    return packing.Plan(texts(), np.arange(len(LENGTHS)), 30, 1000, 1000, pad_id=0, packed=packed)
