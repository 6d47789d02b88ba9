import importlib.util
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.measure.matching import (
    exact_match,
    last_number,
    numbers_in,
    parse_number,
    same_number,
    token_f1,
    unit_of,
    words,
)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("3.5", "35", False),
        ("-5", "5", False),
        ("2,125", "2125", True),
        ("١٢", "12", True),
        ("１２", "12", True),
        ("12.0", "12", True),
        ("১২৫", "125", True),
        ("౪౨", "42", True),
        ("๑,๐๐๐", "1000", True),
        ("1 000", "1000", True),
        ("1.000.000", "1000000", True),
        ("1,234.50", "1234.5", True),
        ("1.234,50", "1234.5", True),
        ("3,5", "3.5", True),
        ("−7", "-7", True),
        ("٣٫٥", "3.5", True),
        ("abc", "abc", False),
    ],
)
def test_golden_numbers(first: str, second: str, equal: bool) -> None:
    assert same_number(first, second) is equal


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("The answer is 42.", "42"),
        ("16 - 3 = 13, so $26 a day", "26"),
        ("答えは18です。", "18"),
        ("คำตอบคือ ๑๘", "18"),
        ("COVID-19", "19"),
        ("costs -5 dollars", "-5"),
        ("no number", ""),
        ("2,125 items", "2125"),
        ("Ответ — 276 000", "276000"),
        ("10-12", "12"),
        ("in the end 3.", "3"),
    ],
)
def test_last_number(text: str, last: str) -> None:
    assert last_number(text) == last


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=2))
def test_a_number_is_found_in_any_digits(value: Decimal) -> None:
    plain = f"{value:f}"
    for zero in "0٠०০๐౦０":
        shifted = "".join(chr(ord(zero) + int(c)) if c.isdigit() else c for c in plain)
        assert parse_number(shifted) == value
        assert numbers_in(f"x {shifted} y") == [value]


def test_span_answers_by_hand() -> None:
    assert exact_match("The Eiffel Tower!", ["eiffel tower"], "eng_Latn") == 1
    assert exact_match("die Elbe", ["Elbe"], "deu_Latn") == 1
    assert exact_match("die Elbe", ["Elbe"], "fra_Latn") == 0
    assert exact_match("الكتاب", ["كتاب"], "arb_Arab") == 1
    assert token_f1("in the north of Paris", ["Paris"], "eng_Latn") == pytest.approx(2 / 5)
    assert token_f1("北京市", ["北京"], "cmn_Hans") == pytest.approx(4 / 5)
    assert token_f1("กรุงเทพ", ["กรุง"], "tha_Thai") == pytest.approx(2 * 4 / 11)
    assert token_f1("दिल्ली में", ["दिल्ली"], "hin_Deva") == pytest.approx(2 / 3)
    assert token_f1("", [""], "eng_Latn") == 1
    assert token_f1("x", [""], "eng_Latn") == 0
    assert token_f1("x", [], "eng_Latn") == 0
    assert unit_of("khm_Khmr") == "characters"
    assert unit_of("urd_Arab") == "words"


def test_open_answers_keep_punctuation_of_other_scripts() -> None:
    assert words("东京。", "cmn_Hans", "open") == ["东", "京", "。"]
    assert words("东京。ABC", "cmn_Hans", "span") == ["东", "京", "abc"]
    assert words("de Seine", "nld_Latn", "open") == ["seine"]


LM_EVAL = importlib.util.find_spec("lm_eval")


@pytest.mark.skipif(LM_EVAL is None, reason="lm_eval is not installed: pip install lm_eval")
def test_spans_equal_the_usual_harness() -> None:
    from lm_eval.tasks.mlqa import utils

    texts = [
        "The cat, the hat.",
        "el perro y la casa",
        "北京 is 大 2008年",
        "الكتاب الجديد",
        "của tôi là",
        "¿Qué?",
    ]
    codes = {
        "eng_Latn": "en",
        "spa_Latn": "es",
        "cmn_Hans": "zh",
        "arb_Arab": "ar",
        "vie_Latn": "vi",
        "deu_Latn": "de",
    }
    for language, code in codes.items():
        for text in texts:
            assert words(text, language) == utils.normalize_answer(text, code).split()
            for other in texts:
                assert token_f1(text, [other], language) == pytest.approx(utils.f1_score(text, other, code))
