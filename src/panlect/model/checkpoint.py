"""Checkpoints of a training run: complete or absent, verified when read, the last two kept.

    checkpoints/step-00000120/
      weights-00000.safetensors     every trained parameter and persistent buffer
      optimizer-00000.safetensors   AdamW's moments by parameter name, random-number state
      state.json                    step, ledger, and the SHA-256 of the other files; written last

A directory is written under another name and renamed, so a kill at any moment leaves either the old
checkpoints or the old ones and a new one.

Where several processes share the run, each writes files of its own number: its part of every parameter (the
parts, laid end to end along the first dimension, are the whole), or only its random-number state if it holds
what rank 0 holds. A run may be continued by another number of processes than it was started with.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from panlect.errors import FolderError
from panlect.model.parallel import ALONE, Ranks

KEPT = 2
WEIGHTS, OPTIMIZER = "weights-{:05d}.safetensors", "optimizer-{:05d}.safetensors"
MOMENTS = "exp_avg", "exp_avg_sq", "average"


def save(
    directory: Path,
    step: int,
    network: Any,
    optimiser: torch.optim.Optimizer,
    facts: Mapping[str, Any],
    among: Ranks = ALONE,
) -> None:
    """Write the checkpoint after `step` optimiser steps and forget all but the newest `KEPT`.

    Args:
        directory: where checkpoints are.
        step: how many steps are done.
        network: what is trained.
        optimiser: its moments.
        facts: what else a continued run must know.
        among: the processes that share the run; all of them call this.

    Raises:
        FolderError: the disk is full or refuses, for one process or more; earlier checkpoints are untouched.
    """
    writing = directory / "writing"
    if among.rank == 0:
        shutil.rmtree(writing, ignore_errors=True)
    among.gather("cleared")
    found: tuple[dict[str, str], str] = {}, ""
    try:
        writing.mkdir(parents=True, exist_ok=True)
        found = _write_own(writing, network, optimiser, among), ""
    except OSError as error:
        found = {}, error.strerror or str(error)
    parts = among.gather(found)
    problem = next((text for _, text in parts if text), "")
    if among.rank == 0 and not problem:
        sums = {name: digest for own, _ in parts for name, digest in own.items()}
        state = {**facts, "step": step, "ranks": among.count, "sharded": among.sharded, "sha256": sums}
        try:
            _complete(writing, directory / f"step-{step:08d}", state)
        except OSError as error:
            problem = error.strerror or str(error)
    if problem := next(filter(None, among.gather(problem)), ""):
        shutil.rmtree(writing, ignore_errors=True)
        raise FolderError(
            f"the checkpoint after step {step} cannot be written ({problem})",
            where=str(directory),
            fix="free some space and run the same command again: it continues from the last checkpoint",
        )


def _write_own(writing: Path, network: Any, optimiser: torch.optim.Optimizer, among: Ranks) -> dict[str, str]:
    """Write this process's files; return their SHA-256 by name."""
    tensors = {OPTIMIZER.format(among.rank): _random_state()}
    if among.rank == 0 or among.sharded:
        tensors[WEIGHTS.format(among.rank)] = _weights(network)
        tensors[OPTIMIZER.format(among.rank)] |= _moments(network, optimiser)
    for name, each in tensors.items():
        save_file(each, writing / name)
        _sync(writing / name)
    return {name: _sha256(writing / name) for name in tensors}


def _complete(writing: Path, final: Path, state: Mapping[str, Any]) -> None:
    (writing / "state.json").write_text(json.dumps(state))
    _sync(writing / "state.json")
    shutil.rmtree(final, ignore_errors=True)
    os.rename(writing, final)
    _sync(final.parent)
    for old in _steps(final.parent)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def restore(
    directory: Path, network: Any, optimiser: torch.optim.Optimizer, among: Ranks = ALONE
) -> dict[str, Any] | None:
    """Load the newest checkpoint that is whole, or return None; a damaged one is passed over."""
    chosen = among.gather(_newest(directory) if among.rank == 0 else None)[0]
    if chosen is None:
        return None
    path, state = chosen
    parts = range(state["ranks"] if state["sharded"] else 1)
    with torch.no_grad():
        own = network.state_dict(keep_vars=True)
        _read([path / WEIGHTS.format(part) for part in parts], own, among)
        named = dict(network.named_parameters())
        kept = _empty_moments(path / OPTIMIZER.format(0), named, optimiser)
        _read([path / OPTIMIZER.format(part) for part in parts], kept, among)
    random = path / OPTIMIZER.format(among.rank)
    if random.is_file():
        _set_random_state(load_file(random))
    return state


def forget(directory: Path, *, after: int, among: Ranks = ALONE) -> None:
    """Delete what was written after that step, by a run that has since gone back to it."""
    if among.rank == 0:
        for path in _steps(directory):
            if int(path.name.removeprefix("step-")) > after:
                shutil.rmtree(path, ignore_errors=True)


def _newest(directory: Path) -> tuple[Path, dict[str, Any]] | None:
    for path in _steps(directory):
        try:
            state: dict[str, Any] = json.loads((path / "state.json").read_text())
            if all(_sha256(path / name) == digest for name, digest in state["sha256"].items()):
                return path, state
        except (OSError, ValueError, KeyError):
            continue
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


def _local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach().contiguous()


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
            tensors[name] = _local(tensor)
    return tensors


def _moments(network: Any, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{key}|{name}": _local(value)
        for name, parameter in network.named_parameters()
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def _empty_moments(
    first: Path, named: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Make room in the optimiser for everything that the file names, in the parameters' own form."""
    room: dict[str, Tensor] = {}
    with safe_open(first, framework="pt") as file:
        for label in _names(file):
            key, _, name = label.partition("|")
            if name:
                # AdamW keeps its step counter on the CPU unless it is fused on a GPU.
                device = named[name].device if named[name].is_cuda else "cpu"
                value = torch.zeros_like(named[name]) if key in MOMENTS else torch.zeros((), device=device)
                room[label] = optimiser.state[named[name]][key] = value
    return room


def _read(files: list[Path], targets: Mapping[str, Tensor], among: Ranks) -> None:
    """Fill tensors from the parts of all processes of the time; a sharded target takes its own part."""
    opened: list[Any] = [safe_open(file, framework="pt") for file in files]
    for name in set(_names(opened[0])) & set(targets):
        target = targets[name]
        if len(opened) == among.count and isinstance(target, DTensor):
            target.to_local().copy_(opened[among.rank].get_tensor(name))
            continue
        parts = [file.get_tensor(name) for file in opened]
        whole = torch.cat(parts) if _in_parts(name, target) else parts[0]
        if isinstance(target, DTensor):
            local = target.to_local()
            chunks = whole.chunk(among.count)
            local.copy_(chunks[among.rank] if among.rank < len(chunks) else whole[:0])
        else:
            target.copy_(whole)


def _names(file: Any) -> list[str]:
    return list(file.keys())


def _in_parts(name: str, target: Tensor) -> bool:
    """Whether the files of several processes hold parts of a tensor, rather than each the same."""
    return isinstance(target, torch.nn.Parameter) or name.split("|")[0] in MOMENTS


def _random_state() -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states


def _set_random_state(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
