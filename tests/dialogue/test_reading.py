"""Published formats of instruction data: small fixtures in each schema, and the real files where there are."""

import gzip
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.dialogue.formats import UnfitError, exchange_of, format_of
from panlect.dialogue.parallel import Parallel, by_item
from panlect.dialogue.reading import Read, read
from panlect.errors import ConfigError
from panlect.folder import External
from panlect.stages.dialogues import DialoguesConfig, dialogues

ONE = {
    "alpaca": (
        {"instruction": "ترجمہ کریں", "input": "rice", "output": "چاول"},
        (("user", "ترجمہ کریں\n\nrice"),),
        ("چاول",),
        "generated",
    ),
    "dolly": (
        {"instruction": "Who?", "context": "Ada wrote it.", "response": "Ada", "category": "closed_qa"},
        (("user", "Who?\n\nAda wrote it."),),
        ("Ada",),
        "human",
    ),
    "sharegpt": (
        {
            "conversations": [
                {"from": "gpt", "value": "Hi, I am here."},
                {"from": "human", "value": "สวัสดี"},
                {"from": "gpt", "value": "สวัสดีครับ"},
                {"from": "human", "value": "ลาก่อน"},
                {"from": "gpt", "value": "ลาก่อนครับ"},
                {"from": "human", "value": "?"},
            ]
        },
        (("user", "สวัสดี"), ("assistant", "สวัสดีครับ"), ("user", "ลาก่อน")),
        ("ลาก่อนครับ",),
        "generated",
    ),
    "messages": (
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "ߌ ߣߌ߫ ߕߟߋ߬"}, {"role": "assistant", "content": "ߒߓߊ߬"}]},
        (("system", "Be brief."), ("user", "ߌ ߣߌ߫ ߕߟߋ߬")),
        ("ߒߓߊ߬",),
        "unknown",
    ),
    "preference": (
        {"prompt": "ᏙᎯᏧ?", "chosen": [{"role": "assistant", "content": "ᎣᏏᏊ"}], "rejected": "no"},
        (("user", "ᏙᎯᏧ?"),),
        ("ᎣᏏᏊ", "no"),
        "unknown",
    ),
    "xllms_100": (
        {"instruction": "Sema", "input": "", "prefered_output": "good", "rejected_output": "bad"},
        (("user", "Sema"),),
        ("good", "bad"),
        "generated",
    ),
    "ranked": (
        {"prompt": "Q", "responses": ["c", "a", "b", "d"], "ranks": [2, 0, 1, 3]},
        (("user", "Q"),),
        ("a", "b", "c", "d"),
        "generated",
    ),
    "aya": (
        {"inputs": "Bawo?", "targets": "Dada ni.", "language_code": "yor", "annotation_type": "original-annotations"},
        (("user", "Bawo?"),),
        ("Dada ni.",),
        "human",
    ),
    "p3": ({"inputs": "2+2=", "targets": "4"}, (("user", "2+2="),), ("4",), "benchmark"),
    "plain": ({"question": "ខ្ញុំ?", "answer": "បាទ"}, (("user", "ខ្ញុំ?"),), ("បាទ",), "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_each_format_is_recognised_and_read(name):
    record, turns, answers, origin = ONE[name]
    assert format_of(record) == name
    exchange = exchange_of(record)
    assert (exchange.turns, exchange.answers, exchange.origin) == (turns, answers, origin)
    assert exchange.ranks == (tuple(range(len(answers))) if len(answers) > 1 else ())


def test_history_and_ranked_outputs_of_alpaca():
    record = {"instruction": "c", "input": "", "output": ["good", "bad"], "history": [["a", "b"]]}
    exchange = exchange_of(record)
    assert exchange.turns == (("user", "a"), ("assistant", "b"), ("user", "c"))
    assert (exchange.answers, exchange.ranks) == (("good", "bad"), (0, 1))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"instruction": "x", "output": " "}, "no_answer"),
        ({"instruction": "", "output": "x"}, "no_question"),
        ({"question_id": 3, "text": "only a question"}, "no_answer"),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "human", "value": "b"}, {"from": "gpt", "value": "c"}]}, "turns_do_not_alternate"),
        ({"conversations": [{"from": "tool", "value": "a"}]}, "unknown_role: tool"),
        ({"conversations": None}, "not_sharegpt: TypeError"),
        ({"messages": [{"role": "user", "content": "x"}]}, "no_answer"),
        ({"messages": [], "label": False}, "judged_bad"),
        ({"prompt": "Q", "responses": ["a"], "ranks": [1, 2]}, "ranks_do_not_match"),
    ],
)  # fmt: skip
def test_what_holds_no_dialogue_says_why(record, reason):
    with pytest.raises(UnfitError, match=f"^{reason}"):
        exchange_of(record)


def tree_messages() -> list[dict]:
    def message(name, parent, role, text, **more):
        known = {"lang": "sw", "rank": None, "deleted": False, "review_result": True, "synthetic": False}
        return (
            {"message_id": name, "parent_id": parent, "message_tree_id": "t", "role": role, "text": text}
            | known
            | more
        )

    return [
        message("p", None, "prompter", "Habari?"),
        message("r1", "p", "assistant", "Mbaya", rank=2),
        message("r0", "p", "assistant", "Nzuri", rank=0),
        message("r2", "p", "assistant", "Sawa", rank=1),
        message("rx", "p", "assistant", "spam", rank=3, review_result=False),
        message("ry", "p", "assistant", "gone", rank=4, deleted=True),
        message("q", "r0", "prompter", "Na wewe?"),
        message("a", "q", "assistant", "Mimi pia"),
        message("q2", "r1", "prompter", "Kwa nini?"),
        message("a2", "q2", "assistant", "Nimechoka"),
    ]  # fmt: skip


def nested(messages: list[dict]) -> dict:
    nodes = {each["message_id"]: {**each, "replies": []} for each in messages}
    for node in nodes.values():
        if node["parent_id"]:
            nodes[node["parent_id"]]["replies"].append(node)
    return {"message_tree_id": "t", "tree_state": "ready_for_export", "prompt": nodes["p"]}


def dump(path: Path, *records: object) -> Path:
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8") as stream:
        stream.write(text)
    return path


def test_both_exports_of_openassistant_give_the_same_threads_and_all_pairs(tmp_path):
    flat = dump(tmp_path / "x.messages.jsonl.gz", *reversed(tree_messages()))
    trees = dump(tmp_path / "x.trees.jsonl.gz", nested(tree_messages()))
    settings = check(Read, {"sources": [{"name": "oasst"}]}, where="test")
    found, same = read([flat], settings), read([trees], settings)
    assert sorted(row["id"] for row in found.dialogues) == sorted(row["id"] for row in same.dialogues)
    turns = [[message["content"] for message in row["messages"]] for row in same.dialogues]
    assert turns == [["Habari?", "Nzuri"], ["Habari?", "Nzuri", "Na wewe?", "Mimi pia"]]
    assert all(row["language"] == "swh_Latn" and row["origin"] == "human" for row in same.dialogues)
    pairs = {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in same.preferences}
    assert pairs == {("Nzuri", "Sawa"), ("Nzuri", "Mbaya"), ("Sawa", "Mbaya")}
    every = read([trees], check(Read, {"threads": "all"}, where="test"))
    assert len(every.dialogues) == 3


def test_four_ranked_answers_make_six_pairs_ties_and_copies_none(tmp_path):
    path = dump(
        tmp_path / "okapi.jsonl",
        {"prompt": "Q", "responses": ["a", "b", "c", "d"]},
        {
            "prompt": "R",
            "responses": [{"text": "a", "rank": 1}, {"text": "b", "rank": 1}, {"text": " A ", "rank": 2}],
        },
    )
    found = read([path], check(Read, {"sources": [{"language": "vi"}]}, where="test"))
    by_prompt = Counter(row["prompt"][0]["content"] for row in found.preferences)
    assert by_prompt == {"Q": 6, "R": 1}
    assert [row["reason"] for row in found.left_out] == ["same_answers"]
    assert {row["prompt_language"] for row in found.preferences} == {"vie_Latn"}


def test_languages_come_from_the_row_the_rule_the_path_or_the_identifier(tmp_path):
    directory = tmp_path / "xP3" / "sw"
    directory.mkdir(parents=True)
    dump(directory / "merged_a.jsonl", {"inputs": "Moja?", "targets": "Mbili"})
    dump(tmp_path / "aya.jsonl", ONE["aya"][0], ONE["aya"][0] | {"language_code": "xq!"})
    dump(tmp_path / "bx_ur.json", ONE["alpaca"][0])
    dump(tmp_path / "bare.jsonl", ONE["plain"][0])
    rules = [
        {"files": "*/xP3/*", "language_pattern": r"xP3/(?P<language>[^/]+)/", "licence": "Apache-2.0"},
        {"files": "*bx_*", "language": "ur", "name": "bactrian-x", "origin": "translated"},
    ]
    settings = check(Read, {"sources": rules}, where="test")
    files = sorted(path for path in tmp_path.rglob("*.json*") if path.is_file())
    found = read(
        files,
        settings,
        lambda texts: ["khm_Khmr" if "ខ" in text or "ប" in text else "und_Zyyy" for text in texts],
    )
    told = {row["source"]: (row["language"], row["origin"], row["licence"]) for row in found.dialogues}
    assert told == {
        "merged_a.jsonl": ("swh_Latn", "benchmark", "Apache-2.0"),
        "aya.jsonl": ("yor_Latn", "human", "unknown"),
        "bactrian-x": ("urd_Arab", "translated", "unknown"),
        "bare.jsonl": ("khm_Khmr", "unknown", "unknown"),
    }
    assert [row["reason"] for row in found.left_out] == ["unknown_language: xq!"]


def test_exchanges_in_several_languages_join_by_their_ids(tmp_path):
    """Bactrian-X: one file per language, the same ids; MGSM8KInstruct: the language in the row."""
    for code, texts in {
        "sw": ("Taja rangi.", "Nyekundu"),
        "th": ("บอกสี", "แดง"),
        "en": ("Name a colour.", "Red"),
    }.items():
        record = {"instruction": texts[0], "input": "", "id": "alpaca-7", "output": texts[1]}
        with gzip.open(tmp_path / f"{code}.json.gz", "wt", encoding="utf-8") as stream:
            json.dump([record], stream)
    rule = {"files": "*.json.gz", "name": "bactrian-x", "language_pattern": r"/(?P<language>[a-z]{2})\.json"}
    settings = check(DialoguesConfig, {"make": "read", "read": {"sources": [rule]}}, where="test")
    folder = dialogues([External(str(tmp_path / "*.json.gz"))], tmp_path / "bactrian", settings)
    (item,) = by_item(folder.table("dialogue"), Parallel())
    assert item.item == "bactrian-x:alpaca-7"
    assert {code: item.answer(code) for code in item.rows} == {
        "eng_Latn": "Red",
        "swh_Latn": "Nyekundu",
        "tha_Thai": "แดง",
    }

    rows = [
        {"lang": lang, "query": f"{lang}: 1+1?", "response": "2"}
        for lang in ("bn", "Swahili", "zh", "Klingonish")
    ]
    path = dump(tmp_path / "MGSM8KInstruct_Parallel.jsonl", *rows)
    found = read([path], Read())
    assert [each["language"] for each in found.dialogues] == ["ben_Beng", "swh_Latn", "cmn_Hans"]
    assert [each["reason"] for each in found.left_out] == ["unknown_language: Klingonish"]


def test_bad_records_are_set_aside_with_their_place(tmp_path):
    path = tmp_path / "rows.jsonl"
    good = json.dumps(ONE["dolly"][0])
    path.write_bytes(
        f'{good}\n{{"cut": \n[1]\n\n{good[:-1]}, "x": 1}}\n'.encode() + b'{"question": "\xff"}\n'
    )
    folder = dialogues(
        [External(str(path))], tmp_path / "out", check(DialoguesConfig, {"make": "read"}, where="t")
    )
    assert folder.table("dialogue").height == 1
    dropped = folder.dropped().sort("place")
    assert dropped.select("place", "reason").rows() == [
        ("rows.jsonl:2", "invalid_json"),
        ("rows.jsonl:3", "not_a_record"),
        ("rows.jsonl:5", "exact_duplicate"),
        ("rows.jsonl:6", "invalid_json"),
    ]


def test_parquet_is_read_like_json(tmp_path):
    pl.DataFrame([ONE["aya"][0]]).write_parquet(tmp_path / "aya.parquet")
    (row,) = read([tmp_path / "aya.parquet"], Read()).dialogues
    assert row["messages"][1]["content"] == "Dada ni."


def test_a_pattern_without_its_group_is_refused():
    with pytest.raises(ConfigError, match="needs a group"):
        check(Read, {"sources": [{"language_pattern": "x/(.*)/"}]}, where="test")


@pytest.mark.real_data
def test_real_files(real_data: Path, tmp_path: Path):
    where = real_data / "instruct"
    if not where.is_dir():
        pytest.skip("no instruct/ in PANLECT_DATA")
    rules = [
        {"files": "*_zh*", "language": "zh"},
        {"files": "*", "language": "en", "licence": "various"},
    ]
    config = check(DialoguesConfig, {"make": "read", "read": {"sources": rules}}, where="test")
    parts = ["llamafactory", "oasst_zh", "lima", "bayling"]
    folder = dialogues([External(str(where / part)) for part in parts], tmp_path / "out", config)
    rows = folder.table("dialogue")
    counts = dict(rows.group_by("source").len().iter_rows())
    assert counts["alpaca_en_demo.json"] + counts["alpaca_zh_demo.json"] > 1900
    assert counts["oaast_sft_zh.json"] + counts["oaast_rm_zh.json"] > 570
    assert counts["lima.json"] >= 335
    assert folder.table("preference")["source"].unique().sort().to_list() == [
        "dpo_zh_demo.json",
        "oaast_rm_zh.json",
    ]
    reasons = Counter(folder.dropped()["reason"])
    assert reasons["no_answer"] >= 320, "the questions of BayLing-80 have no answers"
    assert set(reasons) == {"no_answer", "judged_bad", "same_answers", "exact_duplicate"}


@pytest.mark.real_data
def test_files_that_hold_only_questions_say_so_row_by_row(real_data: Path, tmp_path: Path):
    """640 questions in eight languages and 399 prompts, one line of which is broken upstream."""
    where = real_data / "instruct"
    if not where.is_dir():
        pytest.skip("no instruct/ in PANLECT_DATA")
    files = [
        *(where / "vicuna80_multilingual").glob("*.jsonl"),
        *(where / "hplt_oasst_prompts").glob("*.jsonl"),
    ]
    found = read(sorted(files), Read())
    assert not found.dialogues
    assert Counter(each["reason"].split(":")[0] for each in found.left_out) == {
        "no_answer": 640 + 399,
        "invalid_json": 1,
    }
