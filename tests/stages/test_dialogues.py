"""`dialogues`: rows with origin, languages, licence and parent; budgets that leave no language out."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from panlect.benchmarks.held_out import ask_translation
from panlect.config import check, explain
from panlect.dialogue.phrasings import PHRASINGS, ask
from panlect.dialogue.rows import exchange
from panlect.dialogue.rows import frame as dialogue_frame
from panlect.dialogue.rows import row as dialogue_row
from panlect.draft import draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.stages.dialogues import DialoguesConfig, dialogues
from panlect.tables import SCHEMAS

TEXTS = {
    "eng_Latn": "The market opens at seven, sentence {}.",
    "tha_Thai": "ตลาดเปิดเจ็ดโมงเช้า ประโยค {}",
    "urd_Arab": "بازار سات بجے کھلتا ہے، جملہ {}",
    "nqo_Nkoo": "ߟߐ߯ߝߊ߫ ߦߋ߫ ߘߊߦߟߍ߫ {}",
    "khm_Khmr": "ផ្សារបើកម៉ោងប្រាំពីរ ប្រយោគ {}",
}


def config(**settings: object) -> DialoguesConfig:
    return check(DialoguesConfig, settings, where="test")


def pair_rows(sizes: dict[str, int]) -> pl.DataFrame:
    rows = [
        {
            "id": f"{language}-{i}",
            "source_text": TEXTS["eng_Latn"].format(i),
            "target_text": TEXTS[language].format(i),
            "source_language": "eng_Latn",
            "target_language": language,
            "source": "news",
            "licence": "CC0-1.0" if language == "tha_Thai" else "CC-BY-4.0",
        }
        for language, size in sizes.items()
        for i in range(size)
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMAS["pair"]))


@pytest.fixture
def pairs(tmp_path: Path) -> Folder:
    sizes = {"tha_Thai": 40, "urd_Arab": 40, "nqo_Nkoo": 3, "khm_Khmr": 40}
    with draft(tmp_path / "pairs", "curate", 1, config(), []) as work:
        work.write("pair", pair_rows(sizes))
    return work.folder


def test_every_pair_in_both_directions_with_its_parent_and_licence(pairs, tmp_path):
    folder = dialogues([pairs], tmp_path / "out", config())
    rows = folder.table("dialogue")
    assert rows.height == 2 * 123
    assert rows["id"].n_unique() == rows.height
    table = pairs.table("pair")
    parents = dict(zip(table["id"], table.iter_rows(named=True), strict=True))
    for row in rows.iter_rows(named=True):
        parent = parents[row["parent"]]
        question, answer = (message["content"] for message in row["messages"])
        sides = {parent["source_language"]: "source_text", parent["target_language"]: "target_text"}
        assert answer == parent[sides[row["answer_language"]]]
        assert parent[sides[row["language"]]] in question
        assert (row["origin"], row["task"]) == ("human", "translation")
        assert row["licence"] == parent["licence"]
    assert folder.manifest["notes"]["licence"] == {"CC-BY-4.0": 166, "CC0-1.0": 80}


def test_plain_rows_ask_exactly_as_evaluate_asks(pairs, tmp_path):
    rows = dialogues([pairs], tmp_path / "out", config(translate={"plain_share": 1})).table("dialogue")
    sources = {row["source_text"] for row in pairs.table("pair").iter_rows(named=True)}
    for row in rows.iter_rows(named=True):
        question = row["messages"][0]["content"]
        text = question.split(": ", 1)[1]
        asked = {
            "prompt": text,
            "prompt_language": row["language"],
            "answer_language": row["answer_language"],
        }
        assert question == ask_translation(asked).context
        assert row["language"] != "eng_Latn" or text in sources


def test_phrasings_are_all_used_about_equally_often(tmp_path):
    rows = pair_rows({"tha_Thai": 1500})
    rows.write_parquet(tmp_path / "pair.parquet")
    made = dialogues(
        [External(str(tmp_path / "pair.parquet"))],
        tmp_path / "out",
        config(translate={"plain_share": 0.25, "directions": "forward", "names": ["english"]}),
    ).table("dialogue")
    text_of = dict(rows.select("id", "source_text").iter_rows())
    found = Counter(
        row["messages"][0]["content"].replace(text_of[row["parent"]], "{text}")
        for row in made.iter_rows(named=True)
    )
    languages = ("eng_Latn", "tha_Thai")
    plain = ask("{text}", languages)
    assert set(found) == {plain, *(ask("{text}", languages, phrasing=each) for each in PHRASINGS)}
    # 375 expected, standard deviation 17; each of the others 56 expected, 7.3.
    assert abs(found.pop(plain) - 375) < 75
    assert all(abs(count - 1125 / len(PHRASINGS)) < 35 for count in found.values())


def test_languages_call_themselves_by_their_own_names_where_asked(pairs, tmp_path):
    settings = {"plain_share": 0, "names": ["own"], "phrasings": ["{source}>{target}: {text}"]}
    rows = dialogues([pairs], tmp_path / "out", config(translate=settings)).table("dialogue")
    starts = {row["messages"][0]["content"].split(":")[0] for row in rows.iter_rows(named=True)}
    assert {"English>ไทย", "اردو>English", "English>ខ្មែរ"} <= starts


def test_no_direction_is_flooded_and_none_is_dropped(pairs, tmp_path):
    rows = dialogues([pairs], tmp_path / "out", config(translate={"rows_per_direction": 10})).table(
        "dialogue"
    )
    counts = Counter(rows.select("language", "answer_language").iter_rows())
    assert counts["eng_Latn", "tha_Thai"] == counts["khm_Khmr", "eng_Latn"] == 10
    assert counts["eng_Latn", "nqo_Nkoo"] == counts["nqo_Nkoo", "eng_Latn"] == 3


def test_directions_without_the_pivot_come_from_sentences_in_common(pairs, tmp_path):
    settings = {"between_per_sentence": 4, "directions": "forward"}
    rows = dialogues([pairs], tmp_path / "out", config(translate=settings)).table("dialogue")
    between = rows.filter(~pl.any_horizontal(pl.col("language", "answer_language") == "eng_Latn"))
    directions = Counter(between.select("language", "answer_language").iter_rows())
    # Three languages share all sentences: each of their six directions occurs.
    assert {(a, b) for a, b in directions if "nqo_Nkoo" not in (a, b)} == {
        (a, b)
        for a in ("tha_Thai", "urd_Arab", "khm_Khmr")
        for b in ("tha_Thai", "urd_Arab", "khm_Khmr")
        if a != b
    }
    for row in between.iter_rows(named=True):
        number = row["messages"][1]["content"].split()[-1]
        assert row["parent"] == "+".join(f"{row[side]}-{number}" for side in ("language", "answer_language"))
        both = {row["language"], row["answer_language"]}
        mixed = "tha_Thai" in both
        assert set(row["licence"].split(" AND ")) == ({"CC0-1.0", "CC-BY-4.0"} if mixed else {"CC-BY-4.0"})


def test_one_direction_each_uses_both_directions_overall(pairs, tmp_path):
    rows = dialogues([pairs], tmp_path / "out", config(translate={"directions": "one"})).table("dialogue")
    assert rows.height == rows["parent"].n_unique() == 123
    assert 40 < rows.filter(pl.col("language") == "eng_Latn").height < 83


def test_a_budget_is_met_exactly_and_shared_evenly(pairs, tmp_path):
    folder = dialogues([pairs], tmp_path / "out", config(rows=101))
    counts = Counter(folder.table("dialogue").select("language", "answer_language").iter_rows())
    assert sum(counts.values()) == 101
    assert counts["eng_Latn", "nqo_Nkoo"] == counts["nqo_Nkoo", "eng_Latn"] == 3
    assert set(counts.values()) == {3, 15, 16}
    smaller = dialogues([pairs], tmp_path / "smaller", config(rows=40)).table("dialogue")
    assert set(smaller["id"]) <= set(folder.table("dialogue")["id"])


def test_unfit_pairs_are_set_aside_with_a_reason(tmp_path):
    rows = pair_rows({"tha_Thai": 4}).with_columns(
        target_text=pl.Series([" ", "ตลาด", TEXTS["eng_Latn"].format(2) * 2, "ข้าว"]),
        source_text=pl.Series(["a", "market", TEXTS["eng_Latn"].format(2) * 2, "rice"]),
    )
    rows.write_parquet(tmp_path / "pair.parquet")
    folder = dialogues([External(str(tmp_path / "pair.parquet"))], tmp_path / "out", config())
    assert folder.table("dialogue").height == 4
    assert dict(folder.dropped().select("parent", "reason").iter_rows()) == {
        "tha_Thai-0": "empty_side",
        "tha_Thai-2": "untranslated",
    }


def test_the_same_settings_give_the_same_rows_and_another_seed_other_phrasings(pairs, tmp_path):
    first, again, other = (
        dialogues([pairs], tmp_path / name, config(seed=seed)).table("dialogue")
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first.equals(again)
    assert not first["messages"].equals(other["messages"])


def test_languages_choose_rows_by_code_or_group(pairs, tmp_path):
    rows = dialogues([pairs], tmp_path / "out", config(languages=["en", "script:Thai"])).table("dialogue")
    assert set(rows["language"]) == {"eng_Latn", "tha_Thai"}


def test_dialogues_pass_through_beside_made_ones(pairs, tmp_path):
    first = dialogues([pairs], tmp_path / "first", config(rows=20))
    both = dialogues([first, pairs], tmp_path / "both", config(make=["pass", "translate"]))
    assert both.table("dialogue").height == 246, "what is already there is not made twice"


def test_settings_are_explained_and_wrong_ones_refused(pairs, tmp_path):
    assert "rows_per_direction" in explain(DialoguesConfig)
    with pytest.raises(ConfigError, match=r"must name \{text\}"):
        config(translate={"phrasings": ["Translate it into {target}"]})
    with pytest.raises(DataError, match="no dialogue was made"):
        dialogues([pairs], tmp_path / "out", config(languages=["deu_Latn"]))


SAID = {
    "eng_Latn": (
        "What did the child buy at the market this morning?",
        "The child bought fruit for the family there.",
    ),
    "swh_Latn": (
        "Mtoto alinunua nini sokoni asubuhi ya leo?",
        "Mtoto alinunua matunda kwa ajili ya familia yake.",
    ),
    "tha_Thai": ("เช้านี้เด็กซื้ออะไรที่ตลาดสำหรับครอบครัว", "เด็กซื้อผลไม้ให้ครอบครัวของเขาที่ตลาดเมื่อเช้า"),
    "urd_Arab": ("بچے نے آج صبح بازار سے کیا خریدا؟", "بچے نے اپنے خاندان کے لیے پھل خریدے۔"),
    "nqo_Nkoo": ("ߘߋ߲ߣߍ߲ ߞߵߊ߬ ߛߊ߲߬ ߡߎ߲߬ ߟߐ߯ߝߍ߬ ߛߐ߰ߡߊ߬", "ߘߋ߲ߣߍ߲ ߞߵߊ߬ ߖߌ߬ߙߌ߬ߘߋ߲ ߠߎ߬ ߛߊ߲߬ ߟߐ߯ߝߍ߬"),
}


@pytest.mark.parametrize("make", ["crosslingual", "retell", "four_way"])
def test_rows_in_a_wrong_language_are_found_before_languages_are_crossed(make, tmp_path):
    """Of six items one has an English answer in place of the Thai, one a Thai question in place of the Urdu."""
    planted = {(1, "tha_Thai"): ("tha_Thai", "eng_Latn"), (2, "urd_Arab"): ("tha_Thai", "urd_Arab")}
    rows = []
    for item in range(6):
        for code in SAID:
            asked, answered = planted.get((item, code), (code, code))
            texts = (f"{SAID[asked][0]} {item}", f"{SAID[answered][1]} {item}")
            rows.append(dialogue_row(exchange(*texts), (code, code), item=f"i{item}", origin="human", source="s",
                            licence="CC0-1.0", task="instruction", parent=""))  # fmt: skip
    with draft(tmp_path / "rows", "dialogues", 1, config(), []) as work:
        work.write("dialogue", dialogue_frame(rows))
    settings = {"make": make, "crosslingual": {"pairs_per_item": 40}}
    checked = dialogues([work.folder], tmp_path / "out", config(**settings, parallel={"identifier": "both"}))
    dropped = checked.dropped().filter(pl.col("reason") == "wrong_language")
    found = set(dropped.select("item", "language").iter_rows())
    assert found == {("i1", "tha_Thai"), ("i2", "urd_Arab")}
    answers = checked.table("dialogue").filter(pl.col("answer_language") == "tha_Thai")["messages"]
    assert answers.len() > 0
    assert not any(SAID["eng_Latn"][1] in turns[-1]["content"].split("\n")[-1] for turns in answers)
    unchecked = dialogues([work.folder], tmp_path / "all", config(**settings))
    dropped = unchecked.dropped()
    assert dropped.is_empty() or "wrong_language" not in set(dropped["reason"])
    assert unchecked.table("dialogue").height > checked.table("dialogue").height
