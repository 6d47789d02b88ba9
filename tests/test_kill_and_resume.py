"""A run killed in the middle continues with the same command to bit-identical weights."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from panlect.folder import Folder

RECIPE = """
name: killed
description: A world of three languages and a very small model.
languages: [eng_Latn, swh_Latn, tha_Thai]
seed: 3
steps:
  world:     {stage: world, territories: 8}
  mixture:   {stage: mix, from: [world], method: proportional}
  tokenizer: {stage: tokenizer, from: [mixture], vocabulary: 600}
  base:      {stage: pretrain, from: [tokenizer, mixture], <<: &training {learning_rate: 1e-3, batch_tokens: 256,
              micro_tokens: 256, sequence_tokens: 64, threads: 1, log_steps: 5, checkpoint_seconds: 0.05}, epochs: 12,
              model: {hidden_size: 32, intermediate_size: 64, layers: 2, heads: 2, key_value_heads: 2, position_limit: 128}}
  chat:      {stage: instruct, from: [base, world], <<: *training, epochs: 4}
"""


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that nothing interrupted."""
    directory = tmp_path_factory.mktemp("straight")
    assert command(directory).wait() == 0
    return directory / "run"


def command(directory: Path) -> "subprocess.Popen[bytes]":
    """Start `panlect run` in a process of its own."""
    (directory / "recipe.yaml").write_text(RECIPE)
    words = ["run", str(directory / "recipe.yaml"), "--out", str(directory / "run")]
    return subprocess.Popen(
        [sys.executable, "-m", "panlect", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def weights(run: Path) -> Iterator[tuple[str, str]]:
    """Yield each model's name and the checksum of its weights."""
    for step in ("base", "chat"):
        yield step, Folder.open(run / step).manifest["files"]["model/model.safetensors"]["sha256"]


def figures(folder: Path) -> pl.DataFrame:
    """Return the measurements that do not depend on the clock."""
    measures = ["loss", "bits_per_byte", "tokens_seen", "tokens_planned"]
    return Folder.open(folder).numbers().filter(pl.col("measure").is_in(measures))


def wait_for(pattern: str, directory: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a file appears."""
    limit = time.monotonic() + 120
    while not list(directory.glob(pattern)):
        assert process.poll() is None, f"it ended before {pattern} was there"
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("sent", "step", "exit_code"),
    [
        (signal.SIGKILL, "base", -9),
        (signal.SIGTERM, "chat", 130),
        pytest.param(signal.SIGKILL, "chat", -9, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "base", 130, marks=pytest.mark.slow),
    ],
)
def test_the_same_command_continues_to_the_same_weights(
    tmp_path: Path, straight: Path, sent: signal.Signals, step: str, exit_code: int
) -> None:
    process = command(tmp_path)
    wait_for(f"run/{step}.partial/scratch/**/*.safetensors", tmp_path, process)
    process.send_signal(sent)
    assert process.wait() == exit_code
    assert not (tmp_path / "run" / step).exists()
    assert command(tmp_path).wait() == 0
    assert dict(weights(tmp_path / "run")) == dict(weights(straight))
    for name in ("base", "chat"):
        assert figures(tmp_path / "run" / name).equals(figures(straight / name))
