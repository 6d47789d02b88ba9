"""Repeated substrings: planted ones are found everywhere, and brute force finds the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.text.substrings import repeated, repeated_in_chunks, without


def brute_force(texts: list[str], width: int, keep_first: bool) -> list[set[int]]:
    """The covered bytes of each text, window by window."""
    data, seen = [text.encode() for text in texts], {}
    for number, each in enumerate(data):
        for at in range(len(each) - width + 1):
            seen.setdefault(each[at : at + width], []).append((number, at))
    covered: list[set[int]] = [set() for _ in texts]
    for places in seen.values():
        if len(places) > 1:
            for number, at in places[1:] if keep_first else places:
                covered[number] |= set(range(at, at + width))
    return covered


def covered_bytes(texts: list[str], **settings_: object) -> list[set[int]]:
    covered: list[set[int]] = [set() for _ in texts]
    for number, first, last in zip(*repeated(texts, **settings_), strict=True):
        covered[number] |= set(range(first, last))
    return covered


@settings(deadline=None)
@given(st.lists(st.text("ab", max_size=40), max_size=5), st.integers(2, 8), st.booleans(), st.integers(1, 3))
def test_it_finds_what_brute_force_finds(texts, width, keep_first, parts):
    found = covered_bytes(texts, window_bytes=width, keep_first=keep_first, parts=parts)
    assert found == brute_force(texts, width, keep_first)


@settings(deadline=None)
@given(st.lists(st.text("aé中😀", max_size=25), max_size=4), st.integers(2, 9))
def test_cuts_never_fall_inside_a_character(texts, width):
    found = repeated(texts, window_bytes=width)
    for number, text in enumerate(texts):
        spans = [(a, b) for n, a, b in zip(*found, strict=True) if n == number]
        rest = without(text, spans)
        data = text.encode()
        assert all(data[a:b].decode() for a, b in spans)
        assert len(rest.encode()) == len(data) - sum(b - a for a, b in spans)


@pytest.mark.parametrize(
    "planted",
    [
        "Subscribe to our newsletter and never miss a story again!!",
        "ขอบคุณที่ติดตามข่าวสารของเราทุกวัน",
        "订阅我们的新闻通讯，每天都能看到新的故事和消息内容。",
    ],
)
def test_a_planted_repeat_is_found_at_all_positions(planted):
    texts = [f"one {planted} end", f"{planted}", f"zwei {planted}", "nothing here at all " * 2 + "x"]
    everywhere = repeated(texts, keep_first=False)
    assert set(everywhere.text.tolist()) == {0, 1, 2}
    later = repeated(texts)
    assert set(later.text.tolist()) == {1, 2}
    spans = [(a, b) for n, a, b in zip(*later, strict=True) if n == 2]
    assert planted not in without(texts[2], spans)
    assert without(texts[2], spans).startswith("zwei")


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text("ab", max_size=30), max_size=3), min_size=1, max_size=4),
    st.integers(2, 8),
    st.booleans(),
    st.integers(1, 4),
)
def test_chunks_give_what_all_texts_together_give(chunks, width, keep_first, parts):
    chunked = repeated_in_chunks(lambda: iter(chunks), window_bytes=width, keep_first=keep_first, parts=parts)
    first, found = 0, []
    for chunk, spans in zip(chunks, chunked, strict=True):
        found += [(first + n, a, b) for n, a, b in zip(*spans, strict=True)]
        first += len(chunk)
    whole = repeated([text for chunk in chunks for text in chunk], window_bytes=width, keep_first=keep_first)
    assert found == list(zip(*whole, strict=True))


def test_nothing_to_do():
    assert len(repeated([]).text) == 0
    assert len(repeated(["", "short"]).text) == 0
