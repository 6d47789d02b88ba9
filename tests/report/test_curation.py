"""The section of curation: the largest loss first, filters in their order, rows shown as what they are."""

from pathlib import Path

import polars as pl
import pytest

from page_tables import lines
from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder
from panlect.report.page import render
from panlect.report.record import Record, read
from panlect.report.settings import ReportConfig

CAME = {"arb_Arab": 1000, "eng_Latn": 2000}
LOST = {
    ("arb_Arab", "near_duplicate"): 300, ("arb_Arab", "top_2_gram"): 100, ("eng_Latn", "near_duplicate"): 50,
    ("eng_Latn", "unreadable"): 7,
}  # fmt: skip
STEPS = {"near_duplicate": "duplicates", "top_2_gram": "quality", "unreadable": "read"}
TEXT = "يولد جميع الناس أحرارًا"


class CuratedConfig(Config):
    """No settings."""


def sampled() -> pl.DataFrame:
    """Rows as curate draws them: two that stayed, and one for each reason."""
    rows = [
        {
            "kept": True,
            "step": "",
            "reason": "",
            "value": None,
            "threshold": None,
            "text": text,
            "language": code,
        }
        for code, text in (("arb_Arab", TEXT), ("eng_Latn", "born free"))
    ]
    rows += [
        {"kept": False, "step": STEPS[reason], "reason": reason, "value": 0.9, "threshold": 0.25, "language": code,
         "text": f"\u202e{TEXT} <script>x</script>" if code == "arb_Arab" else "buy now buy now"}
        for code, reason in LOST
    ]  # fmt: skip
    same = {"kind": "document", "source": "web", "place": "a:1", "characters": 9, "of_rows": 1234, "id": "1"}
    schema = {"value": pl.Float64, "threshold": pl.Float64}
    return pl.DataFrame([same | row for row in rows], schema_overrides=schema)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    with draft(tmp_path_factory.mktemp("run") / "text", "curate", 3, CuratedConfig(), []) as work:
        for unit, scale in (("rows", 1), ("bytes", 1000)):
            for code, count in CAME.items():
                kept = count - sum(number for (of, _), number in LOST.items() if of == code)
                # Pairs are counted apart from documents, with the language that they are translated from.
                work.number(f"{unit}_in", float(scale * (count - 100)), language=code, unit=unit)
                work.number(f"{unit}_in", 100.0 * scale, language=code, other_language="fra_Latn", unit=unit)
                work.number(f"{unit}_out", float(scale * kept), language=code, unit=unit)
            for (code, reason), number in LOST.items():
                work.number(f"{unit}_dropped", float(scale * number), language=code, group=reason, unit=unit)
        for code, share in (("arb_Arab", 0.8), ("eng_Latn", 0.3)):
            work.number("domain_share", share, language=code, group="bible", unit="share")
            work.number("domain_share", 1 - share, language=code, group="other", unit="share")
        work.number("source_bytes", 5e6, language="eng_Latn", group="web", unit="bytes")
        sampled().write_parquet(work.path / "samples.parquet")
    return work.folder


@pytest.fixture(scope="module")
def html(folder: Folder) -> str:
    page = render(read([folder]), ReportConfig(title="text"))
    return page.split('<section id="curation"')[1].split("</section>")[0]


def test_filters_stand_in_the_order_in_which_a_row_meets_them(html: str) -> None:
    table = lines(html, "What each filter set aside")
    assert [row[0] for row in table[1:]] == [
        "unreadable read",
        "top 2 gram quality",
        "near duplicate duplicates",
    ]
    assert table[3][1:] == ["350", "11.7\u00a0%", "350\u00a0kB", "2", "Arabic 30.0\u00a0%"]


def test_languages_lose_most_first_in_rows_and_bytes(html: str) -> None:
    table = lines(html, "Rows per language")
    assert table[0] == ["Language", "Came in", "Stayed", "Share", "read", "quality", "duplicates"]
    assert table[1][0].endswith("arb_Arab")
    assert table[1][1:] == [
        "1\u202f000 1\u00a0MB", "600 600\u00a0kB", "60.0\u00a0%", "–", "100 100\u00a0kB", "300 300\u00a0kB"
    ]  # fmt: skip
    assert "2\u202f543 of 3\u202f000 rows stayed (84.8\u00a0%), 2.54\u00a0MB of 3\u00a0MB of text" in html


def test_one_sided_languages_are_named(html: str) -> None:
    assert "In 1 language more than half of the text is “bible”: Arabic." in html
    assert lines(html, "Domains of the text")[1][1:] == ["80.0\u00a0%", "20.0\u00a0%"]
    assert lines(html, "Where the text that stayed is from")[1][:3] == ["web", "5\u00a0MB", "100.0\u00a0%"]


def test_rows_are_shown_with_reason_score_and_direction(html: str) -> None:
    assert f'<dd lang="ar" dir="rtl">{TEXT}</dd>' in html
    assert "duplicates: near duplicate" in html
    assert "✗ 0.9 (bound 0.25), 1 of 1\u202f234" in html


def test_rows_cannot_turn_or_script_the_page(html: str) -> None:
    """An override is shown by its code, and the row still runs from right to left, as most of its letters."""
    assert f'<dd lang="und" dir="rtl">[U+202E]{TEXT} &lt;script&gt;x&lt;/script&gt;</dd>' in html
    assert "\u202e" not in html


def test_counts_of_a_curation_are_no_scores(folder: Folder) -> None:
    page = render(read([folder]), ReportConfig())
    assert 'id="measures"' not in page
    assert 'id="training"' not in page


def test_a_folder_without_sampled_rows_has_its_counts(folder: Folder, tmp_path: Path) -> None:
    numbers = read([folder]).numbers
    html = render(Record((), numbers, read([]).answers, read([]).dropped), ReportConfig())
    assert "Rows per language" in html
    assert "Rows to look at" not in html
