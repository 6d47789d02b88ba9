"""Reward models: files of RewardBench, the matrix by hand, and a real one from the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from panlect.benchmarks import benchmark, catalog
from panlect.benchmarks.answers import answer_rows, numbers_of_answers
from panlect.benchmarks.asking import Job
from panlect.benchmarks.engines import in_order
from panlect.benchmarks.preferences import RewardModel, questions
from panlect.cli import main
from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder
from panlect.measure.interval import wilson
from panlect.model import load, tokenizer_training
from panlect.model.reward import rewards
from panlect.report.record import read
from panlect.report.view import Slice, View
from tiny_model import SENTENCES

LANGUAGES = ("eng_Latn", "swh_Latn")


def turn(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def pair(item: int, asked: str, answered: str) -> dict[str, Any]:
    return {
        "id": f"{item}:{asked}:{answered}", "item": str(item), "prompt": turn("user", f"{item}?"),
        "chosen": turn("assistant", f"good in {answered}"), "rejected": turn("assistant", f"bad {answered}"),
        "prompt_language": asked, "answer_language": answered, "reason": "", "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


PAIRS = [pair(item, asked, answered) for item in range(8) for asked in LANGUAGES for answered in LANGUAGES]


def taste(dialogues: Any) -> np.ndarray:
    """Likes good answers to the first six questions; Swahili gets 3 more; a tie where Swahili asks for English."""

    def one(dialogue: Any) -> float:
        number, answer = int(dialogue[0]["content"][:-1]), dialogue[-1]["content"]
        likes = 1.0 if number < 6 else -1.0
        return number / 10 + likes * answer.startswith("good") + 3 * answer.endswith("swh_Latn")

    return np.array([one(each) for each in dialogues])


def numbers_with(rate: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = benchmark("preferences")
    rows = questions(pl.DataFrame(PAIRS)).to_dicts()
    jobs = [Job(row, ask) for row in rows if (ask := found.ask(row))]
    answers = in_order(RewardModel(rate).choose([job.ask for job in jobs]))
    table = answer_rows("rm", {"preferences": found}, rows, jobs, answers)
    numbers = numbers_of_answers(table, pivot="eng_Latn", seed=0)
    return {(n["measure"], n["language"], n["other_language"]): n for n in numbers}


def test_the_matrix_and_the_taste_for_a_language_by_hand() -> None:
    numbers = numbers_with(taste)
    cell = numbers["reward_accuracy", "swh_Latn", "eng_Latn"]
    assert (cell["value"], cell["count"], cell["unit"]) == (0.75, 8, "share")
    assert (cell["low"], cell["high"]) == pytest.approx((wilson(6, 8).low, wilson(6, 8).high))
    assert {key[1:] for key in numbers if key[0] == "reward_accuracy" and key[2]} == {
        (answered, asked) for asked in LANGUAGES for answered in LANGUAGES
    }
    assert numbers["reward_accuracy", "", ""]["value"] == 0.75
    assert (
        numbers["reward_offset", "swh_Latn", ""]["value"]
        > 0
        > numbers["reward_offset", "eng_Latn", ""]["value"]
    )
    assert numbers["reward_language_share", "", ""]["value"] == pytest.approx(1)
    assert numbers["length_bias", "swh_Latn", ""]["value"] == 1  # "good in" is longer than "bad"


def test_equal_rewards_are_half_right() -> None:
    numbers = numbers_with(lambda dialogues: np.zeros(len(dialogues)))
    assert {n["value"] for (name, *_), n in numbers.items() if name == "reward_accuracy"} == {0.5}


def bench_files(directory: Path) -> None:
    """The columns of M-RewardBench as parquet by language, and RewardBench's English without a language."""
    rows = [
        {"id": n, "language": "arb_Arab", "prompt": f"سؤال {n}", "chosen": "نعم", "rejected": answer,
         "chosen_model": "a", "rejected_model": "b", "subset": subset}
        for n, answer, subset in ((1, "لا", "alpacaeval-easy"), (2, "لا", "hep-go"), (3, "نعم", "hep-go"), (2, "لا", "hep-go"))
    ]  # fmt: skip
    for name, made in (("arb_Arab", rows), ("translation", rows)):
        (directory / name).mkdir(parents=True)
        pl.DataFrame(made).write_parquet(directory / name / "test-00000-of-00001.parquet")
    english = [
        {"id": 1, "prompt": "Q", "chosen": "yes", "rejected": "no", "subset": "alpacaeval-easy"},
        {"id": 2},
    ]
    (directory / "filtered.jsonl").write_text("".join(json.dumps(row) + "\n" for row in english))


def test_files_of_rewardbench(tmp_path: Path) -> None:
    bench_files(tmp_path / "m_rewardbench")
    reading = catalog.read("m_rewardbench", catalog.Places({}, str(tmp_path)), ())
    assert [(row["language"], row["item"], row["group"]) for row in reading.rows] == [
        ("arb_Arab", "1", "chat"), ("arb_Arab", "2", "reasoning"), ("arb_Arab", "2", "reasoning"),
        ("eng_Latn", "1", "chat"),
    ]  # fmt: skip
    assert [row["reason"] for row in reading.dropped] == [
        "both answers are the same",
        "no prompt, chosen, rejected",
    ]
    assert json.loads(reading.rows[0]["offered"][0]) == turn("assistant", "نعم")


@pytest.fixture(scope="module")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that AutoModelForSequenceClassification made: nothing of Panlect's in it."""
    path = tmp_path_factory.mktemp("models") / "rm"
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), path)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_labels=1, pad_token_id=load.load_tokenizer(path).pad_token_id,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(path)
    return path


def test_a_reward_model_from_the_command_line(
    tmp_path: Path, reward_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with draft(tmp_path / "pairs", "test", 1, Config(), ()) as work:
        work.write("preference", pl.DataFrame(PAIRS))
    bench_files(tmp_path / "data" / "m_rewardbench")
    out = tmp_path / "scores"
    assert main(["evaluate", str(reward_model), str(tmp_path / "pairs"), "--out", str(out)]) == 0
    model = load.load(str(reward_model))
    chosen, rejected = (
        rewards(model, [p["prompt"] + p[side] for p in PAIRS]) for side in ("chosen", "rejected")
    )
    answers = {row["id"]: row for row in Folder.open(out).table("answer").to_dicts()}
    found = np.array([answers[each["id"]]["choice_scores"] for each in PAIRS])
    assert found == pytest.approx(np.stack([chosen, rejected], axis=1), abs=1e-5)
    numbers = Folder.open(out).numbers().filter(pl.col("measure") == "reward_accuracy")
    whole = numbers.filter((pl.col("language") == "swh_Latn") & (pl.col("other_language") == ""))
    of_swahili = [each["answer_language"] == "swh_Latn" for each in PAIRS]
    assert whole["value"].item() == pytest.approx(np.mean((chosen > rejected)[of_swahili]))
    view = View(read([Folder.open(out)]))
    assert view.leading == Slice("reward_accuracy", "preferences", "")
    assert (view.way_of(view.leading), view.chance(view.leading)) == ("rewarded", 0.5)
    # Without a table, the published pairs; one language of them.
    again = ["evaluate", str(reward_model), "--out", str(tmp_path / "bench"), "--languages", "ar",
             "--set", f"data_directory={tmp_path / 'data'}"]  # fmt: skip
    assert main(again) == 0
    folder = Folder.open(tmp_path / "bench")
    assert folder.table("answer")["group"].to_list() == ["chat", "reasoning"]
    reasons = ["both answers are the same", "duplicated id", "no prompt, chosen, rejected"]
    assert sorted(folder.dropped()["reason"].to_list()) == reasons
    capsys.readouterr()
    assert main(["leaderboard", str(out), "--out", str(tmp_path / "board")]) == 0
