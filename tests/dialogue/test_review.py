"""Sheets for native speakers: what they say comes back into the data, with counts, and mistakes are told."""

import csv
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.dialogue.checks import Checked
from panlect.dialogue.review import VERDICT, Verdict, read_sheets, reviewed, sheet, summary
from panlect.dialogue.rows import exchange, frame, row
from panlect.draft import draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.stages.dialogues import DialoguesConfig, dialogues

FACTS = {
    "origin": "generated",
    "source": "alpaca",
    "licence": "CC-BY-NC-4.0",
    "task": "instruction",
    "parent": "",
}
NAMES = ("good", "edited", "bad", "unread", "rescued", "lost")


def config(**settings: object) -> DialoguesConfig:
    return check(DialoguesConfig, settings, where="test")


@pytest.fixture
def translated(tmp_path: Path) -> Folder:
    """Six English dialogues marked by the stub; two of them are left out, since their numbers change."""
    rows = [
        row(exchange(f"Q of {name}", f"=A of {name}"), ("eng_Latn", "eng_Latn"), **FACTS) for name in NAMES
    ]
    with draft(tmp_path / "english", "dialogues", 1, config(), []) as work:
        work.write("dialogue", frame(rows))
    settings = {"targets": ["swh_Latn"], "translator": {"kind": "stub"}}
    out = dialogues([work.folder], tmp_path / "translated", config(make="translated", translated=settings))
    made = out.table("dialogue").to_dicts()
    last = [
        each for each in made if any(name in each["messages"][0]["content"] for name in ("rescued", "lost"))
    ]
    with draft(tmp_path / "checked", "dialogues", 1, config(), []) as work:
        work.write("dialogue", frame([each for each in made if each not in last]))
        work.drop("dialogue", frame(last).with_columns(pl.lit("length").alias("reason")))
    target = tmp_path / "checked-sheets.csv"
    target.write_bytes((out.path / "review" / "swh_Latn.csv").read_bytes())
    return work.folder


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))


def write(path: Path, lines: list[dict[str, str]], delimiter: str = ",") -> External:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(lines)
    return External(str(path))


def filled(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    for line in lines:
        asked = line["role"] == "user"
        name = line["original"].removeprefix("'").split()[-1]
        if name in ("good", "rescued") or (name == "edited" and asked):
            line[VERDICT] = " Good "
        elif name == "edited":
            line["correction"] = "'=Jibu,\nsahihi"
        elif name == "bad" and asked:
            line[VERDICT] = "bad"
        elif name == "lost" and asked:
            line[VERDICT] = "good"  # only one of its two messages was read
    return lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_people_say_is_applied_and_counted(translated, tmp_path, delimiter):
    lines = lines_of(tmp_path / "checked-sheets.csv")
    assert {line["original"][0] for line in lines if line["role"] == "assistant"} == {"'"}  # no formulas
    sheets = write(tmp_path / "back.csv", filled(lines), delimiter)
    folder = dialogues([translated, sheets], tmp_path / "out", config(make="reviewed"))
    rows = {each["messages"][0]["content"].split()[-1]: each for each in folder.table("dialogue").to_dicts()}
    assert {name: each["review"] for name, each in rows.items()} == {
        "good": "accepted",
        "edited": "edited",
        "unread": "",
        "rescued": "accepted",
    }
    assert rows["edited"]["messages"][1]["content"] == "=Jibu,\nsahihi"
    before = {each["parent"]: each for each in translated.table("dialogue").to_dicts()}
    for name in ("good", "unread"):
        assert rows[name]["id"] == before[rows[name]["parent"]]["id"]
        assert rows[name]["messages"] == before[rows[name]["parent"]]["messages"]
    assert rows["edited"]["id"] != before[rows["edited"]["parent"]]["id"]
    assert rows["rescued"]["checked"] == "length"
    dropped = {
        each["messages"][0]["content"].split()[-1]: each["reason"] for each in folder.dropped().to_dicts()
    }
    assert dropped == {"bad": "reviewer_bad", "lost": "length"}
    assert folder.manifest["notes"]["review"] == {
        "swh_Latn": {
            "accepted": 2, "bad": 1, "edited": 1, "left_out_by_checks": 1, "missed_by_checks": 1, "not_read": 1,
            "rescued": 1,
        }
    }  # fmt: skip


def test_an_untouched_sheet_changes_nothing(translated, tmp_path):
    sheets = External(str(tmp_path / "checked-sheets.csv"))
    folder = dialogues([translated, sheets], tmp_path / "out", config(make="reviewed"))
    assert folder.table("dialogue")["id"].to_list() == translated.table("dialogue")["id"].to_list()
    assert folder.dropped().height == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({VERDICT: "fine"}, "the verdict is 'fine'"),
        ({VERDICT: "good", "correction": "other"}, "keep one of the two"),
        ({"turn": "first"}, "the turn is 'first'"),
        ({"id": "elsewhere", VERDICT: "good"}, "1 dialogues that are not there"),
    ],
)
def test_mistakes_in_a_sheet_are_told_with_their_place(translated, tmp_path, change, message):
    lines = lines_of(tmp_path / "checked-sheets.csv")
    lines[2] |= change
    with pytest.raises(DataError, match=message) as error:
        dialogues(
            [translated, write(tmp_path / "back.csv", lines)], tmp_path / "out", config(make="reviewed")
        )
    assert "back.csv:" in str(error.value)


def test_two_sheets_that_disagree_and_foreign_files(translated, tmp_path):
    lines = lines_of(tmp_path / "checked-sheets.csv")
    lines[0][VERDICT] = "good"
    first = write(tmp_path / "a.csv", lines)
    lines[0][VERDICT] = "bad"
    second = write(tmp_path / "b.csv", lines)
    with pytest.raises(DataError, match=r"b.csv:2: says otherwise than a.csv:2"):
        dialogues([translated, first, second], tmp_path / "out", config(make="reviewed"))
    (tmp_path / "c.csv").write_text("id,text\n1,2\n")
    with pytest.raises(DataError, match="no column language, turn"):
        read_sheets([tmp_path / "c.csv"])
    (tmp_path / "d.csv").write_bytes("id,language\n1,é\n".encode("latin-1"))
    with pytest.raises(DataError, match="not in UTF-8"):
        read_sheets([tmp_path / "d.csv"])
    with pytest.raises(ConfigError, match="which sheets"):
        dialogues([translated], tmp_path / "out", config(make="reviewed"))


@pytest.mark.parametrize("text", ["ตัวอย่าง\nสอง", "ߒߞߏ", 'ᏣᎳᎩ "x", y', "🙂;\té"])
def test_any_script_survives_the_round_trip(tmp_path, text):
    parent = row(exchange("Q", "A"), ("eng_Latn", "eng_Latn"), **FACTS)
    made = sheet([(parent, [Checked("x", ""), Checked("y", "")])], "tha_Thai", 1, "key")
    made.with_columns(pl.lit(text).alias("correction")).write_csv(tmp_path / "s.csv", include_bom=True)
    told = read_sheets([tmp_path / "s.csv"])[parent["id"], "tha_Thai"]
    assert {number: one.correction for number, one in told.items()} == {1: text, 2: text}


def test_the_summary_counts_by_language():
    rows = frame(
        [
            row(exchange("a", "b"), (code, code), **FACTS | {"parent": "p"})
            for code in ("swh_Latn", "tha_Thai")
        ]
    )
    told = {("p", "swh_Latn"): {1: Verdict(True, "", "s:2")}}
    made = reviewed(rows, rows.clear(), told)
    assert summary(made) == {
        "swh_Latn": {"partly_read": 1, "rescued": 0},
        "tha_Thai": {"not_read": 1, "rescued": 0},
    }
