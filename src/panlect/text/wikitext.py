"""Wikitext to plain text: templates, tables, references, files and markup away, the words of links kept."""

import re
from collections.abc import Callable

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_REFERENCE = re.compile(r"<ref\b[^>/]*/>|<ref\b[^>]*>.*?</ref>", re.DOTALL | re.IGNORECASE)
_DROPPED = re.compile(
    r"<(gallery|math|timeline|imagemap|score|syntaxhighlight|source|hiero|chem)\b[^>]*>.*?</\1>",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_TABLE = re.compile(r"\{\|(?:(?!\{\|)(?!\|\}).)*\|\}", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{(?:(?!\{\{)(?!\}\}).)*\}\}", re.DOTALL)
_LINK = re.compile(r"\[\[([^\[\]|]*)(?:\|([^\[\]]*))?\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:)?//[^\s\]]+[ ]?([^\]]*)\]")
_HEADING = re.compile(r"^(={1,6})[ \t]*(.*?)[ \t]*\1[ \t]*$", re.MULTILINE)
_LIST = re.compile(r"^[*#:;]+[ \t]*", re.MULTILINE)
_EMPHASIS = re.compile(r"'{2,5}")
_MAGIC = re.compile(r"__[A-Z]+__")
_BLANK = re.compile(r"[ \t]+\n|\n{3,}")
_EMPTY_BRACKETS = re.compile(r"[ ]?[(（]\s*[,;:،]*\s*[)）]")


def plain_text(wikitext: str) -> str:
    """Return what a reader of the page would read.

    Brackets that do not close cost nothing but themselves. A link whose target has a namespace
    (files, categories, other languages) is no text.
    """
    text = _COMMENT.sub("", wikitext)
    text = _DROPPED.sub("", _REFERENCE.sub("", text))
    text = _from_the_inside(_TEMPLATE, text)
    text = _from_the_inside(_TABLE, text)
    text = _links(text)
    text = _EXTERNAL.sub(r"\1", text)
    text = _TAG.sub("", text)
    text = _HEADING.sub(r"\2", text)
    text = _MAGIC.sub("", _EMPHASIS.sub("", _LIST.sub("", text)))
    text = _EMPTY_BRACKETS.sub("", text)
    while (shorter := _BLANK.sub("\n\n" if "\n\n\n" in text else "\n", text)) != text:
        text = shorter
    return text.strip()


def _from_the_inside(pattern: re.Pattern[str], text: str, depth: int = 40) -> str:
    """Remove nested constructs, innermost first."""
    for _ in range(depth):
        shorter = pattern.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def _links(text: str) -> str:
    def words(match: re.Match[str]) -> str:
        target, label = match.groups()
        if ":" in target.lstrip(":") and not target.startswith(":"):
            return ""
        shown = label if label is not None else target
        return shown.rsplit("|", 1)[-1].lstrip(":")

    return _from_the_inside_with(_LINK, words, text)


def _from_the_inside_with(
    pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str, depth: int = 8
) -> str:
    for _ in range(depth):
        changed = pattern.sub(replace, text)
        if changed == text:
            break
        text = changed
    return text
