"""`instruct`: what is not the assistant's carries no loss; weights and epochs do what they say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect.draft import draft
from panlect.errors import DataError
from panlect.folder import External, Folder
from panlect.model import load
from panlect.model.generate import Generation
from panlect.stages.instruct import InstructConfig, instruct
from tiny_model import saved_model

FAST: dict[str, Any] = {
    "batch_tokens": 30, "micro_tokens": 10**6, "sequence_tokens": 128, "precision": "fp32", "log_steps": 5,
    "learning_rate": 1e-2, "threads": 1,
}  # fmt: skip


def dialogue(
    number: int, question: str, answer: str, language: str, origin: str = "native"
) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {
        "id": str(number), "messages": messages, "language": "eng_Latn", "answer_language": language,
        "origin": origin, "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


ROWS = [
    dialogue(0, "lake?", "Ziwa", "swh_Latn"),
    dialogue(1, "largest?", "ใหญ่", "tha_Thai", "translated"),
]


def folder_of(path: Path, rows: list[dict[str, Any]]) -> Folder:
    with draft(path, "dialogues", 1, InstructConfig(), []) as work:
        work.write("dialogue", pl.DataFrame(rows))
    return Folder.open(path)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> External:
    """A saved random model."""
    return External(str(saved_model(tmp_path_factory.mktemp("start"))))


def test_it_learns_the_answers(start: External, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", ROWS)
    folder = instruct([start, data], tmp_path / "chat", InstructConfig(**FAST, epochs=120))
    assert folder.model_path is not None
    model = load.load(folder.model_path)
    questions = [[row["messages"][0]] for row in ROWS]
    assert model.chat(questions, Generation(new_tokens=16)) == ["Ziwa", "ใหญ่"]


def test_questions_carry_no_loss(start: External, tmp_path: Path) -> None:
    """Counts by hand: the answer's tokens and its end mark are the items of the loss."""
    folder = instruct(
        [start, folder_of(tmp_path / "data", ROWS)], tmp_path / "chat", InstructConfig(**FAST, epochs=1)
    )
    tokenizer = load.load_tokenizer(start.location)
    losses = folder.numbers().filter((pl.col("measure") == "loss") & (pl.col("group") == ""))
    counts = dict(losses.select("language", "count").iter_rows())
    for row in ROWS:
        answer = tokenizer.encode(row["messages"][1]["content"], add_special_tokens=False)
        assert counts[row["answer_language"]] == len(answer) + 1


def test_a_weight_of_zero_teaches_nothing(start: External, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", ROWS)
    config = InstructConfig(**FAST, epochs=60, language_weights={"tha_Thai": 0.0})
    folder = instruct([start, data], tmp_path / "chat", config)
    losses = folder.numbers().filter((pl.col("measure") == "loss") & (pl.col("group") == ""))
    last = dict(losses.select("language", "value").iter_rows())
    assert last["swh_Latn"] < 0.5
    assert last["tha_Thai"] > 4


def test_weights_by_origin_multiply(start: External, tmp_path: Path) -> None:
    from panlect.model import dialogue_tokens

    frame = pl.DataFrame(ROWS)
    tokenizer = load.load_tokenizer(start.location)
    tokens = dialogue_tokens.read(frame, tokenizer, {"tha_Thai": 2.0}, {"translated": 0.25})
    assert tokens.weight.tolist() == [1.0, 0.5]


def test_a_weight_for_nobody(start: External, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", ROWS)
    with pytest.raises(DataError, match="tha_Tha") as error:
        instruct([start, data], tmp_path / "x", InstructConfig(**FAST, language_weights={"tha_Tha": 2.0}))
    assert "tha_Thai" in error.value.fix


def test_budget_repeats_dialogues(start: External, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", ROWS)
    folder = instruct([start, data], tmp_path / "chat", InstructConfig(**FAST, budget_tokens=1000))
    seen = folder.numbers().filter((pl.col("measure") == "tokens_seen") & (pl.col("language") != ""))
    assert 1000 <= seen["value"].sum() < 1030
    planned = folder.numbers().filter(pl.col("measure") == "tokens_planned")
    assert planned["value"].sum() == seen["value"].sum()
