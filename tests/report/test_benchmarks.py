"""An evaluation of several benchmarks: what was asked where, and likelihood and answers in tables apart."""

import re
from pathlib import Path

import polars as pl
import pytest

from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder
from panlect.report.naming import named
from panlect.report.page import render
from panlect.report.record import read
from panlect.report.settings import ReportConfig
from panlect.report.view import Slice, View

COVERAGE = """benchmark,language,rows,problem
xcopa,swh_Latn,9,""
xcopa,nqo_Nkoo,0,not published in this language
mgsm,swh_Latn,7,""
mgsm,nqo_Nkoo,0,not published in this language
"""
URDU = "یہ ایک لمبا جملہ ہے"
MONGOLIAN = "ᠬᠦᠮᠦᠨ ᠪᠦᠷ"


class AskedConfig(Config):
    """No settings."""


def answers() -> pl.DataFrame:
    rows = [
        ("xcopa", "swh_Latn", "choose", "accuracy", "correct", "ndiyo", "ndiyo"),
        ("mgsm", "swh_Latn", "generate", "accuracy", "wrong", "\u2067\u202e42\u202c", "42"),
        ("ntrex", "urd_Arab", "generate", "chrf", "scored", URDU, URDU),
        ("ntrex", "heb_Hebr", "generate", "chrf", "scored", "I would rather not say", "אני לא יודע"),
        ("ntrex", "nqo_Nkoo", "generate", "chrf", "off_target", "NATO: " + URDU, "ߒߞߏ"),
        ("ntrex", "mvf_Mong", "generate", "chrf", "scored", MONGOLIAN, MONGOLIAN),
    ]
    return pl.DataFrame(
        [
            {
                "step": step, "benchmark": benchmark, "id": f"{benchmark}-{code}", "item": "1", "language": code, "group": "",
                "prompt": "A question, in English", "answer": answer, "verdict": verdict, "gold": gold, "form": form,
                "measure": measure, "purpose": "answer", "prompt_language": "eng_Latn",
            }
            for step in ("base", "chat")
            for benchmark, code, form, measure, verdict, answer, gold in rows
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    with draft(tmp_path_factory.mktemp("run") / "scores", "evaluate", 1, AskedConfig(), []) as work:
        work.write("answer", answers())
        (work.path / "coverage.csv").write_text(COVERAGE, encoding="utf-8")
        for step, level in (("base", 0.25), ("chat", 0.5)):
            for benchmark, group in (("xcopa", ""), ("mgsm", ""), ("world", "seen"), ("world", "held_out")):
                for code in ("swh_Latn", "tha_Thai"):
                    work.number("accuracy", level, step=step, benchmark=benchmark, group=group, language=code, unit="share")  # fmt: skip
                work.number("gap", level, step=step, benchmark=benchmark, group=group, unit="share")
            work.number("bits_per_byte", 1.5, step=step, benchmark="text", language="swh_Latn", unit="bits")
            work.number("malformed", 0.125, step=step, benchmark="mgsm", language="swh_Latn", unit="share")
        for benchmark in ("xcopa", "mgsm"):
            same = {"step": "chat", "benchmark": benchmark, "group": "versus=base"}
            work.number("difference", 0.25, low=0.1, high=0.4, unit="share", **same)
            work.number("languages_better", 1.0, count=2, unit="languages", **same)
    return work.folder


@pytest.fixture(scope="module")
def html(folder: Folder) -> str:
    return render(read([folder]), ReportConfig(title="asked"))


def tables(html: str) -> list[str]:
    """The text of every table on the page."""
    return [re.sub(r"<[^>]+>", " ", table) for table in re.findall(r"<table>(.*?)</table>", html, flags=re.S)]


def test_likelihood_and_answers_share_no_table(html: str) -> None:
    """But the table of how many questions were asked, which holds no scores."""
    together = [
        table for table in tables(html) if re.search(r"\bxcopa\b|Bits per byte", table) and "mgsm" in table
    ]
    assert [table.split(".")[0].strip() for table in together] == [
        "Questions asked per language and benchmark, the fewest first; where there are none, why"
    ]


def test_the_way_of_scoring_is_known_by_benchmark_and_measure(folder: Folder) -> None:
    view = View(read([folder]))
    assert view.way_of(Slice("accuracy", "xcopa", "")) == "likelihood"
    assert view.way_of(Slice("accuracy", "mgsm", "")) == "generated"
    assert view.way_of(Slice("bits_per_byte", "mgsm", "")) == "likelihood"
    assert view.way_of(Slice("accuracy", "world", "seen")) == ""
    assert [part.benchmark for part in view.main_slices] == ["xcopa", "mgsm"]


def test_coverage_says_how_many_and_why_none(html: str) -> None:
    part = html.split("<caption>Questions asked")[1].split("</table>")[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", part)]
    table = [tuple(cells[place : place + 4]) for place in range(0, 12, 4)]
    assert table[0] == ("Language", "xcopa", "mgsm", "Together")
    assert table[1][1:] == ("– not published", "– not published", "0")
    assert table[2][1:] == ("9", "7", "16")
    assert "Nothing was asked in 1 language: N" in html


def test_every_language_shows_a_sample_though_one_benchmark_leads(html: str) -> None:
    part = html.split('<section id="samples"')[1].split("</section>")[0]
    codes = re.findall(r"<small>([a-z]{3}_[A-Z][a-z]{3}), (\w+)</small>", part)
    assert dict(codes) == {
        "swh_Latn": "mgsm", "urd_Arab": "ntrex", "heb_Hebr": "ntrex", "nqo_Nkoo": "ntrex", "mvf_Mong": "ntrex"
    }  # fmt: skip


def test_answers_run_in_their_own_direction(html: str) -> None:
    """An English answer to a Hebrew question runs from left to right; one that begins with NATO, to the left."""
    assert f'<dd lang="ur" dir="rtl">{URDU}</dd>' in html
    assert '<dd lang="und" dir="ltr">I would rather not say</dd>' in html
    assert f'<dd lang="und" dir="rtl">NATO: {URDU}</dd>' in html
    assert f'<dd lang="{named("mvf_Mong").lang}" dir="ltr">{MONGOLIAN}</dd>' in html
    assert '<p class="question" lang="en" dir="ltr">A question, in English</p>' in html


def test_no_character_turns_the_page(html: str) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", html)


def test_the_page_is_well_formed(html: str, tmp_path: Path) -> None:
    """Every element that opens closes, in order; nothing is nested that HTML does not nest."""
    void = {"meta", "br", "img", "hr", "input", "link"}
    stack: list[str] = []
    body = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.S)
    for closing, tag, rest in re.findall(r"<(/?)([a-z][a-z0-9]*)((?:[^>\"]|\"[^\"]*\")*)>", body):
        if closing:
            assert stack.pop() == tag
        elif tag not in void and not rest.endswith("/"):
            if tag in {"table", "div", "ul", "dl", "section", "figure", "p"}:
                assert "p" not in stack
            stack.append(tag)
    assert stack == []
