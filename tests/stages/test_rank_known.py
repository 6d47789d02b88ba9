"""`rank` with what is known beside the samples: the right answer, a reward model, who wrote an answer."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from panlect import cli
from panlect.config import check
from panlect.dialogue.rows import exchange, frame, row
from panlect.draft import draft
from panlect.errors import DataError, ModelError
from panlect.folder import External, Folder
from panlect.model import load
from panlect.model import reward as rating
from panlect.stages.dialogues import DialoguesConfig, dialogues
from panlect.stages.rank import rank
from stages.test_rank import config
from tiny_model import saved_model

RIGHT = {
    "tha_Thai": "เด็กไปตลาดในตอนเช้าเพื่อซื้อผลไม้และผักให้ครอบครัวของเขา",
    "urd_Arab": "بچہ صبح کو بازار گیا تاکہ اپنے خاندان کے لیے پھل اور سبزیاں خرید سکے۔",
    "rus_Cyrl": "Утром ребёнок пошёл на рынок, чтобы купить фрукты и овощи для своей семьи.",
}
ENGLISH = "In the morning the child went to the market to buy fruit and vegetables for the family."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> External:
    return External(str(saved_model(tmp_path_factory.mktemp("known"))))


@pytest.fixture(scope="module")
def rater(model: External, tmp_path_factory: pytest.TempPathFactory) -> External:
    """A reward model over the blocks of the one that answers."""
    place = tmp_path_factory.mktemp("rates") / "model"
    load.save(rating.scalar_model(load.load(model.location), seed=2), place, facts={})
    return External(str(place))


@pytest.fixture
def stories(tmp_path: Path) -> Folder:
    """Ten items in three languages, each told by a person and by a translator."""
    rows = [
        row(
            exchange(f"{item}?", f"{right} {item}" if origin == "human" else f"{item} {right[::-1]}"),
            (code, code),
            origin=origin, source="stories", licence="CC0-1.0", task="instruction", parent="", item=f"i{item}",
        )
        for item in range(10)
        for code, right in RIGHT.items()
        for origin in ("human", "translated")
    ]  # fmt: skip
    with draft(tmp_path / "stories", "dialogues", 1, config(), []) as work:
        work.write("dialogue", frame(rows))
    return work.folder


def people(folder: Folder, path: Path) -> Folder:
    with draft(path, "dialogues", 1, config(), [folder]) as work:
        work.write("dialogue", folder.table("dialogue").filter(pl.col("origin") == "human"))
    return work.folder


def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right but for a letter, English, both, right."""

    def chat(self, dialogues, settings):
        found = []
        for turns in dialogues:
            item = turns[-1]["content"].rstrip("?")
            # Every prompt is asked in every language: the planted answers rotate through them.
            right = f"{list(RIGHT.values())[int(item) % 3]} {item}"
            found += [right[:-1], ENGLISH, f"{right}. {ENGLISH} {ENGLISH}", right]
        return found

    monkeypatch.setattr(load.Model, "chat", chat)


def test_visible_faults_are_set_against_the_right_answer(model, stories, tmp_path, monkeypatch):
    answering(monkeypatch)
    folder = rank([model, people(stories, tmp_path / "people")], tmp_path / "out", config(by="reference"))
    pairs = folder.table("preference")
    expected = {"wrong_language": 0, "code_switched": 0}
    for item in range(10):
        for place, code in enumerate(RIGHT):
            rows = pairs.filter((pl.col("item") == f"i{item}") & (pl.col("answer_language") == code))
            assert set(rows["chosen"].list.last().struct.field("content")) == {f"{RIGHT[code]} {item}"}
            told = dict(
                zip(rows["rejected"].list.last().struct.field("content"), rows["reason"], strict=True)
            )
            assert told[ENGLISH] == "wrong_language"
            # In the right language there are two answers without a fault, in the others none.
            assert len(told) == (2 if item % 3 == place else 4)
            for reason in told.values():
                expected[reason] += 1
    counted = folder.numbers().filter(pl.col("measure") == "pairs")
    assert {
        reason: counted.filter(pl.col("group") == reason)["value"].sum() for reason in expected
    } == expected


def test_answers_that_are_nearly_the_same_are_set_aside(model, stories, tmp_path, monkeypatch):
    answering(monkeypatch)
    settings = {"by": "reference", "least_chrf": 100.0}
    human = people(stories, tmp_path / "people")
    strict = rank([model, human], tmp_path / "strict", config(**settings, similarity_limit=0.9))
    dropped = strict.dropped()
    assert dropped.height == 10, "right but for a letter, in the language asked for"
    assert set(dropped["pair_reason"]) == {"unlike_reference"}
    loose = rank([model, human], tmp_path / "loose", config(**settings, similarity_limit=1.0))
    assert loose.table("preference").height == strict.table("preference").height + 10


def by_length(taste: str):
    """Likes long answers, and one script more than the others."""

    def rewards(model, dialogues):
        texts = [turns[-1]["content"] for turns in dialogues]
        return np.array([float(len(text) % 7) + (9 if taste and taste in text else 0) for text in texts])

    return rewards


def test_a_reward_model_orders_the_samples_once_it_is_trusted(model, rater, stories, tmp_path, monkeypatch):
    answering(monkeypatch)
    monkeypatch.setattr(rating, "rewards", by_length(""))
    human = people(stories, tmp_path / "people")
    folder = rank(
        [model, rater, human], tmp_path / "out", config(by="reward", bias_limit=9.0, similarity_limit=1.0)
    )
    rows = folder.table("preference")
    assert set(rows["reason"]) == {"lower_reward"}
    assert rows.height == 30
    for each in rows.iter_rows(named=True):
        better, worse = (len(each[side][0]["content"]) % 7 for side in ("chosen", "rejected"))
        assert float(each["margin"]) == better - worse > 0
    monkeypatch.setattr(rating, "rewards", by_length("ребёнок"))
    with pytest.raises(DataError, match=r"prefers a language.*most liked rus_Cyrl"):
        rank([model, rater, human], tmp_path / "biased", config(by="reward"))


def test_the_rewards_are_those_of_the_model_itself(model, rater, stories, tmp_path, monkeypatch):
    answering(monkeypatch)
    human = people(stories, tmp_path / "people")
    folder = rank([model, rater, human], tmp_path / "out", config(by="reward", bias_limit=99.0))
    loaded = load.load(rater.location)
    for each in folder.table("preference").head(6).iter_rows(named=True):
        better, worse = rating.rewards(
            loaded, [each["prompt"] + each[side] for side in ("chosen", "rejected")]
        )
        assert float(each["margin"]) == pytest.approx(better - worse, abs=1e-3)


def test_a_rater_is_needed_for_rewards_and_for_nothing_else(model, rater, stories, tmp_path):
    with pytest.raises(ModelError, match="reward model is needed"):
        rank([model, stories], tmp_path / "none", config(by="reward"))
    with pytest.raises(ModelError, match="reward model is needed"):
        rank([model, rater, stories], tmp_path / "idle", config())


def test_native_against_translated_answers_needs_no_model(stories, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["rank", str(stories.path), "--out", str(out), "--set", "by=origin"]) == 0
    rows = Folder.open(out).table("preference")
    assert set(rows["reason"]) == {"translationese"}
    assert rows.height == 30
    both = rows.select(
        pl.col("chosen").list.last().struct.field("content").alias("native"),
        pl.col("rejected").list.last().struct.field("content").alias("translated"),
        pl.col("item").str.slice(1),
    )
    assert both.filter(pl.col("native").str.ends_with(pl.col("item"))).height == 30
    assert both.filter(pl.col("translated").str.starts_with(pl.col("item"))).height == 30


COMET = """
import json
class Model:
    def predict(self, rows, **_):
        from types import SimpleNamespace
        # Likes the longer translation, but of one source only.
        return SimpleNamespace(scores=[len(r["mt"]) * (1 if r["src"] == "source 3" else -1) for r in rows])

def load_from_checkpoint(path):
    return Model()

def download_model(name):
    return name
"""
"""Has the functions of `unbabel-comet` that are used."""


def test_agreement_by_comet_knows_the_source_from_the_pairs(model, tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "comet.py").write_text(COMET)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "package"))
    rows = [
        {"id": f"p{n}", "source_text": f"source {n}", "target_text": f"lengo {n}", "source_language": "eng_Latn",
         "target_language": "swh_Latn", "source": "s", "licence": "CC0-1.0"}
        for n in range(6)
    ]  # fmt: skip
    with draft(tmp_path / "pairs", "curate", 1, config(), []) as work:
        work.write("pair", pl.DataFrame(rows))
    made = dialogues(
        [work.folder],
        tmp_path / "made",
        check(DialoguesConfig, {"translate": {"directions": "forward"}}, where="test"),
    )
    monkeypatch.setattr(
        load.Model, "chat", lambda self, turns, how: ["short", "much longer"] * 2 * len(turns)
    )
    folder = rank([model, made, work.folder], tmp_path / "out", config(comet="org/model"))
    chosen = {row["parent"]: row["chosen"][0]["content"] for row in folder.table("preference").to_dicts()}
    parents = dict(made.table("dialogue").select("id", "parent").iter_rows())
    assert {parents[name]: text for name, text in chosen.items()} == {
        f"p{n}": "much longer" if n == 3 else "short" for n in range(6)
    }
