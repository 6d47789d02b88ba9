"""Further steps of `curate`: what lines, addresses, licences, repeats and hidden translations do to rows."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
from panlect.draft import fingerprint
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [json.dumps({"text": text, "language": code}, ensure_ascii=False) for code, text in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def run(path: Path, out: Path, **settings: object) -> Folder:
    return curate(
        [External(str(path))], out, check(CurateConfig, {"unknown_licence": "keep"} | settings, where="test")
    )


FOOTERS = {
    "en": "Subscribe to our newsletter, and never miss a story from our reporters again!",
    "th": "ขอบคุณที่ติดตามข่าวสารของเราทุกวัน อย่าลืมกดติดตาม",
    "ur": "ہمارے خبرنامے میں شامل ہوں اور کوئی خبر مت چھوڑیں، شکریہ",
}


@pytest.mark.parametrize("memory_bytes", [1 << 20, 2 << 30])
def test_repeated_substrings_are_cut_and_a_document_of_nothing_else_is_set_aside(tmp_path, memory_bytes):
    rows = [
        (code, f"{code} own {n} {(code + chr(97 + n % 26)) * 12} end\n{footer}")
        for code, footer in FOOTERS.items()
        for n in range(30, 33)
    ]
    rows += [("en", FOOTERS["en"] + "!"), rows[0]]
    repeats = {"method": "cut_later", "window_bytes": 40, "shortest": 20, "memory_bytes": memory_bytes}
    folder = run(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", repeats=repeats, block_bytes=4096)
    kept = folder.table("document")
    for code, footer in FOOTERS.items():
        mine = kept.filter(pl.col("text").str.starts_with(f"{code} own"))
        assert mine["text"].str.contains(footer, literal=True).to_list() == [True, False, False]
        assert [text[:9] for text in mine["text"]] == [f"{code} own {n}" for n in range(30, 33)]
        assert (mine["repeated_bytes"] > 0).to_list() == [False, True, True]
    reasons = folder.dropped().select("text", "reason", "step").rows()
    assert (FOOTERS["en"] + "!", "repeated_substrings", "duplicates") in reasons
    assert (rows[0][1], "exact_duplicate", "duplicates") in reasons  # a copy is a copy, not a repeat
    numbers = folder.numbers().filter(pl.col("measure") == "repeated_bytes")
    assert set(numbers["language"]) == {"eng_Latn", "tha_Thai", "urd_Arab"}
    everywhere = run(
        tmp_path / "rows.jsonl",
        tmp_path / "all",
        repeats={"method": "cut_all", "window_bytes": 40, "shortest": 20},
    )
    assert not everywhere.table("document")["text"].str.contains(FOOTERS["th"], literal=True).any()


def records(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_without_a_licence_stay_only_if_that_is_asked_for(tmp_path):
    rows = [
        {"text": "said by the row", "language": "en", "license": "CC0-1.0", "source": "a"},
        {"text": "said by the card", "language": "en", "source": "b"},
        {"text": "said by nobody", "language": "sw", "source": "c"},
    ]
    path = records(tmp_path / "rows.jsonl", rows)
    (tmp_path / "pairs.tsv").write_text(
        "source_text\ttarget_text\tsource_language\ttarget_language\nhello\thabari\ten\tsw\n"
    )
    inputs = [External(str(path)), External(str(tmp_path / "pairs.tsv"))]
    cards = [{"source": "b", "licence": "MIT", "origin": "https://b.example", "languages": ["en"]}]
    settings = check(CurateConfig, {"cards": cards, "lost_languages": "allow"}, where="test")
    folder = curate(inputs, tmp_path / "out", settings)
    assert folder.table("document")["licence"].to_list() == ["CC0-1.0", "MIT"]
    gone = folder.dropped()
    assert gone["reason"].to_list() == ["unknown_licence"] * 2
    assert gone["step"].to_list() == ["licence"] * 2
    numbers = folder.numbers().filter(measure="rows_dropped", group="unknown_licence")
    found = numbers.select("language", "other_language", "value").rows()
    assert found == [("swh_Latn", "", 1.0), ("swh_Latn", "eng_Latn", 1.0)]
    asked = check(CurateConfig, {"cards": cards, "unknown_licence": "keep"}, where="test")
    assert curate(inputs, tmp_path / "asked", asked).table("document").height == 3


def test_when_all_licences_are_unknown_the_error_says_what_to_do(tmp_path):
    path = write(tmp_path / "rows.jsonl", [("en", "a text")])
    with pytest.raises(DataError, match=r"for unknown_licence(?s:.)*unknown_licence: keep"):
        run(path, tmp_path / "out", unknown_licence="set_aside")


def test_every_source_has_a_card_with_licence_origin_and_languages(tmp_path):
    rows = [
        {"text": f"text {n}", "language": c, "source": s}
        for n, (c, s) in enumerate([("en", "a"), ("sw", "a"), ("en", "b")])
    ]
    path = records(tmp_path / "rows.jsonl", rows)
    cards = [{"source": "a", "licence": "MIT", "origin": "https://a.example", "domain": "news"}]
    notes = run(path, tmp_path / "out", cards=cards).manifest["notes"]
    assert notes["cards"]["a"] == {
        "source": "a",
        "licence": "MIT",
        "origin": "https://a.example",
        "custodian": "",
        "domain": "news",
        "languages": ["eng_Latn", "swh_Latn"],
    }
    assert notes["cards"]["b"]["licence"] == "unknown"
    assert notes["cards"]["b"]["languages"] == ["eng_Latn"]
    assert notes["cards"]["b"]["origin"].endswith("rows.jsonl")


def test_a_card_that_says_other_languages_is_an_error(tmp_path):
    path = records(tmp_path / "rows.jsonl", [{"text": "habari", "language": "sw", "source": "a"}])
    with pytest.raises(DataError, match=r"languages that its card does not name: swh_Latn"):
        run(path, tmp_path / "out", cards=[{"source": "a", "licence": "MIT", "languages": ["en", "yo"]}])


def test_blocked_addresses_are_set_aside_and_a_new_list_makes_a_new_folder(tmp_path):
    rows = [
        {"text": f"text {n}", "language": "en", "url": url}
        for n, url in enumerate(
            ["http://www.spam.example/a", "http://good.example/bad", "http://good.example"]
        )
    ]
    path = records(tmp_path / "rows.jsonl", rows)
    (tmp_path / "blocked.txt").write_text("spam.example\nhttps://good.example/bad\n")
    urls = {"blocked": [str(tmp_path / "blocked.txt")]}
    folder = run(path, tmp_path / "out", urls=urls)
    assert folder.table("document")["text"].to_list() == ["text 2"]
    assert folder.dropped()["reason"].to_list() == ["blocked_domain", "blocked_address"]
    (tmp_path / "blocked.txt").write_text("spam.example\n")
    assert run(path, tmp_path / "again", urls=urls).fingerprint != folder.fingerprint


def test_lines_are_taken_out_and_counted_per_language(tmp_path):
    page = "\n".join(f"This is sentence number {n} of the page." for n in range(6))
    thai = "\n".join(["ตลาดเปิดเจ็ดโมงเช้าทุกวันและชาวนามาขายของกันที่นี่"] * 5 + ["เมนู"])
    rows = [("en", page + "\nMenu\nLog in"), ("th", thai), ("en", "Lorem ipsum dolor."), ("en", "Home")]
    folder = run(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", lines={"rules": ["all"]})
    documents = folder.table("document")
    assert documents["text"].to_list() == [page, thai.removesuffix("\nเมนู")]
    assert documents["lines_removed"].to_list() == ["terminal:2", "few_words:1"]
    dropped = folder.dropped().select("reason", "value", "threshold").rows()
    assert dropped == [("lorem_ipsum", None, None), ("few_sentences", 0.0, 5.0)]
    numbers = folder.numbers().filter(pl.col("measure") == "lines_removed")
    counted = numbers.select("language", "group", "value").rows()
    assert counted == [("eng_Latn", "terminal", 2.0), ("tha_Thai", "few_words", 1.0)]


def test_pairs_inside_documents_become_pairs(tmp_path):
    swahili = "Soko la samaki hufunguliwa kila siku asubuhi na mapema."
    english = "The fish market opens every day early in the morning."
    rows = [("sw", f"{swahili}\n{english}"), ("en", english)]
    path = write(tmp_path / "rows.jsonl", rows)
    folder = run(path, tmp_path / "out", incidental={"find": True})
    [pair] = folder.table("pair").to_dicts()
    assert (pair["source_language"], pair["target_language"]) == ("eng_Latn", "swh_Latn")
    assert (pair["source_text"], pair["target_text"]) == (english, swahili)
    assert folder.table("document")["incidental_pairs"].to_list() == [1, 0]
    numbers = folder.numbers().filter(pl.col("measure") == "incidental_pairs")
    assert numbers.select("language", "value").rows() == [("swh_Latn", 1.0)]
    dropped = run(
        path, tmp_path / "b", incidental={"find": True, "documents": "drop"}, lost_languages="allow"
    )
    assert dropped.table("document")["text"].to_list() == [english]
    assert dropped.table("pair").height == 1
    assert dropped.dropped()["reason"].to_list() == ["two_languages"]


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        ({"quality": {"sets": ["roots"], "stop_words": "lists"}}, "lists/en.txt"),
        ({"quality": {"sets": ["roots"], "flagged_words": "lists"}}, "lists/en.txt"),
        ({"quality": {"sets": ["roots"], "perplexity": "lists"}}, "lists/en.txt"),
        ({"benchmarks": {"files": ["bench.jsonl"]}}, "bench.jsonl"),
        ({"urls": {"blocked": ["bench.jsonl"]}}, "bench.jsonl"),
        ({"identify": {"model": "both+lists/own.npz", "seed": "lists"}}, "lists/own.npz"),
    ],
)
def test_the_content_of_named_files_is_part_of_the_fingerprint(tmp_path, monkeypatch, settings, file):
    monkeypatch.chdir(tmp_path)
    path = Path(file)
    path.parent.mkdir(exist_ok=True)
    config, seen = check(CurateConfig, settings, where="test"), set()
    for content in ("one", "two", "one"):
        path.write_text(content)
        seen.add(fingerprint("curate", 1, config, []))
    assert len(seen) == 2
    assert fingerprint("curate", 1, check(CurateConfig, {}, where="test"), []) not in seen


def test_a_changed_list_is_read_again_in_the_same_process(tmp_path):
    rows = [
        {"text": "text", "language": "en", "url": "http://a.example"},
        {"text": "other", "language": "en"},
    ]
    path = records(tmp_path / "rows.jsonl", rows)
    for number, (domain, kept) in enumerate([("b.example", 2), ("a.example", 1)]):
        (tmp_path / "blocked.txt").write_text(domain)
        folder = run(path, tmp_path / str(number), urls={"blocked": [str(tmp_path / "blocked.txt")]})
        assert folder.table("document").height == kept


def invented(vowels: str, seed: int, lines: int, *, consonants: str = "kptmns") -> list[str]:
    """Sentences in a language of its own letters; the same words for the same seed's tens."""
    words = random.Random(f"{vowels}{consonants}{seed // 10}")
    lexicon = ["".join(words.choice(consonants) + words.choice(vowels) for _ in range(3)) for _ in range(120)]
    draw = random.Random(seed)
    return [" ".join(draw.choices(lexicon, k=9)) for _ in range(lines)]


def test_an_own_identifier_names_only_languages_that_hold_on_another_domain(tmp_path):
    english = ["The market opens at seven in the morning and the farmers come to sell their goods."] * 5
    seed, gate = tmp_path / "seed", tmp_path / "gate"
    for directory in (seed, gate):
        directory.mkdir()
    (seed / "eng.txt").write_text("\n".join(english))
    (seed / "dag.txt").write_text("\n".join(invented("ɔɛŋu", 10, 60)))
    (seed / "mos.txt").write_text("\n".join(invented("aei", 30, 60)))
    (seed / "bci.txt").write_text("\n".join(invented("ʋɩ", 50, 60)))
    (gate / "eng.txt").write_text(
        "\n".join(["Visitors of the museum are asked to leave their coats here."] * 3)
    )
    (gate / "dag.txt").write_text("\n".join(invented("ɔɛŋu", 11, 30)))
    # What is called Mossi here looks like Dagbani: the gate finds that out.
    (gate / "mos.txt").write_text("\n".join(invented("ɔɛŋu", 12, 30)))
    rows = [("", text) for text in invented("ɔɛŋu", 13, 10)] + [("", english[0])]
    path = write(tmp_path / "rows.jsonl", rows)
    identify = {"seed": str(seed), "gate": str(gate)}
    folder = run(path, tmp_path / "out", identify=identify, lost_languages="allow", exact_duplicates="keep")
    results = {each["language"]: each for each in folder.manifest["notes"]["identifier"]}
    assert not results["mos_Latn"]["accepted"]
    assert "most often taken for dag_Latn" in results["mos_Latn"]["why"]
    assert results["bci_Latn"]["why"] == "no text in identify.gate"
    numbers = folder.numbers().filter(pl.col("measure") == "identification_f1")
    assert set(numbers["language"]) >= {"dag_Latn", "mos_Latn"}
    without_mossi = gate / "mos.txt"
    without_mossi.write_text("\n".join(invented("aei", 31, 30)))
    folder = run(path, tmp_path / "better", identify=identify, lost_languages="allow")
    assert all(
        each["accepted"] for each in folder.manifest["notes"]["identifier"] if each["language"] != "bci_Latn"
    )
    assert folder.table("document")["language"].to_list() == ["dag_Latn"] * 10 + ["eng_Latn"]
    with pytest.raises(ConfigError, match="one domain and tested on another"):
        run(path, tmp_path / "c", identify={"seed": str(seed)})
