"""WARC and WET: web archives, record by record.

A record is a header, an empty line, and as many bytes as the header says, so the archive is cut and
parsed without a library, and a file that was cut off gives every whole record before the cut.
``conversion`` records (WET) hold text; ``response`` records hold HTML, whose main text is extracted.
"""

import re
from collections.abc import Iterator

from panlect.read.html import main_text
from panlect.read.lines import NEWLINE
from panlect.read.rows import Bad, Batch, Block, Document, Limits, Rule, sample
from panlect.read.stream import Stream

_BEGIN = re.compile(rb"WARC/\d\.\d\r?\n")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([\w-]+):[ \t]*([^\r\n]*)", re.MULTILINE)


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut between records."""
    stream, pending, first = Stream(path, limits), bytearray(), 1
    for chunk in stream:
        pending += chunk
        if len(pending) < limits.block_bytes:
            continue
        cut, records = _whole_records(pending)
        if cut:
            yield Block(path, name, rule, first, bytes(pending[:cut]))
            del pending[:cut]
            first += records
        elif len(pending) > limits.row_bytes + limits.block_bytes:
            bad = Bad(f"{name}:{first}", "row_too_large", sample(bytes(pending[:8000])))
            yield Block(path, name, rule, first, b"", bad=(bad,))
            found = _BEGIN.search(pending, limits.row_bytes)
            del pending[: found.start() if found else len(pending) - 16]
            first += 1
    cut, records = _whole_records(pending)
    rest = bytes(pending[cut:]).strip()
    reason = f"{stream.trouble or 'truncated'}_file"
    bad_end = (
        (Bad(f"{name}:{first + records}", reason, sample(rest[:8000])),) if rest or stream.trouble else ()
    )
    if cut or bad_end:
        yield Block(path, name, rule, first, bytes(pending[:cut]), bad=bad_end)


def _whole_records(data: bytes | bytearray) -> tuple[int, int]:
    """Return where the last whole record ends, and how many records there are before it."""
    end = count = 0
    for _, _, stop in _records(bytes(data)):
        end, count = stop, count + 1
    return end, count


def _records(data: bytes) -> Iterator[tuple[dict[str, str], bytes, int]]:
    """Yield (header, content, where the record ends) of every whole record."""
    at = 0
    while begin := _BEGIN.search(data, at):
        end_of_header = _END_OF_HEADER.search(data, begin.end())
        if not end_of_header:
            return
        fields = _FIELD.findall(data, begin.end(), end_of_header.start())
        header = {
            key.decode("ascii", "replace").lower(): value.decode("utf-8", "replace") for key, value in fields
        }
        length = header.get("content-length", "")
        if not length.isdigit():
            at = end_of_header.end()
            continue
        stop = end_of_header.end() + int(length)
        if stop > len(data):
            return
        yield header, data[end_of_header.end() : stop], stop
        at = stop


def parse(block: Block, limits: Limits) -> Batch:
    """Take the text of every conversion and response record."""
    batch = Batch(bad=list(block.bad))
    for number, (header, content, _) in enumerate(_records(block.payload or b""), block.first_row):
        place = f"{block.name}:{number}"
        if len(content) > limits.row_bytes:
            batch.bad.append(Bad(place, "row_too_large", sample(content[:8000])))
        elif header.get("warc-type") == "conversion":
            _add(block, batch, place, header, content.decode("utf-8", "replace"))
        elif header.get("warc-type") == "response":
            _add_response(block, batch, place, header, content)
    return batch


def _add_response(block: Block, batch: Batch, place: str, header: dict[str, str], content: bytes) -> None:
    head, _, body = (
        content.partition(NEWLINE + b"\r\n") if b"\n\r\n" in content else content.partition(b"\n\n")
    )
    kind = re.search(rb"(?im)^content-type:\s*([^\r\n]*)", head)
    told = kind.group(1).decode("ascii", "replace").lower() if kind else ""
    if told and "html" not in told and "text/plain" not in told:
        return  # images, style sheets, scripts: no text was ever there
    charset = re.search(r"charset=[\"']?([\w.:-]+)", told)
    text, language = main_text(body, charset.group(1) if charset else "")
    _add(block, batch, place, header | {"page-language": language}, text)


def _add(block: Block, batch: Batch, place: str, header: dict[str, str], text: str) -> None:
    identified = header.get("warc-identified-content-language", "").split(",")[0]
    rule = block.rule
    language = rule.language or identified or header.get("page-language", "")
    url = header.get("warc-target-uri", "").strip("<>")
    kept = ("",) * len(rule.keep_columns)
    batch.add(Document(text.strip(), place, language, rule.name, rule.licence, url, kept))
