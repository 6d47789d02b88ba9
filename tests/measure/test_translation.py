import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.measure.interval import bootstrap_statistics
from panlect.measure.translation import (
    bleu_score,
    bleu_statistics,
    bleu_tokeniser,
    chrf_score,
    chrf_statistics,
    signature,
)

PAIRS = [
    ("The cat sat on the mat.", "A cat was sitting on the mat."),
    ("ผมชอบกินข้าว", "ผมชอบกินข้าวมาก"),
    ("我喜歡吃米飯。", "我很喜歡吃米飯。"),
    ("میں چاول کھانا پسند کرتا ہوں۔", "مجھے چاول پسند ہیں۔"),
    ("ᎣᏏᏲ ᏙᎯᏧ", "ᎣᏏᏲ"),
    ("ߒߞߏ ߞߊ߲", "ߒߞߏ ߞߊ߲ ߘߐ߫"),
    ("", "nothing was said"),
    ("🙂 (hi) e\u0301", "🙂 (hi)! é"),
    ("exactly the same words here", "exactly the same words here"),
]
HYPOTHESES, REFERENCES = zip(*PAIRS, strict=True)


@pytest.mark.parametrize("words", [0, 2])
def test_chrf_equals_sacrebleu(words: int) -> None:
    rows = np.array([chrf_statistics(ours, theirs, words=words) for ours, theirs in PAIRS])
    corpus = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES], word_order=words).score
    assert chrf_score(rows.sum(axis=0)) == pytest.approx(corpus, abs=1e-9)
    for row, (ours, theirs) in zip(rows, PAIRS, strict=True):
        alone = sacrebleu.sentence_chrf(ours, [theirs], word_order=words).score
        assert chrf_score(row) == pytest.approx(alone, abs=1e-9)


TEXT = st.text(alphabet="ab .!(ก็ن🙂\u0301", max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT.filter(str.strip)), min_size=1, max_size=5))
def test_chrf_equals_sacrebleu_on_anything(pairs: list[tuple[str, str]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    for words in (0, 2):
        rows = np.array([chrf_statistics(a, b, words=words) for a, b in pairs])
        expected = sacrebleu.corpus_chrf(ours, [theirs], word_order=words).score
        assert chrf_score(rows.sum(axis=0)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("tokeniser", ["13a", "zh", "char", "intl"])
def test_bleu_equals_sacrebleu(tokeniser: str) -> None:
    rows = np.array([bleu_statistics(a, b, tokeniser=tokeniser) for a, b in PAIRS])
    for places in (range(len(PAIRS)), [0, 2], [1], [6], [8], [4, 5]):
        chosen = list(places)
        expected = sacrebleu.corpus_bleu(
            [HYPOTHESES[p] for p in chosen], [[REFERENCES[p] for p in chosen]], tokenize=tokeniser
        ).score
        assert bleu_score(rows[chosen].sum(axis=0)) == pytest.approx(expected, abs=1e-9)


def test_the_usual_tokeniser_finds_no_words_in_thai() -> None:
    ours, theirs = PAIRS[1]
    by_word = bleu_score(np.array(bleu_statistics(ours, theirs)))
    by_character = bleu_score(np.array(bleu_statistics(ours, theirs, tokeniser=bleu_tokeniser("tha_Thai"))))
    assert by_word == 0
    assert by_character > 50


def test_signatures_are_sacrebleus() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    for metric, ours in [
        (CHRF(), signature("chrf")),
        (CHRF(word_order=2), signature("chrf++")),
        (BLEU(tokenize="zh"), signature("bleu", tokeniser="zh")),
    ]:
        metric.corpus_score(["a"], [["a"]])
        assert ours == str(metric.get_signature())


@pytest.mark.parametrize(
    ("language", "tokeniser"),
    [("cmn_Hans", "zh"), ("yue_Hant", "zh"), ("khm_Khmr", "char"), ("deu_Latn", "13a"), ("urd_Arab", "13a")],
)
def test_tokeniser_by_language(language: str, tokeniser: str) -> None:
    assert bleu_tokeniser(language) == tokeniser


def test_interval_of_a_corpus_score() -> None:
    rows = np.array([chrf_statistics(a, b) for a, b in PAIRS])
    result = bootstrap_statistics(rows, chrf_score, resamples=200)
    assert result.value == pytest.approx(sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score)
    assert result.low < result.value < result.high
    assert result.count == len(PAIRS)
    languages = ["a", "b", "b", "a", "a", "a", "b", "b", "b"]
    macro = bootstrap_statistics(rows, chrf_score, groups=languages, resamples=50)
    parts = [rows[[g == x for g in languages]].sum(axis=0) for x in "ab"]
    assert macro.value == pytest.approx(np.mean([chrf_score(part) for part in parts]))
