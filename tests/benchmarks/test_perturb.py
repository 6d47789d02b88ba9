import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.benchmarks.perturb import clusters, code_switched, lost_diacritics, romanised, slices, typos


def test_typos_change_about_the_share_and_always_the_same() -> None:
    words = [f"parola{'abcdefgh'[n % 8]}{n}x" for n in range(2000)]
    text = " ".join(word.translate({ord(d): "klmnopqrst"[int(d)] for d in "0123456789"}) for word in words)
    changed = typos(text)
    assert changed == typos(text)
    assert changed != typos(text, seed=9)
    share = sum(a != b for a, b in zip(text.split(), changed.split(), strict=True)) / 2000
    assert 0.06 < share < 0.12  # a few exchanges put equal letters in each other's place


@given(st.text(alphabet="abc ก็ที่ កម្ពុជា ߒߞߏ́ Ꭳ🙂\u0301", max_size=40))
def test_typos_keep_marks_on_their_letters(text: str) -> None:
    changed = typos(text, share=1.0)
    assert set(clusters(changed)) <= set(clusters(text))
    assert changed.count(" ") == text.count(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Việt Nam đẹp", "Viet Nam dep"),
        ("ƙasar Hausa ɗaya", "kasar Hausa daya"),
        ("Yorùbá ẹ̀dá", "Yoruba eda"),
        ("كِتَابٌ", "كتاب"),
        ("Ελλάδα", "Ελλαδα"),
        ("йод", "иод"),
        ("हिन्दी में", "हिन्दी में"),
        ("ភាសាខ្មែរ", "ភាសាខ្មែរ"),
        ("ภาษาไทยที่", "ภาษาไทยที่"),
    ],
)
def test_only_optional_marks_are_lost(text: str, expected: str) -> None:
    assert lost_diacritics(text) == expected
    assert lost_diacritics(unicodedata.normalize("NFD", text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Москва, жизнь", "Moskva, zhizn"),
        ("Αθήνα", "Athina"),
        ("नमस्ते", "namaste"),
        ("हिन्दी", "hindii"),
        ("বাংলা", "baanlaa"),
        ("abc 日本 ไทย", "abc 日本 ไทย"),
    ],
)
def test_romanised(text: str, expected: str) -> None:
    assert romanised(text) == expected


def test_code_switching_takes_words_of_the_lexicon() -> None:
    lexicon = {"nyumba": "house", "kubwa": "big"}
    assert code_switched("Nyumba, kubwa!", lexicon, share=1.0) == "house, big!"
    assert code_switched("Nyumba ni kubwa", lexicon, share=0.0) in ("house ni kubwa", "Nyumba ni big")
    assert code_switched("hakuna", lexicon) == "hakuna"


def test_slices_hold_only_what_differs() -> None:
    rows = [
        {"id": "1", "language": "vie_Latn", "group": "", "question": "Thủ đô?"},
        {"id": "2", "language": "tha_Thai", "group": "CS", "question": "ที่ไหน"},
        {"id": "3", "language": "swh_Latn", "group": "CS", "question": "Nyumba"},
    ]
    found = list(
        slices(rows, ["question"], ["lost_diacritics", "code_switched"], {"swh_Latn": {"nyumba": "house"}})
    )
    assert [(row["id"], row["group"], row["question"]) for row in found] == [
        ("1/lost_diacritics", "slice=lost_diacritics", "Thu do?"),
        ("3/code_switched", "CS, slice=code_switched", "house"),
    ]  # fmt: skip
