from collections.abc import Sequence

import pytest

from panlect.measure.confusion import (
    judgeable,
    language_verdict,
    letters,
    line_pass,
    line_pass_rate,
    off_target,
    word_pass,
    word_pass_rate,
)


def by_script(text: str, candidates: Sequence[str]) -> str:
    """A stand-in for identification that looks at the first letter."""
    first = next((c for c in text if c.isalpha()), "")
    for code, start, end in [
        ("tha_Thai", "\u0e00", "\u0e7f"),
        ("urd_Arab", "\u0600", "\u06ff"),
        ("chr_Cher", "\u13a0", "\u13ff"),
        ("eng_Latn", "A", "z"),
    ]:
        if code in candidates and start <= first <= end:
            return code
    return "und"


def test_golden_off_target() -> None:
    verdicts = ["on_target"] * 6 + ["off_target"] * 2 + ["empty", "undetermined"]
    result = off_target(verdicts)
    assert (result.rate.value, result.rate.count, result.undetermined, result.empty) == (0.25, 8, 1, 1)


@pytest.mark.parametrize(
    ("text", "requested", "expected"),
    [
        ("สวัสดีครับ ผมชื่อสมชาย ยินดีที่ได้รู้จัก", "tha_Thai", "on_target"),
        ("Hello, my name is Somchai and I am happy.", "tha_Thai", "off_target"),
        ("ᎣᏏᏲ ᏙᎯᏧ ᎠᏂᏴᏫᏯ ᎠᏰᎵ ᎤᎾᏙᏢᏒ ᎨᏒᎢ ᎦᏙᎯ", "chr_Cher", "on_target"),
        ("42", "tha_Thai", "undetermined"),
        ("```python\nprint('a very long program text')\n``` 1234", "tha_Thai", "undetermined"),
        (" \n", "tha_Thai", "empty"),
        ("", "urd_Arab", "empty"),
        ("ߒߞߏ ߞߊ߲ ߘߐ߫ ߛߓߍߟߌ ߏ߬ ߦߋ߫ ߢߌ߲߬ ߠߋ߬ ߘߌ߫", "tha_Thai", "undetermined"),
    ],
)
def test_verdicts(text: str, requested: str, expected: str) -> None:
    assert language_verdict(text, requested, by_script, candidates=["eng_Latn"]) == expected


def test_what_is_no_language_is_removed_first() -> None:
    assert judgeable("Q: x? ตอบ https://a.b/c 12 ๑๒ `code`", "Q: x?") == "ตอบ"
    assert letters("กำ🙂é1") == 3  # KO KAI, SARA AM (a letter in Unicode), é
    assert letters("e\u0301") == 1


def test_lines() -> None:
    thai = "ผม ชอบ กิน ข้าว มาก ครับ"
    assert line_pass(thai, "tha_Thai", by_script, candidates=["eng_Latn"])
    mixed = thai + "\nI like to eat rice a lot\n"
    assert line_pass(mixed, "tha_Thai", by_script, candidates=["eng_Latn"]) is False
    assert line_pass("ใช่", "tha_Thai", by_script) is None
    assert line_pass("ผมชอบกินข้าวมาก", "tha_Thai", by_script, tokenise=list) is True
    assert line_pass("ߛ ߓ ߍ ߟ ߌ", "tha_Thai", by_script) is False  # not determined is an error here


def test_words_and_rates() -> None:
    english = {"market", "the", "data"}
    assert not word_pass("это Market цена", english)
    assert word_pass("это the цена", english)  # three letters do not count
    assert line_pass_rate([True, False, None, True]).value == 0.75
    result = word_pass_rate([True, False, True], [True, False, False])
    assert (result.value, result.count) == (0.5, 2)
