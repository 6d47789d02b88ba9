"""What a curated folder says of what went in and came out: numbers per language and filter, and random rows."""

import json
from pathlib import Path

import polars as pl

from panlect.config import check
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate

KEEP = {"unknown_licence": "keep", "lost_languages": "allow"}


def run(path: Path, out: Path, **settings: object) -> Folder:
    return curate([External(str(path))], out, check(CurateConfig, KEEP | settings, where="test"))


def corpus(path: Path) -> Path:
    """Ten Swahili sentences twice, one of spam, one that cannot be read; two Hausa sentences, one of them long."""
    swahili = [f"Soko namba {n} la mji hufunguliwa saa moja asubuhi kila siku." for n in range(10)]
    rows = [("sw", text, "web") for text in [*swahili, *swahili, "nunua sasa " * 50]]
    rows += [
        ("ha", "Kasuwa tana buɗewa da safe.", "bible-nt"),
        ("ha", "Kasuwa " + "ta Kano " * 3 + "a" * 400, "hawiki"),
    ]
    lines = [json.dumps({"text": text, "language": code, "source": source}) for code, text, source in rows]
    path.write_text("\n".join([*lines, '{"text": "cut o']) + "\n", encoding="utf-8")
    return path


def value(folder: Folder, measure: str, language: str, group: str = "") -> float:
    rows = folder.numbers().filter(measure=measure, language=language, group=group, other_language="")
    assert rows.height == 1, (measure, language, group)
    return float(rows["value"][0])


def test_rows_and_bytes_in_are_those_out_and_those_set_aside_by_each_filter(tmp_path):
    folder = run(corpus(tmp_path / "rows.jsonl"), tmp_path / "out", quality={"sets": ["panlect"]})
    assert value(folder, "rows_in", "swh_Latn") == 21
    assert value(folder, "rows_out", "swh_Latn") == 10
    assert value(folder, "rows_dropped", "swh_Latn", "exact_duplicate") == 10
    spam = len("nunua sasa " * 50)
    assert value(folder, "bytes_dropped", "swh_Latn", "top_2_gram") == spam
    kept = folder.table("document").filter(language="swh_Latn")["text"].str.len_bytes().sum()
    assert value(folder, "bytes_out", "swh_Latn") == kept
    assert value(folder, "bytes_in", "swh_Latn") == 2 * kept + spam
    assert value(folder, "rows_dropped", "und_Zyyy", "invalid_json") == 1


def test_random_rows_of_every_language_and_reason_are_kept_with_their_score(tmp_path):
    path = corpus(tmp_path / "rows.jsonl")
    folder = run(path, tmp_path / "out", quality={"sets": ["panlect"]})
    samples = pl.read_parquet(folder.path / "samples.parquet")
    swahili = samples.filter(language="swh_Latn")
    assert swahili["reason"].to_list() == ["", "", "", *["exact_duplicate"] * 3, "top_2_gram"]
    assert swahili["of_rows"].to_list() == [10] * 3 + [10] * 3 + [1]
    spam = swahili.row(6, named=True)
    assert spam["value"] > spam["threshold"] == 0.4
    assert (spam["step"], spam["kept"], spam["place"]) == ("quality", False, "rows.jsonl:21")
    long = samples.filter(source="hawiki").row(0, named=True)
    assert long["characters"] == len("Kasuwa " + "ta Kano " * 3) + 400
    assert len(long["text"]) == 301
    # Not the first rows, and the same ones again.
    assert swahili["place"].to_list()[:3] != ["rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"]
    again = run(path, tmp_path / "again", quality={"sets": ["panlect"]})
    assert (again.path / "samples.parquet").read_bytes() == (folder.path / "samples.parquet").read_bytes()


def test_pairs_have_samples_and_numbers_of_both_languages(tmp_path):
    (tmp_path / "corpus.sw").write_text("Soko limefunguliwa.\nHabari\nHabari\n", encoding="utf-8")
    (tmp_path / "corpus.en").write_text("The market is open.\nHabari\nHabari\n", encoding="utf-8")
    rule = {"files": "*.sw", "language": "swh", "other_side": "en", "other_language": "eng"}
    folder = run(tmp_path / "corpus.sw", tmp_path / "out", files=[rule], pairs={"check": True})
    numbers = folder.numbers().filter(language="eng_Latn", other_language="swh_Latn")
    found = {
        (m, g): v for m, g, v in numbers.select("measure", "group", "value").iter_rows() if m[:4] == "rows"
    }
    assert found["rows_in", ""] == 3
    assert found["rows_out", ""] == 1
    assert sum(v for (m, _), v in found.items() if m == "rows_dropped") == 2
    samples = pl.read_parquet(folder.path / "samples.parquet")
    assert samples.filter(kept=True)["text"].to_list() == ["Soko limefunguliwa. ⇥ The market is open."]


def test_sources_and_domains_of_each_language(tmp_path):
    path = corpus(tmp_path / "rows.jsonl")
    folder = run(path, tmp_path / "out")
    short, long = len("Kasuwa tana buɗewa da safe.".encode()), len("Kasuwa " + "ta Kano " * 3) + 400
    assert value(folder, "source_bytes", "hau_Latn", "hawiki") == long
    assert value(folder, "domain_share", "hau_Latn", "bible") == short / (short + long)
    assert value(folder, "domain_share", "hau_Latn", "wikipedia") == long / (short + long)
    assert value(folder, "domain_share", "swh_Latn", "other") == 1
    card = {"source": "web", "domain": "blogs"}
    said = run(path, tmp_path / "said", cards=[card])
    assert value(said, "domain_share", "swh_Latn", "blogs") == 1
