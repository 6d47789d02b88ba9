"""Every format, cut anywhere, whole or damaged: the same good rows, and a reason for each bad one."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.read import Batch, Limits, Rule, blocks, parse, stream

TEXTS = [
    "Habari ya asubuhi",
    "สวัสดีชาวโลก",
    "ភាសាខ្មែរ",
    "یہ اردو ہے",
    "ߒߞߏ ߞߊ߲",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "emoji 👩‍👩‍👧 and e\u0301",
    "line\u2028separator and \u0085 inside",
]


def read(path: Path, rule: Rule | None = None, **limits: int) -> Batch:
    bounds = Limits(**limits)
    whole = Batch()
    for block in blocks(str(path), path.name, rule or Rule(), bounds):
        batch = parse(block, bounds)
        whole.documents += batch.documents
        whole.pairs += batch.pairs
        whole.bad += batch.bad
    return whole


def texts(batch: Batch) -> list[str]:
    return [document.text for document in batch.documents]


def jsonl(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_compressions_give_the_same_rows(tmp_path, ending, pack):
    data = jsonl([{"text": text, "language": "sw"} for text in TEXTS])
    path = tmp_path / f"rows.jsonl{ending}"
    path.write_bytes(pack(data))
    batch = read(path)
    assert texts(batch) == TEXTS
    assert batch.documents[3].place == f"{path.name}:4"
    assert not batch.bad


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_a_truncated_file_gives_the_rows_before_the_cut(tmp_path, pack):
    rows = [{"text": f"sentence number {i} {hash((i, 7)) % 10**9}"} for i in range(20_000)]
    packed = pack(jsonl(rows))
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    batch = read(path, block_bytes=1 << 16)
    # bzip2 and xz work in big blocks: what they had not finished cannot be recovered by anybody.
    assert texts(batch) == [row["text"] for row in rows[: len(batch.documents)]]
    if pack is gzip.compress:
        assert len(batch.documents) > 14_000
    assert [bad.reason for bad in batch.bad] == ["truncated_file"]


def test_concatenated_members_and_padding(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(
        gzip.compress(jsonl([{"text": "one"}])) + gzip.compress(jsonl([{"text": "two"}])) + b"\0" * 512
    )
    batch = read(path)
    assert texts(batch) == ["one", "two"]
    assert not batch.bad


def test_compressed_twice_and_bombs_are_stopped(tmp_path, monkeypatch):
    nested = tmp_path / "nested.jsonl.gz"
    nested.write_bytes(gzip.compress(gzip.compress(jsonl([{"text": "x"}]))))
    assert [bad.reason for bad in read(nested).bad] == ["nested_file"]
    bomb = tmp_path / "bomb.jsonl.bz2"
    monkeypatch.setattr(stream, "_BOMB_FLOOR_BYTES", 1 << 20)
    bomb.write_bytes(bz2.compress(b"\n" * (5 << 20)))
    reasons = {bad.reason for bad in read(bomb).bad}
    assert reasons == {"bomb_file"}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60), max_size=30
    ),
    block_bytes=st.integers(8, 400),
)
def test_where_blocks_are_cut_changes_nothing(tmp_path_factory, rows, block_bytes):
    path = tmp_path_factory.mktemp("cuts") / "rows.jsonl"
    path.write_bytes(jsonl([{"text": text} for text in rows]))
    whole, cut = read(path), read(path, block_bytes=block_bytes)
    assert cut.documents == whole.documents
    assert sorted(cut.bad) == sorted(whole.bad)
    assert texts(whole) == [text for text in rows if text and not text.isspace()]


def test_bad_rows_cost_nothing_but_themselves(tmp_path):
    good = [{"text": f"good row {i}", "language": "en"} for i in range(1_000)]
    lines = jsonl(good).splitlines(keepends=True)
    bad = {
        5: (b'{"text": "cut off', "invalid_json"),
        50: (b'{"text": "caf\xe9"}', "invalid_utf8"),
        100: (b'{"text": null}', "no_text"),
        200: (b'{"text": 17}', "no_text"),
        300: (b'["a list"]', "not_a_record"),
        400: (b'{"text": "a\\u0000b"}', "nul_character"),
        500: (b'{"text": "' + b"x" * 300_000 + b'"}', "row_too_large"),
        600: (b'{"text": "   "}', "empty"),
        700: (b"\0\0\0\0", "invalid_json"),
        800: (b'{"text": "\\ud800"}', "invalid_json"),
    }
    for at, (line, _) in sorted(bad.items(), reverse=True):
        lines.insert(at, line + b"\n")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(lines))
    for limits in ({"row_bytes": 100_000}, {"row_bytes": 100_000, "block_bytes": 5_000}):
        batch = read(path, **limits)
        assert texts(batch) == [row["text"] for row in good]
        found = {int(each.place.rpartition(":")[2]): each.reason for each in batch.bad}
        assert found == {at + 1 + sum(other < at for other in bad): reason for at, (_, reason) in bad.items()}


def test_public_layouts(tmp_path):
    cases = {
        "c4-sw.tfrecord-00000-of-00002.json.gz": (
            {"text": "a", "timestamp": "t", "url": "http://x.tz"},
            "sw",
            "",
        ),
        "oscar.jsonl": (
            {
                "content": "a",
                "warc_headers": {"warc-target-uri": "u"},
                "metadata": {"identification": {"label": "yo"}},
            },
            "yo",
            "",
        ),
        "af_part_00000.jsonl": ({"text": "a", "timestamp": "", "url": "", "source": "mC4"}, "af", "mC4"),
        "pile.jsonl": ({"text": "a", "meta": {"pile_set_name": "PubMed"}}, "", "PubMed"),
        "fw2.jsonl": ({"text": "a", "language": "swh", "language_script": "Latn"}, "swh_Latn", ""),
        "wiki.jsonl": (
            {"id": "1", "url": "https://sw.wikipedia.org/wiki/A", "title": "A", "text": "a"},
            "sw",
            "",
        ),
        "roots.jsonl": ({"text": "a", "meta": {"language": "bn", "source": "indic"}}, "bn", "indic"),
    }
    for name, (record, language, source) in cases.items():
        path = tmp_path / name
        data = jsonl([record])
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        [document] = read(path).documents
        assert (document.language, document.source) == (language, source), name
        parquet = path.with_suffix(".parquet") if not name.endswith(".gz") else None
        if parquet:
            pl.DataFrame([record]).write_parquet(parquet)
            [from_parquet] = read(parquet).documents
            assert from_parquet.text == document.text
            assert from_parquet.language == document.language


def test_a_list_of_records_and_translations(tmp_path):
    path = tmp_path / "valid.json"
    path.write_text(
        json.dumps([{"translation": {"cs": "Ahoj", "en": "Hi"}}, {"translation": {"cs": "", "en": "x"}}])
    )
    batch = read(path)
    assert [tuple(pair)[:2] for pair in batch.pairs] == [("Ahoj", "Hi")]
    assert [pair.source_language for pair in batch.pairs] == ["cs"]
    assert [bad.reason for bad in batch.bad] == ["empty_side"]


@pytest.mark.parametrize(
    ("name", "text", "documents", "pairs"),
    [
        ("corpus.sw.txt", "Habari\n", [("Habari", "sw")], []),
        ("corpus.raw.txt", "Habari\n", [("Habari", "")], []),
        ("news.en-sw.tsv", "Hello\tHabari\n", [], [("Hello", "Habari", "en", "sw")]),
        ("en-yue_Hant.tsv", "en\tyue_Hant\nHello\t你好\n", [], [("Hello", "你好", "en", "yue_Hant")]),
        ("news.en-sw.tsv", "text\tlanguage\nHabari\tsw\n", [("Habari", "sw")], []),
    ],
)
def test_a_file_name_says_the_language_or_the_pair(tmp_path, name, text, documents, pairs):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    batch = read(path)
    assert [(each.text, each.language) for each in batch.documents] == documents
    assert [
        (p.source_text, p.target_text, p.source_language, p.target_language) for p in batch.pairs
    ] == pairs
    assert not batch.bad


def test_unquoted_tsv_keeps_quotation_marks(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text('eng\tnews\t"He said" no\nswa\tnews\t"Yeye\nxx\ttoo\tmany\tcolumns\n', encoding="utf-8")
    batch = read(path, Rule(columns=("language", "source", "text")))
    assert texts(batch) == ['"He said" no', '"Yeye']
    assert [bad.reason for bad in batch.bad] == ["wrong_columns"]


def test_quoted_tsv_joins_lines_and_survives_a_stray_quote(tmp_path):
    rows = ["headline\ttext\turl", 'A\t"first ""line""\nsecond, line"\thttp://a', "B\tplain\thttp://b"]
    path = tmp_path / "dev.tsv"
    path.write_text("\n".join(rows) + "\n")
    for block_bytes in (8 << 20, 10):
        batch = read(path, block_bytes=block_bytes)
        assert texts(batch) == ['first "line"\nsecond, line', "plain"], block_bytes
        assert not batch.bad
    rows[1:1] = rows[1:2]
    path.write_text("\n".join([*rows, 'C\t"never closed\thttp://c', "D\tafter\thttp://d"]) + "\n")
    batch = read(path)
    assert texts(batch) == ['first "line"\nsecond, line'] * 2 + ["plain", '"never closed', "after"]


def test_plain_text_by_line_paragraph_and_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n\nthree\xff\n")
    by_line = read(path)
    assert texts(by_line) == ["one", "two"]
    assert [(bad.place, bad.reason) for bad in by_line.bad] == [("a.txt:4", "invalid_utf8")]
    path.write_bytes(b"one\r\ntwo\n\nthree\n")
    assert texts(read(path, Rule(rows="paragraph"))) == ["one\ntwo", "three"]
    assert texts(read(path, Rule(rows="file"))) == ["one\ntwo\n\nthree\n"]


def test_moses_pairs_and_uneven_sides(tmp_path):
    (tmp_path / "c.sw").write_text("habari\nasante\nndiyo\n")
    (tmp_path / "c.en").write_text("news\nthanks\n")
    rule = Rule(layout="text", other_side=str(tmp_path / "c.en"), language="sw", language_column="en")
    batch = read(tmp_path / "c.sw", rule)
    assert [tuple(pair)[:2] for pair in batch.pairs] == [("habari", "news"), ("asante", "thanks")]
    assert [bad.reason for bad in batch.bad] == ["other_side_ends"]


def test_a_truncated_parquet_file_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"text": TEXTS}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert [bad.reason for bad in read(path).bad] == ["truncated_file"]
    path.write_bytes(b"")
    assert [bad.reason for bad in read(path).bad] == ["truncated_file"]


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=300),
    name=st.sampled_from(["a.jsonl", "a.tsv", "a.txt", "a.csv", "a.parquet", "a"]),
)
def test_no_bytes_crash_a_reader(tmp_path_factory, data, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(data)
    read(path, block_bytes=50)
