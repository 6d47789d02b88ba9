"""What of a model is trained: all of it, adapters, chosen layers, new rows, or chosen single weights.

Adapters are PEFT's LoRA (Hu et al. 2022) and DoRA (Liu et al. 2024). After training they are merged, so what
is saved is a plain model; the adapter itself is kept beside it. Everything that a setting names must exist: a
target that matches nothing trained nothing in more than one public script, without a word.
"""

import fnmatch
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from panlect.config import nearest
from panlect.draft import Draft
from panlect.errors import ConfigError
from panlect.model import four_bits
from panlect.model.load import Model
from panlect.model.settings import Trained


def attach(model: Model, trained: Trained, draft: Draft) -> Model:
    """Return the model with only the chosen parameters trainable, and write down which.

    Raises:
        ConfigError: a target, pattern or mask names nothing that the model has.
    """
    network = model.network
    network.requires_grad_(True)
    if trained.method != "full":
        network = _adapt(network, trained)
    else:
        _freeze(network, trained)
    masks = _masks(network, trained)
    for name, mask in masks.items():
        _mask(network.get_parameter(name), mask)
    draft.note(parameters=report(network, masks))
    return replace(model, network=network)


def detach(model: Model, draft: Draft) -> Model:
    """Return a plain model again: adapters merged into the weights, and kept in the folder's ``adapter/``."""
    if not isinstance(model.network, PeftModel):
        return model
    model.network.save_pretrained(draft.path / "adapter")
    layers = dict(model.network.get_base_model().named_modules())
    rounded = {name: layer for name, layer in layers.items() if type(layer).__name__ == "Linear4bit"}
    if not rounded:
        return replace(model, network=model.network.merge_and_unload(safe_merge=True))
    # Merged by PEFT, the sum would be rounded to four bits again.
    added = {
        name: layer.get_delta_weight("default").detach()
        for name, layer in rounded.items()
        if hasattr(layer, "get_delta_weight")
    }
    plain = model.network.unload()
    four_bits.restore(plain, added)
    return replace(model, network=plain)


def linear_layers(network: Any) -> dict[str, Any]:
    """Full name to module of every linear layer but the output heads; fused projections included."""
    heads = (network.get_output_embeddings(), getattr(network, "score", None))
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and not any(module is head for head in heads)
    }


def targets(network: Any, wanted: Sequence[str]) -> list[str]:
    """Full names of the layers that get an adapter: all linear ones, or those whose name ends as wanted.

    Raises:
        ConfigError: a wanted name matches no linear layer of this model.
    """
    layers = linear_layers(network)
    if not wanted:
        return list(layers)
    chosen: list[str] = []
    for target in wanted:
        found = [name for name in layers if name == target or name.endswith("." + target)]
        if not found:
            kinds = {name.rsplit(".", 1)[-1] for name in layers}
            raise ConfigError(
                f"the model has no linear layer '{target}'",
                where="trained.targets",
                expected=f"names among {', '.join(sorted(kinds))}",
                fix=nearest(target, kinds),
            )
        chosen += found
    return list(dict.fromkeys(chosen))


def _adapt(network: Any, trained: Trained) -> Any:
    names = targets(network, trained.targets)
    if trained.method == "qlora":
        four_bits.quantise(network, list(linear_layers(network)))
    settings = LoraConfig(
        r=trained.rank,
        lora_alpha=trained.alpha,
        lora_dropout=trained.dropout,
        target_modules=names,
        use_dora=trained.method == "dora",
        task_type=_task(network),
        # GPT-2 stores its matrices transposed.
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in linear_layers(network).values()),
    )
    with warnings.catch_warnings():
        # PEFT still asks for a name that transformers has renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(network, settings)


def _task(network: Any) -> str | None:
    """PEFT's name for what the network does; none is needed for an encoder."""
    if network.config.is_encoder_decoder:
        return "SEQ_2_SEQ_LM"
    kind = type(network).__name__
    if kind.endswith("ForSequenceClassification"):
        return "SEQ_CLS"  # its new head is trained as a whole
    return None if kind.endswith("ForMaskedLM") else "CAUSAL_LM"


def _freeze(network: Any, trained: Trained) -> None:
    names = [name for name, _ in network.named_parameters()]
    only = _matching(names, trained.only, "trained.only") if trained.only else set(names)
    chosen = only - _matching(names, trained.frozen, "trained.frozen")
    if not chosen:
        raise ConfigError("nothing is left to train", where="trained")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in chosen)


def _matching(names: Sequence[str], patterns: Sequence[str], where: str) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            raise ConfigError(
                f"no parameter is called '{pattern}'", where=where, fix=nearest(pattern, set(names))
            )
        found |= set(matched)
    return found


def _masks(network: Any, trained: Trained) -> dict[str, Tensor]:
    """Which entries of a parameter may change, where not all may: boolean, in the parameter's shape."""
    parameters = dict(network.named_parameters())
    masks: dict[str, Tensor] = {}
    if trained.mask_file:
        masks = _read_masks(Path(trained.mask_file), parameters)
    if trained.new_rows_from:
        new = trained.new_rows_from
        rows = {id(layer.weight) for layer in _embeddings(network)}
        for name, parameter in parameters.items():
            if id(parameter) not in rows or not parameter.requires_grad:
                continue
            if new >= parameter.shape[0]:
                raise ConfigError(
                    f"the vocabulary has {parameter.shape[0]} rows, none from {new} on",
                    where="trained.new_rows_from",
                )
            masks[name] = torch.zeros_like(parameter, dtype=torch.bool)
            masks[name][new:] = True
    return masks


def _embeddings(network: Any) -> list[Any]:
    found = (network.get_input_embeddings(), network.get_output_embeddings())
    return [layer for layer in found if layer is not None]


def _read_masks(file: Path, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    try:
        masks = load_file(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the masks ({error})", where="trained.mask_file") from error
    for name, mask in masks.items():
        if name not in parameters or parameters[name].shape != mask.shape:
            raise ConfigError(
                f"the mask '{name}' fits no parameter",
                where=f"trained.mask_file: {file}",
                expected="one boolean tensor per parameter, in its shape",
                fix=nearest(name, set(parameters)),
            )
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in masks)
    return {name: mask.bool().to(parameters[name].device) for name, mask in masks.items()}


def _mask(parameter: Tensor, mask: Tensor) -> None:
    """Let only some entries of a parameter change: no gradient elsewhere, and no weight decay at all.

    AdamW moves an entry whose gradient was always zero by exactly zero, so the others keep their bits.
    """
    parameter.register_hook(lambda gradient: gradient * mask)  # type: ignore[no-untyped-call]
    parameter.masked = True  # type: ignore[attr-defined]  # read by the loop, which must not decay it


def report(network: Any, masks: dict[str, Tensor]) -> dict[str, int]:
    """How many parameters there are and how many may change, by kind of layer."""
    counts: dict[str, int] = {"all": 0, "trained": 0}
    for name, parameter in network.named_parameters():
        counts["all"] += four_bits.size(parameter)
        if parameter.requires_grad:
            count = int(masks[name].sum()) if name in masks else parameter.numel()
            kind = ".".join(part for part in name.split(".")[-3:-1] if not part.isdigit())
            counts["trained"] += count
            counts[kind] = counts.get(kind, 0) + count
    return counts
