"""What `panlect plan` says before a run is what the run then does: exactly in tokens, nearly in the rest."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect.cli import main
from panlect.draft import draft
from panlect.folder import External, Folder
from panlect.model import probe, tokenizer_training
from panlect.stages import pretrain as stage
from panlect.stages.mix import MixConfig, mix
from panlect.stages.pretrain import PretrainConfig
from tiny_model import SENTENCES, SHAPE

SETTINGS: dict[str, Any] = {
    "model": SHAPE, "batch_tokens": 400, "micro_tokens": 400, "sequence_tokens": 64, "precision": "fp32",
    "threads": 1, "machine": {"price_per_hour": 36.0, "peak_flops": 1e11},
}  # fmt: skip
CODES = ("eng_Latn", "swh_Latn", "tha_Thai", "khm_Khmr", "urd_Arab", "nqo_Nkoo", "chr_Cher", "fra_Latn")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plan")
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), root / "tokenizer")
    rows = [
        {"id": f"{code}{i}", "text": f"{text} {i}", "language": code, "source": "test", "licence": "CC0-1.0"}
        for i in range(20)
        for code, text in zip(CODES, SENTENCES, strict=True)
    ]
    with draft(root / "text", "curate", 1, MixConfig(), []) as work:
        work.write("document", pl.DataFrame(rows))
    mix([work.folder], root / "mixture", MixConfig(method="temperature", epochs=2.0, max_epochs=None))
    return root


def planned_tokens(folder: Folder) -> float:
    numbers = folder.numbers()
    return float(numbers.filter(pl.col("measure") == "tokens_planned")["value"].sum())


@pytest.mark.parametrize("source", ["text", "mixture"])
def test_the_plan_of_a_small_run_is_exact(
    place: Path, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.2)
    inputs = [External(str(place / "tokenizer")), Folder.open(place / source)]
    config = PretrainConfig(**SETTINGS, epochs=2.0)
    told = stage.estimate(inputs, config)
    done = stage.pretrain(inputs, tmp_path / "run", config)
    assert told["tokens"] == planned_tokens(done)
    assert told["parameters"] == done.manifest["notes"]["parameters"]["trained"]
    assert told["rows"] == 160 if source == "text" else told["rows"] > 160
    assert told["memory_bytes"] > 16 * told["parameters"]
    assert told["cost"] == pytest.approx(told["seconds"] / 100)
    seconds = done.numbers().filter(pl.col("measure") == "seconds")["value"][0]
    assert 0.1 < told["tokens"] / told["tokens_per_second"] / seconds < 10


def test_many_rows_are_told_from_every_nth(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [External(str(place / "tokenizer")), Folder.open(place / "mixture")]
    exact = stage.estimate(inputs, PretrainConfig(**SETTINGS))["tokens"]
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "SAMPLE_ROWS", 64)
    assert stage.estimate(inputs, PretrainConfig(**SETTINGS))["tokens"] == pytest.approx(exact, rel=0.1)
    budget = stage.estimate(inputs, PretrainConfig(**SETTINGS, budget_tokens=10**9))
    assert budget["tokens"] == 10**9
    assert budget["steps"] == 2_500_000
    assert budget["seconds"] > 1000


def test_the_command_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    recipe = {
        "name": "planned", "description": "One step that can start and one that has to wait.",
        "steps": {
            "base": {"stage": "pretrain", "from": [str(place / "tokenizer"), str(place / "mixture")], **SETTINGS},
            "chat": {"stage": "instruct", "from": ["base", str(place / "text")], "budget_tokens": 50_000},
        },
    }  # fmt: skip
    recipe["steps"]["base"]["model"] = SHAPE.model_dump()  # type: ignore[index]
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    words = ["plan", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "run")]
    assert main([*words, "--json"]) == 0
    base, chat = json.loads(capsys.readouterr().out)["steps"]
    assert base["estimate"]["tokens"] > 0
    assert base["estimate"]["cost"] > 0
    assert chat["estimate"] == {"tokens": 50_000, "steps": 4}
    assert chat["waits_for"] == ["base"]
    assert main(words) == 0
    assert "waits for base" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "run").exists()
    assert (
        main(["plan", "pretrain", str(place / "tokenizer"), str(place / "text"), "--set", "threads=1"]) == 0
    )
    assert "parameters" in capsys.readouterr().out
    assert main(["plan", "world"]) == 2
