import math

import pytest

from panlect.measure import tokenizer as measure
from panlect.measure.tokenizer import Counts


def test_premium_on_a_case_worked_by_hand() -> None:
    assert measure.premium(Counts(10, 300, 0, 0, 0), Counts(10, 100, 0, 0, 0)) == 3.0


def test_a_language_of_unknown_tokens_has_no_premium() -> None:
    """More than 10 % unknown: excluded. At 10 % exactly: reported."""
    reference = Counts(10, 100, 0, 0, 0)
    assert math.isnan(measure.premium(Counts(10, 100, 0, 0, 0, unknown=11), reference))
    assert measure.premium(Counts(10, 100, 0, 0, 0, unknown=10), reference) == 1.0


@pytest.mark.parametrize(
    ("text", "script", "words"),
    [
        ("habari ya asubuhi", "Latn", 3),
        ("สวัสดี ครับ", "Thai", 10),
        ("你好，世界", "Hans", 5),
        ("ជំរាបសួរ", "Khmr", 8),
        ("السلام عليكم", "Arab", 2),
        ("ߊߟߎ߫ ߌߣߌ߫", "Nkoo", 2),
        ("ᎣᏏᏲ ᎢᎦᏛ", "Cher", 2),
        ("", "Latn", 0),
        ("  ", "Thai", 0),
    ],
)
def test_words_are_counted_by_script(text: str, script: str, words: int) -> None:
    assert measure.count_words(text, script) == words


def test_fertility_and_compression() -> None:
    counts = Counts(sentences=1, tokens=6, words=3, characters=18, bytes=24, unknown=1, fallback=2)
    assert measure.fertility(counts) == 2
    assert measure.bytes_per_token(counts) == 4
    assert measure.characters_per_token(counts) == 3
    assert measure.unknown_share(counts) == pytest.approx(1 / 6)
    assert measure.fallback_share(counts) == pytest.approx(1 / 3)
    assert measure.context_characters(2048, counts) == 6144
    assert measure.price(counts, 0.6) == pytest.approx(0.2)
    assert measure.word_unit("Thai") == "tokens per character"


def test_the_mean_over_sentences_weighs_each_alike() -> None:
    assert measure.sentence_premium([2, 100], [1, 100]) == 1.5


def test_nothing_gives_no_number() -> None:
    nothing = Counts(0, 0, 0, 0, 0)
    for value in (
        measure.fertility(nothing),
        measure.bytes_per_token(nothing),
        measure.premium(nothing, nothing),
    ):
        assert math.isnan(value)
    assert math.isnan(measure.gini([]))
    assert math.isnan(measure.gini([0.0, 0.0]))


def test_gini() -> None:
    assert measure.gini([3, 3, 3]) == 0
    assert measure.gini([0, 0, 0, 1]) == 0.75
    assert measure.gini([1, 2, 3, 4]) == pytest.approx(0.25)


def test_the_worst_come_first_and_the_unknown_before_them() -> None:
    scores = {"a": 1.0, "b": 3.0, "c": math.nan, "d": 3.0}
    assert measure.worst_first(scores) == ["c", "b", "d", "a"]
