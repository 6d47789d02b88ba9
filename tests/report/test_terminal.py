"""The table in the terminal and the model card say the same as the page."""

import re

import polars as pl
import yaml
from rich.console import Console

from panlect import tables
from panlect.gates import Gate, Verdict
from panlect.report.card import card
from panlect.report.record import Record
from panlect.report.settings import ReportConfig
from panlect.report.terminal import final_table
from panlect.report.view import Slice, View

STEPS = ("base", "chat", "aligned")


def printed(numbers: pl.DataFrame, **settings: object) -> str:
    console = Console(width=80, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: SIM115
    console.print(final_table(numbers, order=STEPS, **settings))  # type: ignore[arg-type]
    console.file.close()
    return console.export_text()


def test_worst_languages_first_within_80_columns(record: Record) -> None:
    text = printed(record.numbers, languages=5)
    assert max(map(len, text.splitlines())) <= 80
    view = View(record)
    part = Slice("accuracy", "world", "held_out")
    worst = view.worst_first(part)[:5]
    assert re.findall(r"[a-z]{3}_[A-Z][a-z]{3}", text) == worst
    score = view.scores(part)["aligned", worst[0]]
    line = next(line for line in text.splitlines() if worst[0] in line)
    assert f"{100 * score.value:.1f}" in line
    assert f"{100 * score.low:.0f}–{100 * score.high:.0f}" in line
    assert "all languages" in text
    assert "Guessing reaches 16.3\u00a0%" in text


def test_a_run_without_scores_says_so() -> None:
    assert "Nothing was measured" in printed(tables.empty("numbers"))


def test_the_card_has_valid_front_matter_and_the_worst_first(
    record: Record, verdicts: tuple[Verdict, ...]
) -> None:
    text = card(record, ReportConfig(title="A | <b>model</b>", verdicts=verdicts))
    front = yaml.safe_load(text.split("---")[1])
    assert "sw" in front["language"]
    assert "no" not in [str(tag) for tag in front["language"] if tag is False]
    assert "# A \\| \\<b\\>model\\</b\\>" in text
    codes = re.findall(r"^\| [^|]+ \| ([a-z]{3}_[A-Z][a-z]{3}) \|", text, flags=re.M)
    assert codes == View(record).worst_first(Slice("accuracy", "world", "held_out"))
    assert "- FAILED: malformed" in text
    assert all(folder.fingerprint in text for folder in record.folders)


def test_the_card_of_a_run_without_scores(record: Record) -> None:
    bare = Record(record.folders, tables.empty("numbers"), tables.empty("answer"), record.dropped)
    assert "No scores were measured" in card(bare, ReportConfig())


def test_a_gate_on_a_card_cannot_smuggle_markup(record: Record) -> None:
    gate = Gate(measure="x", step="y", at_least=1)
    verdict = Verdict(gate=gate, holds=False, value=None, sentence="<img src=x> [a](b)")
    assert "<img" not in card(record, ReportConfig(verdicts=(verdict,))).replace("\\<img", "")
