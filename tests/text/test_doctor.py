"""The doctor mends planted damage and leaves every script alone that has none."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.text import doctor, shifted
from panlect.text.doctor import REPAIRS, examine, examine_all
from panlect.text.private import redact, redact_all
from panlect.text.signs import Sign, signs_of

HEALTHY = [
    "Bonjour, l’été à Noël : « ça va » – œuf, naïve.",
    "می‌خواهم کتاب‌ها را بخوانم",
    "ශ්‍රී ලංකාව",
    "क्‍ष और क्‌ष",
    "ভাষা র‍্যাব",
    "സംസ്‌കാരം",
    "ភាសា\u200bខ្មែរ",
    "สวัสดีชาวโลก",
    "ߒߞߏ ߞߊ߲",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "👩‍👩‍👧‍👦 👨🏽‍🚀 🏳️‍🌈 ❤️‍🔥",
    "שלום\u200f!",
    "数据 整数 教改 政改 收支 时效 无数 无效 新政 数学 改善 放心",
    "數據 教育 整理 文化 效果 日本語 旅行 改札",
    "한국어 텍스트",
    "Ünïcödé ẞ ǆ Ԥ",
    "Сьогодні — «тест» № 5",
    "--- *** === mmm",
    "Tom & Jerry, AT&T; 5 < 6",
]


@pytest.mark.parametrize("text", HEALTHY)
def test_healthy_text_is_left_alone(text):
    assert examine(unicodedata.normalize("NFC", text)) == (unicodedata.normalize("NFC", text), {})


def shift(text: str) -> str:
    return "".join(chr(0x6500 + ord(character)) for character in text)


def test_gold_17_shifted_glyphs():
    assert shifted.repair("\u6553\u6569\u656e\u6563\u6565")[0] == "Since"
    assert shifted.repair("大\u6570据")[0] == "大\u6570据"
    assert shifted.repair("\u6570")[0] == "\u6570"


def test_a_whole_damaged_page_of_latin_and_chinese():
    page = "摘要：本文研究数据与整数。{} 政府教改的时效与无效 {}(2020){}"
    latin = [
        shift("Since 2019, large language models are multilingual."),
        shift("the"),
        shift("été à Zürich"),
    ]
    fixed, count = shifted.repair(page.format(*latin))
    assert fixed == page.format("Since 2019, large language models are multilingual.", "the", "été à Zürich")
    assert count == 3


def test_words_of_common_glyphs_are_decoded_only_where_the_page_is_damaged():
    word = shift("plc")  # three glyphs that all exist in Chinese
    assert not shifted.rare_glyphs().intersection(word)
    assert shifted.repair(f"a {word} b")[0] == f"a {word} b"
    assert shifted.repair(f"{shift('language')} {word}, 数据")[0] == "language plc, 数据"
    assert shifted.repair(f"{shift('language')} 整数 政教")[0] == "language 整数 政教"


@pytest.mark.parametrize(
    ("damaged", "healthy"),
    [
        ("cafÃ©", "café"),
        ("l'été à la française".encode().decode("cp1252"), "l'été à la française"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
        ("नमस्ते दुनिया".encode().decode("latin-1"), "नमस्ते दुनिया"),
        ("Ã¢â‚¬Å“quotedÃ¢â‚¬Â\x9d", "“quoted”"),
        ("fish &amp; chips &eacute;", "fish & chips é"),
        ("\x84so\x93", "„so“"),
    ],
)
def test_mojibake(damaged, healthy):
    assert doctor.mojibake(damaged).text == healthy
    assert doctor.mojibake(healthy) == (healthy, 0)


def test_the_quick_look_never_misses_what_ftfy_would_change():
    import ftfy

    samples = [
        *HEALTHY,
        "a\x80b",
        "\x1b[31mred\x1b[0m",
        "&lt;p&gt;",
        "&amp",
        "schÃ¶n",
        "â€”",
        "naïve Ã©",
        "Å",
        "ÃÂ",
    ]
    for text in samples:
        assert ftfy.fix_text(text, config=doctor._cautious()) == doctor.mojibake(text).text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_the_quick_look_agrees_on_any_text(text):
    import ftfy

    assert ftfy.fix_text(text, config=doctor._cautious()) == doctor.mojibake(text).text


def test_tripled_headings():
    assert doctor.tripled_headings("摘摘摘要要要\n正文哈哈哈\n111...   ...") == (
        "摘要\n正文哈哈哈\n111...   ...",
        1,
    )
    assert doctor.tripled_headings("IIInnntttrrrooo TTToooo").changes == 0
    assert doctor.tripled_headings("AAAbbbccc DDDeeefff") == ("Abc Def", 1)


def test_hyphenation():
    text = "The trans-\nformer is well-known and multi-\nlingual; Anglo-\nSaxon, a well-\nknown one, soft\u00ad\nware"
    fixed, count = doctor.hyphenation(text)
    assert (
        fixed == "The transformer is well-known and multilingual; Anglo-\nSaxon, a well-known one, software"
    )
    assert count == 4
    assert doctor.hyphenation("много-\nязычный")[0] == "многоязычный"


def test_page_furniture():
    body = "\n".join(
        f"Sentence {word} of the text stands here, on line {i} for all." for i, word in enumerate("abcdefgh")
    )
    pages = "\n".join(f"{body}\nJournal of Text {page}" for page in range(11, 15))
    fixed, count = doctor.furniture(pages)
    assert count == 4
    assert "Journal" not in fixed
    assert fixed.count("Sentence a") == 4
    poem = "\n".join("Verse\nAnd so on\nRefrain 1" for _ in range(5))
    assert doctor.furniture(poem) == (poem, 0)
    fed = f"{body}\n12\n\fRunning head\n{body}\n13\n\fRunning head\n{body}"
    assert "Running head" not in doctor.furniture(fed).text


@pytest.mark.parametrize(
    ("damaged", "healthy"),
    [
        ("\ufeffword\u200b and \u200eword\u202e x\u202c", "word and word x"),
        ("ma\u00adchine", "machine"),
        ("a\u200db c\u200cd", "ab cd"),
        ("می‌\u200c‌خواهم", "می‌خواهم"),
        ("א\u200f\u200f\u200f ב", "א\u200f ב"),
        ("nul\x00 bell\x07 tab\tline\n", "nul bell tab\tline\n"),
    ],
)
def test_controls(damaged, healthy):
    assert doctor.controls(damaged).text == healthy


@given(st.text(max_size=60))
def test_every_repair_is_idempotent_and_counts_its_changes(text):
    for name, repair in REPAIRS.items():
        if "\ud800" <= max(text, default="") <= "\udfff" and name == "mojibake":
            continue
        once, count = repair(text)
        assert (once != text) == bool(count) or name in ("shifted_glyphs", "furniture"), name
        assert repair(once).text == once or name in (
            "hyphenation",
            "tripled_headings",
            "furniture",
            "mojibake",
        ), name


@pytest.mark.parametrize("filler", ["\u200b", "\u200d", "\u200e", "\u0301", "\u0e31\u200b"])
def test_a_long_run_of_invisible_characters_takes_no_longer_than_others(filler):
    text = "ก" + filler * 100_000 + "ข"
    start = time.process_time()
    mended, _ = doctor.controls(text)
    assert time.process_time() - start < 5
    assert mended[0] == "ก"
    assert mended[-1] == "ข"


DAMAGE = [
    "敓敩敮散敥 敓敩敮散敥", "cafÃ© naÃ¯ve", "«Ñ„ÐµÐ½Ð¸ÐºÑ»", "œ ", "Ã ", "Â°C", "摘摘摘要要要", "AAABBB  ", "infor-\nmation",
    "co\u00ad\nop", "x\f12\n", "Page 1\n" + "line\n" * 9 + "Page 2\n" + "line\n" * 9 + "Page 3\n", "a\u200bb", "\ufeff",
    "मे\u200dरा", "e\u0301", "ᄒ\u1161\u11ab", "\u212b", "&amp;", "&#233;", "\x85", "\x1b[1m", "<b>", "“É”", "क़", "ก\u0e4d\u0e32",
    "a@b.org", "+254 712 345 678", "8.8.8.8", "2001:4860:4860::8888", "a:b:c:d:e:f:1", "१२३ ४५६ ७८९", "4111 1111 1111 1111",
]  # fmt: skip
PIECES = st.sampled_from(
    [*DAMAGE, "\n", " ", "soko", "Рынок", "ตลาด", "市场", "ߒ ߧߋ߫", "👩‍👩‍👧", "12", ". ", "- "]
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(PIECES | st.text(max_size=9), max_size=12).map("".join), max_size=4))
def test_signs_change_nothing(texts):
    """A text without a sign of damage is one that the repair leaves alone, and so for private data."""
    assert examine_all(texts) == [examine(text) for text in texts]
    assert redact_all(texts) == [redact(text) for text in texts]


def test_every_sign_is_found():
    for text, sign in {
        "敓敩敮散敥": Sign.GLYPH, "cafÃ©": Sign.MOJIBAKE, "AAABBB": Sign.TRIPLED, "in-\nto": Sign.HYPHEN,
        "x\fy": Sign.FURNITURE, "1\n2\n3\n": Sign.FURNITURE, "a\u200bb": Sign.CONTROL, "e\u0301": Sign.FORM,
        "&amp;": Sign.ENTITY, "a@b": Sign.EMAIL, "١٢٣ ٤٥٦ ٧": Sign.NUMBER, "1.1.1.1": Sign.NUMBER, "::1": Sign.ADDRESS,
    }.items():  # fmt: skip
        assert signs_of(["", text, "plain text"]).tolist()[::2] == [0, 0]
        assert signs_of(["", text])[1] & sign, text
