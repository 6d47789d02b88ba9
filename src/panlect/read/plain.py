"""Plain text: one document per line, per paragraph or per file; and Moses pairs, line by line."""

from collections.abc import Iterator
from itertools import zip_longest

from panlect.read.fields import path_language
from panlect.read.lines import decode, line_blocks, lines_of
from panlect.read.rows import Bad, Batch, Block, Document, Limits, Pair, Rule, sample
from panlect.read.stream import Stream


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut at line ends, or not at all where the file or a paragraph is the document."""
    if rule.other_side:
        yield from _moses_blocks(path, name, rule, limits)
    elif rule.rows in ("line", "auto"):
        yield from line_blocks(path, name, rule, limits)
    else:
        yield whole(path, name, rule, limits)


def whole(path: str, name: str, rule: Rule, limits: Limits) -> Block:
    """Return a file as one block, up to the limit of one row."""
    stream, data = Stream(path, limits), bytearray()
    for chunk in stream:
        data += chunk
        if len(data) > limits.row_bytes:
            return Block(
                path, name, rule, 1, b"", bad=(Bad(name, "row_too_large", sample(bytes(data[:8000]))),)
            )
    bad = (Bad(name, f"{stream.trouble}_file", ""),) if stream.trouble else ()
    return Block(path, name, rule, 1, bytes(data), bad=bad)


def _moses_blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut both sides after the same number of lines."""
    left, right = _numbered(path, limits), _numbered(rule.other_side, limits)
    kept: tuple[list[bytes], list[bytes]] = ([], [])
    first, size = 1, 0
    for number, (a, b) in enumerate(zip_longest(left, right), 1):
        if a is None or b is None:
            bad = Bad(f"{name}:{number}", "other_side_ends", sample(a or b or b""))
            yield Block(path, name, rule, number, b"", bad=(bad,))
            continue
        kept[0].append(a)
        kept[1].append(b)
        size += len(a) + len(b)
        if size >= limits.block_bytes:
            yield Block(path, name, rule, first, b"\n".join(kept[0]), other_payload=b"\n".join(kept[1]))
            kept, first, size = ([], []), number + 1, 0
    if kept[0]:
        yield Block(path, name, rule, first, b"\n".join(kept[0]), other_payload=b"\n".join(kept[1]))


def _numbered(path: str, limits: Limits) -> Iterator[bytes]:
    pending = b""
    for chunk in Stream(path, limits):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
    if pending:
        yield pending


def parse(block: Block, limits: Limits) -> Batch:
    """Read the block's lines, paragraphs, whole text or pairs."""
    batch = Batch(bad=list(block.bad))
    if block.other_payload is not None:
        _parse_pairs(block, batch)
    elif block.rule.rows in ("line", "auto"):
        for number, line in lines_of(block, limits, batch.bad):
            text = decode(line, f"{block.name}:{number}", batch.bad)
            if text is not None:
                batch.add(document(text, f"{block.name}:{number}", block))
    elif block.payload:
        _parse_text(block, batch)
    return batch


def _parse_text(block: Block, batch: Batch) -> None:
    text = decode((block.payload or b"").removeprefix(b"\xef\xbb\xbf"), block.name, batch.bad)
    if text is None:
        return
    text = text.replace("\r\n", "\n")
    if block.rule.rows == "file":
        batch.add(document(text, block.name, block))
        return
    line = 1
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            batch.add(document(paragraph.strip("\n"), f"{block.name}:{line}", block))
        line += paragraph.count("\n") + 2


def document(text: str, place: str, block: Block) -> Document:
    """Return a document with what the rule and the path say about it."""
    rule = block.rule
    language = rule.language or path_language(block.name, rule)
    return Document(text, place, language, rule.name, rule.licence, kept=("",) * len(rule.keep_columns))


def _parse_pairs(block: Block, batch: Batch) -> None:
    rule, (left_language, right_language) = block.rule, (block.rule.language, block.rule.language_column)
    left, right = (block.payload or b"").split(b"\n"), (block.other_payload or b"").split(b"\n")
    for number, (a, b) in enumerate(zip(left, right, strict=True), block.first_row):
        place = f"{block.name}:{number}"
        sides = [decode(side.removesuffix(b"\r"), place, batch.bad) for side in (a, b)]
        if sides[0] is not None and sides[1] is not None:
            languages = left_language, right_language
            batch.add_pair(Pair(sides[0], sides[1], place, *languages, rule.name, rule.licence))
