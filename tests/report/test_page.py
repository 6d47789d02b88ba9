"""The page shows the exact numbers, worst first, escapes everything and loads nothing."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from panlect import tables
from panlect.errors import FolderError
from panlect.folder import External, Folder
from panlect.gates import Verdict
from panlect.report.page import page, render, report
from panlect.report.record import Record, read, tidy
from panlect.report.settings import ReportConfig
from panlect.report.view import Slice, View
from panlect.report.wording import measure

HELD_OUT = Slice("accuracy", "world", "held_out")
HELD_OUT_ROWS = (pl.col("measure") == "accuracy") & (pl.col("group") == "held_out")


class Elements(HTMLParser):
    """Collects the tags with their attributes, and the text of cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def rows(html: str, section: str) -> list[list[str]]:
    """The text of the first table of a section, cell by cell."""
    part = html.split(f'<section id="{section}"')[1].split("</table>")[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", part)
    ]


def test_the_worst_languages_come_first_with_their_exact_values(html: str, record: Record) -> None:
    view = View(record)
    scores = view.scores(HELD_OUT)
    worst = sorted({code for _, code in scores if code}, key=lambda code: scores["aligned", code].value)
    table = rows(html, "worst")
    assert table[0][:5] == ["Language", "Script", "base", "chat", "aligned"]
    assert table[1][0].startswith("All languages")
    for place, code in enumerate(worst[:10]):
        row = table[2 + place]
        assert code in row[0]
        score = scores["aligned", code]
        assert f"{100 * score.value:.1f}\u00a0%" in row[4]
        assert f"{100 * score.low:.1f}–{100 * score.high:.1f}" in row[4]
        assert "n 48" in row[4]


def test_more_digits_than_shown_are_kept_for_sorting(html: str, record: Record) -> None:
    value = View(record).scores(HELD_OUT)["aligned", "yor_Latn"].value
    assert f'data-sort="{value:.6g}"' in html


def test_gates_come_with_their_threshold_and_failures_first(html: str, verdicts: tuple[Verdict, ...]) -> None:
    table = rows(html, "verdict")
    assert table[1] == ["■ failed", verdicts[1].sentence]
    assert table[2][0] == "● holds"
    assert "(needed ≥ 0.75)" in table[2][1]
    assert "1 of 2 gates failed." in html


def test_sections_stand_in_the_agreed_order(html: str) -> None:
    assert re.findall(r'<section id="([a-z]+)"', html) == [
        "verdict", "worst", "languages", "transfer", "consistency", "outcomes", "measures", "groups", "tokens",
        "training", "samples", "mixture", "dropped", "manifest", "missing",
    ]  # fmt: skip


def test_chance_stands_beside_accuracy_and_consistency(html: str) -> None:
    assert "guessing: 16.3\u00a0%" in html
    assert "chance 0.377, in the first colour" in html


def test_samples_carry_their_language_and_direction(html: str) -> None:
    assert '<p class="question" lang="ar" dir="rtl">ما عملة السنغال؟</p>' in html
    assert '<dd lang="am" dir="ltr">የምዕራብ አፍሪካ ሴኤፍአ ፍራንክ</dd>' in html
    assert '<bdi lang="ar" dir="rtl">فرنك غرب أفريقي</bdi>' in html
    assert '<dd lang="und" dir="ltr">franc CFA</dd>' in html, "an answer in an unknown language says so"
    assert re.search(r'<bdi class="own" lang="ar" dir="rtl">العربية</bdi>', html)


def test_no_letter_of_another_script_is_without_a_language(html: str) -> None:
    """Every text with letters outside Latin, Greek and punctuation sits in an element with lang and dir."""
    body = re.sub(r"<(style|script)\b.*?</\1>|<pre.*?</pre>|<svg.*?</svg>", "", html, flags=re.S)
    body = re.sub(r'<(\w+)[^>]*\blang="(?!en")[^"]*" dir="[a-z]+"[^>]*>.*?</\1>', "", body, flags=re.S)
    assert re.findall(r"[\u0530-\u1fff\u2c80-\ud7ff\uf900-\ufdff]+", body) == []


def test_text_is_data(html: str) -> None:
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    assert html.count("<script>") == 1
    assert "alert('x')" not in html


def test_nothing_is_loaded(html: str) -> None:
    elements = Elements(html)
    for tag, attributes in elements.found:
        assert tag not in {
            "link",
            "iframe",
            "object",
            "embed",
            "img",
            "image",
            "audio",
            "video",
            "use",
            "source",
        }, tag
        for name in ("src", "srcset", "data", "poster", "action", "xlink:href", "background"):
            assert name not in attributes, (tag, name)
        assert not (attributes.get("href") or "#").startswith(("http", "//", "file")), attributes
    assert not re.search(r"https?:|@import|url\((?!#)", html)


def test_the_policy_allows_the_one_script_and_no_request(html: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    script = re.search(r"<script>(.*?)</script>", html, flags=re.S)
    assert policy
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in policy[1]
    assert f"sha256-{digest}".replace("+", "&#43;") in policy[1] or f"sha256-{digest}" in policy[1]


def test_the_page_is_light(html: str) -> None:
    assert len(html.encode()) < 3_000_000


def test_headings_tables_and_ids_are_accessible(html: str) -> None:
    elements = Elements(html)
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in elements.found]
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in elements.found if tag == "th")
    assert all(attributes.get("aria-label") for tag, attributes in elements.found if tag == "svg")
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def contrast(first: str, second: str) -> float:
    """The WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_has_contrast_in_both_schemes(html: str) -> None:
    style = re.search(r"<style>(.*?)</style>", html, flags=re.S)
    assert style
    schemes = re.findall(r":root \{(.*?)\}", style[1], flags=re.S)[:2]
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", scheme))
        for text in ("ink", "faint", "accent", "good", "fair", "poor"):
            for ground in ("ground", "raised", "bar"):
                if (text, ground) in {("good", "bar"), ("fair", "bar"), ("poor", "bar"), ("accent", "bar")}:
                    continue  # there they colour a sign, not a text
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for series in range(1, 7):
            assert contrast(colours[f"series-{series}"], colours["ground"]) >= 3, series


def test_the_same_input_gives_the_same_page(small: Record) -> None:
    config = ReportConfig(title="twice")
    assert render(small, config) == render(small, config)


def test_missing_parts_are_listed() -> None:
    empty = Record((), tables.empty("numbers"), tables.empty("answer"), read([]).dropped)
    html = render(empty, ReportConfig(title="nothing"))
    missing = html.split('<section id="missing"')[1]
    for title in (
        "Worst languages",
        "Consistency between languages",
        "Samples",
        "Training",
        "Mixture",
        "Tokens",
    ):
        assert f"<b>{title}" in missing, title
    assert 'id="worst"' not in html


def test_a_training_step_alone_makes_a_page(folders: list[Folder]) -> None:
    html = render(read([folders[2]]), ReportConfig())
    assert re.findall(r'<section id="([a-z]+)"', html) == ["tokens", "training", "manifest", "missing"]
    assert "<title>base · Panlect report</title>" in html


def test_translation_scores_lead_where_there_is_no_accuracy(small: Record) -> None:
    rows_ = small.numbers.filter(HELD_OUT_ROWS).with_columns(
        measure=pl.lit("chrf"), value=100 * pl.col("value")
    )
    record = Record((), tidy(rows_), tables.empty("answer"), small.dropped)
    view = View(record)
    assert view.leading == Slice("chrf", "world", "held_out")
    html = render(record, ReportConfig(title="translation"))
    assert "Every language: chrF" in html
    assert "are good (●" not in html, "thresholds are for shares"


def test_lower_is_better_for_bits_per_byte(small: Record) -> None:
    rows_ = small.numbers.filter(HELD_OUT_ROWS).with_columns(measure=pl.lit("bits_per_byte"))
    view = View(Record((), tidy(rows_), tables.empty("answer"), small.dropped))
    assert view.leading is not None
    worst = view.worst_first(view.leading)
    values = [view.scores(view.leading)["aligned", code].value for code in worst]
    assert values == sorted(values, reverse=True)


def test_names_of_steps_and_runs_are_text(small: Record) -> None:
    name = 'x"><script>alert(1)</script>'
    numbers = small.numbers.with_columns(step=small.numbers["step"].replace("base", name))
    html = render(
        Record((), numbers, tables.empty("answer"), small.dropped), ReportConfig(title=name, description=name)
    )
    assert html.count("<script>") == 1


def test_report_writes_a_folder_with_page_and_card(folders: list[Folder], tmp_path: Path) -> None:
    made = report(folders, tmp_path / "report", ReportConfig(title="planted"))
    assert (made.path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "# planted" in (made.path / "card.md").read_text(encoding="utf-8")
    assert made.manifest["stage"] == "report"
    assert set(made.manifest["files"]) >= {"report.html", "card.md"}


def test_without_folders_there_is_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nothing to report on"):
        report([External("some/model")], tmp_path / "report", ReportConfig())
    assert not (tmp_path / "report").exists()


def test_dropped_rows_are_counted_per_reason(html: str) -> None:
    assert rows(html, "dropped")[1:] == [
        ["world", "document", "repeated line", "1"],
        ["world", "document", "too short", "1"],
    ]


def test_the_manifest_names_settings_and_fingerprints(html: str, folders: list[Folder]) -> None:
    for folder in folders:
        assert folder.fingerprint in html
    assert "&#34;seed&#34;: 7" in html
    assert "Unicode-3.0" in html


def test_an_empty_page_is_still_a_page() -> None:
    assert "<h1>none</h1>" in page("none", "", sections=[])


def test_every_measure_is_on_the_page_even_between_two_languages(small: Record) -> None:
    rows_ = small.numbers.filter(HELD_OUT_ROWS & (pl.col("language") == "arb_Arab")).with_columns(
        measure=pl.lit("chrf"), other_language=pl.lit("eng_Latn"), value=pl.lit(12.34), unit=pl.lit("points")
    )
    record = Record((), pl.concat([small.numbers, rows_]), tables.empty("answer"), small.dropped)
    html = render(record, ReportConfig())
    assert "chrF, world: held out, between two languages: 1 pair" in html
    assert "12.3" in html
    shown = {name for name in record.numbers["measure"].unique() if name not in {"chance", "rankc_chance"}}
    titles = {measure(name).title.lower() for name in shown}
    assert [title for title in titles if title not in html.lower()] == []


def test_two_leading_measures_are_both_open_and_in_tables_of_their_own(small: Record) -> None:
    bits = small.numbers.filter(HELD_OUT_ROWS).with_columns(
        measure=pl.lit("bits_per_byte"), unit=pl.lit("bits")
    )
    record = Record((), tidy(pl.concat([small.numbers, bits])), tables.empty("answer"), small.dropped)
    html = render(record, ReportConfig())
    assert "<h3>Bits per byte, world: held out</h3>" in html
    assert "Bits per byte</th>" not in html, "a likelihood shares no table with answers"


def test_a_translation_shows_its_source_in_its_own_language(small: Record) -> None:
    row = {
        "step": "aligned", "benchmark": "flores", "id": "1", "item": "1", "language": "arb_Arab", "group": "from hin_Deva",
        "prompt": "नमस्ते", "answer": "مرحبا", "verdict": "scored", "gold": "مرحبا", "score": 41.26, "measure": "chrf",
    }  # fmt: skip
    html = render(Record((), small.numbers, pl.DataFrame([row]), small.dropped), ReportConfig())
    assert '<p class="question" lang="hi" dir="ltr">नमस्ते</p>' in html
    assert "· chrF 41.3</span>" in html


def test_of_several_seeds_one_training_is_shown_and_the_others_are_named(small: Record) -> None:
    trained = small.numbers.filter(pl.col("measure").is_in(["tokens_seen", "tokens_planned", "loss"]))
    seeds = [trained.with_columns(step=pl.lit(f"base-{seed}")) for seed in (101, 102, 103)]
    html = render(Record((), pl.concat(seeds), tables.empty("answer"), small.dropped), ReportConfig())
    part = html.split('<section id="tokens"')[1].split("</section>")[0]
    assert "holds the others: base-102, base-103." in part
    assert part.count("<table>") == 1


def test_left_out_languages_have_their_own_outcomes(small: Record) -> None:
    keep = pl.col("language").is_in(["eng_Latn", "hin_Deva"])
    seen = small.numbers.filter((pl.col("measure") == "tokens_seen") & keep).with_columns(step=pl.lit("chat"))
    others = small.numbers.filter(pl.col("measure") != "tokens_seen")
    html = render(
        Record((), pl.concat([others, seen]), tables.empty("answer"), small.dropped), ReportConfig()
    )
    part = html.split('<section id="outcomes"')[1].split("</section>")[0]
    scores = View(small).scores(HELD_OUT)
    unread = [code for step, code in scores if step == "aligned" and code not in {"", "eng_Latn", "hin_Deva"}]
    mean = sum(scores["aligned", code].value for code in unread) / len(unread)
    row = re.search(r"aligned: 4 languages not read</th>(.*?)</tr>", part)
    assert row
    assert f"{100 * mean:.1f}\u00a0%" in row[1]


def test_a_study_shows_every_seed_the_mean_and_the_difference() -> None:
    rows_ = [
        {"step": f"{arm}-{seed}", "language": language, "value": level + gap}
        for arm, level in (("chat", 0.7), ("control", 0.1))
        for seed, gap in ((101, 0.0), (102, 0.1), (103, 0.2))
        for language in ("", "swh_Latn", "yor_Latn")
    ]
    numbers = pl.DataFrame(rows_).with_columns(
        measure=pl.lit("accuracy"), benchmark=pl.lit("world"), other_language=pl.lit(""), group=pl.lit("held_out"),
        low=pl.lit(None), high=pl.lit(None), count=pl.lit(None), unit=pl.lit("share"),
    )  # fmt: skip
    html = render(Record((), tidy(numbers), tables.empty("answer"), read([]).dropped), ReportConfig())
    study = html.split('<section id="transfer"')[1].split("</section>")[0].split("<table>")[2]
    assert '<th scope="col" class="n">seed 102</th>' in study
    cells = {
        arm: re.findall(r"[\d.]+\u00a0%|[+−][\d.]+ points", row)
        for arm, row in re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', study)
    }
    assert cells["chat"] == ["70.0\u00a0%", "80.0\u00a0%", "90.0\u00a0%", "80.0\u00a0%"]
    assert cells["control"] == ["10.0\u00a0%", "20.0\u00a0%", "30.0\u00a0%", "20.0\u00a0%", "−60.0 points"]


def test_paired_differences_are_one_table_and_not_one_per_pair(small: Record) -> None:
    same = {
        "step": "chat",
        "benchmark": "world",
        "other_language": "",
        "group": "held_out, versus=base",
        "count": 9,
    }
    gaps = [
        ("", 0.3, 0.2, 0.4),
        ("arb_Arab", 0.2, 0.1, 0.3),
        ("hin_Deva", -0.2, -0.3, -0.1),
        ("yor_Latn", 0, -1, 1),
    ]
    rows_ = [
        {
            **same,
            "measure": "difference",
            "language": code,
            "value": value,
            "low": low,
            "high": high,
            "unit": "share",
        }
        for code, value, low, high in gaps
    ]
    rows_ += [
        {**same, "measure": "p_value", "language": "", "value": 0.012, "low": None, "high": None, "unit": ""}
    ]
    rows_ += [
        {**same, "measure": name, "language": "", "value": value, "low": None, "high": None, "count": 3}
        for name, value in (("languages_better", 1.0), ("languages_worse", 2.0))
    ]
    added = pl.DataFrame(rows_, schema=dict(tables.SCHEMAS["numbers"]))
    html = render(
        Record((), tidy(pl.concat([small.numbers, added])), tables.empty("answer"), small.dropped),
        ReportConfig(),
    )
    part = html.split("Models against each other")[1].split("</table>")[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", part)]
    assert cells[7:] == [
        "chat",
        "base",
        "world: held out",
        "+30.0 points +20.0 to +40.0",
        "0.012",
        "1 of 3",
        "2 of 3",
    ]
    assert "versus=" not in html


def test_each_training_has_a_line_of_what_it_ended_with(small: Record) -> None:
    same = {"step": "base", "benchmark": "", "language": "", "other_language": "", "group": "", "count": None}
    ends = {"loss": 1.234, "policy_loss": -0.5, "memory_bytes": 2.5e9, "mfu": 0.31}
    rows_ = [
        {**same, "measure": name, "value": value, "low": None, "high": None, "unit": ""}
        for name, value in ends.items()
    ]
    added = pl.DataFrame(rows_, schema=dict(tables.SCHEMAS["numbers"]))
    numbers = tidy(pl.concat([small.numbers, added]))
    html = render(Record((), numbers, tables.empty("answer"), small.dropped), ReportConfig())
    table = rows(html, "training")
    assert table[0] == ["Training", "Loss", "Loss of the policy", "Memory", "Use of the device"]
    assert table[1] == ["base", "1.234", "-0.500", "2.5\u00a0GB", "31.00\u00a0%"]
