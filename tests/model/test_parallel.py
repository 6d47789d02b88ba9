"""A run shared by two processes is the run of one: losses, weights, ledger, checkpoints."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from panlect.model import parallel

SCRIPT = Path(__file__).parent / "shared_run.py"
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


WHOLE = 10**6


def start(tokenizer_dir: Path, *jobs: tuple[Path, str, str, int], processes: int = 1) -> None:
    launch = TWO if processes == 2 else []
    words = [",".join(map(str, job)) for job in jobs]
    done = subprocess.run(
        [sys.executable, *launch, str(SCRIPT), str(tokenizer_dir), *words],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def rows(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "ledger.json").read_text())
    return found


def losses(out: Path) -> list[float]:
    return [sum(row["sums"]["loss"]) / sum(row["sums"]["items"]) for row in rows(out)]


@pytest.fixture(scope="module")
def runs(tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs alone, by two processes in both ways, stopped and continued by as many or fewer processes."""
    out = tmp_path_factory.mktemp("runs")
    start(
        tokenizer_dir,
        (out / "ddp", "ddp", "fp32", WHOLE),
        (out / "fsdp", "fsdp", "fp32", WHOLE),
        (out / "stopped", "fsdp", "fp32", 2),
        (out / "again", "fsdp", "fp32", 3),
        (out / "again", "fsdp", "fp32", WHOLE),
        processes=2,
    )
    shutil.copytree(out / "stopped", out / "changed")
    start(tokenizer_dir, (out / "alone", "ddp", "fp32", WHOLE), (out / "changed", "ddp", "fp32", 2))
    start(tokenizer_dir, (out / "changed", "fsdp", "fp32", WHOLE), processes=2)
    return out


@pytest.mark.parametrize("method", ["ddp", "fsdp"])
def test_two_processes_are_as_one(runs: Path, method: str) -> None:
    """That parameters are DTensors under fsdp, half of them on each process, is checked while it runs."""
    ours, alone = runs / method, runs / "alone"
    assert len(losses(alone)) > 6
    np.testing.assert_allclose(losses(ours), losses(alone), atol=1e-5)
    mine, other = load_file(ours / "result.safetensors"), load_file(alone / "result.safetensors")
    assert mine.keys() == other.keys()
    for name, value in mine.items():
        torch.testing.assert_close(value, other[name], atol=5e-5, rtol=1e-3)
    for row, theirs in zip(rows(ours), rows(alone), strict=True):
        np.testing.assert_allclose(row["seen"], theirs["seen"])
        assert row["sums"]["items"] == theirs["sums"]["items"]
        assert row["norm"] == pytest.approx(theirs["norm"], rel=1e-4)


def test_what_was_sharded_is_saved_as_a_plain_directory(runs: Path) -> None:
    from transformers import AutoModelForCausalLM

    opened = AutoModelForCausalLM.from_pretrained(runs / "fsdp" / "model").state_dict()
    trained = load_file(runs / "fsdp" / "result.safetensors")
    assert all(torch.equal(opened[name], value) for name, value in trained.items())
    assert opened["lm_head.weight"].data_ptr() == opened["model.embed_tokens.weight"].data_ptr()


def test_a_stopped_sharded_run_goes_on_to_the_same_bits(runs: Path) -> None:
    kept = sorted((runs / "stopped" / "scratch" / "checkpoints").iterdir())[-1]
    part = load_file(kept / "weights-00001.safetensors")["model.embed_tokens.weight"]
    whole = load_file(runs / "fsdp" / "result.safetensors")
    assert part.shape[0] == whole["model.embed_tokens.weight"].shape[0] // 2
    again = load_file(runs / "again" / "result.safetensors")
    assert all(torch.equal(again[name], value) for name, value in whole.items())
    assert losses(runs / "again") == losses(runs / "fsdp")


def test_a_run_goes_on_with_another_number_of_processes(runs: Path) -> None:
    """Two sharded processes, then one alone, then two again."""
    np.testing.assert_allclose(losses(runs / "changed"), losses(runs / "fsdp"), atol=1e-5)


@pytest.mark.slow
def test_half_precision_in_two_processes(tokenizer_dir: Path, tmp_path: Path) -> None:
    start(tokenizer_dir, (tmp_path / "one", "ddp", "bf16", WHOLE))
    both = ((tmp_path / method, method, "bf16", WHOLE) for method in ("ddp", "fsdp"))
    start(tokenizer_dir, *both, processes=2)
    for method in ("ddp", "fsdp"):
        np.testing.assert_allclose(losses(tmp_path / method), losses(tmp_path / "one"), rtol=0.01)


@pytest.mark.parametrize(("passes", "count"), [(1, 2), (5, 2), (4, 2), (7, 3)])
def test_every_pass_counts_once(passes: int, count: int) -> None:
    device = torch.device("cpu")
    dealt = [parallel.deal(list(range(passes)), parallel.Ranks(rank, count, device)) for rank in range(count)]
    assert len({len(own) for own in dealt}) == 1
    assert sorted(each for own in dealt for each, counts in own if counts) == list(range(passes))
