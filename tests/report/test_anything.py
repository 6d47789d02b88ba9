"""Whatever numbers a run holds, its report is written: a page must not fail at the end of a long night."""

import io
import math
import random
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console

from panlect import tables
from panlect.report.card import card
from panlect.report.page import render
from panlect.report.record import Record, read, tidy
from panlect.report.settings import ReportConfig
from panlect.report.terminal import final_table

CHOICES = {
    "step": ["", "a", "b-101", "b-102", "c_<x>", "7"],
    "measure": [
        "accuracy",
        "chance",
        "off_target",
        "malformed",
        "empty",
        "rankc",
        "conductivity",
        "loss",
        "tokens_seen",
        "tokens_planned",
        "chrf",
        "bits_per_byte",
        "fertility",
        "share",
        "epochs",
        "strange",
        "gap",
        "choice_accuracy",
        "choice_chance",
        "margin",
    ],
    "benchmark": ["", "w"],
    "language": ["", "swh_Latn", "arb_Arab", "nonsense", "und_Zyyy", "hin_Deva"],
    "other_language": ["", "", "", "eng_Latn", "swh_Latn"],
    "group": [
        "",
        "held_out",
        "seen",
        "held_out, script=Arab",
        "step 10",
        "step 20",
        "component x",
        "tokens=5",
    ],
    "value": [0.0, 1.0, 0.5, -3.0, 1e12, math.nan, math.inf, 0.25],
    "low": [None, 0.1],
    "high": [None, 0.9],
    "count": [None, 0, 10],
    "unit": ["", "share", "rankc", "tokens"],
}
ANSWERS = {
    "step": CHOICES["step"],
    "benchmark": ["w"],
    "id": ["0", "1"],
    "item": ["1"],
    "language": CHOICES["language"][1:],
    "group": CHOICES["group"],
    "prompt": [None, "x"],
    "answer": [None, "", "y"],
    "verdict": [None, "correct", "scored", "zz"],
}


def rows(kind: str, choices: dict, count: int, draw: random.Random) -> pl.DataFrame:
    drawn = [{name: draw.choice(values) for name, values in choices.items()} for _ in range(count)]
    return pl.DataFrame(drawn, schema=dict(tables.SCHEMAS[kind]))


@pytest.mark.parametrize("seed", range(8))
def test_any_numbers_make_a_page_a_card_and_a_table(seed: int) -> None:
    draw = random.Random(seed)
    numbers = tidy(rows("numbers", CHOICES, draw.choice([1, 5, 40, 150]), draw))
    record = Record((), numbers, rows("answer", ANSWERS, draw.choice([0, 10]), draw), read([]).dropped)
    html = render(record, ReportConfig(title="any"))
    assert html.rstrip().endswith("</html>")
    assert "c_<x>" not in html
    assert card(record, ReportConfig()).startswith("---")
    Console(file=io.StringIO()).print(final_table(numbers))


def test_infinite_values_are_told() -> None:
    nothing = Record((), tables.empty("numbers"), tables.empty("answer"), read([]).dropped)
    html = render(replace(nothing, infinite=("base loss swh_Latn",)), ReportConfig())
    assert "<b>Infinite values</b>: needs a look at base loss swh_Latn." in html
