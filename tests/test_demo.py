"""The whole road on 24 languages, by the command that a newcomer types."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from panlect.folder import Folder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the small demo; its gates hold, or this fails."""
    out = tmp_path_factory.mktemp("demo") / "run"
    words = ["run", str(ROOT / "configs" / "demo-24.yaml"), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "panlect", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_held_out_facts_are_told_in_languages_that_never_stated_them(run: Path) -> None:
    numbers = pl.read_parquet(run / "numbers.parquet")
    wanted = (
        (pl.col("measure") == "accuracy") & (pl.col("benchmark") == "world") & (pl.col("group") == "held_out")
    )
    accuracy = {row["step"]: row for row in numbers.filter(wanted, language="").to_dicts()}
    chance = numbers.filter(measure="chance", benchmark="world", group="held_out", language="", step="chat")
    guessing = chance.filter(pl.col("unit") != "rankc")["value"].min()
    assert isinstance(guessing, float)
    assert accuracy["chat"]["low"] > accuracy["base"]["high"]
    assert accuracy["chat"]["low"] > guessing
    assert all(row["count"] and row["low"] <= row["value"] <= row["high"] for row in accuracy.values())


def test_every_planned_token_was_seen_in_every_language(run: Path) -> None:
    numbers = Folder.open(run / "base").numbers().filter(pl.col("group") == "")
    planned, seen = (
        dict(numbers.filter(measure=name).select("language", "value").iter_rows())
        for name in ("tokens_planned", "tokens_seen")
    )
    assert planned == seen
    assert len([language for language in planned if language]) == 24


def test_the_report_loads_nothing_from_outside(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert not re.findall(
        r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""", page
    )
    assert 'dir="rtl"' in page
    assert len(page.encode()) < 3_000_000


def test_the_model_is_a_plain_hugging_face_model_that_answers(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from panlect.cli import main

    directory = run / "aligned" / "model"
    network = AutoModelForCausalLM.from_pretrained(directory)
    assert network.config.model_type == "llama"
    assert AutoTokenizer.from_pretrained(directory).chat_template
    questions = Folder.open(run / "world").table("question").filter(benchmark="world", language="eng_Latn")
    question = questions.row(0, named=True)
    monkeypatch.setattr("sys.stdin", io.StringIO(question["prompt"] + "\n"))
    assert main(["chat", str(run / "aligned")]) == 0
    assert question["answer"] in capsys.readouterr().out


def test_the_summary_names_every_step_and_gate(run: Path) -> None:
    summary = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert summary["holds"]
    assert list(summary["steps"]) == [
        "world",
        "mixture",
        "vocabulary",
        "base",
        "chat",
        "feedback",
        "aligned",
        "scores",
    ]
    assert all(gate["holds"] for gate in summary["gates"])
