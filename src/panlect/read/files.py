"""Which reader a file needs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from panlect.errors import DataError
from panlect.read import columnar, delimited, gettext, html, jsonl, markup, plain, warc, wikipedia
from panlect.read.rows import Batch, Block, Cut, Limits, Rule
from panlect.read.stream import head, plain_name


class Layout(NamedTuple):
    """A reader's two halves."""

    blocks: Callable[[str, str, Rule, Limits], Iterator[Block]]
    parse: Callable[[Block, Limits], Batch]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "jsonl": Layout(jsonl.blocks, jsonl.parse),
        "parquet": Layout(columnar.blocks, columnar.parse),
        "tsv": Layout(delimited.blocks, delimited.parse),
        "text": Layout(plain.blocks, plain.parse),
        "warc": Layout(warc.blocks, warc.parse),
        "html": Layout(html.blocks, html.parse),
        "xml": Layout(markup.blocks, markup.parse),
        "wikipedia": Layout(wikipedia.blocks, wikipedia.parse),
        "gettext": Layout(gettext.blocks, gettext.parse),
    }
)

ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "jsonl": "jsonl",
        "ndjson": "jsonl",
        "json": "jsonl",
        "parquet": "parquet",
        "tsv": "tsv",
        "csv": "tsv",
        "txt": "text",
        "md": "text",
        "warc": "warc",
        "wet": "warc",
        "htm": "html",
        "html": "html",
        "po": "gettext",
    }
)

WHOLE_FILES = (".md",)
"""Files that are one document each, unless the rule says otherwise."""


def layout_of(path: str, rule: Rule, limits: Limits) -> tuple[str, Rule]:
    """Return the layout's name for a file, and the rule with what the file's kind implies.

    Raises:
        DataError: the rule names a layout that does not exist.
    """
    name = plain_name(path)
    layout = rule.layout
    if layout == "auto":
        layout = ENDINGS.get(name.rpartition(".")[2], "")
        # A WET file is often called .txt, and a page of HTML anything at all.
        layout = _by_content(path, limits) if layout in ("", "text") else layout
    if layout not in LAYOUTS:
        raise DataError(f"no reader for the layout '{layout}'", where=path, expected=", ".join(LAYOUTS))
    if rule.rows == "auto" and layout == "text":
        kind: Cut = "file" if name.endswith(WHOLE_FILES) else "line"
        rule = replace(rule, rows=kind)
    return layout, rule


def _by_content(path: str, limits: Limits) -> str:
    start = head(path, limits, 4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"WARC/"):
        return "warc"
    if b"<mediawiki" in start:
        return "wikipedia"
    if start.startswith((b"<?xml", b"<udhr", b"<cesDoc")):
        return "xml"
    if start[:200].lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    return "jsonl" if start.startswith(b"{") else "text"


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut a file into blocks, in order; see the package's page for what a block is.

    Args:
        path: the file.
        name: how places call it.
        rule: how to read it.
        limits: sizes of a row and of a block.
    """
    layout, rule = layout_of(path, rule, limits)
    yield from LAYOUTS[layout].blocks(path, name, replace(rule, layout=layout), limits)


def parse(block: Block, limits: Limits) -> Batch:
    """Read the rows of one block."""
    return LAYOUTS[block.rule.layout].parse(block, limits)
