"""Two processes share the questions and give the numbers that one gives."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from panlect import cli
from panlect.folder import Folder
from tiny_model import SENTENCES, SHAPE

pytestmark = pytest.mark.slow


@pytest.mark.real_data
def test_two_processes(tmp_path: Path, real_data: Path) -> None:
    from panlect.model import load, tokenizer_training

    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), tmp_path / "tokenizer")
    shape = SHAPE.model_copy(update={"position_limit": 2048})
    model = load.build(load.load_tokenizer(tmp_path / "tokenizer"), shape, seed=1)
    for parameter in model.network.parameters():
        parameter.data.mul_(3)
    load.save(model, tmp_path / "model", facts={})
    words = [
        "evaluate",
        str(tmp_path / "model"),
        "--benchmarks",
        "xcopa,mgsm,tatoeba",
        "--languages",
        "swh,tha",
    ]
    words += ["--set", f"data_directory={real_data}", "--set", "items_per_language=8", "--out"]
    assert cli.main([*words, str(tmp_path / "alone")]) == 0
    run = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--no-python",
        sys.executable,
    ]
    done = subprocess.run(
        [*run, "-m", "panlect", *words, str(tmp_path / "shared")], env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone, shared = (Folder.open(tmp_path / name) for name in ("alone", "shared"))
    rounded = pl.col("choice_scores").list.eval(pl.element().round(4))
    tables = [each.table("answer").with_columns(rounded).drop("scores") for each in (alone, shared)]
    assert tables[0].equals(tables[1])
    exact = ~pl.col("measure").is_in(["confidence", "calibration_error"])
    assert alone.numbers().filter(exact).equals(shared.numbers().filter(exact))
    assert alone.table("answer")["benchmark"].value_counts().height == 3
