"""Wikipedia dumps: ``*-pages-articles.xml``, page by page, as plain text.

Redirects and pages outside the article namespace are no articles and are left out; markup is
taken off by `panlect.text.wikitext`.
"""

import html
import re
from collections.abc import Iterator

from panlect.read.fields import path_language
from panlect.read.rows import Bad, Batch, Block, Document, Limits, Rule, sample
from panlect.read.stream import Stream, head
from panlect.text.wikitext import plain_text

_END = b"</page>"
_PAGE = re.compile(r"<page>(.*?)</page>", re.DOTALL)
_FIELDS = re.compile(r"<(title|ns|text)\b[^>]*>(.*?)</\1>", re.DOTALL)
_SITE = re.compile(rb"<mediawiki[^>]*xml:lang=\"([\w-]+)\"")


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """Cut between pages."""
    site = _SITE.search(head(path, limits, 4096))
    header = (site.group(1).decode() if site else "",)
    stream, pending, first = Stream(path, limits), bytearray(), 1
    for chunk in stream:
        pending += chunk
        if len(pending) < limits.block_bytes:
            continue
        cut = pending.rfind(_END) + len(_END)
        if cut >= len(_END):
            payload = bytes(pending[:cut])
            yield Block(path, name, rule, first, payload, header)
            first += payload.count(b"<page>")
            del pending[:cut]
        elif len(pending) > limits.row_bytes:
            bad = Bad(f"{name}:{first}", "row_too_large", sample(bytes(pending[:8000])))
            yield Block(path, name, rule, first, b"", header, bad=(bad,))
            pending.clear()
    bad_end = (Bad(name, f"{stream.trouble}_file", ""),) if stream.trouble else ()
    if pending or bad_end:
        yield Block(path, name, rule, first, bytes(pending), header, bad=bad_end)


def parse(block: Block, limits: Limits) -> Batch:
    """Take every article of the block."""
    batch, rule = Batch(bad=list(block.bad)), block.rule
    language = rule.language or (block.header[0] if block.header else "") or path_language(block.name, rule)
    text = (block.payload or b"").decode("utf-8", "replace")
    for number, page in enumerate(_PAGE.finditer(text), block.first_row):
        fields = {key: html.unescape(value) for key, value in _FIELDS.findall(page.group(1))}
        if fields.get("ns", "0") != "0" or "<redirect" in page.group(1):
            continue
        place = f"{block.name}:{number}"
        title, body = fields.get("title", ""), plain_text(fields.get("text", ""))
        url = f"https://{language}.wikipedia.org/wiki/{title.replace(' ', '_')}" if language else ""
        kept = ("",) * len(rule.keep_columns)
        batch.add(Document(body, place, language, rule.name or "wikipedia", rule.licence, url, kept))
    return batch
