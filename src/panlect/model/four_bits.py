"""Frozen weights in four bits under adapters: QLoRA (Dettmers et al. 2023), through bitsandbytes.

The linear layers of an opened model are rounded to the sixteen values of NF4, with the scales themselves in
eight bits; embeddings and output layer stay as they are. After training, the rounded weights and the adapters
are added up in full precision, so what is saved is a plain model.
"""

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from panlect.errors import ConfigError


def quantise(network: Any, names: list[str]) -> None:
    """Round these linear layers to four bits, in place.

    Raises:
        ConfigError: bitsandbytes is not installed, or a layer is no plain linear one.
    """
    kinds = _needed().nn
    for name in names:
        layer = network.get_submodule(name)
        if not isinstance(layer, nn.Linear):
            raise ConfigError(
                f"'{name}' cannot be held in four bits", where="trained.method: qlora", fix="use lora"
            )
        rounded = kinds.Linear4bit(
            layer.in_features, layer.out_features, layer.bias is not None,
            compute_dtype=torch.bfloat16, quant_type="nf4",
        )  # fmt: skip
        rounded.weight = kinds.Params4bit(layer.weight.detach().cpu(), requires_grad=False, quant_type="nf4")
        rounded.bias = layer.bias
        # On a processor it would change its layout when first evaluated, and take only widths of 64 and up.
        rounded.support_avx512bf16_for_cpu = False
        _put(network, name, rounded.to(layer.weight.device))


def restore(network: Any, added: dict[str, Tensor]) -> None:
    """Make rounded layers plain again, in fp32, each with what its adapter adds to its weight."""
    functional = _needed().functional
    for name, layer in list(network.named_modules()):
        if type(layer).__name__ != "Linear4bit":
            continue
        weight = functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
        plain = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, device=weight.device)
        plain.weight = nn.Parameter(weight + added[name] if name in added else weight)
        plain.bias = layer.bias
        _put(network, name, plain)


def size(parameter: Tensor) -> int:
    """How many numbers a parameter stands for; rounded ones lie two to a byte."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(state.shape.numel())


def _put(network: Any, name: str, module: nn.Module) -> None:
    owner, _, last = name.rpartition(".")
    setattr(network.get_submodule(owner), last, module)


def _needed() -> Any:
    try:
        return importlib.import_module("bitsandbytes")
    except ImportError as error:
        raise ConfigError(
            "'bitsandbytes' is not installed",
            where="trained.method: qlora",
            fix='install it: pip install "panlect[qlora]"',
        ) from error
