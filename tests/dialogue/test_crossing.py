"""Instructions across languages, conversations about translations, mixed languages, and adapted benchmarks."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.config import check
from panlect.dialogue.adapted import LETTERS, Adapted, adapted, label_of
from panlect.dialogue.bilingual import Bilingual, bilingual
from panlect.dialogue.crossing import (
    Align,
    CrossLingual,
    FourWay,
    Retell,
    align,
    crosslingual,
    four_way,
    retell,
)
from panlect.dialogue.interactive import Interactive, damaged, interactive
from panlect.dialogue.parallel import Parallel, by_item
from panlect.dialogue.rows import exchange, frame, row
from panlect.dialogue.switching import Switch, dictionary, mixing_index, switch, switched
from panlect.errors import ConfigError
from panlect.tables import SCHEMAS

PIVOT = "eng_Latn"
LANGUAGES = (PIVOT, "tha_Thai", "urd_Arab", "chr_Cher")
FACTS = {
    "origin": "generated",
    "source": "bactrian-x",
    "licence": "CC-BY-NC-4.0",
    "task": "instruction",
    "parent": "",
}


def parallel(count: int = 50, languages=LANGUAGES) -> pl.DataFrame:
    return frame(
        row(exchange(f"Q{i} {code}", f"A{i} {code}"), (code, code), **FACTS, item=f"bactrian-x:{i}")
        for i in range(count)
        for code in languages
    )


def items(**settings):
    return list(by_item(parallel(**settings), Parallel()))


def test_crosslingual_rows_are_asked_in_one_language_and_answered_in_another():
    rows = list(crosslingual(items(), PIVOT, CrossLingual(pairs_per_item=3), seed=0))
    assert 100 <= len(rows) <= 150
    for each in rows:
        question, answer = (turn["content"] for turn in each["messages"])
        assert each["language"] != each["answer_language"]
        assert each["language"] in question
        assert answer.endswith(each["answer_language"])
        assert (
            question.split()[0 if question.startswith("Q") else -2].strip("]:").startswith(("Q", "in"))
            or "Q" in question
        )
        assert len(each["parent"].split("+")) == 2
    with_pivot = sum(PIVOT in (each["language"], each["answer_language"]) for each in rows)
    assert 0.35 < with_pivot / len(rows) < 0.65
    directions = Counter((each["language"], each["answer_language"]) for each in rows)
    assert len(directions) == 12


def test_the_request_names_the_language_of_the_answer_unless_told_not_to():
    (item,) = items(count=1, languages=(PIVOT, "tha_Thai"))
    named = list(crosslingual([item] * 30, PIVOT, CrossLingual(), seed=0))
    assert all(
        any(name in each["messages"][0]["content"] for name in ("Thai", "ไทย", "English")) for each in named
    )
    bare = list(crosslingual([item], PIVOT, CrossLingual(say_language=False), seed=0))
    assert {each["messages"][0]["content"] for each in bare} <= {"Q0 eng_Latn", "Q0 tha_Thai"}


def test_items_without_a_second_language_give_nothing():
    assert not list(crosslingual(items(languages=(PIVOT,)), PIVOT, CrossLingual(), seed=0))
    (two,) = items(count=1, languages=("tha_Thai", "urd_Arab"))
    assert len(list(crosslingual([two], PIVOT, CrossLingual(), seed=0))) >= 1


def test_answers_retell_question_and_answer_in_the_pivot_language():
    rows = {(each["item"], each["language"]): each for each in retell(items(), PIVOT, Retell(), seed=0)}
    assert (
        rows["bactrian-x:3", "tha_Thai"]["messages"][1]["content"]
        == "Q3 eng_Latn\nA3 eng_Latn\n\nA3 tha_Thai"
    )
    assert rows["bactrian-x:3", PIVOT]["messages"][1]["content"] == "A3 eng_Latn"
    half = list(retell(items(), PIVOT, Retell(direct_share=0.5), seed=0))
    told = sum("\n" in each["messages"][1]["content"] for each in half)
    assert 50 < told < 100, "of 150 answers in other languages"


def test_question_alignment_translates_questions_then_speaks_the_pivot_language_alone():
    first = list(align(items(), PIVOT, Align(stage=1)))
    assert len(first) == 150
    assert first[0]["messages"][0]["content"].startswith(
        "Translate the following sentences from Cherokee to English."
    )
    assert all(each["messages"][1]["content"].endswith(PIVOT) for each in first)
    second = list(align(items(), PIVOT, Align(stage=2)))
    assert len(second) == 50
    assert {each["language"] for each in second} | {each["answer_language"] for each in second} == {PIVOT}


def test_four_ways():
    rows = list(four_way(items(count=1, languages=(PIVOT, "tha_Thai")), PIVOT, FourWay()))
    found = {
        (each["task"], each["language"], each["answer_language"], each["messages"][1]["content"])
        for each in rows
    }
    assert found == {
        ("four_way_pivot_pivot", PIVOT, PIVOT, "A0 eng_Latn"),
        ("four_way_other_other", "tha_Thai", "tha_Thai", "A0 tha_Thai"),
        ("four_way_other_pivot", "tha_Thai", PIVOT, "A0 eng_Latn"),
        ("four_way_pivot_other", PIVOT, "tha_Thai", "A0 tha_Thai"),
    }


def test_items_may_be_named_in_the_id():
    rows = (
        parallel()
        .drop("item")
        .with_columns(pl.format("f{}@{}", pl.int_range(pl.len()) // 4, "language").alias("id"))
    )
    found = list(by_item(rows, Parallel(item_pattern="(.*)@")))
    assert len(found) == 50
    assert all(len(each.rows) == 4 for each in found)
    assert not list(by_item(rows, Parallel()))
    named = list(by_item(parallel(), Parallel(item_pattern="bactrian-x:(.*)")))
    assert [each.item for each in named] == [str(i) for i in range(50)]
    assert [each.item for each in by_item(parallel(), Parallel(item_pattern="(no)"))][:1] == ["bactrian-x:0"]


# --- two languages in one exchange ---------------------------------------------------------------


def test_damaged_sentences_are_restored_and_half_of_the_comparisons_are_of_other_pairs():
    many = pl.concat([pairs().head(3), *(_numbered(i) for i in range(200))])
    rows = list(bilingual(many, Bilingual(answers=("ndiyo", "hapana"), answer_language="sw"), seed=3))
    assert len(rows) == 2 * many.height
    kept = [each for each in rows if "reason" not in each]
    texts = {side: set(many[f"{side}_text"]) for side in ("source", "target")}
    both = texts["source"] | texts["target"]
    matched = set(many.select("source_text", "target_text").iter_rows())
    matched |= {pair[::-1] for pair in matched}
    same = 0
    for each in kept:
        question, answer = (turn["content"] for turn in each["messages"])
        lines = question.split("\n")
        if each["task"] == "bilingual_denoise":
            assert answer in both
            assert answer not in lines[1]  # the draft has a fault
            assert (lines[0].partition(": ")[2], answer) in matched  # the translation stands beside it
        else:
            assert each["answer_language"] == "swh_Latn"
            shown = tuple(line.partition(": ")[2] for line in lines[1:])
            assert (shown in matched) == (answer == "ndiyo")
            same += answer == "ndiyo"
    assert 70 < same < 130
    assert {each["parent"] for each in rows} == set(many["id"])
    assert rows == list(bilingual(many, Bilingual(answers=("ndiyo", "hapana"), answer_language="sw"), seed=3))


def _numbered(number: int) -> pl.DataFrame:
    row = {"id": f"n{number}", "source_text": f"the house number {number}", "target_text": f"nyumba namba {number}",
           "source_language": PIVOT, "target_language": "swh_Latn", "source": "s", "licence": "l"}  # fmt: skip
    return pl.DataFrame([row], schema=dict(SCHEMAS["pair"]))


def test_what_cannot_be_damaged_or_compared_is_left_out():
    lonely = pairs().head(1).with_columns(pl.lit("A").alias("source_text"), pl.lit("ב").alias("target_text"))
    rows = [each for seed in range(20) for each in bilingual(lonely, Bilingual(), seed=seed)]
    reasons = Counter((each["task"], each.get("reason", "")) for each in rows)
    assert reasons["bilingual_denoise", "too_short_to_damage"] == 20
    assert reasons["bilingual_similar", "no_other_pair"] + reasons["bilingual_similar", ""] == 20
    assert reasons["bilingual_similar", "no_other_pair"] > 0
    with pytest.raises(ConfigError, match="damaged"):
        check(Bilingual, {"denoise": "{source_text}"}, where="test")


# --- conversations about a translation -------------------------------------------------------------


def pairs() -> pl.DataFrame:
    rows = [
        ("I like tea very much.", "Mimi napenda chai sana.", "swh_Latn", "tatoeba"),
        ("I like tea very much.", "Ninapenda sana kunywa chai.", "swh_Latn", "tatoeba"),
        ("I like tea very much.", "ฉันชอบชามาก", "tha_Thai", "flores"),
        ("Good morning to you.", "สวัสดีตอนเช้า", "tha_Thai", "flores"),
    ]
    return pl.DataFrame(
        [
            {"id": f"p{i}", "source_text": a, "target_text": b, "source_language": PIVOT, "target_language": code, "source": source, "licence": source}
            for i, (a, b, code, source) in enumerate(rows)
        ],
        schema=dict(SCHEMAS["pair"]),
    )  # fmt: skip


def test_conversations_have_at_least_three_kinds_of_turn_and_only_real_text_in_answers():
    rows = list(interactive(pairs(), Interactive(turns=6), seed=1))
    assert len(rows) == 6
    kinds = Counter(kind for each in rows for kind in each["turns"].split("+"))
    assert set(kinds) == {"translate", "constrain", "revise", "another", "back", "beside"}
    texts = {text for name in ("source_text", "target_text") for text in pairs()[name]}
    for each in rows:
        assert [turn["role"] for turn in each["messages"]] == ["user", "assistant"] * (
            len(each["messages"]) // 2
        )
        for kind, answer in zip(each["turns"].split("+"), each["messages"][1::2], strict=True):
            assert answer["content"] in texts or kind == "beside"
    (swahili,) = [each for each in rows if each["answer_language"] == "swh_Latn"]
    turns = dict(
        zip(
            swahili["turns"].split("+"),
            zip(swahili["messages"][::2], swahili["messages"][1::2], strict=True),
            strict=True,
        )
    )
    question, answer = turns["constrain"]
    assert answer["content"] == "Ninapenda sana kunywa chai."
    assert any(word in question["content"] for word in ("Ninapenda", "kunywa"))
    question, answer = turns["another"]
    assert ("Thai" in question["content"], answer["content"]) == (True, "ฉันชอบชามาก")
    assert sorted(swahili["parent"].split("+")) == ["p0", "p1", "p2"]
    assert set(swahili["licence"].split(" AND ")) == {"tatoeba", "flores"}


def test_turns_are_bounded_and_directions_capped():
    assert all(len(each["messages"]) <= 4 for each in interactive(pairs(), Interactive(turns=2), seed=1))
    capped = list(interactive(pairs(), Interactive(conversations_per_direction=1), seed=1))
    assert max(Counter((each["language"], each["answer_language"]) for each in capped).values()) == 1


@given(st.text(max_size=40), st.integers())
def test_a_draft_differs_by_one_fault_at_most(text, seed):
    draft = damaged(text, str(seed))
    assert len(text) - len(draft) <= max((len(word) + 1 for word in text.split(" ")), default=0)
    assert not Counter(draft) - Counter(text)


# --- mixed languages ---------------------------------------------------------------------------------


def test_the_mixing_index():
    assert mixing_index(["a", "a", "b", "b"]) == 50
    assert mixing_index(["a", "a", "a", "b"]) == 25
    assert mixing_index(["a"] * 4) == 0
    assert mixing_index([""] * 4) == 0
    assert mixing_index(["a", "b", "", ""]) == 50, "words of no language do not count"


def words() -> pl.DataFrame:
    known = [
        ("tea", "chai", "swh_Latn"),
        ("much", "sana", "swh_Latn"),
        ("tea", "ชา", "tha_Thai"),
        ("good morning", "habari", "swh_Latn"),
    ]
    return pl.DataFrame(
        [{"id": a + b, "source_text": a, "target_text": b, "source_language": PIVOT, "target_language": code, "source": "g", "licence": "x"} for a, b, code in known],
        schema=dict(SCHEMAS["pair"]),
    )  # fmt: skip


def test_words_are_replaced_by_the_dictionary():
    known = dictionary(words(), PIVOT)
    assert known == {"swh_Latn": {"tea": ["chai"], "much": ["sana"]}, "tha_Thai": {"tea": ["ชา"]}}
    assert switched("I like Tea so much!", (PIVOT, "swh_Latn"), known["swh_Latn"], 1.0, key="") == (
        "I like chai so sana!",
        40.0,
    )
    assert switched("I like Tea so much!", (PIVOT, "swh_Latn"), known["swh_Latn"], 0.0, key="") == (
        "I like Tea so much!",
        0.0,
    )


def test_switched_rows_carry_their_index_and_too_little_mixing_is_left_out():
    rows = frame(
        [
            row(exchange(text, "Yes."), (PIVOT, PIVOT), **FACTS, item=text)
            for text in ("tea much tea", "nothing known here")
        ]
    )
    made = list(
        switch(
            by_item(rows, Parallel()),
            PIVOT,
            dictionary(words(), PIVOT),
            Switch(word_share=1.0, least_index=0.1, languages_per_item=2),
            seed=0,
        )
    )
    by_question = {each["messages"][0]["content"]: each.get("reason", "") for each in made}
    assert by_question["ชา much ชา"] == ""
    assert by_question["nothing known here"] == "mixed_too_little"
    assert by_question["chai sana chai"] == "mixed_too_little", "all in one language is not mixed"
    assert {each["mixing_index"] for each in made} == {"33.3", "0.0"}


# --- adapted benchmarks ------------------------------------------------------------------------------


def questions() -> pl.DataFrame:
    labels = {
        "eng_Latn": ["Yes", "Maybe", "No"],
        "arb_Arab": ["نعم", "ربما", "رقم"],
        "tha_Thai": ["ใช่", "อาจจะ", "ไม่"],
    }
    rows = [
        {"benchmark": "xnli", "id": f"{i}@{code}", "item": str(i), "language": code, "group": "train", "prompt": f"P{i}", "choices": choices, "gold": i % 3, "answer": choices[i % 3]}
        for i in range(30)
        for code, choices in labels.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(SCHEMAS["question"]))


def test_every_label_comes_back_in_three_languages():
    corrected = ["نعم", "ربما", "لا"]
    made = list(adapted(questions(), check(Adapted, {"labels": {"arb_Arab": corrected}}, where="t"), seed=0))
    assert len(made) == 90
    assert not any("reason" in each for each in made)
    choices = {"eng_Latn": ["Yes", "Maybe", "No"], "arb_Arab": corrected, "tha_Thai": ["ใช่", "อาจจะ", "ไม่"]}
    forms = Counter()
    for each in made:
        question, answer = (turn["content"] for turn in each["messages"])
        labels = choices[each["language"]]
        assert all(label in question for label in labels)
        assert label_of(answer, labels) == int(each["item"]) % 3
        assert f"P{each['item']}" in question
        assert each["origin"] == "benchmark"
        forms[answer in LETTERS] += 1
    assert min(forms.values()) > 25


def test_labels_that_do_not_come_back_and_held_out_questions_are_left_out():
    rows = (
        questions()
        .head(3)
        .with_columns(
            choices=pl.Series([["Yes", "yes ", "No"], ["A", "B", "C"], ["a", "b", "c"]]),
            gold=pl.Series([0, 0, 7]),
            group=pl.Series(["train", "held_out", "train"]),
        )
    )
    made = list(adapted(rows, Adapted(answer_with="text"), seed=0))
    assert [each["reason"] for each in made] == [
        "label_does_not_come_back",
        "held_out",
        "label_does_not_come_back",
    ]
    other = list(adapted(questions(), Adapted(groups=("dev",)), seed=0))
    assert {each["reason"] for each in other} == {"other_group"}
    with pytest.raises(ConfigError, match="must name"):
        check(Adapted, {"templates": ["{prompt}"]}, where="t")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("B", 1), ("(B)", 1), ("B.", 1), ("maybe", 1), ("ma ybe", None), ("D", None), ("", None), ("Yes", 0)],
)
def test_reading_a_label(answer, expected):
    assert label_of(answer, ["Yes", "Maybe", "No"]) == expected


def test_a_letter_that_is_also_a_choice_is_not_guessed():
    assert label_of("A", ["B", "A"]) is None
    assert label_of("A", ["A", "B"]) == 0
