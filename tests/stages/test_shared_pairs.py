"""`prefer` and `reward` in two processes are the runs of one: losses, margins, what was seen, the model."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from panlect.draft import draft
from panlect.folder import Folder
from panlect.stages.reward import RewardConfig
from tiny_model import SENTENCES, saved_model

SCRIPT = Path(__file__).parent / "shared_pairs.py"
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def pair(number: int, language: str) -> dict[str, Any]:
    good, bad = (
        [{"role": "assistant", "content": f"{SENTENCES[(number + k) % 8]} {number}"}] for k in (1, 2)
    )
    return {
        "id": f"{number}@{language}", "chosen": good, "rejected": bad,
        "prompt": [{"role": "user", "content": f"{SENTENCES[number % 8]}?"}], "prompt_language": language,
        "answer_language": language, "reason": "wrong_fact", "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shared")
    saved_model(place)
    with draft(place / "pairs", "feedback", 1, RewardConfig(), []) as work:
        rows = [pair(number, code) for number in range(12) for code in ("swh_Latn", "tha_Thai")]
        work.write("preference", pl.DataFrame(rows))
    for name, launch, method in (("alone", [], "ddp"), ("ddp", TWO, "ddp"), ("fsdp", TWO, "fsdp")):
        words = [sys.executable, *launch, str(SCRIPT), str(place), str(place / name), method]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    return place


@pytest.mark.parametrize("method", ["ddp", "fsdp"])
@pytest.mark.parametrize("stage", ["rpo", "kto", "reward"])
def test_two_processes_are_as_one(runs: Path, method: str, stage: str) -> None:
    alone, shared = Folder.open(runs / "alone" / stage), Folder.open(runs / method / stage)
    measures = {"loss", "margin", "preference_accuracy", "tokens_seen", "tokens_planned", "reward_accuracy"}
    names = ["measure", "language", "other_language", "group"]
    ours, other = (
        folder.numbers().filter(pl.col("measure").is_in(measures)).sort(names) for folder in (shared, alone)
    )
    assert ours.select(names).equals(other.select(names))
    assert ours.height > 20
    np.testing.assert_allclose(ours["value"], other["value"], atol=1e-5)
    assert alone.model_path is not None
    assert shared.model_path is not None
    mine, theirs = (load_file(path / "model.safetensors") for path in (shared.model_path, alone.model_path))
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-4, rtol=1e-2)
