"""Two processes share the questions and give the numbers that one gives."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from panlect import cli
from panlect.folder import Folder
from tiny_model import SENTENCES, SHAPE

pytestmark = pytest.mark.slow

LAUNCHERS = {
    "torch": ["torch.distributed.run", "--nproc-per-node", "2"],
    # With --cpu, accelerate 1.15 starts one process whatever it is told; --multi_gpu needs no GPU.
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"],
}


@pytest.mark.real_data
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes(launcher: str, tmp_path: Path, real_data: Path) -> None:
    if importlib.util.find_spec(launcher) is None:
        pytest.skip(f"{launcher} is not installed")
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
    logs = ["--tee", "3", "--log_dir", str(tmp_path / "logs")]
    command = [sys.executable, "-m", *LAUNCHERS[launcher], *logs, "--module", "panlect", *words]
    command.append(str(tmp_path / "shared"))
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert {file.parent.name for file in (tmp_path / "logs").rglob("stdout.log")} == {
        "0",
        "1",
    }  # there were two
    alone, shared = (Folder.open(tmp_path / name) for name in ("alone", "shared"))
    rounded = pl.col("choice_scores").list.eval(pl.element().round(4))
    tables = [each.table("answer").with_columns(rounded).drop("scores") for each in (alone, shared)]
    assert tables[0].equals(tables[1])
    steady = pl.col("measure") != "calibration_error"  # rounding moves a question into the next bin
    numbers = [each.numbers().filter(steady) for each in (alone, shared)]
    assert_frame_equal(*numbers, check_exact=False, abs_tol=1e-4)
    assert alone.table("answer")["benchmark"].value_counts().height == 3
