"""HTML: the main text of a page, without menus, footers and scripts.

The extraction is Resiliparse's (Bevendorff et al. 2018), a fast tree walk with rules that look at
structure and not at English words, so it works in any script.
"""

import re
from collections.abc import Iterator
from typing import Any

from panlect.read.fields import path_language
from panlect.read.plain import whole
from panlect.read.rows import Batch, Block, Document, Limits, Rule
from panlect.text.needs import needs

_LANGUAGE = re.compile(
    rb"<html[^>]{0,500}?\blang\s*=\s*[\"']?([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)", re.IGNORECASE
)


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """One page is one block."""
    yield whole(path, name, rule, limits)


def parse(block: Block, limits: Limits) -> Batch:
    """Extract the page's main text; its declared language counts only where nothing better is said."""
    batch, rule = Batch(bad=list(block.bad)), block.rule
    if block.payload:
        text, declared = main_text(block.payload, "")
        language = rule.language or path_language(block.name, rule) or declared
        kept = ("",) * len(rule.keep_columns)
        batch.add(Document(text, block.name, language, rule.name, rule.licence, kept=kept))
    return batch


def main_text(page: bytes, charset: str) -> tuple[str, str]:
    """Return a page's main text, and the language that it declares ("" if none)."""
    encoding = _encoding()
    if not charset or not encoding.map_encoding_to_html5(charset, fallback_utf8=False):
        charset = encoding.detect_encoding(page)
    html = encoding.bytes_to_str(page, charset, errors="replace").replace("\0", "")
    text = _extraction().extract_plain_text(html, main_content=True, alt_texts=False)
    declared = _LANGUAGE.search(page[:4096])
    return str(text).strip(), declared.group(1).decode() if declared else ""


def _encoding() -> Any:
    return needs("resiliparse.parse.encoding", "reading HTML")


def _extraction() -> Any:
    return needs("resiliparse.extract.html2text", "reading HTML")
