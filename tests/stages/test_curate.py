"""`curate`: rows in, tables out, nothing lost; the same bytes whatever the workers, and after a kill."""

import json
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.errors import ConfigError, DataError, FolderError
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate

LANGUAGES = {
    "en": "The market opens at seven in the morning, sentence {}.",
    "sw": "Soko hufunguliwa saa moja asubuhi, sentensi {}.",
    "th": "ตลาดเปิดเจ็ดโมงเช้า ประโยค {}",
    "ur": "بازار صبح سات بجے کھلتا ہے، جملہ {}",
}


def config(**settings: object) -> CurateConfig:
    return check(CurateConfig, {"unknown_licence": "keep"} | settings, where="test")


def write_aligned(path: Path, rows: int = 200) -> Path:
    lines = [f"{code}\tnews\t{text.format(i)}\n" for code, text in LANGUAGES.items() for i in range(rows)]
    lines += [f"en\tother\t{LANGUAGES['en'].format(3)}\n", "sw\tother\tSentensi nyingine kabisa.\n"]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def run(path: Path, out: Path, **settings: object) -> Folder:
    return curate([External(str(path))], out, config(**settings))


COLUMNS = {"files": [{"columns": ["language", "source", "text"]}]}


def test_rows_keep_their_order_language_source_and_licence(tmp_path):
    path = write_aligned(tmp_path / "rows.tsv", rows=2)
    folder = run(path, tmp_path / "out", **COLUMNS, cards=[{"source": "news", "licence": "CC0-1.0"}])
    rows = folder.table("document")
    assert rows["language"].to_list() == ["eng_Latn"] * 2 + ["swh_Latn"] * 2 + ["tha_Thai"] * 2 + [
        "urd_Arab"
    ] * 2 + [
        "eng_Latn",
        "swh_Latn",
    ]
    assert rows["licence"].to_list() == ["CC0-1.0"] * 8 + ["unknown"] * 2
    assert rows["text"][2] == LANGUAGES["sw"].format(0)
    assert rows["place"][2] == "rows.tsv:3"
    assert rows["id"].n_unique() == 10
    assert folder.manifest["notes"]["licences"] == ["CC0-1.0", "unknown"]
    assert folder.manifest["counts"]["document"]["tha_Thai"]["rows"] == 2


def test_exact_duplicates_go_to_dropped_with_reason_or_stay(tmp_path):
    path = tmp_path / "rows.jsonl"
    texts = ["Same text", "same  TEXT\n", "other", "Same text"]
    path.write_text("".join(json.dumps({"text": t, "language": "en"}) + "\n" for t in texts))
    folder = run(path, tmp_path / "out")
    assert folder.table("document")["text"].to_list() == ["Same text", "other"]
    assert folder.dropped()["reason"].to_list() == ["exact_duplicate"] * 2
    assert folder.dropped()["place"].to_list() == ["rows.jsonl:2", "rows.jsonl:4"]
    kept = run(path, tmp_path / "kept", exact_duplicates="keep").table("document")
    assert kept["text"].to_list() == texts
    assert kept["id"].n_unique() == 4


def test_the_same_text_in_two_languages_is_a_duplicate_only_if_asked(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "Taxi", "language": "en"}\n{"text": "taxi", "language": "sw"}\n')
    assert run(path, tmp_path / "a").table("document").height == 2
    across = run(path, tmp_path / "b", exact_duplicates="drop_across_languages", lost_languages="allow")
    assert across.table("document")["language"].to_list() == ["eng_Latn"]


def test_aligned_rows_become_pairs_and_are_held_out_in_all_languages_at_once(tmp_path):
    path = write_aligned(tmp_path / "rows.tsv")
    folder = run(
        path, tmp_path / "out", **COLUMNS, aligned=[{"source": "news", "rows": 200}], held_out_share=0.1
    )
    questions, pairs, documents = folder.table("question"), folder.table("pair"), folder.table("document")
    texts = questions.filter(pl.col("benchmark") == "held_out_text")
    items = texts.filter(pl.col("source") == "news").group_by("item").agg(pl.col("language").n_unique())
    assert 8 <= items.height <= 34
    assert set(items["language"]) == {4}
    assert pairs.height == 3 * (200 - items.height)
    for row in pairs.sample(20, seed=1).iter_rows(named=True):
        left, right = row["source_text"], row["target_text"]
        assert [c for c in left if c.isdigit()] == [c for c in right if c.isdigit()]
        assert row["source_language"] == "eng_Latn"
    # Nothing that is asked later occurs in what is trained on, not even from another source.
    seen = set(documents["text"]) | set(pairs["source_text"]) | set(pairs["target_text"])
    assert not seen & set(texts["answer"])
    translations = questions.filter(pl.col("benchmark") == "held_out_translation")
    assert translations.height == 2 * 3 * items.height
    assert set(translations["prompt_language"]) == {"eng_Latn", "swh_Latn", "tha_Thai", "urd_Arab"}


def test_a_duplicate_of_a_held_out_text_is_not_trained_on(tmp_path):
    path = write_aligned(tmp_path / "rows.tsv")
    settings = COLUMNS | {"aligned": [{"source": "news", "rows": 200}], "held_out_share": 0.5}
    folder = run(path, tmp_path / "out", **settings, exact_duplicates="keep")
    held = set(folder.table("question").filter(pl.col("benchmark") == "held_out_text")["answer"])
    assert not held & set(folder.table("document")["text"])
    reasons = folder.dropped()
    assert set(reasons["reason"]) <= {"same_as_held_out"}


def test_a_language_whose_rows_do_not_add_up_is_not_aligned(tmp_path):
    path = tmp_path / "rows.tsv"
    write_aligned(path, rows=10)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    del lines[12]  # one Swahili row: everything behind it would be shifted
    path.write_text("".join(lines), encoding="utf-8")
    folder = run(path, tmp_path / "out", **COLUMNS, aligned=[{"source": "news", "rows": 10}])
    assert set(folder.table("pair")["target_language"]) == {"tha_Thai", "urd_Arab"}
    assert "swh_Latn: 9 rows are no multiple of 10" in (folder.path / "log.txt").read_text()


def test_unknown_and_unwanted_languages_are_set_aside(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [("good", "en"), ("bonjour", "fr"), ("what", ""), ("hm", "qqqqx"), ("habari", "sw")]
    path.write_text("".join(json.dumps({"text": t, "language": c}) + "\n" for t, c in rows))
    folder = run(path, tmp_path / "out", languages=["en", "swahili"])
    assert folder.table("document")["language"].to_list() == ["eng_Latn", "swh_Latn"]
    dropped = dict(folder.dropped().select("text", "reason").iter_rows())
    assert dropped == {"bonjour": "other_language", "what": "no_language", "hm": "no_language"}
    mapped = run(path, tmp_path / "mapped", language_map={"qqqqx": "fr", "": "en"})
    assert mapped.table("document").height == 5


def test_languages_come_from_a_setting_or_the_path(tmp_path):
    for code in ("yor_Latn", "tha_Thai"):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / f"{code}.dev").write_text(f"text of {code}\n")
    assert set(run(tmp_path / "dev", tmp_path / "a").table("document")["language"]) == {
        "yor_Latn",
        "tha_Thai",
    }
    fixed = run(
        tmp_path / "dev", tmp_path / "b", files=[{"files": "*yor*", "language": "ig"}, {"layout": "skip"}]
    )
    assert fixed.table("document")["language"].to_list() == ["ibo_Latn"]
    (tmp_path / "pl").mkdir()
    (tmp_path / "pl" / "sentences.txt").write_text("Dzień dobry\n")
    pattern = run(
        tmp_path / "pl", tmp_path / "c", files=[{"language_pattern": r"(?P<language>[a-z]{2})/sent"}]
    )
    assert pattern.table("document")["language"].to_list() == ["pol_Latn"]


def test_moses_sides_are_read_once_and_held_out(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.en").write_text("".join(f"line {i}\n" for i in range(300)))
    (tmp_path / "c" / "x.sw").write_text("".join(f"mstari {i}\n" for i in range(300)))
    rule = {"files": "*.sw", "language": "sw", "other_side": "en"}
    folder = run(tmp_path / "c", tmp_path / "out", files=[rule], held_out_share=0.1)
    held = folder.table("question")
    assert folder.table("pair").height + held.height // 2 == 300
    assert 10 < held.height // 2 < 60
    assert "document" not in folder.kinds


def test_mistakes_are_explained(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("no language here\n")
    with pytest.raises(DataError, match="no row was kept: set aside 1 for no_language") as caught:
        run(path, tmp_path / "out")
    assert "corpus.sw.txt" in caught.value.fix
    with pytest.raises(ConfigError, match="no language is called 'xx-nothing'"):
        run(path, tmp_path / "out", languages=["xx-nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="no files"):
        run(tmp_path / "empty", tmp_path / "out")
    path.write_text("")
    with pytest.raises(DataError, match="no row was kept: the inputs hold none"):
        run(path, tmp_path / "out")


@pytest.mark.real_data
@pytest.mark.slow
def test_the_hundred_language_corpus(tmp_path, real_data):
    path = real_data / "corpus100" / "corpus100.tsv.xz"
    aligned = [{"source": "flores_dev", "rows": 997}, {"source": "ntrex", "rows": 1020}]
    folder = run(path, tmp_path / "out", **COLUMNS, aligned=aligned, held_out_share=0.02)
    documents, pairs = folder.table("document"), folder.table("pair")
    assert documents["language"].n_unique() == 100
    assert pairs["target_language"].n_unique() == 99
    rows = documents.height + folder.dropped().height
    held = folder.table("question").filter(pl.col("benchmark") == "held_out_text")
    assert rows + held.height == 330_829
