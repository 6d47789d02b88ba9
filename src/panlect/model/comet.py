"""COMET: a network that rates translations (Rei et al. 2020), in an environment of its own.

Its package (`unbabel-comet` 2.2.7) asks for transformers below 5 and numpy below 2, and fails with others, so
it cannot be installed beside Panlect: its interpreter is started for it. Its checkpoints are pickles; ask
only for models of people you trust.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from panlect.errors import ModelError
from panlect.model import comet_scores

FIX = (
    "make an environment for it (`python -m venv comet-env`, `comet-env/bin/pip install unbabel-comet "
    "'setuptools<80'`) and set comet_python to its interpreter (comet-env/bin/python)"
)
OF_THE_LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "GROUP_", "ROLE_", "TORCHELASTIC", "ACCELERATE")
"""Environment variables by which COMET would take itself for one of several processes."""


def rater(
    name: str, python: str = ""
) -> Callable[[Sequence[str], Sequence[str], Sequence[str]], list[float]]:
    """A function from sources, translations and references to COMET's score of each.

    Args:
        name: a model that the package can fetch, such as `Unbabel/wmt22-comet-da`, or a checkpoint here.
        python: the interpreter that has the package; "" is this one.

    Raises:
        ModelError: the interpreter is not there or has no COMET, or COMET has no such model.
    """
    _run(name, python)

    def rate(sources: Sequence[str], translations: Sequence[str], references: Sequence[str]) -> list[float]:
        rows = [
            {"src": source, "mt": made, "ref": wanted}
            for source, made, wanted in zip(sources, translations, references, strict=True)
        ]
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "scores.json"
            _run(name, python, str(out), text=json.dumps(rows))
            return [float(score) for score in json.loads(out.read_text(encoding="utf-8"))]

    return rate


def _run(name: str, python: str, *out: str, text: str = "") -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OF_THE_LAUNCHER)}
    command = [python or sys.executable, comet_scores.__file__, name, *out]
    try:
        done = subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True, encoding="utf-8"
        )
    except OSError as error:
        raise ModelError(
            f"COMET's interpreter cannot be started ({error.strerror})",
            where=f"comet_python: {python}",
            fix=FIX,
        ) from error
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == comet_scores.NOT_INSTALLED:
        raise ModelError(f"COMET is not installed there ({last})", where=command[0], fix=FIX)
    if done.returncode == comet_scores.NO_MODEL:
        raise ModelError(
            f"COMET's model cannot be opened ({last})", where=f"comet: {name}",
            fix="go online once, or name a checkpoint on this machine",
        )  # fmt: skip
    if done.returncode:
        raise ModelError(f"COMET failed ({last})", where=f"comet: {name}")
