"""Measures against hand-made strings and GOLD-5; bounds against the published tables."""

import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.text import quality
from panlect.text.quality import (
    MEASURES,
    Bound,
    Learning,
    Measuring,
    bounds,
    judge,
    judge_all,
    learn,
    measure,
)

TEXTS = [
    "the cat sat on the mat and the cat sat on the mat again",
    "สวัสดีชาวโลก วันนี้อากาศดี",
    "یہ ایک جملہ ہے۔ یہ ایک جملہ ہے۔",
    "ߒߞߏ ߞߊ߲ ߒߞߏ",
    "emoji 👩‍👩‍👧 e\u0301e\u0301",
    "ᏣᎳᎩ",
    "",
]


def of(text: str, name: str, how: Measuring = Measuring()) -> float:  # noqa: B008
    return float(measure([text], how)[0, MEASURES.index(name)])


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("abababab", 2, 4 / 7),
        ("abcdefgh", 2, 0),
        ("a" * 10, 3, 1),
        ("abcabcabcxyz", 3, 0.5),
        ("", 3, 0),
        ("ab", 3, 0),
    ],
)
def test_gold_5_character_repetition(text, n, expected):
    assert of(text, "character_repetition", Measuring(character_n=n)) == pytest.approx(expected, abs=1e-6)


def roots_character_repetition(text: str, n: int) -> float:
    """The formula as it is published, in plain Python."""
    grams = [text[i : i + n] for i in range(len(text) - n + 1)]
    counts = sorted(Counter(grams).values(), reverse=True)
    if not counts:
        return 0.0
    taken = min(int(math.sqrt(len(counts))), len(counts) - counts.count(1))
    return sum(counts[:taken]) / sum(counts)


def word_repetition(text: str, n: int) -> float:
    words = text.lower().split()
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return sum(c for c in counts.values() if c > 1) / sum(counts.values()) if counts else 0.0


@settings(deadline=None)
@given(st.lists(st.text("abก한e\u0301 ", max_size=40), min_size=1, max_size=5), st.integers(1, 6))
def test_repetitions_agree_with_the_formulas(texts, n):
    values = measure(texts, Measuring(words="spaces", character_n=n, word_n=n))
    for row, text in zip(values, texts, strict=True):
        assert row[MEASURES.index("character_repetition")] == pytest.approx(
            roots_character_repetition(text, n)
        )
        assert row[MEASURES.index("word_repetition")] == pytest.approx(word_repetition(text, n))


def gopher(text: str) -> dict[str, float]:
    """The repetition measures of Gopher's table A1 in plain Python (words by white space)."""
    words, found = text.split(), {}

    def repeated(parts: list[str]) -> tuple[float, float]:
        seen: set[str] = set()
        again = [part for part in parts if part in seen or seen.add(part)]  # type: ignore[func-returns-value]
        return len(again) / len(parts), sum(map(len, again)) / len(text)

    found["repeated_line_ratio"], found["repeated_line_characters"] = repeated(re.split("\n+", text))
    parts = re.split("\n{2,}", text.strip())
    found["repeated_paragraph_ratio"], found["repeated_paragraph_characters"] = repeated(parts)
    for n in (2, 3, 4):
        grams = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
        top = max(grams, key=lambda gram: grams[gram]) if grams else ""
        found[f"top_{n}_gram"] = len(top) * grams[top] / len(text)
    for n in range(5, 11):
        seen, at, covered = set(), 0, 0
        while at <= len(words) - n:
            gram = tuple(words[at : at + n])
            covered += sum(map(len, gram)) if gram in seen else 0
            at += n if gram in seen else 1
            seen.add(gram)
        found[f"repeated_{n}_grams"] = covered / len(text)
    return found


@settings(deadline=None)
@given(st.lists(st.sampled_from(["aa", "b", "ccc", "ग", "\n", "\n\n", " "]), min_size=1, max_size=80))
def test_gopher_repetition_agrees_with_plain_python(pieces):
    text = " ".join(pieces)
    values = measure([text], Measuring(words="spaces"))[0]
    for name, value in gopher(text).items():
        assert values[MEASURES.index(name)] == pytest.approx(value), name


def test_words_and_lines():
    text = "- Habari, dunia!\n• #tag wa pili...\n\nMwisho…"
    assert of(text, "words") == 6
    assert of(text, "words", Measuring(words="spaces")) == 8
    assert of(text, "solid_words", Measuring(words="spaces")) == 6
    assert of(text, "bullet_line_ratio") == 0.5
    assert of(text, "ellipsis_line_ratio") == 0.5
    assert of(text, "terminal_line_ratio") == 1
    assert of(text, "lines") == 3
    assert of(text, "newline_ratio") == 3 / 6
    assert of("ภาษาไทย", "words") == 7
    assert of("中文字", "words") == 3
    assert of("มีสระ", "words") == 4  # a vowel sign belongs to its letter
    assert of("जवाब है।", "terminal_line_ratio") == 1
    assert of("x" * 200 + "\n" + "y" * 300 + "\n" + "z" * 250, "third_longest_line") == 200


@pytest.mark.parametrize(
    ("sentence", "twice"),
    [
        ("Он купил свежий хлеб.", "свежий хлеб свежий хлеб"),
        ("Kitap çok güzeldi.", "çok güzel çok güzel"),
        ("책이 정말 재미있었습니다.", "정말 재미 정말 재미"),
    ],
)
def test_a_short_sentence_in_which_nothing_repeats_has_no_top_gram(sentence, twice):
    assert math.isnan(of(sentence, "top_2_gram"))
    assert of(sentence, "top_2_gram", Measuring(words="spaces")) > 0.3  # as datatrove counts it
    assert of(twice, "top_2_gram") > 0.4
    assert judge_all(measure([sentence, twice]), bounds(("panlect",), "xxx_Zyyy"))[0] is None


def test_a_whole_sentence_may_be_short_and_a_fragment_may_not():
    texts = [
        "Bu normaldır.",
        "«Бу нормалдыр!»",
        "“ጥሩ ነው።”",
        "ठीक है।",
        "Pasal 1",
        "READ MORE",
        "Home",
        "中文字",
    ]
    verdicts = judge_all(measure(texts), bounds(("panlect",), "tur_Latn"))
    assert [verdict and verdict.measure for verdict in verdicts] == [
        *[None] * 4,
        *["fragment_words"] * 3,
        None,
    ]
    assert math.isnan(of("I do not know...", "ellipsis_line_ratio"))
    assert of("I do not know...\nMore...", "ellipsis_line_ratio") == 1


def test_menus_and_spam_of_few_words_by_hand():
    assert of("a b\nc\nd d d d\nOne two three\nYes.", "fragment_line_ratio") == 2 / 5
    assert of("家\n新闻报道\n我们的联系方式在这里\n好。\n价格", "fragment_line_ratio") == 3 / 5
    assert math.isnan(of("a\nb\nc", "fragment_line_ratio"))
    assert of("buy cheap pills now " * 20, "word_entropy_bits") == pytest.approx(2)
    assert of(" ".join(f"w{n}" for n in range(64)), "word_entropy_bits") == pytest.approx(6)
    assert math.isnan(of("buy cheap pills now " * 12, "word_entropy_bits"))
    menu = judge_all(measure(["Home\nAbout us\nНовости\nContact\nSign in"]), bounds(("panlect",), "eng_Latn"))
    assert menu[0].measure == "fragment_line_ratio"


@pytest.mark.real_data
def test_clean_sentences_stay_in_every_language(real_data):
    """Translated sentences of 193 languages, every fifth: the default bounds drop at most 2 %."""
    files = sorted(real_data.glob("flores200/dev/*.dev"))
    if not files:
        pytest.skip("FLORES is not there")
    dropped = {}
    for file in files:
        lines = file.read_text(encoding="utf-8").strip().split("\n")[::5]
        verdicts = judge_all(measure(lines), bounds(("panlect",), "xxx_Zyyy"))
        dropped[file.stem] = sum(verdict is not None for verdict in verdicts) / len(lines)
    assert len(dropped) > 180
    assert max(dropped.values()) <= 0.02


def test_stop_words_only_where_there_is_a_list():
    lists = {"swh_Latn": ("na", "ya", "wa")}
    values = measure(["Na ya na x", "na ya"], languages=["swh_Latn", "yor_Latn"], stop_words=lists)
    assert values[0, MEASURES.index("distinct_stop_words")] == 2
    assert values[0, MEASURES.index("stop_word_ratio")] == 0.75
    assert np.isnan(values[1, MEASURES.index("stop_word_ratio")])
    assert judge_all(values, bounds(("gopher_quality",), "yor_Latn"))[1].measure == "solid_words"


def test_one_text_and_many_give_the_same_numbers():
    together = measure(TEXTS)
    for row, text in zip(together, TEXTS, strict=True):
        np.testing.assert_array_equal(row, measure([text])[0])


def test_published_bounds():
    assert Bound("words", 20, 100000) in bounds(("roots",), "arb_Arab")
    assert Bound("words", 10, 100000) in bounds(("roots",), "swh_Latn")
    assert Bound("character_repetition", -math.inf, 0.13) in bounds(("roots",), "ben_Beng")
    assert Bound("character_repetition", -math.inf, 0.20) in bounds(("roots",), "arb_Arab")
    assert Bound("word_repetition", -math.inf, 0.96) in bounds(("roots",), "cmn_Hans")
    assert Bound("terminal_line_ratio", 0.182) in bounds(("fineweb2",), "spa_Latn")
    assert {bound.measure for bound in bounds(quality.sets(), "eng_Latn")} <= {
        *MEASURES,
        "identification_score",
        "perplexity",
        "flagged_ratio",
    }


def test_judging_names_the_bound():
    verdict = judge(
        {"words": 3.0, "special_ratio": math.nan}, (Bound("special_ratio", high=0.1), Bound("words", low=10))
    )
    assert verdict == ("words", 3.0, 10)
    assert judge({"words": 30.0}, (Bound("words", low=10),)) is None


def test_thresholds_are_the_analytic_percentiles():
    random = np.random.default_rng(1)
    values = np.full((20_000, len(MEASURES)), np.nan)
    values[:, MEASURES.index("special_ratio")] = random.uniform(0, 1, 20_000)
    values[:, MEASURES.index("words")] = random.normal(100, 10, 20_000)
    high, low = learn(values, ("special_ratio", "words"), Learning(q=10))
    assert high.high == pytest.approx(0.9, abs=0.01)
    assert high.low == -math.inf
    assert low.low == pytest.approx(100 - 1.2816 * 10, abs=0.4)
    iqr = learn(values, ("words",), Learning("iqr", k=1.5))[0]
    assert iqr.low == pytest.approx(100 - 2.698 * 10, abs=0.6)
    assert learn(values[:100], ("words",), Learning()) == ()
