"""spBLEU and COMET of stored translations, with a tokeniser and a network made here."""

import json
import os
import subprocess
from pathlib import Path

import polars as pl
import pytest

from panlect.benchmarks import translated
from panlect.benchmarks.answers import COLUMNS, numbers_of_answers
from panlect.errors import DataError, ModelError
from panlect.measure.translation import _bleu, bleu_statistics, flores_tokeniser, signature
from panlect.model.comet import rater

PAIRS = [
    ("the cat sat on the mat here", "the cat sat on a mat here now"),
    ("แมวนั่งอยู่บนเสื่อ", "แมวนั่งบนเสื่อ"),
    ("", "nothing at all"),
]


@pytest.fixture
def answers() -> pl.DataFrame:
    rows = [
        {
            "step": "m", "benchmark": "flores", "id": str(n), "item": str(n), "language": "swh_Latn",
            "group": "from eng_Latn", "prompt": f"source {n}", "answer": made, "verdict": "scored", "parsed": made,
            "gold": gold, "score": 0.0, "scores": [], "measure": "chrf", "form": "generate", "purpose": "answer",
            "statistics": [{"name": "chrf", "values": [0.0] * 18}], "gold_place": -1, "chosen_place": -1,
        }
        for n, (made, gold) in enumerate(PAIRS)
    ]  # fmt: skip
    other = rows[0] | {"benchmark": "xcopa", "statistics": [], "verdict": "correct", "measure": "accuracy"}
    return pl.DataFrame([*rows, other], schema=COLUMNS)


@pytest.fixture
def tokeniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SentencePiece model of our own in the place of the published one."""
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "text").write_text("\n".join(text for pair in PAIRS for text in pair if text) * 20)
    (tmp_path / "models").mkdir()
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "m"), vocab_size=60, hard_vocab_limit=False,
        minloglevel=2,
    )  # fmt: skip
    (tmp_path / "m.model").rename(tmp_path / "models" / "flores200sacrebleuspm")
    for module in ("utils", "tokenizers.tokenizer_spm"):
        monkeypatch.setattr(f"sacrebleu.{module}.SACREBLEU_DIR", str(tmp_path))
    _bleu.cache_clear()


def test_every_measure_has_sacrebleus_signature(answers: pl.DataFrame) -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    thai = answers.with_columns(pl.lit("tha_Thai").alias("answer_language"))
    found = translated.signatures(pl.concat([answers.with_columns(answer_language=pl.lit("swh_Latn")), thai]))
    assert sorted(found) == ["bleu (13a)", "bleu (char)", "chrf"]
    for name, metric in (("bleu (13a)", BLEU()), ("bleu (char)", BLEU(tokenize="char")), ("chrf", CHRF())):
        metric.corpus_score(["a"], [["a"]])
        assert found[name] == str(metric.get_signature())
    assert translated.signatures(answers.filter(pl.col("benchmark") == "xcopa")) == {}


@pytest.mark.usefixtures("tokeniser")
def test_spbleu_is_sacrebleus(answers: pl.DataFrame) -> None:
    from sacrebleu.metrics.bleu import BLEU

    numbers = numbers_of_answers(translated.with_spbleu(answers), pivot="eng_Latn", seed=0)
    found = [each for each in numbers if each["measure"] == "spbleu" and each["language"] == "swh_Latn"]
    metric = BLEU(tokenize="flores200")
    expected = metric.corpus_score([made for made, _ in PAIRS], [[gold for _, gold in PAIRS]])
    assert [(each["benchmark"], each["unit"], each["count"]) for each in found] == [("flores", "points", 3)]
    assert found[0]["value"] == pytest.approx(expected.score, abs=1e-9)
    assert 0 < expected.score < 100
    assert signature("bleu", tokeniser="flores200") == str(metric.get_signature())
    assert bleu_statistics("แมวนั่ง", "แมวนั่ง", tokeniser="flores200")[0] > 0


def test_a_tokeniser_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    _bleu.cache_clear()
    with pytest.raises(DataError, match="tokeniser of FLORES-200") as caught:
        flores_tokeniser()
    assert str(tmp_path / "models") in str(caught.value)
    with pytest.raises(DataError):
        bleu_statistics("a", "b", tokeniser="flores200")


PACKAGE = """
import json, sys
from types import SimpleNamespace

def download_model(name):
    if name != "org/model":
        raise KeyError(name)
    return "model.ckpt"

class Model:
    def predict(self, rows, **_):
        print("progress")
        return SimpleNamespace(scores=[len(r["src"]) + len(r["mt"]) / 100 + len(r["ref"]) / 10000 for r in rows])

def load_from_checkpoint(path):
    return {"model.ckpt": Model()}[path]
"""
"""Has the two functions of `unbabel-comet` that are used; scores say which texts they were made of."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "comet.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("package")
def test_comet_is_asked_for_translations_only(answers: pl.DataFrame) -> None:
    rated = translated.with_comet(answers, rater("org/model"))
    found = [[one["value"] for one in row] for row in rated["scores"].to_list()]
    lengths = [(len(f"source {n}"), len(made), len(gold)) for n, (made, gold) in enumerate(PAIRS)]
    assert found == [*([pytest.approx(a + b / 100 + c / 10000)] for a, b, c in lengths), []]
    numbers = numbers_of_answers(rated, pivot="eng_Latn", seed=0)
    (one,) = (each for each in numbers if each["measure"] == "comet" and each["language"] == "swh_Latn")
    assert (one["count"], one["unit"]) == (3, "score")


@pytest.mark.usefixtures("package")
def test_a_model_that_comet_does_not_have() -> None:
    with pytest.raises(ModelError, match=r"cannot be opened.*KeyError"):
        rater("org/other")


def test_comet_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="COMET is not installed") as caught:
        rater("org/model")
    assert "comet_python" in str(caught.value)
    with pytest.raises(ModelError, match="cannot be started"):
        rater("org/model", str(tmp_path / "no" / "python"))


COMET_PYTHON, COMET_MODEL = os.environ.get("PANLECT_COMET_PYTHON"), os.environ.get("PANLECT_COMET_MODEL")


@pytest.mark.slow
@pytest.mark.skipif(
    not (COMET_PYTHON and COMET_MODEL),
    reason="PANLECT_COMET_PYTHON and PANLECT_COMET_MODEL name no interpreter with COMET and no checkpoint",
)
def test_scores_are_those_of_the_package_itself() -> None:
    rows = [{"src": f"s {n}", "mt": made, "ref": gold} for n, (made, gold) in enumerate(PAIRS)]
    code = (
        "import comet, json, sys; m = comet.load_from_checkpoint(sys.argv[1]); "
        "print(json.dumps(m.predict(json.loads(sys.argv[2]), gpus=0, progress_bar=False).scores))"
    )
    command = [str(COMET_PYTHON), "-c", code, str(COMET_MODEL), json.dumps(rows)]
    expected = json.loads(subprocess.run(command, capture_output=True, check=True).stdout.splitlines()[-1])
    rate = rater(str(COMET_MODEL), str(COMET_PYTHON))
    found = rate(*([row[name] for row in rows] for name in ("src", "mt", "ref")))
    assert found == pytest.approx(expected, abs=1e-9)
    assert len(set(found)) == len(rows)
