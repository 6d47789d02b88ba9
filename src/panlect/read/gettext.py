"""gettext catalogues (.po): messages and their translations as pairs.

A ``fuzzy`` translation is a guess that nobody confirmed, and is set aside; obsolete messages and
untranslated ones are no pairs. Of plural forms the first is taken.
"""

import ast
import re
from collections.abc import Iterator

from panlect.read.fields import path_language
from panlect.read.lines import decode
from panlect.read.plain import whole
from panlect.read.rows import Bad, Batch, Block, Limits, Pair, Rule, sample

_KEYWORD = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)[ \t]+(".*")\s*$')


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """One catalogue is one block."""
    yield whole(path, name, rule, limits)


def parse(block: Block, limits: Limits) -> Batch:
    """Read every message."""
    batch, rule = Batch(bad=list(block.bad)), block.rule
    text = decode(block.payload or b"", block.name, batch.bad)
    if not text:
        return batch
    target = rule.language or path_language(block.name, rule)
    for line, fields, fuzzy in _entries(text):
        source, translation = fields.get("msgid", ""), fields.get("msgstr", fields.get("msgstr[0]", ""))
        if not source:
            target = target or _told_language(translation)
            continue
        place = f"{block.name}:{line}"
        if fuzzy:
            batch.bad.append(Bad(place, "fuzzy_translation", sample(f"{source}\t{translation}")))
        elif translation:
            source_language = rule.language_column or "en"
            batch.add_pair(Pair(source, translation, place, source_language, target, rule.name, rule.licence))
    return batch


def _told_language(header: str) -> str:
    told = re.search(r"^Language:[ \t]*([\w@.-]+)", header, re.MULTILINE)
    return told.group(1).split("@")[0].split(".")[0] if told else ""


def _entries(text: str) -> Iterator[tuple[int, dict[str, str], bool]]:
    """Yield (line, fields, whether it is fuzzy) of every message."""
    fields: dict[str, str] = {}
    keyword, fuzzy, first = "", False, 1
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        match = _KEYWORD.match(line)
        starts = bool(match) and match is not None and match[1] in ("msgctxt", "msgid")
        if (not line or line.startswith("#") or starts) and any(key.startswith("msgstr") for key in fields):
            yield first, fields, fuzzy
            fields, keyword, fuzzy = {}, "", False
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy = True
        elif match:
            first = number if not fields else first
            keyword = match[1]
            fields[keyword] = _unquoted(match[2])
        elif line.startswith('"') and keyword:
            fields[keyword] += _unquoted(line)
    if any(key.startswith("msgstr") for key in fields):
        yield first, fields, fuzzy


def _unquoted(text: str) -> str:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text.strip('"')
    return value if isinstance(value, str) else ""
