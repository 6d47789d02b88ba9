"""Contamination: training text that holds a benchmark's questions.

A document is contaminated if it shares a run of n words with a benchmark (13 in GPT-3, Brown et al.
2020, appendix C), words being those of `panlect.text.quality`: without punctuation, in lower case,
single characters where a script has no spaces; there runs are three times as long. A benchmark
text that is shorter than a run counts as a whole if it has at least eight words (24 characters).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panlect.text.characters import kinds, lower_case
from panlect.text.scripts import UNSPACED, code_points, main_scripts

SHORTEST = 8
UNSPACED_FACTOR = 3


class Index(NamedTuple):
    """The runs of words of some benchmarks."""

    keys: NDArray[np.uint64]
    """Their hashes, sorted."""
    present: NDArray[np.bool_]
    """Which lengths occur, by length."""


def _starts(texts: Sequence[str]) -> NDArray[np.int64]:
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    return starts


def index(texts: Sequence[str], n: int = 13) -> Index:
    """Collect the runs of n words of benchmark texts."""
    from panlect.text.contamination_kernel import word_runs

    unspaced = (
        [script in UNSPACED or script == "Jpan" for script, _, _ in main_scripts(texts)] if texts else []
    )
    present = np.zeros(n * UNSPACED_FACTOR + 1, dtype=np.bool_)
    keys: list[NDArray[np.uint64]] = [np.zeros(0, dtype=np.uint64)]
    for factor, wanted in ((1, False), (UNSPACED_FACTOR, True)):
        part = [text for text, is_unspaced in zip(texts, unspaced, strict=True) if is_unspaced == wanted]
        codes, widths = code_points("".join(part)), np.full(len(part), n * factor, dtype=np.int64)
        found = np.empty(len(codes) + 1, dtype=np.uint64)
        out = (found, present, SHORTEST * factor)
        size = word_runs(codes, _starts(part), (kinds(), lower_case()), widths, out)
        keys.append(found[:size])
    return Index(np.unique(np.concatenate(keys)), present)


def shared(texts: Sequence[str], benchmarks: Index) -> NDArray[np.int64]:
    """Return, for each text, how many of its runs of words a benchmark has."""
    from panlect.text.contamination_kernel import count_shared

    if not len(texts) or not len(benchmarks.keys):
        return np.zeros(len(texts), dtype=np.int64)
    tables = (kinds(), lower_case())
    return np.asarray(
        count_shared(code_points("".join(texts)), _starts(texts), tables, benchmarks.present, benchmarks.keys)
    )
