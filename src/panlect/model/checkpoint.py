"""Checkpoints of a training run: complete or absent, verified when read, the last two kept.

    checkpoints/step-00000120/
      weights.safetensors     every trained parameter and persistent buffer
      optimizer.safetensors   AdamW's moments by parameter name, random-number state
      state.json              step, ledger, and the SHA-256 of the two files above; written last

A directory is written under another name and renamed, so a kill at any moment leaves either the old
checkpoints or the old ones and a new one.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from panlect.errors import FolderError

KEPT = 2
FILES = ("weights.safetensors", "optimizer.safetensors")


def save(
    directory: Path, step: int, network: Any, optimiser: torch.optim.Optimizer, facts: dict[str, Any]
) -> None:
    """Write the checkpoint after `step` optimiser steps and forget all but the newest `KEPT`.

    Raises:
        FolderError: the disk is full or refuses; the earlier checkpoints are untouched.
    """
    writing = directory / "writing"
    try:
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        save_file(_weights(network), writing / FILES[0])
        save_file(_optimiser_state(network, optimiser), writing / FILES[1])
        state = facts | {"step": step, "sha256": {name: _sha256(writing / name) for name in FILES}}
        (writing / "state.json").write_text(json.dumps(state))
        for path in writing.iterdir():
            _sync(path)
        final = directory / f"step-{step:08d}"
        shutil.rmtree(final, ignore_errors=True)
        os.rename(writing, final)
        _sync(directory)
    except OSError as error:
        shutil.rmtree(writing, ignore_errors=True)
        raise FolderError(
            f"the checkpoint after step {step} cannot be written ({error.strerror or error})",
            where=str(directory),
            fix="free some space and run the same command again: it continues from the last checkpoint",
        ) from error
    for old in _steps(directory)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def restore(directory: Path, network: Any, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Load the newest checkpoint that is whole, or return None; a damaged one is passed over."""
    for path in _steps(directory):
        try:
            state: dict[str, Any] = json.loads((path / "state.json").read_text())
            if any(_sha256(path / name) != state["sha256"][name] for name in FILES):
                continue
        except (OSError, ValueError, KeyError):
            continue
        _set_weights(network, load_file(path / FILES[0]))
        _set_optimiser(network, optimiser, load_file(path / FILES[1]))
        return state
    return None


def _steps(directory: Path) -> list[Path]:
    return sorted(directory.glob("step-*"), reverse=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _weights(network: Any) -> dict[str, Tensor]:
    """Trained parameters and persistent buffers, each once however many names it is tied to.

    What is not trained is still as the model was opened.
    """
    tensors: dict[str, Tensor] = {}
    known: set[int] = set()
    for name, tensor in network.state_dict(keep_vars=True).items():
        if isinstance(tensor, torch.nn.Parameter) and not tensor.requires_grad:
            continue
        if id(tensor) not in known:
            known.add(id(tensor))
            tensors[name] = tensor.detach().contiguous()
    return tensors


def _set_weights(network: Any, tensors: dict[str, Tensor]) -> None:
    own = network.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


def _optimiser_state(network: Any, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{key}|{name}"] = value.detach().contiguous()
    return tensors


def _set_optimiser(network: Any, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    torch.set_rng_state(tensors.pop("random.cpu"))
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors.pop("random.cuda"))
    named = dict(network.named_parameters())
    for label, value in tensors.items():
        key, name = label.split("|", 1)
        parameter = named[name]
        # AdamW keeps its step counter on the CPU unless it is fused on a GPU.
        place = parameter.device if key != "step" or value.device != torch.device("cpu") else value.device
        optimiser.state[parameter][key] = value.to(place)
