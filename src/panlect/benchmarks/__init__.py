"""Benchmarks: one file each, all languages at once; no model is imported here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from panlect.benchmarks.benchmark import Benchmark
from panlect.config import nearest
from panlect.errors import ConfigError

BENCHMARKS: Mapping[str, str] = {
    "world": "panlect.benchmarks.world:WORLD",
    "world_crossed": "panlect.benchmarks.world:WORLD",
    "world_names": "panlect.benchmarks.world:WORLD",
    "held_out_text": "panlect.benchmarks.held_out:HELD_OUT_TEXT",
    "held_out_translation": "panlect.benchmarks.held_out:HELD_OUT_TRANSLATION",
}


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        ConfigError: there is none; the nearest names are given.
    """
    if name not in BENCHMARKS:
        raise ConfigError(
            f"there is no benchmark '{name}'", where="benchmarks", fix=nearest(name, BENCHMARKS)
        )
    module, _, attribute = BENCHMARKS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, Benchmark)
    return found
