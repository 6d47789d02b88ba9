"""Bad input from end to end: every good row is in the tables, every bad one in `dropped/` with place and reason."""

import bz2
import gzip
import lzma
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from panlect.config import check
from panlect.errors import DataError
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate

LINES = 1_000
LONG_BYTES = 50 << 20


def run(path: Path, out: Path, **settings: object) -> Folder:
    rules = [{"language": "swh", "licence": "CC0-1.0"}]
    return curate([External(str(path))], out, check(CurateConfig, {"files": rules} | settings, where="test"))


def good(number: int) -> bytes:
    return orjson.dumps({"text": f"Sentensi namba {number} ni nzuri kabisa."})


def damaged(number: int) -> tuple[bytes, str]:
    """Return a line that cannot be read and the reason; every tenth line is one."""
    kinds = [
        (good(number)[:-9], "invalid_json"),
        (b'{"text": "caf\xe9 \xff\xfe"}', "invalid_utf8"),
        (b'{"text": null}', "no_text"),
        (b'{"text": "a\\u0000b"}', "nul_character"),
        (b'{"text": "a\0b"}', "invalid_json"),
        (b"\0" * 40, "invalid_json"),
        (b'{"id": 7}', "no_text"),
        (b"17", "not_a_record"),
        (b'{"text": "\\ud83d"}', "invalid_json"),
        (b"\xff" * 20, "invalid_utf8"),
    ]
    return kinds[number // 10 % len(kinds)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_of_a_thousand_lines_every_good_one_survives(tmp_path, monkeypatch, workers):
    monkeypatch.setenv("PANLECT_WORKERS", workers)
    data = tmp_path / "data"
    data.mkdir()
    lines = [damaged(n)[0] if n % 10 == 3 else good(n) for n in range(LINES)]
    expected = {n + 1: damaged(n)[1] for n in range(LINES) if n % 10 == 3}
    lines[500] = b'{"text": "' + b"x" * LONG_BYTES + b'"}'
    expected[501] = "row_too_large"
    (data / "rows.jsonl").write_bytes(b"\n".join(lines))
    bomb = gzip.compress(gzip.compress(bytes(64 << 20), 9), 9)
    (data / "nested.jsonl.gz").write_bytes(gzip.compress(bomb))
    folder = run(data, tmp_path / "out", block_bytes=1 << 16)
    kept = folder.table("document")["text"].to_list()
    assert kept == [orjson.loads(line)["text"] for n, line in enumerate(lines) if n + 1 not in expected]
    dropped = folder.dropped()
    assert set(dropped["step"]) == {"read"}
    found = {
        place.partition(":")[2]: reason for place, reason in dropped.select("place", "reason").iter_rows()
    }
    assert found.pop("1") == "nested_file"
    assert {int(number): reason for number, reason in found.items()} == expected
    # Something of each is there to look at, but not fifty megabytes of it.
    assert dropped["text"].str.len_bytes().max() <= 8_000


PACK = {
    ".jsonl.gz": gzip.compress,
    ".jsonl.bz2": bz2.compress,
    ".jsonl.xz": lzma.compress,
    ".jsonl.zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("ending", [*PACK, ".warc.wet.gz", ".jsonl"])
def test_a_file_that_was_cut_gives_all_rows_before_the_cut(tmp_path, ending):
    texts = [f"Sentensi {n} {hash((n, 11)) % 10**12} ya maandishi marefu kidogo." for n in range(25_000)]
    rows = [orjson.dumps({"text": text}) + b"\n" for text in texts]
    if ending == ".warc.wet.gz":
        heads = (
            f"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {len(text)}\r\n\r\n" for text in texts
        )
        records = (f"{head}{text}\r\n\r\n".encode() for head, text in zip(heads, texts, strict=True))
        packed = b"".join(map(gzip.compress, records))
    else:
        packed = PACK.get(ending, bytes)(b"".join(rows))
    path = tmp_path / f"rows{ending}"
    path.write_bytes(packed[: len(packed) * 4 // 5])
    folder = run(path, tmp_path / "out")
    kept = folder.table("document")["text"].to_list()
    assert kept == texts[: len(kept)]
    # bzip2 and xz pack blocks of up to 900 kB and 24 MB; of a block that is not whole nothing can be had.
    least = {".jsonl.bz2": 0.4, ".jsonl.xz": 0.7}.get(ending, 0.78)
    assert len(kept) > least * len(texts)
    [bad] = folder.dropped().to_dicts()
    # Of a file that is not compressed nobody can tell that its last line goes on elsewhere.
    assert bad["reason"] == ("invalid_json" if ending == ".jsonl" else "truncated_file")
    assert bad["place"] == f"{path.name}:{len(kept) + 1}"


def test_of_a_parquet_file_the_whole_row_groups_and_the_good_rows_survive(tmp_path):
    texts = [f"Sentensi {n} ya jedwali." for n in range(4_000)]
    bad_rows = {17, 1_500, 3_999}
    column = pa.array([t.encode() + b"\xff" * (n in bad_rows) for n, t in enumerate(texts)], pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), len(column), column.buffers())})
    data = tmp_path / "data"
    data.mkdir()
    pq.write_table(table, data / "utf8.parquet", row_group_size=1_000)
    pq.write_table(
        pa.table({"text": [f"Kundi {t}" for t in texts]}), data / "page.parquet", row_group_size=1_000
    )
    middle = pq.ParquetFile(data / "page.parquet").metadata.row_group(2).column(0)
    whole = bytearray((data / "page.parquet").read_bytes())
    begin = middle.dictionary_page_offset or middle.data_page_offset
    whole[begin : begin + middle.total_compressed_size] = b"\xa5" * middle.total_compressed_size
    (data / "page.parquet").write_bytes(whole)
    (data / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    folder = run(data, tmp_path / "out")
    kept = folder.table("document")["text"].to_list()
    assert [t for t in kept if t[0] == "S"] == [t for n, t in enumerate(texts) if n not in bad_rows]
    assert [t for t in kept if t[0] == "K"] == [f"Kundi {t}" for n, t in enumerate(texts) if n // 1_000 != 2]
    found = sorted(folder.dropped().select("place", "reason").iter_rows())
    assert found == [
        # The index of a parquet file is at its end: of one that was cut off nothing can be found.
        ("data/cut.parquet", "truncated_file"),
        ("data/page.parquet:2001", "damaged_row_group"),
        *sorted((f"data/utf8.parquet:{n + 1}", "invalid_utf8") for n in bad_rows),
    ]


def test_a_folder_of_nothing_but_bad_rows_says_so(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(damaged(n)[0] for n in range(100)))
    with pytest.raises(DataError, match="no row was kept"):
        run(path, tmp_path / "out")
