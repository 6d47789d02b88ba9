"""spBLEU and COMET of stored translations, with a tokeniser and a network made here."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

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


def test_comet_is_asked_for_translations_only(answers: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the package's two functions: no real model was ever run here."""
    asked: list[dict[str, str]] = []

    class Model:
        def predict(self, rows: list[dict[str, str]], **_: Any) -> SimpleNamespace:
            asked.extend(rows)
            return SimpleNamespace(scores=[0.5, 0.75, 0.25])

    package: Any = ModuleType("comet")
    package.download_model = lambda name: f"{name}.ckpt"
    package.load_from_checkpoint = lambda path: Model() if path == "org/model.ckpt" else None
    monkeypatch.setitem(sys.modules, "comet", package)
    numbers = numbers_of_answers(translated.with_comet(answers, rater("org/model")), pivot="eng_Latn", seed=0)
    assert asked[0] == {"src": "source 0", "mt": PAIRS[0][0], "ref": PAIRS[0][1]}
    assert len(asked) == 3
    (found,) = (each for each in numbers if each["measure"] == "comet" and each["language"] == "swh_Latn")
    assert (found["value"], found["count"], found["unit"]) == (0.5, 3, "score")


def test_comet_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "comet", None)
    with pytest.raises(ModelError, match="COMET is not installed") as caught:
        rater("org/model")
    assert "unbabel-comet" in str(caught.value)
