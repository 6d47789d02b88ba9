"""Memory: keep what was freed for the next step, and say what to change when there is not enough.

A training step on a CPU allocates and frees the same few megabytes again and again. By default the C library
maps and unmaps each block of more than 128 KiB, and every first touch of a page costs a trap into the kernel:
10–20 % of a step of a small model, as measured in `bench/`.
"""

import ctypes
import ctypes.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from panlect.errors import ModelError
from panlect.model.settings import TrainingConfig

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
BLOCK_BYTES = 32 * 2**20  # the largest threshold that every glibc takes
KEPT_BYTES = 512 * 2**20


def keep_freed_memory() -> bool:
    """Tell the C library to reuse blocks of up to 32 MiB; return whether it listened (only glibc does)."""
    if not sys.platform.startswith("linux") or not ctypes.util.find_library("c"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))


@contextmanager
def shortage_explained(step: int, settings: TrainingConfig) -> Iterator[None]:
    """Turn running out of memory into advice; no other error is touched.

    Raises:
        ModelError: a device or the machine has not enough memory for this step.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _shortage(step, settings) from error
    except RuntimeError as error:
        # The CPU's allocator has no error of its own.
        if "can't allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        raise _shortage(step, settings) from error


def _shortage(step: int, settings: TrainingConfig) -> ModelError:
    row, passed = settings.sequence_tokens, settings.micro_tokens
    advice = []
    if passed > row:
        advice.append(f"micro_tokens: {max(row, passed // 2)} (the result stays the same)")
    if not settings.activation_checkpointing:
        advice.append("activation_checkpointing: true")
    if settings.parallel == "ddp":
        advice.append("several devices with parallel: fsdp")
    if settings.trained.method == "full":
        advice.append("trained: {method: lora}")
    fix = "change, in this order: " + "; ".join(advice or ["a smaller model"])
    return ModelError(
        "there is not enough memory for a step",
        where=f"training, step {step + 1}",
        expected=f"room for a pass of {passed} tokens beside weights, gradients and two moments",
        fix=fix + "; the last checkpoint is kept",
    )
