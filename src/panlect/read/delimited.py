"""TSV and CSV: with or without a header, with or without quoting.

Unquoted tab-separated lines and quoted CSV look alike until a text contains a quotation mark, so
the first rows decide (or the setting does). A quoted row that has the wrong number of columns is
tried again line by line: one stray quote must not swallow the rows behind it.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from panlect.read.fields import TEXT, document_of, pairs_of, path_pair
from panlect.read.lines import decode, line_blocks, lines_of
from panlect.read.rows import Bad, Batch, Block, Limits, Rule, sample
from panlect.read.stream import head, plain_name

csv.field_size_limit(1 << 31)
_CARRIAGE_RETURN = "\ufdd0"


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut at row ends, after finding out the columns and whether texts are quoted."""
    start = head(path, limits).removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    delimiter = "," if plain_name(path).endswith(".csv") else "\t"
    quoted = delimiter == "," or _is_quoted(start)
    columns = rule.columns or tuple(_split(start.split("\n", 1)[0].rstrip("\r"), delimiter, quoted))
    if not rule.columns and len(columns) == 2 and not has_text_column(columns, rule):
        columns = path_pair(name) or columns
    header = (delimiter, "quoted" if quoted else "plain", *columns)
    yield from line_blocks(path, name, rule, limits, header=header, quoted=quoted)


def _split(line: str, delimiter: str, quoted: bool) -> list[str]:
    return next((row for row, _ in _csv_rows([line], delimiter)), []) if quoted else line.split(delimiter)


def _csv_rows(lines: list[str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Yield rows, each with the number of lines read so far.

    Python's reader raises at a lone carriage return; a noncharacter stands in for it meanwhile.
    """
    source = io.StringIO("\n".join(lines).replace("\r", _CARRIAGE_RETURN), newline="")
    reader = csv.reader(source, delimiter=delimiter)
    for row in reader:
        yield [value.replace(_CARRIAGE_RETURN, "\r") for value in row], reader.line_num


def _is_quoted(start: str) -> bool:
    """Whether fields are quoted as in CSV: then reading them so gives more rows of the first row's width."""
    lines = start.split("\n")[:-1]  # the last one may be cut
    fields = [field for line in lines for field in line.rstrip("\r").split("\t") if field.startswith('"')]
    if not fields:
        return False
    width = lines[0].count("\t")
    covered = done = 0
    for values, line_count in _csv_rows(lines, "\t"):
        # A tab inside a field means that a stray quote swallowed what follows it.
        if len(values) - 1 == width and not any("\t" in value for value in values):
            covered += line_count - done
        done = line_count
    plain = sum(line.count("\t") == width for line in lines)
    if covered != plain:
        return covered > plain
    # Every line fits both readings: quoted only if every quote that opens a field also closes it.
    return all(len(f) > 1 and f.endswith('"') and '"' not in f[1:-1].replace('""', "") for f in fields)


def parse(block: Block, limits: Limits) -> Batch:
    """Read every row of the block."""
    delimiter, style, *columns = block.header
    batch = Batch(bad=list(block.bad))
    rows = _quoted_rows if style == "quoted" else _plain_rows
    is_pair = tuple(columns) == path_pair(block.name)
    for number, values in rows(block, limits, delimiter, len(columns), batch.bad):
        if number == 1 and values == columns:
            continue
        place = f"{block.name}:{number}"
        if len(values) != len(columns):
            batch.bad.append(Bad(place, "wrong_columns", sample(delimiter.join(values))))
            continue
        named = dict(zip(columns, values, strict=True))
        record: dict[str, Any] = {"translation": named} if is_pair else named
        pairs = pairs_of(record, place, block)
        document = None if pairs else document_of(record, place, block)
        if pairs:
            batch.add_pair(pairs[0])
        elif document:
            batch.add(document)
        else:
            batch.bad.append(Bad(place, "no_text", sample(delimiter.join(values))))
    return batch


def _plain_rows(
    block: Block, limits: Limits, delimiter: str, width: int, bad: list[Bad]
) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines_of(block, limits, bad):
        text = decode(line, f"{block.name}:{number}", bad)
        if text is not None:
            yield number, text.split(delimiter)


def _quoted_rows(
    block: Block, limits: Limits, delimiter: str, width: int, bad: list[Bad]
) -> Iterator[tuple[int, list[str]]]:
    good: list[str] = []
    for number, raw in lines_of(block, limits, bad):
        text = decode(raw, f"{block.name}:{number}", bad)
        missing = number - block.first_row - len(good)
        good += [""] * missing + [text or ""]
    done = 0
    for values, line_count in _csv_rows(good, delimiter):
        first, done = done, line_count
        if not values:
            continue
        number = block.first_row + first
        if done - first == 1 or (len(values) == width and not _swallowed(good[first:done], delimiter)):
            yield number, values
            continue
        for offset, line in enumerate(good[first:done]):
            if line:
                yield number + offset, _split(line, delimiter, False)


def _swallowed(lines: list[str], delimiter: str) -> bool:
    """Whether a row of several lines is rather a stray quote and the rows behind it.

    Then some later quote closes it in the middle of a text, which strict quoting does not allow; and no
    writer leaves tabs inside a text.
    """
    try:
        rows = list(
            csv.reader(
                [line.replace("\r", _CARRIAGE_RETURN) + "\n" for line in lines],
                delimiter=delimiter,
                strict=True,
            )
        )
    except csv.Error:
        return True
    return delimiter == "\t" and any("\t" in value and "\n" in value for row in rows for value in row)


def has_text_column(columns: tuple[str, ...], rule: Rule) -> bool:
    """Whether a header names the text."""
    return rule.text_column in columns if rule.text_column else bool(set(TEXT) & set(columns))
