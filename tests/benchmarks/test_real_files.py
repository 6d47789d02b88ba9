"""Every benchmark whose published files are at hand, read whole."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from panlect.benchmarks import benchmark, catalog
from panlect.benchmarks.coverage import coverage
from panlect.benchmarks.questions import faults

pytestmark = pytest.mark.real_data

FOLDERS = {
    "belebele": "seahelm/nlu/belebele_mcqa",
    "global_mmlu": "seahelm/knowledge/global_mmlu_lite",
    "xlsum": "seahelm/nlg/abstractive_summarization",
}


def rows_of(
    name: str, real_data: Path, languages: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], Counter[str]]:
    named = {name: str(real_data / FOLDERS[name])} if name in FOLDERS else {}
    reading = catalog.read(name, catalog.Places(named, str(real_data)), languages)
    kept, bad = faults(reading.rows, [name])
    assert not bad, bad[:3]
    found = benchmark(name)
    for row in kept[:: max(1, len(kept) // 200)]:
        asked = found.ask(row)
        assert asked is not None
        assert asked.context.strip() or all(a.strip() or b.strip() for a, b in asked.pairs())
        for variant in found.variants.values():
            assert variant(row) is not None
        if row["choices"]:
            assert 0 <= row["gold"] < len(row["choices"])
    return kept, Counter(row["reason"] for row in reading.dropped)


@pytest.mark.parametrize(
    ("name", "count", "languages", "items", "dropped"),
    [
        ("xcopa", 4100, 11, 700, 0),
        ("xwinograd", 2687, 4, 2687, 0),
        ("belebele", 3000, 6, 500, 0),
        ("global_mmlu", 1600, 4, 400, 0),
        ("xquad", 7140, 6, 1190, 0),
        ("mgsm", 1750, 7, 250, 0),
        ("xlsum", 180, 3, 180, 0),
        ("xsafety", 12799, 10, 1400, 1),
        ("bmlama", 39163, 51, 768, 5),
    ],
)
def test_counts(real_data: Path, name: str, count: int, languages: int, items: int, dropped: int) -> None:
    rows, reasons = rows_of(name, real_data)
    assert len(rows) == count
    assert len({row["language"] for row in rows}) == languages
    assert len({row["item"] for row in rows}) == items
    assert reasons.total() == dropped


def test_parallel_sets(real_data: Path) -> None:
    rows, _ = rows_of("flores", real_data, ("swh_Latn", "yor_Latn"))
    assert Counter((row["language"], row["group"]) for row in rows) == {
        (language, f"{way} eng_Latn"): 997
        for language in ("swh_Latn", "yor_Latn")
        for way in ("from", "into")
    }
    rows, _ = rows_of("flores_all", real_data, ("swh_Latn", "yor_Latn", "urd_Arab"))
    assert len(rows) == 6 * 997
    rows, reasons = rows_of("ntrex", real_data, ("yor_Latn", "eng_Latn"))
    assert len(rows) == 2 * 1020
    assert reasons["another file of the same language was taken"] == 6
    english = (real_data / "ntrex128/NTREX-128/newstest2019-src.eng.txt").read_text().splitlines()
    assert rows[0]["prompt"] == english[0] or rows[0]["answer"] == english[0]


def test_tatoeba(real_data: Path) -> None:
    rows, reasons = rows_of("tatoeba", real_data)
    languages = Counter(row["language"] for row in rows)
    assert len(languages) == 99
    assert languages["deu_Latn"] == 2 * 744
    assert reasons == {"unknown language": 1, "another file of the same language was taken": 1}


def test_mkqa(real_data: Path) -> None:
    rows, _ = rows_of("mkqa", real_data)
    assert len(rows) == 6 * 26
    assert {row["group"] for row in rows} == {"unanswerable", "entity", "date", "long_answer"}


def test_bmlama_candidates_match_by_place(real_data: Path) -> None:
    rows, _ = rows_of("bmlama", real_data, ("eng_Latn", "afr_Latn"))
    table = {(row["item"], row["language"]): row for row in rows}
    first = table["2", "eng_Latn"]
    assert first["choices"] == ["Venice", "Rome"]
    assert first["answer"] == "Rome"
    asked = benchmark("bmlama").ask(first)
    assert asked is not None
    assert asked.choices[1] == "Michelangelo died in Rome."
    for item in {row["item"] for row in rows}:
        sizes = {
            len(table[item, language]["choices"])
            for language in ("eng_Latn", "afr_Latn")
            if (item, language) in table
        }
        assert len(sizes) == 1


def test_thai_premises_keep_their_last_letter(real_data: Path) -> None:
    rows, _ = rows_of("xcopa", real_data, ("tha_Thai",))
    xcopa = benchmark("xcopa")
    lost = 0
    for row in rows:
        usual, corrected = xcopa.ask(row), xcopa.variants["corrected"](row)
        assert usual is not None
        assert corrected is not None
        assert corrected.context.startswith(row["premise"].strip().rstrip("."))
        lost += not usual.context.startswith(row["premise"].strip())
    assert lost == len(rows) == 100


def test_coverage_says_what_is_missing_and_why(real_data: Path) -> None:
    places = catalog.Places({}, str(real_data))
    table = {
        (line.benchmark, line.language): line
        for line in coverage(["xcopa", "mgsm", "xnli"], places, ["swh_Latn", "khm_Khmr", "jpn_Jpan"])
    }
    assert table["xcopa", "swh_Latn"].rows == 600
    assert table["xcopa", "khm_Khmr"].problem == "not published in this language"
    assert table["mgsm", "jpn_Jpan"].problem == "no rows in this language here"
    assert table["xnli", "swh_Latn"].problem == "the files of 'xnli' are not there"
    assert table["xnli", "jpn_Jpan"].problem == "not published in this language"
    assert table["mgsm", "swh_Latn"].licence == "CC-BY-4.0"
