"""COMET, where it is installed: a network that rates translations (Rei et al. 2020).

Its checkpoints are pickles, which its own package opens; ask only for models of people you trust.
"""

import importlib
from collections.abc import Sequence
from typing import Any

import torch

from panlect.errors import ModelError

BATCH_ROWS = 16


def rater(name: str) -> Any:
    """A function from sources, translations and references to COMET's score of each.

    Args:
        name: a model that the package can fetch, such as `Unbabel/wmt22-comet-da`, or a checkpoint here.

    Raises:
        ModelError: COMET is not installed, or has no such model.
    """
    try:
        comet = importlib.import_module("comet")
    except ImportError as error:
        raise ModelError(
            f"COMET is not installed ({error})",
            where="comet",
            fix="pip install unbabel-comet, or unset comet",
        ) from error
    try:
        path = name if name.endswith(".ckpt") else comet.download_model(name)
        model = comet.load_from_checkpoint(path)
    except Exception as error:  # the network, the disk, the name: its package raises many kinds
        raise ModelError(
            f"COMET's model cannot be opened ({type(error).__name__})", where=f"comet: {name}",
            fix="go online once, or name a checkpoint on this machine",
        ) from error  # fmt: skip

    def rate(sources: Sequence[str], translations: Sequence[str], references: Sequence[str]) -> list[float]:
        rows = [
            {"src": source, "mt": made, "ref": wanted}
            for source, made, wanted in zip(sources, translations, references, strict=True)
        ]
        found = model.predict(rows, batch_size=BATCH_ROWS, gpus=torch.cuda.device_count())
        return [float(score) for score in found.scores]

    return rate
