"""Damaged files of every format: no crash, no hang, nothing unusable passed on.

A few hundred mutations run always; ``make test-all`` runs twelve thousand.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard

from panlect.read import Batch, Limits, Rule, blocks, parse
from panlect.text.doctor import examine
from panlect.text.private import redact
from panlect.text.quality import measure

LIMITS = Limits(row_bytes=1 << 16, block_bytes=1 << 13)
TEXTS = [
    f"{text} {n}\n{text}"
    for n in range(6)
    for text in (
        "The market opens at seven, a@b.org.",
        "ตลาดเปิดเจ็ดโมงเช้า",
        "بازار صبح سات بجے",
        "ߞߊ߲ ߠߋ߬ ߘߌ߫",
        "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
        "ផ្សារបើក 👩‍👩‍👧 é",
    )
]


def record(kind: str, content: bytes) -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content + b"\r\n\r\n"


def page(text: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="sw"><head><title>t</title><script>var x = "{{}}";</script></head><body>'
        f"<nav><a href='/'>Home</a></nav><main><article><h1>x</h1><p>{text}</p><p>{text}</p></article></main>"
        "<footer>©</footer></body></html>"
    )


def parquet() -> bytes:
    file = io.BytesIO()
    frame = pl.DataFrame({"text": TEXTS, "language": ["en"] * len(TEXTS), "meta": [{"a": 1}] * len(TEXTS)})
    frame.write_parquet(file, row_group_size=7)
    return file.getvalue()


def seeds() -> dict[str, bytes]:
    """One small valid file of every format."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    quoted = "\n".join('"{}","en"'.format(text.replace('"', '""')) for text in TEXTS)
    wiki = "".join(
        f"<page><title>t{n}</title><ns>0</ns><revision><text>'''{text}''' [[a|b]] {{{{c|d}}}}</text></revision></page>"
        for n, text in enumerate(TEXTS)
    )
    verses = "".join(f'<seg id="b.MAR.1.{n}" type="verse">{text}</seg>' for n, text in enumerate(TEXTS))
    messages = "".join(
        f'#: a.c:{n}\nmsgid "m{n} %s"\nmsgstr "{t.split()[0]} %s"\n\n' for n, t in enumerate(TEXTS)
    )
    files = {
        "rows.jsonl": "".join(json.dumps({"text": t, "language": "en"}) + "\n" for t in TEXTS),
        "pairs.jsonl": "".join(json.dumps({"translation": {"en": "x", "sw": t}}) + "\n" for t in TEXTS),
        "rows.json": json.dumps([{"text": t} for t in TEXTS], indent=1),
        "rows.tsv": "language\ttext\n" + "".join(f"en\t{t.splitlines()[0]}\n" for t in TEXTS),
        "rows.csv": "text,language\n" + quoted,
        "rows.txt": "\n".join(TEXTS),
        "page.md": "\n\n".join(TEXTS),
        "page.html": page("</p><p>".join(TEXTS)),
        "udhr_swh.xml": '<udhr xmlns="http://efele.net/udhr" iso639-3="swh">'
        + "".join(f"<para>{t}</para>" for t in TEXTS)
        + "</udhr>",
        "Bible.xml": '<cesDoc><language iso639="swh"/><div type="chapter" id="b.MAR.1">'
        + verses
        + "</div></cesDoc>",
        "swwiki-1-pages-articles.xml": f'<mediawiki xml:lang="sw">{wiki}</mediawiki>',
        "sw.po": 'msgid ""\nmsgstr "Language: sw\\n"\n\n' + messages,
    }
    encoded = {name: text.encode() for name, text in files.items()}
    encoded["rows.parquet"] = parquet()
    encoded["rows.wet"] = b"".join(record("conversion", text.encode()) for text in TEXTS)
    encoded["rows.warc"] = b"".join(record("response", http + page(text).encode()) for text in TEXTS)
    return encoded


def truncated(data: bytes, choose: random.Random, other: bytes) -> bytes:
    return data[: choose.randrange(len(data) + 1)]


def flipped(data: bytes, choose: random.Random, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.randint(1, 12)):
        if changed:
            changed[choose.randrange(len(changed))] ^= 1 << choose.randrange(8)
    return bytes(changed)


def spliced(data: bytes, choose: random.Random, other: bytes) -> bytes:
    return data[: choose.randrange(len(data) + 1)] + other[choose.randrange(len(other) + 1) :]


def inserted(data: bytes, choose: random.Random, other: bytes) -> bytes:
    pieces = [
        b"\0" * 9,
        b"\xff\xfe\xe9",
        b"\xed\xa0\x80",
        b'"',
        b"\r",
        b"\x1f\x8b\x08",
        b"<![CDATA[",
        b"\xef\xbb\xbf",
    ]
    at = choose.randrange(len(data) + 1)
    return data[:at] + choose.choice(pieces) * choose.randint(1, 5) + data[at:]


def moved(data: bytes, choose: random.Random, other: bytes) -> bytes:
    a, b = sorted(choose.randrange(len(data) + 1) for _ in range(2))
    return choose.choice([data[:a] + data[b:], data[:b] + data[a:], data[b:] + data[:a]])


def lengthened(data: bytes, choose: random.Random, other: bytes) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + bytes([choose.randrange(256)]) * choose.choice([300, 70_000, 200_000]) + data[at:]


MUTATIONS = (truncated, flipped, spliced, inserted, moved, lengthened)
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".gz.gz": lambda data: gzip.compress(gzip.compress(data)),
}


def mutant(number: int, files: dict[str, bytes]) -> tuple[str, bytes, Rule]:
    """The number decides everything: format, compression, what is done before and after it."""
    choose = random.Random(number)
    name, (ending, compress) = choose.choice(sorted(files)), choose.choice(sorted(COMPRESSIONS.items()))
    ending, compress = ("", COMPRESSIONS[""]) if choose.random() < 0.4 else (ending, compress)
    data, other = files[name], files[choose.choice(sorted(files))]
    for _ in range(choose.randint(0, 3)):
        data = choose.choice(MUTATIONS)(data, choose, other)
    data = compress(data)
    for _ in range(choose.randint(0, 1) if ending else 0):
        data = choose.choice(MUTATIONS[:5])(data, choose, compress(other))
    rows = choose.choice(["auto", "auto", "line", "paragraph", "file"])
    return name + ending, data, Rule(rows=rows)


def read(path: Path, rule: Rule) -> Batch:
    whole = Batch()
    for block in blocks(str(path), path.name, rule, LIMITS):
        batch = parse(block, LIMITS)
        whole.documents += batch.documents
        whole.pairs += batch.pairs
        whole.bad += batch.bad
    return whole


def survive(directory: Path, numbers: range, *, thorough: bool) -> Counter[str]:
    files, seen = seeds(), Counter[str]()
    for number in numbers:
        name, data, rule = mutant(number, files)
        path = directory / name
        path.write_bytes(data)
        start = time.monotonic()
        batch = read(path, rule)
        texts = [d.text for d in batch.documents] + [side for p in batch.pairs for side in p[:2]]
        for text in texts:
            assert "\0" not in text, number
            text.encode("utf-8")  # no lone surrogates: parquet could not hold them
        for bad in batch.bad:
            assert bad.place.startswith(name), (number, bad)
            assert bad.reason, number
            (bad.text + bad.place).encode("utf-8")
        if thorough and texts:
            mended = [examine(text)[0] for text in texts[:4]]
            assert all(redact(text)[0] is not None for text in mended)
            measure(mended)
        assert time.monotonic() - start < 20, f"mutation {number} took too long"
        seen["documents"] += len(batch.documents)
        seen["pairs"] += len(batch.pairs)
        seen.update(bad.reason for bad in batch.bad)
    return seen


def test_every_format_is_read_before_it_is_damaged(tmp_path):
    for name, data in seeds().items():
        path = tmp_path / name
        path.write_bytes(data)
        batch = read(path, Rule())
        assert batch.documents or batch.pairs, name
        assert not batch.bad, name


def test_hundreds_of_damaged_files(tmp_path):
    seen = survive(tmp_path, range(600), thorough=False)
    assert seen["documents"] > 1_000
    # Each kind of damage is recognised somewhere.
    assert {"truncated_file", "damaged_file", "nested_file", "invalid_utf8", "nul_character"} <= set(seen)


@pytest.mark.slow
def test_twelve_thousand_damaged_files(tmp_path):
    survive(tmp_path, range(600, 12_600), thorough=True)
