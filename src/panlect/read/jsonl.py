"""JSON lines (and a JSON list of records), in the layouts that public corpora use.

Each line is parsed by itself: a truncated record, a byte that is not UTF-8 or a null text costs one
row, not the rest of the file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from panlect.read.fields import document_of, pairs_of
from panlect.read.lines import line_blocks, lines_of
from panlect.read.rows import Bad, Batch, Block, Limits, Rule, sample
from panlect.read.stream import Stream, head

_ONLY_A_BRACE = re.compile(rb"\{[ \t]*\r?\n")
"""How a record begins that is written over several lines; in JSON lines no line ends there."""


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut at line ends; a file that is one JSON value over many lines is one block."""
    start = head(path, limits, 256).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"[") and not _ONLY_A_BRACE.match(start):
        yield from line_blocks(path, name, rule, limits)
        return
    stream = Stream(path, limits)
    data = b"".join(stream)
    bad = (Bad(name, f"{stream.trouble}_file", ""),) if stream.trouble else ()
    yield Block(path, name, rule, 1, data, header=("list",), bad=bad)


def parse(block: Block, limits: Limits) -> Batch:
    """Read every record of the block."""
    batch = Batch(bad=list(block.bad))
    if block.header:
        _parse_list(block, batch)
        return batch
    for number, line in lines_of(block, limits, batch.bad):
        place = f"{block.name}:{number}"
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.isspace():
                batch.bad.append(Bad(place, _why(line), sample(line)))
            continue
        take(record, place, block, batch)
    return batch


def _why(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "invalid_utf8"
    return "invalid_json"


def _parse_list(block: Block, batch: Batch) -> None:
    try:
        records = orjson.loads((block.payload or b"").removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        batch.bad.append(Bad(f"{block.name}:{error.lineno}", _why(block.payload or b""), ""))
        return
    for number, record in enumerate(records if isinstance(records, list) else [records], 1):
        take(record, f"{block.name}:{number}", block, batch)


def take(record: Any, place: str, block: Block, batch: Batch) -> None:
    """Turn one JSON record into a document or pairs, or set it aside."""
    if not isinstance(record, Mapping):
        batch.bad.append(Bad(place, "not_a_record", sample(str(record))))
        return
    pairs = pairs_of(record, place, block)
    if pairs is not None:
        for pair in pairs:
            batch.add_pair(pair)
        return
    document = document_of(record, place, block)
    if document is None:
        batch.bad.append(Bad(place, "no_text", sample(str(record))))
    else:
        batch.add(document)
