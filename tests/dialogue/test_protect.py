"""What must survive a translation does, in every script; what did not is told apart."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.dialogue.protect import MARK, changed, numbers, protect, restore, segments

SPANS = [
    "`print(x)`", "https://example.org/a?b=1", "www.example.org/x", "me@example.org", "<b>", "</b>", "{name}",
    "{{author}}", "${HOME}", "%s", "%(count)d", "$x^2 + 1$", "/etc/hosts.conf", "snake_case_name", "--dry-run",
    "len(items)", "[MASK]", "<|endoftext|>", "\\(a+b\\)",
]  # fmt: skip
FRAMES = [
    "Use {} here.",
    "ใช้ {} ที่นี่",
    "استعمل {} هنا",
    "ប្រើ {} នៅទីនេះ",
    "ߊ߬ ߟߊߓߊ߯ߙߊ߫ {} ߦߊ߲߬",
    "用 {} 吧",
    "ᎭᏫᏅ {} ᎠᏂ",
    "👋🏽 {} é",
]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("frame", FRAMES)
def test_spans_are_marked_and_put_back(span, frame):
    text = frame.replace("{}", span)
    marked, spans = protect(text)
    assert spans == (span,)
    assert marked == frame.replace("{}", MARK.format(0))
    assert restore(marked, spans) == text
    assert restore(marked.replace("⟦0⟧", "⟦ ០ ⟧"), spans) == text, "Khmer digits and spaces are forgiven"
    assert changed(text, text) == ""
    assert changed(text, frame.replace("{}", "")) == "spans_changed"
    assert changed(text, text + " " + span) == "spans_changed"


@pytest.mark.parametrize(
    "text", ["plain words, no more", "costs $5 and $6", "a (b) c", "und/oder", "{ }", "Is 3 < 4 > 2?"]
)
def test_ordinary_text_is_left_to_the_translator(text):
    assert protect(text).spans == ()


def test_json_keys_stay_and_values_do_not():
    marked, spans = protect('{"name": "a red house", "size": 3}')
    assert '"name"' in "".join(spans)
    assert "a red house" in marked or spans == ('{"name": "a red house", "size": 3}',)


CODE = 'Write it:\n\n```python\nfor x in y:\n    print("hello")  # say hello\n```\n\n1. Run it\n2. Look\n   - at `this`\n\n## End\n'


def test_code_blocks_lists_and_empty_lines_are_not_sent():
    pieces = segments(CODE)
    assert "".join(piece.text for piece in pieces) == CODE
    sent = [piece.text for piece in pieces if piece.translate]
    assert sent == ["Write it:", "Run it", "Look", "at `this`", "End"]


def test_an_open_code_block_lasts_to_the_end():
    assert [p.text for p in segments("Do:\n```\nsudo rm x") if p.translate] == ["Do:"]


def test_long_lines_are_cut_between_sentences():
    line = " ".join(f"Sentence number {i} is here." for i in range(20))
    pieces = segments(line, longest=100)
    assert "".join(piece.text for piece in pieces) == line
    assert max(len(piece.text) for piece in pieces) <= 100
    assert all(piece.text.endswith(".") for piece in pieces if piece.translate)
    chinese = "这是一句话。" * 40
    pieces = segments(chinese, longest=50)
    assert "".join(piece.text for piece in pieces) == chinese
    assert max(len(piece.text) for piece in pieces) <= 50


@given(st.text(max_size=200), st.integers(20, 60))
def test_pieces_always_join_to_the_text(text, longest):
    assert "".join(piece.text for piece in segments(text, longest=longest)) == text


@given(
    st.lists(st.sampled_from([*SPANS, "word", "คำ", "⟦3⟧", "⟦", "⟧", "12", "`"]), max_size=8).map(" ".join)
)
def test_restoring_undoes_protecting(text):
    assert restore(*protect(text)) == text


def test_numbers_are_compared_by_their_digits():
    assert numbers("1,000.5 and ٣٫٥ and १२") == Counter(["10005", "35", "12"])
    assert changed("It has 12 parts.", "มี ๑๒ ส่วน") == ""
    assert changed("It has 12 parts.", "มี ๑๓ ส่วน") == "numbers_changed"
    assert changed("It costs 2,125.", "Es kostet 2.125.") == ""
