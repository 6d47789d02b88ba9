"""The steps of `curate` as settings: what each does to rows, and that every dropped row says why."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.curation import pool
from panlect.errors import ConfigError, DataError, FolderError
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate

SENTENCES = {
    "eng_Latn": "The market of the town opens at seven in the morning, and that is when the farmers come",
    "swh_Latn": "Soko la mji hufunguliwa saa moja asubuhi, na hapo ndipo wakulima wanapokuja kuuza mazao yao",
    "rus_Cyrl": "Рынок в городе открывается в семь часов утра, и тогда же приезжают крестьяне из деревень",
    "tha_Thai": "ตลาดในเมืองเปิดเวลาเจ็ดโมงเช้าและชาวนาก็มาขายของกันในเวลานั้นทุกวันไม่มีวันหยุด",
}
THAI = [chr(0x0E01 + n % 44) + "ะาิี"[n % 4] + chr(0x0E01 + n * 7 % 44) for n in range(400)]
WORDS = [
    "river",
    "stone",
    "bread",
    "morning",
    "letter",
    "garden",
    "yellow",
    "winter",
    "simple",
    "corner",
    "answer",
]


def document(language: str, number: int) -> str:
    random_ = random.Random(f"{language}{number}")
    words = THAI if language == "tha_Thai" else WORDS
    lines = [" ".join([*random_.sample(words, 8), str(random_.randrange(10**6))]) + "." for _ in range(5)]
    return "\n".join([SENTENCES[language], *lines])


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text(
        "".join(json.dumps({"text": t, "language": c}, ensure_ascii=False) + "\n" for c, t in rows)
    )
    return path


def run(path: Path, out: Path, **settings: object) -> Folder:
    return curate(
        [External(str(path))], out, check(CurateConfig, {"unknown_licence": "keep"} | settings, where="test")
    )


def test_the_doctor_mends_and_says_what(tmp_path):
    shifted = "".join(chr(0x6500 + ord(c)) for c in "Since then")
    path = write(
        tmp_path / "rows.jsonl",
        [("fr", "l'Ã©tÃ©"), ("en", shifted), ("fa", "می‌خواهم"), ("en", "\u200b\ufeff")],
    )
    folder = run(path, tmp_path / "out", doctor=["all"])
    rows = folder.table("document")
    assert rows["text"].to_list() == ["l'été", "Since then", "می‌خواهم"]
    assert rows["repairs"].to_list() == ["mojibake:1", "shifted_glyphs:1", ""]
    assert folder.dropped()["reason"].to_list() == ["empty_after_repair"]


def test_missing_languages_are_identified_and_wrong_ones_found(tmp_path):
    rows = [
        ("", SENTENCES["swh_Latn"]),
        ("en", SENTENCES["eng_Latn"]),
        ("en", SENTENCES["rus_Cyrl"]),
        ("", "123, 45"),
    ]
    path = write(tmp_path / "rows.jsonl", rows)
    missing = run(path, tmp_path / "missing", identify={"model": "both"})
    assert missing.table("document")["language"].to_list() == ["swh_Latn", "eng_Latn", "eng_Latn"]
    assert missing.dropped()["reason"].to_list() == ["no_language"]
    checked = run(path, tmp_path / "checked", identify={"model": "both", "use": "check"})
    assert checked.table("document")["language"].to_list() == ["swh_Latn", "eng_Latn"]
    wrong = checked.dropped().filter(pl.col("reason") == "other_language_found")
    assert wrong["found_language"].to_list() == ["rus_Cyrl"]
    replaced = run(path, tmp_path / "replaced", identify={"model": "both", "use": "replace"})
    assert replaced.table("document")["language"].to_list() == ["swh_Latn", "eng_Latn", "rus_Cyrl"]
    with pytest.raises(ConfigError, match="no identifier 'glotlid'"):
        run(path, tmp_path / "none", identify={"model": "glotlid"})


def test_every_quality_drop_has_measure_value_and_threshold(tmp_path):
    good = [(language, document(language, n)) for language in SENTENCES for n in range(5)]
    junk = [("en", "buy now " * 60), ("en", "##### !!! ??? " * 20), ("th", "ซื้อ" * 80)]
    path = write(tmp_path / "rows.jsonl", good + junk)
    with pytest.raises(DataError, match="1 languages went in and did not come out: yor_Latn"):
        lost = write(tmp_path / "lost.jsonl", [*good, ("yo", "ra " * 200)])
        run(lost, tmp_path / "lost", quality={"sets": ["panlect"]})
    folder = run(path, tmp_path / "out", quality={"sets": ["panlect"]})
    assert folder.table("document").height == len(good)
    dropped = folder.dropped()
    assert dropped.height == 3
    assert set(dropped["step"]) == {"quality"}
    assert (dropped["value"] > dropped["threshold"]).all() or (dropped["value"] < dropped["threshold"]).any()
    assert dropped["place"].to_list() == ["rows.jsonl:21", "rows.jsonl:22", "rows.jsonl:23"]
    own = {"sets": ["panlect"], "bounds": [{"measure": "words", "low": 100, "languages": ["th"]}]}
    stricter = run(path, tmp_path / "own", quality=own)
    assert stricter.table("document").filter(pl.col("language") == "tha_Thai").height == 5
    own["bounds"] = [{"measure": "words", "low": 10_000, "languages": ["th"]}]
    none = run(path, tmp_path / "none", quality=own, lost_languages="allow")
    assert "tha_Thai" not in set(none.table("document")["language"])
    with pytest.raises(ConfigError, match="no measure 'wordz'"):
        run(path, tmp_path / "bad", quality={"bounds": [{"measure": "wordz", "low": 1}]})


def test_thresholds_are_learned_per_language_and_kept_in_the_manifest(tmp_path):
    rows = [
        (code, " ".join(["word"] * 3 + [f"w{n}x{i}" for i in range(n)]))
        for code in ("en", "sw")
        for n in range(100)
    ]
    path = write(tmp_path / "rows.jsonl", [*rows, ("yo", "ọmọ ilé")])
    learn = {"measures": ["words"], "q": 10, "minimum_sample": 100}
    folder = run(path, tmp_path / "out", quality={"learn": learn})
    dropped = folder.dropped()
    assert set(dropped["reason"]) == {"learned_words"}
    assert dict(dropped.group_by("language").agg(pl.len()).iter_rows()) == {"eng_Latn": 10, "swh_Latn": 10}
    assert dropped["threshold"][0] == pytest.approx(12.9, abs=0.2)
    bounds = folder.manifest["notes"]["learned_bounds"]
    assert [bound["language"] for bound in bounds] == ["eng_Latn", "swh_Latn"]
    assert not any(name.startswith("measured_") for name in folder.table("document").columns)


def test_private_data_is_replaced(tmp_path):
    path = write(tmp_path / "rows.jsonl", [("en", "mail me: a@b.com"), ("en", "nothing")])
    rows = run(path, tmp_path / "out", private=["email", "phone"]).table("document")
    assert rows["text"].to_list() == ["mail me: <EMAIL_1>", "nothing"]
    assert rows["private"].to_list() == ["email:1", ""]


def near_rows() -> list[tuple[str, str]]:
    rows = [(language, document(language, n)) for language in ("eng_Latn", "rus_Cyrl") for n in range(20)]
    copies = [
        (language, text.replace("seven", "eight", 2).replace("семь", "пять", 2))
        for language, text in rows[:30]
    ]
    return rows + copies + copies[:3]


@pytest.mark.parametrize("method", ["thorough", "light", "simhash"])
def test_near_duplicates_leave_the_first(tmp_path, method):
    path = write(tmp_path / "rows.jsonl", near_rows())
    folder = run(path, tmp_path / "out", near_duplicates={"method": method}, block_bytes=1 << 13)
    rows, dropped = folder.table("document"), folder.dropped()
    if method != "simhash":
        assert rows["place"].to_list() == [f"rows.jsonl:{n}" for n in range(1, 41)]
        assert rows["copies"].to_list() == [3] * 3 + [2] * 27 + [1] * 10
    assert rows.height + dropped.height == 73
    assert set(dropped["reason"]) == {"near_duplicate", "exact_duplicate"}


def test_rehydration_repeats_what_was_copied(tmp_path):
    path = write(tmp_path / "rows.jsonl", near_rows())
    near = {"method": "thorough", "rehydrate": True}
    rows = run(path, tmp_path / "out", near_duplicates=near).table("document")
    assert rows.height == 3 * 3 + 27 * 2 + 10
    assert rows["id"].n_unique() == rows.height
    assert rows["place"].n_unique() == 40


def test_near_copies_of_held_out_texts_are_not_trained_on(tmp_path):
    path = write(tmp_path / "rows.jsonl", near_rows())
    settings = {"held_out_share": 0.3, "near_duplicates": {"method": "thorough"}}
    folder = run(path, tmp_path / "out", **settings)
    held, kept = folder.table("question")["answer"].to_list(), folder.table("document")["text"].to_list()
    assert len(held) > 5

    def shape(text: str) -> str:
        return text.replace("eight", "seven").replace("пять", "семь")

    assert not {shape(text) for text in held} & {shape(text) for text in kept}


@pytest.mark.slow
def test_everything_at_once_gives_the_same_bytes_for_any_number_of_workers(tmp_path, monkeypatch):
    import hashlib

    path = write(tmp_path / "rows.jsonl", [*near_rows(), *[("", document("swh_Latn", n)) for n in range(30)]])
    settings = {
        "doctor": ["all"],
        "identify": {"model": "both", "use": "check"},
        "quality": {"sets": ["panlect"], "learn": {"measures": ["digit_ratio"], "minimum_sample": 20}},
        "private": ["email", "phone"],
        "near_duplicates": {"method": "thorough"},
        "held_out_share": 0.1,
        "block_bytes": 1 << 12,
        "lost_languages": "allow",
    }
    prints = []
    for workers in ("1", "2"):
        monkeypatch.setenv(pool.WORKERS_VARIABLE, workers)
        folder = run(path, tmp_path / workers / "out", **settings)
        files = sorted(folder.path.rglob("*.parquet"))
        prints.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert prints[0] == prints[1]
    assert len(prints[0]) >= 4


def test_rows_with_benchmark_questions_are_dropped_or_marked(tmp_path):
    question = "Which of these rivers flows through the capital city of the country that lies north of the great lake?"
    benchmark = tmp_path / "test.jsonl"
    benchmark.write_text(
        json.dumps({"prompt": question, "choices": ["the Nile", "the Congo"], "gold": 0}) + "\n"
    )
    path = write(
        tmp_path / "rows.jsonl", [("en", f"Quiz: {question} The Nile."), ("en", "Nothing of the kind.")]
    )
    folder = run(path, tmp_path / "out", benchmarks={"files": [str(benchmark)]})
    assert folder.table("document")["text"].to_list() == ["Nothing of the kind."]
    dropped = folder.dropped()
    assert dropped.select("reason", "step", "value").rows() == [("in_benchmark", "contamination", 7.0)]
    marked = run(path, tmp_path / "marked", benchmarks={"files": [str(benchmark)], "rows": "mark"})
    assert marked.table("document")["benchmark_runs"].to_list() == [7, 0]
    with pytest.raises(FolderError, match="benchmark does not exist"):
        run(path, tmp_path / "none", benchmarks={"files": ["nowhere.jsonl"]})


def test_perplexity_and_flagged_words_from_directories(tmp_path):
    models, flagged = tmp_path / "models", tmp_path / "flagged"
    models.mkdir()
    flagged.mkdir()
    clean = [document("swh_Latn", n).split("\n")[0] for n in range(3)]
    (models / "swh.txt").write_text("\n".join(clean) * 5, encoding="utf-8")
    (flagged / "en.txt").write_text("buy\nnow\n")
    shuffled = "".join(random.Random(1).sample(clean[0], len(clean[0])))
    path = write(
        tmp_path / "rows.jsonl",
        [("sw", clean[0]), ("sw", shuffled), ("en", "buy this now"), ("yo", "ọmọ ilé")],
    )
    quality = {
        "perplexity": str(models),
        "flagged_words": str(flagged),
        "bounds": [{"measure": "perplexity", "high": 10}, {"measure": "flagged_ratio", "high": 0.5}],
    }
    folder = run(path, tmp_path / "out", quality=quality, lost_languages="allow")
    assert folder.table("document")["text"].to_list() == [clean[0], "ọmọ ilé"]
    assert folder.dropped()["reason"].to_list() == ["perplexity", "flagged_ratio"]
    with pytest.raises(ConfigError, match="holds no model"):
        run(path, tmp_path / "none", quality=quality | {"perplexity": str(flagged / "en.txt")})


def test_pairs_that_are_no_translations_are_dropped(tmp_path):
    rows = [("Open {x} in 1999", "Fungua {x} mwaka 1999"), ("Open {x}", "Fungua"), ("Hello", "hello!")]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"translation": {"en": a, "sw": b}}) + "\n" for a, b in rows))
    folder = run(path, tmp_path / "out", pairs={"check": True})
    assert folder.table("pair")["target_text"].to_list() == ["Fungua {x} mwaka 1999"]
    assert folder.dropped()["reason"].to_list() == ["placeholders_differ", "identical_sides"]
