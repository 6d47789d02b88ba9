"""Blocks that were freed are used again without new pages from the system."""

import resource
import sys

import pytest
import torch

from panlect.model.memory import keep_freed_memory


def faults(repeats: int) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        torch.ones(2**21)  # 8 MiB: 2,048 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has this switch")
def test_memory_is_kept() -> None:
    assert keep_freed_memory()
    faults(3)
    assert faults(20) < 2048
