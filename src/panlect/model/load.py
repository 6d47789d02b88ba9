"""Open, build and save models: plain Hugging Face directories, safetensors only, no remote code.

`Model` is a Hugging Face model and its tokenizer, unchanged, with three verbs: `score`, `generate`, `hidden`.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
)
from transformers.utils import logging as hf_logging

from panlect.errors import ModelError
from panlect.model import generate as generation
from panlect.model import score as scoring
from panlect.model.dialogue import Message, prompts
from panlect.model.memory import keep_freed_memory

hf_logging.disable_progress_bar()  # bars over a second of reading, on top of our own
keep_freed_memory()

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class Shape(Protocol):
    """The settings of a new Llama-architecture model; `pretrain` documents each."""

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    key_value_heads: int
    position_limit: int


@dataclass(frozen=True)
class Model:
    """A Hugging Face causal language model with its tokenizer."""

    network: Any
    tokenizer: Any
    name: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device = self.network.device
        assert isinstance(device, torch.device)
        return device

    def generate(self, texts: Sequence[str], settings: "generation.Generation | None" = None) -> list[str]:
        """Continue each text; see `panlect.model.generate.Generation` for the settings."""
        return generation.generate(self.network, self.tokenizer, texts, settings or generation.Generation())

    def stream(self, texts: Sequence[str], settings: "generation.Generation") -> Iterator[tuple[int, str]]:
        """The same continuations, each with its place as soon as it has ended."""
        return generation.stream(self.network, self.tokenizer, texts, settings)

    def prompts(self, dialogues: Sequence[Sequence[Message]]) -> list[str]:
        """The texts that the chat template makes of dialogues that end with a user turn."""
        return prompts(self.tokenizer, dialogues)

    def chat(
        self, dialogues: Sequence[Sequence[Message]], settings: "generation.Generation | None" = None
    ) -> list[str]:
        """Answer each dialogue, which ends with a user turn, through the chat template."""
        return self.generate(self.prompts(dialogues), settings)

    def score(self, contexts: Sequence[str], continuations: Sequence[str]) -> "list[scoring.Score]":
        """Log-probability of each continuation after its context."""
        return scoring.score(self.network, self.tokenizer, contexts, continuations)

    def hidden(self, texts: Sequence[str], layers: Sequence[int]) -> list[Tensor]:
        """Outputs of chosen blocks for each text: one (layers, tokens, width) tensor a text, in fp32.

        They are read off the blocks, because the last of a Llama's `hidden_states` is normed already.
        """
        return scoring.hidden(self.network, self.tokenizer, texts, layers)


def load(location: str | Path, *, dtype: str = "float32") -> Model:
    """Open a model directory, or a model of the Hugging Face Hub by its id.

    Raises:
        ModelError: there is no such model, its weights are pickles, or it has no tokenizer.
    """
    location = str(location)
    if os.path.isdir(location):
        _refuse_pickles(Path(location))
    elif location.startswith((".", "/", "~")) or location.count("/") > 1:
        raise ModelError(
            "there is no such directory",
            where=location,
            expected="a model directory or a Hub id such as org/name",
        )
    tokenizer = load_tokenizer(location)
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        network = _opener(config).from_pretrained(
            location, dtype=dtype, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"the model cannot be opened ({_first_line(error)})",
            where=location,
            expected="config.json and safetensors weights of an architecture that transformers ships",
        ) from error
    return Model(network.eval(), tokenizer, location)


def _opener(config: Any) -> Any:
    """The class that opens a model: one that rates, fills masks or continues texts, or an encoder–decoder."""
    names = config.architectures or [""]
    if names[0].endswith("ForSequenceClassification"):
        return AutoModelForSequenceClassification
    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    return AutoModelForMaskedLM if names[0].endswith("ForMaskedLM") else AutoModelForCausalLM


def load_tokenizer(location: str | Path) -> Any:
    """Open the fast tokenizer of a directory or Hub id.

    Raises:
        ModelError: it has none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(location), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"the tokenizer cannot be opened ({_first_line(error)})",
            where=str(location),
            expected="tokenizer.json and tokenizer_config.json",
            fix="copy the tokenizer's files next to the weights, or make one with `panlect tokenizer`",
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            "the tokenizer has no fast version", where=str(location), expected="a tokenizer.json"
        )
    return tokenizer


def _refuse_pickles(directory: Path) -> None:
    names = sorted(path.name for path in directory.iterdir())
    if any(name.endswith(".safetensors") for name in names):
        return
    pickles = [name for name in names if name.endswith(PICKLES)]
    if pickles:
        raise ModelError(
            f"the weights are pickles ({', '.join(pickles[:3])}), which can run any code when opened",
            where=str(directory),
            expected="model.safetensors",
            fix="convert them once in a place you trust: load with transformers' "
            "from_pretrained(..., weights_only=True) and call save_pretrained, which writes safetensors",
        )
    raise ModelError(
        "the directory holds no weights", where=str(directory), expected="model.safetensors and config.json"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def build(tokenizer: Any, shape: Shape, *, seed: int) -> Model:
    """Make a new Llama-architecture model with tied embeddings for a tokenizer; weights drawn from `seed`."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        max_position_embeddings=shape.position_limit,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,  # a padding row would be frozen at zero
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config)
    return Model(network.eval(), tokenizer, "new")


def save(model: Model, directory: Path, *, facts: Mapping[str, object]) -> None:
    """Write a plain Hugging Face directory: safetensors, tokenizer, chat template and a card from facts."""
    directory.mkdir(parents=True, exist_ok=True)
    model.network.save_pretrained(directory)
    model.tokenizer.save_pretrained(directory)
    (directory / "README.md").write_text(card(model, facts), encoding="utf-8")


def card(model: Model, facts: Mapping[str, object]) -> str:
    """Return a model card: Hub metadata on top, then the facts as a table."""
    parameters = sum(p.numel() for p in model.network.parameters())
    languages = facts.get("languages", ())
    codes = [str(code) for code in languages] if isinstance(languages, list | tuple) else []
    rates = type(model.network).__name__.endswith("ForSequenceClassification")
    task = "text-classification" if rates else "text-generation"
    head = ["---", "library_name: transformers", f"pipeline_tag: {task}", "tags: [panlect]"]
    if codes:
        head.append("language: " + json.dumps(sorted({code.split("_")[0] for code in codes})))
    rows = {"architecture": type(model.network).__name__, "parameters": f"{parameters:,}", **facts}
    table = [f"| {name.replace('_', ' ')} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join([*head, "---", "", "# Model card", "", "| fact | value |", "|---|---|", *table, ""])


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def weights_hash(directory: Path) -> str:
    """SHA-256 over the names, types, shapes and bytes of all tensors, however they are sharded."""
    digest = hashlib.sha256()
    where: dict[str, Path] = {}
    for path in sorted(Path(directory).glob("*.safetensors")):
        with safe_open(path, framework="pt") as shard:
            where |= dict.fromkeys(shard.keys(), path)
    if not where:
        raise ModelError("the directory holds no safetensors", where=str(directory))
    for name in sorted(where):
        with safe_open(where[name], framework="pt") as shard:
            tensor = shard.get_tensor(name)
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
