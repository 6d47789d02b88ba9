"""Keep freed memory for the next step instead of handing it back to the system.

A training step on a CPU allocates and frees the same few megabytes again and again. By default the C library
maps and unmaps each block of more than 128 KiB, and every first touch of a page costs a trap into the kernel:
10–20 % of a step of a small model, as measured in `bench/`.
"""

import ctypes
import ctypes.util
import sys

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
