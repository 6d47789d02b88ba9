"""A run killed in the middle continues with the same command to bit-identical weights."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

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


LONG = RECIPE.replace("proportional}", "proportional, max_epochs: null, budget_documents: 9000}").replace(
    "epochs: 4}", "epochs: 30}"
)
"""The same with 140 and 560 steps, of which every twentieth of a second sees a checkpoint."""

SHARED = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def command(directory: Path, recipe: str = RECIPE, launch: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start `panlect run` in a process of its own, or in several."""
    directory.mkdir(exist_ok=True)
    (directory / "recipe.yaml").write_text(recipe)
    words = ["run", str(directory / "recipe.yaml"), "--out", str(directory / "run")]
    return subprocess.Popen(
        [sys.executable, *launch, "-m", "panlect", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def weights(run: Path) -> Iterator[tuple[str, str]]:
    """Yield each model's name and the checksum of its weights."""
    for step in ("base", "chat"):
        yield step, Folder.open(run / step).manifest["files"]["model/model.safetensors"]["sha256"]


CLOCK = {
    "tokens_per_second", "characters_per_second", "mfu", "memory_bytes", "energy_watt_hours", "cost", "seconds",
}  # fmt: skip


def figures(folder: Path) -> pl.DataFrame:
    """Return the measurements that do not depend on the clock."""
    numbers = Folder.open(folder).numbers().filter(~pl.col("measure").is_in(CLOCK))
    assert {"loss", "tokens_seen", "tokens_planned"} <= set(numbers["measure"])
    return numbers


def same(run: Path, other: Path) -> None:
    """Check weights and measurements, bit for bit."""
    assert dict(weights(run)) == dict(weights(other))
    for name in ("base", "chat"):
        assert figures(run / name).equals(figures(other / name))


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
    same(tmp_path / "run", straight)


def newest(directory: Path) -> list[Path]:
    """Return the checkpoints that are there."""
    return sorted(directory.glob("run/*.partial/scratch/checkpoints/step-*"))


def kill_after_progress(directory: Path, random: Random, *, saving: bool) -> bool:
    """Start, let it take some steps, kill; return whether a checkpoint was being written."""
    process = command(directory, LONG)
    before, limit = newest(directory), time.monotonic() + 120
    while newest(directory) == before:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.15))
    writing = "run/*.partial/scratch/checkpoints/writing"
    while saving and not list(directory.glob(writing)) and process.poll() is None:
        pass
    time.sleep(random.uniform(0, 0.003) if saving else 0)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    return bool(list(directory.glob(writing)))


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    """SIGKILL, ten times of twenty aimed at a checkpoint that is being written."""
    random = Random(20261121)
    assert command(tmp_path / "straight", LONG).wait() == 0
    (tmp_path / "killed").mkdir()
    caught = [kill_after_progress(tmp_path / "killed", random, saving=i % 2 == 1) for i in range(20)]
    assert sum(caught) >= 5, f"only {sum(caught)} kills met a checkpoint being written"
    assert command(tmp_path / "killed", LONG).wait() == 0
    same(tmp_path / "killed" / "run", tmp_path / "straight" / "run")


@pytest.mark.slow
def test_one_of_two_processes_is_killed(tmp_path: Path) -> None:
    """Then torchrun ends both, and the same command continues to the same weights."""
    assert command(tmp_path / "straight", LONG, SHARED).wait() == 0
    process = command(tmp_path / "killed", LONG, SHARED)
    wait_for("run/chat.partial/scratch/checkpoints/step-*", tmp_path / "killed", process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    assert process.wait() != 0
    assert not (tmp_path / "killed" / "run" / "chat").exists()
    assert command(tmp_path / "killed", LONG, SHARED).wait() == 0
    same(tmp_path / "killed" / "run", tmp_path / "straight" / "run")
