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
    "xcopa": "panlect.benchmarks.xcopa:XCOPA",
    "xstorycloze": "panlect.benchmarks.stories:XSTORYCLOZE",
    "storycloze": "panlect.benchmarks.stories:STORYCLOZE",
    "belebele": "panlect.benchmarks.belebele:BELEBELE",
    "xwinograd": "panlect.benchmarks.xwinograd:XWINOGRAD",
    "pawsx": "panlect.benchmarks.sentence_pairs:PAWSX",
    "xnli": "panlect.benchmarks.sentence_pairs:XNLI",
    "m_mmlu": "panlect.benchmarks.exams:M_MMLU",
    "m_arc": "panlect.benchmarks.exams:M_ARC",
    "m_hellaswag": "panlect.benchmarks.exams:M_HELLASWAG",
    "m_truthfulqa": "panlect.benchmarks.exams:M_TRUTHFULQA",
    "global_mmlu": "panlect.benchmarks.exams:GLOBAL",
    "seaeval": "panlect.benchmarks.seaeval:SEAEVAL",
    "xlsum": "panlect.benchmarks.xlsum:XLSUM",
    "mlqa": "panlect.benchmarks.extractive:MLQA",
    "xquad": "panlect.benchmarks.extractive:XQUAD",
    "mkqa": "panlect.benchmarks.mkqa:MKQA",
    "mgsm": "panlect.benchmarks.mgsm:MGSM",
    "flores": "panlect.benchmarks.parallel:FLORES",
    "flores_all": "panlect.benchmarks.parallel:FLORES_ALL",
    "ntrex": "panlect.benchmarks.parallel:NTREX",
    "ntrex_all": "panlect.benchmarks.parallel:NTREX_ALL",
    "tatoeba": "panlect.benchmarks.tatoeba:TATOEBA",
    "bmlama": "panlect.benchmarks.bmlama:BMLAMA",
    "language_confusion": "panlect.benchmarks.language_confusion:LANGUAGE_CONFUSION",
    "xsafety": "panlect.benchmarks.xsafety:XSAFETY",
    "preferences": "panlect.benchmarks.preferences:TABLE",
    "m_rewardbench": "panlect.benchmarks.preferences:M_REWARDBENCH",
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
