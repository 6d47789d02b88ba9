"""Every way to train runs from the command line, on the embedded world: ``recipes/every-objective.yaml``."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from panlect.folder import Folder
from panlect.recipe import read_recipe
from panlect.stage import load

RECIPE = Path(__file__).parents[1] / "recipes/every-objective.yaml"
CHOICES = {
    ("pretrain", "objective"), ("prefer", "loss"), ("reinforce", "method"),
}  # fmt: skip
TRAINING = {"pretrain", "instruct", "distill", "contrast", "prefer", "reward", "reinforce"}


def settings(stage: str) -> list[Mapping[str, Any]]:
    return [step.settings for step in read_recipe(RECIPE).steps if step.stage == stage]


def test_nothing_is_left_out() -> None:
    assert {step.stage for step in read_recipe(RECIPE).steps} >= TRAINING
    for stage, key in CHOICES:
        field = load(stage).config.model_fields[key]
        assert {each.get(key, field.default) for each in settings(stage)} == set(get_args(field.annotation))


@pytest.mark.slow
def test_every_step_learns_something(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "panlect", "run", str(RECIPE), "--out", str(tmp_path / "run")]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0
    for step in read_recipe(RECIPE).steps:
        if step.stage in TRAINING:
            folder = Folder.open(tmp_path / "run" / step.name)
            losses = folder.numbers().filter((pl.col("measure") == "loss") & (pl.col("language") == ""))
            assert losses["value"].is_finite().all()
            assert losses.height > 0
            assert (folder.path / "model/model.safetensors").is_file()
