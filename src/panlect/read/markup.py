"""XML corpora: the Universal Declaration (UDHR in XML) and bibles in the Corpus Encoding Standard.

By default a declaration is one document and a bible gives one document per chapter; with
``rows: line`` or ``paragraph`` each paragraph or verse is one.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from panlect.read.fields import path_language
from panlect.read.plain import whole
from panlect.read.rows import Bad, Batch, Block, Document, Limits, Rule

_UDHR = "{http://efele.net/udhr}"


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """One file is one block."""
    yield whole(path, name, rule, limits)


def parse(block: Block, limits: Limits) -> Batch:
    """Read the file's paragraphs or verses; a file that is neither kind is set aside."""
    batch = Batch(bad=list(block.bad))
    if not block.payload:
        return batch
    try:
        root = ElementTree.fromstring(block.payload)
    except ElementTree.ParseError as error:
        batch.bad.append(Bad(block.name, "invalid_xml", str(error)))
        return batch
    if root.tag == f"{_UDHR}udhr":
        _udhr(root, block, batch)
    elif root.tag == "cesDoc":
        _bible(root, block, batch)
    else:
        batch.bad.append(Bad(block.name, "unknown_xml", f"<{root.tag}>"))
    return batch


def _udhr(root: ElementTree.Element, block: Block, batch: Batch) -> None:
    script = root.get("iso15924", "")
    language = root.get("iso639-3", "") + (f"_{script}" if script else "")
    texts = [_text(element) for element in root.iter() if element.tag in (f"{_UDHR}title", f"{_UDHR}para")]
    _add_parts([text for text in texts if text], language, "", block, batch)


def _bible(root: ElementTree.Element, block: Block, batch: Batch) -> None:
    told = root.find(".//language")
    language = (told.get("iso639", "") if told is not None else "").strip()
    for chapter in root.iter("div"):
        if chapter.get("type") == "chapter":
            verses = [_text(verse) for verse in chapter.iter("seg")]
            _add_parts([verse for verse in verses if verse], language, chapter.get("id", ""), block, batch)


def _text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _add_parts(texts: list[str], language: str, part: str, block: Block, batch: Batch) -> None:
    rule, place = block.rule, f"{block.name}:{part}" if part else block.name
    language = rule.language or language or path_language(block.name, rule)
    each = rule.rows in ("line", "paragraph")
    kept = ("",) * len(rule.keep_columns)
    for number, text in enumerate(texts if each else ["\n".join(texts)], 1):
        where = f"{place}:{number}" if each else place
        batch.add(Document(text, where, language, rule.name, rule.licence, kept=kept))
