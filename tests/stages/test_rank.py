"""`rank`: pairs of a model's own answers, by agreement, by alignment, and by a judge behind an endpoint."""

from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.dialogue.rows import exchange, frame, row
from panlect.draft import draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.model import load
from panlect.stages.rank import RankConfig, rank
from stub_endpoint import completion, serve
from tiny_model import saved_model

LANGUAGES = ("eng_Latn", "tha_Thai", "urd_Arab")
FACTS = {"origin": "human", "source": "sums", "licence": "CC0-1.0", "task": "instruction", "parent": ""}


def config(**settings: object) -> RankConfig:
    return check(RankConfig, {"answer_tokens": 6, "samples": 4, **settings}, where="test")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> External:
    return External(str(saved_model(tmp_path_factory.mktemp("rank"))))


@pytest.fixture
def prompts(tmp_path: Path) -> Folder:
    rows = [
        row(exchange(f"{i} + {i} {code}", f"{2 * i}"), (code, code), **FACTS, item=f"sum{i}")
        for i in range(6)
        for code in LANGUAGES
    ]
    with draft(tmp_path / "prompts", "dialogues", 1, config(), []) as work:
        work.write("dialogue", frame(rows))
    return work.folder


def test_samples_that_agree_are_chosen_and_the_same_run_gives_the_same_pairs(model, prompts, tmp_path):
    folder = rank([model, prompts], tmp_path / "out", config(prompts_per_language=4))
    rows = folder.table("preference")
    assert set(rows["reason"]) == {"less_agreed"}
    assert set(rows["answer_language"]) == set(LANGUAGES)
    assert rows.height <= 12
    assert set(rows["parent"]) <= set(prompts.table("dialogue")["id"])
    assert len(set(rows["item"])) <= 4, "the same items in all languages"
    numbers = folder.numbers()
    assert numbers.filter(pl.col("measure") == "pairs")["value"].sum() == rows.height
    again = rank([model, prompts], tmp_path / "again", config(prompts_per_language=4))
    assert again.table("preference").equals(rows)
    other = rank([model, prompts], tmp_path / "other", config(prompts_per_language=4, seed=1))
    assert not other.table("preference")["chosen"].equals(rows["chosen"])


def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers: right, right in other words, wrong, empty."""

    def chat(self, dialogues, settings):
        gold = [2 * int(turns[-1]["content"].split()[0]) for turns in dialogues]
        return [text for n in gold for text in (f"It is {n}", f"I say {n}", f"It is {n + 1}", " ")]

    monkeypatch.setattr(load.Model, "chat", chat)


def test_alignment_chooses_right_answers_only(model, prompts, tmp_path, monkeypatch):
    planned(monkeypatch)
    folder = rank([model, prompts], tmp_path / "out", config(by="alignment", pairs_per_prompt=0))
    rows = folder.table("preference")
    assert set(rows["answer_language"]) == {"tha_Thai", "urd_Arab"}
    assert set(rows["reason"]) <= {"less_aligned", "wrong_fact"}
    for each in rows.iter_rows(named=True):
        right = str(2 * int(each["item"].removeprefix("sum")))
        assert each["chosen"][0]["content"].split()[-1] == right
        wrong = each["rejected"][0]["content"].split()[-1] != right
        assert wrong == (each["reason"] == "wrong_fact")
        assert float(each["margin"]) > 0


def test_a_judge_decides_and_is_measured(model, prompts, tmp_path, monkeypatch):
    planned(monkeypatch)

    def reply(request, count):
        text = request["messages"][0]["content"]
        a, b = text.split("Answer A:\n")[1].split("\n\nAnswer B:\n")
        if "Thai" in text:
            return 200, completion("[[A]]"), {}
        return 200, completion("[[A]]" if a > b else "[[B]]"), {}

    with serve(reply) as stub:
        endpoint = {"url": stub.url, "model": "judge", "cache": str(tmp_path / "cache.jsonl")}
        folder = rank([model, prompts], tmp_path / "out", config(by="judge", judge=endpoint))
    rows = folder.table("preference")
    assert set(rows["answer_language"]) == {"eng_Latn", "urd_Arab"}, "in Thai it looks at the place only"
    assert all(
        each["chosen"][0]["content"] > each["rejected"][0]["content"] for each in rows.iter_rows(named=True)
    )
    consistent = folder.numbers().filter(pl.col("measure") == "judge_consistent")
    assert dict(consistent.select("language", "value").iter_rows()) == {
        "eng_Latn": 1.0,
        "tha_Thai": 0.0,
        "urd_Arab": 1.0,
    }


def test_a_kill_after_drawing_loses_nothing(model, prompts, tmp_path, monkeypatch):
    from panlect.stages import rank as stage

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "by_agreement", broken)
    with pytest.raises(KeyboardInterrupt):
        rank([model, prompts], tmp_path / "out", config())
    monkeypatch.undo()
    monkeypatch.setattr(load.Model, "chat", broken)
    folder = rank([model, prompts], tmp_path / "out", config())
    monkeypatch.undo()
    whole = rank([model, prompts], tmp_path / "whole", config())
    assert folder.table("preference").equals(whole.table("preference"))


def test_what_is_missing_is_said(model, prompts, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="which judge"):
        rank([model, prompts], tmp_path / "out", config(by="judge"))
    monkeypatch.setattr(
        load.Model, "chat", lambda self, dialogues, how: ["same"] * len(dialogues) * how.samples
    )
    with pytest.raises(DataError, match="18 prompts gave no pair"):
        rank([model, prompts], tmp_path / "out", config())
