"""Translated instructions: through every kind of translator, checked, with a reason for each row left out."""

import csv
import json
import socket
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.dialogue.checks import Checks, check_all, loops
from panlect.dialogue.rows import SCHEMA, exchange, frame, row
from panlect.dialogue.translator import FromPairs, Marked, Outcome, Remembered, translate_texts
from panlect.draft import draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.stages.dialogues import DialoguesConfig, dialogues
from panlect.tables import SCHEMAS
from stub_endpoint import completion, serve

FACTS = {
    "origin": "generated",
    "source": "alpaca",
    "licence": "CC-BY-NC-4.0",
    "task": "instruction",
    "parent": "",
}
QUESTIONS = [
    ("Name three colours of the rainbow.", "Red, orange and yellow are three of the colours."),
    (
        "What does `len(items)` return for 3 items?",
        "It returns 3, see https://docs.python.org/3/ for more about it.",
    ),
    ("Fix:\n```\nx = 1\n```", "Nothing is wrong with this little piece of code."),
    ("Write to {name} about the meeting on Monday.", "Dear {name}, the meeting on Monday starts at 10."),
]


def config(**settings: object) -> DialoguesConfig:
    return check(DialoguesConfig, settings, where="test")


@pytest.fixture
def english(tmp_path: Path) -> Folder:
    rows = [row(exchange(*each), ("eng_Latn", "eng_Latn"), **FACTS) for each in QUESTIONS]
    with draft(tmp_path / "english", "dialogues", 1, config(), []) as work:
        work.write("dialogue", frame(rows))
        pairs = [("red", "nyekundu"), ("Hello", "Habari")]
        work.write(
            "pair",
            pl.DataFrame(
                [
                    {
                        "id": a,
                        "source_text": a,
                        "target_text": b,
                        "source_language": "eng_Latn",
                        "target_language": "swh_Latn",
                        "source": "s",
                        "licence": "CC0-1.0",
                    }
                    for a, b in pairs
                ],
                schema=dict(SCHEMAS["pair"]),
            ),
        )
    return work.folder  # fmt: skip


def test_a_stub_keeps_code_placeholders_and_structure(english, tmp_path):
    settings = {"targets": ["swh_Latn", "tha_Thai"], "translator": {"kind": "stub"}}
    folder = dialogues([english], tmp_path / "out", config(make="translated", translated=settings))
    rows = folder.table("dialogue")
    assert Counter(rows["language"]) == {"swh_Latn": 4, "tha_Thai": 4}
    assert set(rows["origin"]) == {"translated"}
    assert set(rows["translator"]) == {"stub"}
    parents = {each["id"]: each for each in english.table("dialogue").iter_rows(named=True)}
    assert set(rows["parent"]) == set(parents)
    texts = [turn["content"] for turn in rows.filter(pl.col("language") == "swh_Latn")["messages"].explode()]
    assert "‹swh_Latn› Fix:\n```\nx = 1\n```" in texts
    assert "‹swh_Latn› What does `len(items)` return for 3 items?" in texts


def chat(answer):
    """A server that translates by `answer(text, language)`."""

    def reply(request, count):
        instruction, _, text = request["messages"][0]["content"].partition("\n\n")
        language = "Thai" if "to Thai" in instruction else "English"
        return 200, completion(answer(text, language)), {}

    return reply


def thai(text: str, language: str) -> str:
    """Puts Thai words around whatever is protected."""
    marks = [
        word
        for word in text.replace("?", "").replace(",", "").replace(".", " ").split()
        if "⟦" in word or word.isdigit()
    ]
    return "ประโยคภาษาไทยที่ยาวพอสมควร " + " ".join(marks)


def run_chat(english, tmp_path, answer, name="out", **more) -> Folder:
    with serve(chat(answer)) as stub:
        endpoint = {
            "url": stub.url,
            "model": "toy-mt",
            "cache": str(tmp_path / "cache.jsonl"),
            "first_pause_seconds": 0.01,
        }
        settings = {
            "targets": ["tha_Thai"],
            "translator": {"kind": "chat", "endpoint": endpoint},
            "identifier": "langid",
            **more,
        }
        return dialogues([english], tmp_path / name, config(make="translated", translated=settings))


def test_a_chat_endpoint_translates_and_everything_is_kept_for_replay(english, tmp_path):
    folder = run_chat(english, tmp_path, thai)
    rows = folder.table("dialogue")
    assert rows.height == 4
    assert set(rows["translator"]) == {"toy-mt"}
    text = "\n".join(turn["content"] for turn in rows["messages"].explode())
    assert all(span in text for span in ("`len(items)`", "https://docs.python.org/3/", "{name}", "x = 1"))
    assert "⟦" not in text
    # The server is gone: the cache alone gives the same rows.
    endpoint = {
        "url": "http://127.0.0.1:9/v1",
        "model": "toy-mt",
        "cache": str(tmp_path / "cache.jsonl"),
        "replay_only": True,
    }
    settings = {"targets": ["tha_Thai"], "translator": {"kind": "chat", "endpoint": endpoint}}
    again = dialogues([english], tmp_path / "again", config(make="translated", translated=settings))
    assert again.table("dialogue").equals(rows)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda text, language: text, "copied"),
        (lambda text, language: thai(text, language).replace("⟦0⟧", ""), "spans_changed"),
        (lambda text, language: "สี " * 30 + thai(text, language), "repeated"),
        (lambda text, language: "This is not Thai at all, sorry, but English text " + thai(text, language)[26:], "wrong_language"),
        (lambda text, language: "", "empty"),
        (lambda text, language: thai(text, language) + "กขคง" * 60, "length"),
        (lambda text, language: None, "translator_malformed"),
        (lambda text, language: thai(text, language) + " 77", "numbers_changed"),
    ],
)  # fmt: skip
def test_bad_translations_are_left_out_with_their_reason(english, tmp_path, answer, reason):
    def some(text, language):
        return thai(text, language) if "colours" in text else answer(text, language)

    folder = run_chat(english, tmp_path, some)
    assert folder.table("dialogue")["messages"][0][0]["content"].startswith("ประโยค")
    assert reason in set(folder.dropped()["reason"])
    assert folder.table("dialogue").height + folder.dropped().height == 4
    assert folder.manifest["notes"]["left_out"] == dict(Counter(sorted(folder.dropped()["reason"])))


def endpoint_of(stub, tmp_path, **more):
    values = {
        "url": stub.url,
        "model": "toy-mt",
        "cache": str(tmp_path / "cache.jsonl"),
        "first_pause_seconds": 0.01,
    }
    return {"targets": ["tha_Thai"], "translator": {"kind": "chat", "endpoint": values | more}}


def test_a_server_that_limits_the_rate_loses_no_row(english, tmp_path):
    def limited(request, count):
        if count < 3:
            return 429, {"error": "slow down"}, {"Retry-After": "0.01"}
        return chat(thai)(request, count)

    with serve(limited) as stub:
        settings = endpoint_of(stub, tmp_path)
        folder = dialogues([english], tmp_path / "out", config(make="translated", translated=settings))
    assert folder.table("dialogue").height == 4
    assert folder.dropped().is_empty()


def test_a_spent_budget_leaves_the_rest_out_and_a_larger_one_pays_only_for_the_rest(english, tmp_path):
    with serve(chat(thai)) as stub:
        small = endpoint_of(stub, tmp_path, budget_tokens=400, answer_tokens=20, concurrency=1)
        first = dialogues([english], tmp_path / "first", config(make="translated", translated=small))
        paid = len(stub.requests)
        kept, left = first.table("dialogue").height, first.dropped()
        assert kept
        assert set(left["reason"]) == {"translator_budget"}
        assert kept + left.height == 4
        large = endpoint_of(stub, tmp_path, budget_tokens=100_000, answer_tokens=20)
        second = dialogues([english], tmp_path / "second", config(make="translated", translated=large))
        assert second.table("dialogue").height == 4
        asked = [json.dumps(request["messages"]) for request in stub.requests]
        assert len(asked) == len(set(asked)) > paid, "what was paid for is not asked again"


def test_a_server_that_is_gone_fails_every_row_with_its_reason(english, tmp_path):
    with serve(chat(thai)) as stub:
        settings = endpoint_of(stub, tmp_path, attempts=2)
    with pytest.raises(DataError, match="translator_failed"):
        dialogues([english], tmp_path / "out", config(make="translated", translated=settings))


def test_without_an_endpoint_nothing_is_sent_anywhere(english, tmp_path, monkeypatch):
    """Every way of making dialogues that needs no server, with sockets taken away."""

    def refuse(*_: object) -> None:
        raise AssertionError("something tried to reach the network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    (tmp_path / "a.jsonl").write_text('{"instruction": "Habari?", "output": "Nzuri", "language": "sw"}\n')
    makes = [
        "pass",
        "translated",
        "translate",
        "interactive",
        "bilingual",
        "four_way",
        "align",
        "retell",
        "crosslingual",
    ]
    settings = {"targets": ["swh_Latn"], "translator": {"kind": "stub"}, "identifier": "both"}
    folder = dialogues([english], tmp_path / "out", config(make=makes, translated=settings))
    assert folder.table("dialogue")["task"].n_unique() >= 4
    read = dialogues([External(str(tmp_path / "a.jsonl"))], tmp_path / "read", config(make="read"))
    assert read.table("dialogue").height == 1
    with pytest.raises(AssertionError, match="network"):
        serve().__enter__()  # the guard itself works


def test_back_translation_tells_good_from_bad_and_the_sheet_shows_it(english, tmp_path):
    originals: dict[str, str] = {}

    def there_and_back(text, language):
        if language == "Thai":
            made = f"{thai(text, language)} {'กขคงจฉชซญฐฑฒณดตถทธนบ'[len(originals)]}"
            originals[made] = text
            return made
        known = originals[text]
        return "Something else altogether!" if "rainbow" in known else known

    folder = run_chat(english, tmp_path, there_and_back, checks={"back_translation": 40.0}, review_rows=2)
    assert folder.table("dialogue").height == 3
    assert folder.dropped()["reason"].to_list() == ["back_translation"]
    text = (folder.path / "review" / "tha_Thai.csv").read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(text.splitlines(keepends=True)))
    assert len({line["id"] for line in lines}) == 2
    (worst,) = [line for line in lines if line["original"].startswith("Name three")]
    assert worst["back_translation"] == "Something else altogether!"
    assert float(worst["chrf"]) < 40
    assert worst["rejected_because"] == "back_translation"
    assert worst["verdict (good, bad)"] == ""


def test_a_web_translator_speaks_its_own_protocol(english, tmp_path):
    def reply(request, count):
        if count < 2:
            return 503, "busy", {}
        return 200, {"translatedText": f"{request['source']}>{request['target']} {request['q']}"}, {}

    with serve(reply) as stub:
        endpoint = {
            "url": stub.url,
            "model": "libre",
            "cache": str(tmp_path / "c.jsonl"),
            "first_pause_seconds": 0.01,
        }
        settings = {"targets": ["sw"], "translator": {"kind": "web", "endpoint": endpoint}}
        folder = dialogues([english], tmp_path / "out", config(make="translated", translated=settings))
    assert all("messages" not in request for request in stub.requests)
    assert folder.table("dialogue")["messages"][0][0]["content"] == "en>sw Name three colours of the rainbow."


def test_pairs_translate_what_they_know():
    pairs = pl.DataFrame(
        {
            "source_language": ["eng_Latn"],
            "target_language": ["swh_Latn"],
            "source_text": ["Red"],
            "target_text": ["Nyekundu"],
        }
    )
    found = FromPairs(pairs).translate(["red", "blue"], "eng_Latn", "swh_Latn")
    assert found == [Outcome("Nyekundu"), Outcome(failure="not_in_pairs")]
    assert FromPairs(pairs).translate(["nyekundu"], "swh_Latn", "eng_Latn") == [Outcome("Red")]


def test_what_was_translated_is_remembered_after_a_kill(tmp_path):
    seen: list[str] = []

    class Counting(Marked):
        def translate(self, texts, source, target):
            seen.extend(texts)
            return [Outcome(failure="busy") if text == "bad" else Outcome(f"{text}!") for text in texts]

    path = tmp_path / "t.jsonl"
    first = Remembered(Counting(), path).translate(["a", "bad", "b", "a"], "eng_Latn", "swh_Latn")
    assert first == [Outcome("a!"), Outcome(failure="busy"), Outcome("b!"), Outcome("a!")]
    path.write_bytes(path.read_bytes() + b'["eng_Latn", "swh')
    seen.clear()
    assert Remembered(Counting(), path).translate(["a", "bad", "b", "c"], "eng_Latn", "swh_Latn")[
        3
    ] == Outcome("c!")
    assert seen == ["bad", "c"]
    assert [json.loads(line)[2] for line in path.read_text().splitlines()] == ["a", "b", "c"]


def test_each_different_piece_is_sent_once():
    sent: list[str] = []

    class Spy(Marked):
        def translate(self, texts, source, target):
            sent.extend(texts)
            return super().translate(texts, source, target)

    translate_texts(["- one\n- two", "one", "two\n\none", "`x`", ""], Spy(), ("eng_Latn", "swh_Latn"))
    assert sorted(sent) == ["one", "two"]


def test_checks_of_short_texts_are_lenient():
    outcomes = [Outcome("Taxi"), Outcome("OK " * 3)]
    found = check_all(
        ["Taxi", "OK"],
        outcomes,
        ("eng_Latn", "deu_Latn"),
        Checks(),
        identify=lambda texts, among: ["eng_Latn"] * len(texts),
    )
    assert [each.reason for each in found] == ["", ""]
    assert loops("no no no no no no", 6)
    assert loops("go on go on go on go on go on go on", 6)
    assert not loops("no no no, and that is that", 6)


def test_a_missing_server_target_or_model_is_said(english, tmp_path):
    for settings, message in [
        ({"targets": ["sw"], "translator": {"kind": "chat"}}, "which server"),
        ({"targets": ["sw"], "translator": {"kind": "seq2seq"}}, "which model"),
        ({}, "into which languages"),
    ]:
        with pytest.raises(ConfigError, match=message):
            dialogues([english], tmp_path / "out", config(make="translated", translated=settings))


def test_a_model_behind_an_endpoint_answers_in_place_of_the_old_answers(english, tmp_path):
    def reply(request, count):
        question = request["messages"][-1]["content"]
        return (
            200,
            completion(
                ""
                if "Fix" in question
                else "no " * 20
                if "len" in question
                else f"My own answer to: {question}"
            ),
            {},
        )

    with serve(reply) as stub:
        endpoint = {"url": stub.url, "model": "me", "cache": str(tmp_path / "c.jsonl")}
        folder = dialogues(
            [english], tmp_path / "out", config(make="distilled", distilled={"endpoint": endpoint})
        )
    rows = folder.table("dialogue")
    assert rows.height == 2
    assert all(each[1]["content"] == f"My own answer to: {each[0]['content']}" for each in rows["messages"])
    assert set(rows["origin"]) == {"generated"}
    assert sorted(folder.dropped()["reason"]) == ["empty", "repeated"]
    assert SCHEMA.keys() <= set(rows.columns)
