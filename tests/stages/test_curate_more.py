"""Further steps of `curate`: what lines, addresses, licences, repeats and hidden translations do to rows."""

import json
from pathlib import Path

import polars as pl
import pytest

from panlect.config import check
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
