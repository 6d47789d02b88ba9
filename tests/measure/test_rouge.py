import pytest

from panlect.measure.rouge import characters, lead, rouge, segmenter, spaced_words


def test_rouge_by_hand() -> None:
    result = rouge("the cat sat on the mat", "the cat is on the mat")
    # 5 of 6 unigrams, 3 of 5 bigrams, LCS "the cat on the mat" of 5.
    assert result == pytest.approx((5 / 6, 3 / 5, 5 / 6))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("tha_Thai", "ฉันชอบกินข้าว"),
        ("khm_Khmr", "ខ្ញុំចូលចិត្តបាយ"),
        ("urd_Arab", "مجھے چاول پسند ہیں"),
        ("nqo_Nkoo", "ߒ ߓߍ߫ ߡߊ߬ߟߏ ߝߍ߬"),
        ("chr_Cher", "ᎣᏏᏲ ᏙᎯᏧ"),
        ("cmn_Hans", "我喜欢吃米饭"),
        ("hin_Deva", "मुझे चावल पसंद है"),
    ],
)
def test_no_script_scores_nothing(language: str, text: str) -> None:
    segment = segmenter(language)
    assert rouge(text, text, segment) == (1, 1, 1)
    assert len(segment(text)) > 1
    half = rouge(text[: len(text) // 2], text, segment)
    assert 0 < half.rouge_l < 1


def test_marks_stay_with_their_letters() -> None:
    assert characters("กำ ที่") == ["ก", "ำ", "ที่"]
    assert characters("iPhone15 ราคา") == ["iphone15", "ร", "า", "ค", "า"]
    assert spaced_words("Hello, wórld! 🙂") == ["hello", "wórld"]
    assert rouge("", "x") == (0, 0, 0)


def test_lead_baseline() -> None:
    assert lead("One. Two. Three.") == "One."
    assert lead("यह पहला है। यह दूसरा है।") == "यह पहला है।"
    assert lead("第一句。第二句。") == "第一句。"
    assert lead("v3.5 is out. Yes") == "v3.5 is out."
    assert lead("ไม่มีจุด") == "ไม่มีจุด"
