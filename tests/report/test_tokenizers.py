"""The audit's section: languages worst first, tokenizers side by side, prices equal to the table's."""

from pathlib import Path

import pytest

from page_tables import lines
from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder
from panlect.report.page import render
from panlect.report.record import Record, read
from panlect.report.settings import ReportConfig

PREMIUMS = {
    "large": {"eng_Latn": 1.0, "swh_Latn": 1.4, "khm_Khmr": 3.5},
    "small": {"eng_Latn": 1.0, "swh_Latn": 1.6, "khm_Khmr": 2.5},
}


class AuditedConfig(Config):
    """The settings of the audit that the page reads."""

    reference: str = "eng_Latn"
    """The language that the others are compared with."""
    price_per_million_tokens: float = 3.0
    """What a provider takes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """An audit of two tokenizers; in N'Ko the small one knows almost nothing."""
    with draft(tmp_path_factory.mktemp("run") / "audit", "audit", 2, AuditedConfig(), []) as work:
        for name, premiums in PREMIUMS.items():
            for code, premium in premiums.items():
                same = {"step": name, "language": code, "count": 9}
                work.number("premium", premium, other_language="eng_Latn", unit="ratio", **same)
                work.number("price", 0.75 * premium, unit="per million characters", **same)
                kind = "character" if code == "khm_Khmr" else "word"
                work.number("fertility", 1.5 * premium, unit=f"tokens per {kind}", **same)
            work.number("premium", None, step=name, language="nqo_Nkoo", unit="excluded")
            work.number("unknown_tokens", 0.97, step=name, language="nqo_Nkoo", unit="share of tokens")
            work.number("parity", 1 / max(premiums.values()), step=name)
            work.number("vocabulary_share", 0.61, step=name, group="Latn", unit="share of ids")
        work.note(tokenizers={name: {"kind": "tokenizer.json", "size": 32000} for name in PREMIUMS})
        work.note(
            **{"advice for small": {"khm_Khmr": {"verdict": "extend", "reasons": ["dear <b>text</b>"]}}}
        )
    return work.folder


@pytest.fixture(scope="module")
def html(folder: Folder) -> str:
    page = render(read([folder]), ReportConfig(title="audit"))
    return page.split('<section id="tokenizers"')[1].split("</section>")[0]


def test_languages_come_worst_first_with_those_without_a_premium_before_all(html: str) -> None:
    table = lines(html, "The worst languages first")
    assert [row[0].split()[-1] for row in table[1:]] == ["nqo_Nkoo", "khm_Khmr", "swh_Latn", "eng_Latn"]
    assert table[2][2:6] == ["3.50\u00a0×", "● 2.50\u00a0×", "5.250 per character", "3.750 per character"]
    assert table[3][2:6] == ["● 1.40\u00a0×", "1.60\u00a0×", "2.100 per word", "2.400 per word"]
    assert table[4][2:4] == ["1.00\u00a0×", "1.00\u00a0×"], "none is best where both are the same"
    assert table[1][2] == "–"
    assert "more than a tenth of the tokens is unknown: N’Ko" in html.replace("&#39;", "’").replace("'", "’")


def test_prices_begin_with_the_reference_and_the_median(html: str) -> None:
    table = lines(html, "Price of a million characters at 3 per million tokens")
    assert [row[1:] for row in table[1:4]] == [["0.750", "0.750"], ["1.050", "1.200"], ["2.625", "1.875"]]


def test_each_tokenizer_has_a_line(html: str) -> None:
    table = lines(html, "Tokenizers over all languages")
    assert table[1][:5] == [
        "large tokenizer.json",
        "32\u202f000",
        "1.97\u00a0×",
        "3.50\u00a0× Khmer",
        "1 of 3",
    ]
    assert "“large”: 1 of 3 languages pay 2 times or more." in html


def test_advice_and_scripts_are_told_and_escaped(html: str) -> None:
    assert "dear &lt;b&gt;text&lt;/b&gt;" in html
    assert lines(html, "Share of each vocabulary")[1] == ["Latin", "61.0\u00a0%", "61.0\u00a0%"]


def test_a_tokenizers_figures_are_no_scores_of_a_model(folder: Folder) -> None:
    page = render(read([folder]), ReportConfig())
    assert 'id="measures"' not in page
    assert 'id="training"' not in page


def test_without_an_audit_the_section_says_what_it_needs(small: Record, tmp_path: Path) -> None:
    assert "<b>Tokenizers: what each language pays</b>: needs" in render(small, ReportConfig())
