"""Where the public corpora keep text, language, source, licence and address in a record.

| corpus | record |
|---|---|
| mC4, C4 | ``{text, timestamp, url}``, language in the file's name (``c4-sw.tfrecord-00000.json.gz``) |
| OSCAR 22.01, 23.01 | ``{content, warc_headers: {warc-target-uri}, metadata: {identification: {label}}}`` |
| CulturaX | ``{text, timestamp, url, source}``, language in the path (``sw/sw_part_00000.parquet``) |
| ROOTS | ``{text, meta}`` |
| FineWeb-2 | ``{text, url, language, language_script, ...}`` |
| The Pile | ``{text, meta: {pile_set_name}}`` |
| Wikipedia (Hub) | ``{id, url, title, text}``, language in the address (``sw.wikipedia.org``) |
| translations (Hub) | ``{translation: {en: ..., sw: ...}}`` |
"""

import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from panlect.read.rows import Block, Document, Pair, Rule

TEXT = ("text", "content", "raw_content", "sentence", "body", "article")
LANGUAGE = (
    "language",
    "lang",
    "metadata.identification.label",
    "metadata.language",
    "meta.language",
    "meta.lang",
)
SOURCE = ("source", "meta.pile_set_name", "metadata.source", "meta.source", "dataset")
LICENCE = ("licence", "license", "metadata.license", "meta.license")
URL = ("url", "warc_headers.warc-target-uri", "metadata.url", "meta.url", "uri")

PATH_LANGUAGES = (
    r"(?:^|/)c4-(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z]{4})?)\.",  # mC4
    r"(?:^|/)(?P<language>[a-z]{2,3})_part_\d+",  # CulturaX
    r"(?:^|/)(?P<language>[a-z]{2,3})_meta",  # OSCAR
    r"(?:^|/)(?P<language>[a-z][a-z_]{1,11})wiki-\d+-pages",  # Wikipedia dumps
    r"(?:^|[/.])(?P<language>[a-z]{3}[_-][A-Z][a-z]{3})(?:[/._]|$)",  # FLORES, FineWeb-2, GlotLID
    # Three letters would be too bold: `corpus.raw.txt` is not in Rapoisi.
    r"\.(?P<language>[a-z]{2})\.(?:txt|md|jsonl|ndjson|json|parquet|tsv|csv|html?)(?:\.|$)",  # corpus.sw.txt
)
"""Paths that name their language, as public corpora do; a user's own pattern goes before them."""

_CODE = r"[a-z]{2,3}(?:[_-][A-Z][a-z]{3})?"
_PAIR_OF_LANGUAGES = re.compile(rf"(?:^|[/.])({_CODE})-({_CODE})\.(?:tsv|csv)(?:\.|$)")

_WIKIPEDIA = re.compile(r"^https?://(?P<language>[a-z][a-z-]{1,11})(?:\.m)?\.wikipedia\.org/")


def lookup(record: Mapping[str, Any], path: str) -> Any:
    """Return ``record["a"]["b"]`` for ``"a.b"``, or None; a key that itself holds a dot also works."""
    if path in record:
        return record[path]
    first, dot, rest = path.partition(".")
    inner = record.get(first) if dot else None
    return lookup(inner, rest) if isinstance(inner, Mapping) else None


def _first(record: Mapping[str, Any], asked: str, guesses: tuple[str, ...]) -> str:
    for path in (asked,) if asked else guesses:
        value = lookup(record, path)
        if isinstance(value, str):
            return value
    return ""


def document_of(record: Mapping[str, Any], place: str, block: Block) -> Document | None:
    """Return the document in a record, or None if it has no text that is a string."""
    rule = block.rule
    text = None
    for path in (rule.text_column,) if rule.text_column else TEXT:
        text = lookup(record, path)
        if text is not None:
            break
    if not isinstance(text, str):
        return None
    url = _first(record, "", URL)
    return Document(
        text,
        place,
        language=rule.language or _language(record, url, block),
        source=rule.name or _first(record, rule.source_column, SOURCE),
        licence=_first(record, rule.licence_column, LICENCE) or rule.licence,
        url=url,
        kept=tuple(_as_text(lookup(record, name)) for name in rule.keep_columns),
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _language(record: Mapping[str, Any], url: str, block: Block) -> str:
    language = _first(record, block.rule.language_column, LANGUAGE)
    script = record.get("language_script")
    if language and isinstance(script, str):
        return f"{language}_{script}"
    if not language and (match := _WIKIPEDIA.match(url)):
        language = match["language"]
    return language or path_language(block.name, block.rule)


def path_language(name: str, rule: Rule) -> str:
    """Return the language that a file's path names, or ""."""
    for pattern in (rule.language_pattern,) if rule.language_pattern else PATH_LANGUAGES:
        if match := re.search(pattern, name):
            groups = match.groupdict()
            return groups.get("language") or (match.group(1) if match.re.groups else match.group())
    return ""


def path_pair(name: str) -> tuple[str, ...]:
    """Return both languages of a file such as ``news.en-sw.tsv`` (two columns, in this order), or nothing."""
    match = _PAIR_OF_LANGUAGES.search(name)
    return match.groups() if match else ()


def pairs_of(record: Mapping[str, Any], place: str, block: Block) -> list[Pair] | None:
    """Return the pairs of a translation record, or None if it is not one."""
    if "source_text" in record and "target_text" in record:
        names = ("source_text", "target_text", "source_language", "target_language", "source", "licence")
        left, right, left_language, right_language, source, licence = (_as_text(record.get(n)) for n in names)
        rule = block.rule
        return [
            Pair(
                left,
                right,
                place,
                left_language,
                right_language,
                rule.name or source,
                licence or rule.licence,
            )
        ]
    sides = record.get("translation")
    if not isinstance(sides, Mapping) or len(sides) < 2:
        return None
    rule = block.rule
    return [
        Pair(_as_text(sides[a]), _as_text(sides[b]), place, a, b, rule.name, rule.licence)
        for a, b in combinations(sides, 2)
    ]
