"""Files of dialogues to rows: which format, which language, who wrote it, under which licence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import field_validator

from panlect.config import Config
from panlect.dialogue.formats import Exchange, UnfitError, checked, exchange_of
from panlect.dialogue.records import Record, records
from panlect.dialogue.rows import Messages, Origin, Row, row
from panlect.dialogue.trees import exchanges, grown, is_message, is_tree
from panlect.errors import LanguageError
from panlect.language import Language
from panlect.read import Bad
from panlect.text.keys import content_id, exact_form

Identify = Callable[[Sequence[str]], Sequence[str]]
"""From texts to canonical codes; ``und_Zyyy`` where it cannot tell."""
UNDETERMINED = "und_Zyyy"


class SourceRule(Config):
    """How the files that a pattern matches are read; the first matching rule counts."""

    files: str = "*"
    """Which files: a pattern matched against the path (`*` also crosses directories)."""
    format: Literal[
        "auto",
        "alpaca",
        "dolly",
        "sharegpt",
        "messages",
        "preference",
        "xllms_100",
        "aya",
        "p3",
        "ranked",
        "plain",
    ] = "auto"
    """The format; `auto` recognises it by its names (OpenAssistant's trees and messages always)."""
    name: str = ""
    """The source's name, the same for all files of one collection; empty: the file's name."""
    language: str = ""
    """The language of rows that do not say their own."""
    language_pattern: str = ""
    """A regular expression over the path whose group `language` names the language of rows that do not."""
    answer_language: str = ""
    """The language of the answers, where it is another than the question's and rows do not say it."""
    licence: str = "unknown"
    """The licence."""
    origin: Origin | Literal[""] = ""
    """Who wrote the answers; empty: what the format implies."""

    @field_validator("language_pattern")
    @classmethod
    def _has_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        if pattern and "language" not in groups:
            raise ValueError(f"{pattern!r} needs a group: (?P<language>...)")
        return pattern


class Read(Config):
    """How files of dialogues are read."""

    sources: tuple[SourceRule, ...] = ()
    """How which files are read; without a matching rule, the format is recognised."""
    threads: Literal["best", "all"] = "best"
    """Of a conversation tree: the thread of best replies, or every thread."""
    identifier: str = ""
    """The model that identifies the language of rows that no label and no rule tells; empty leaves them
    undetermined (`und_Zyyy`)."""
    all_pairs: bool = True
    """Answers that come with their order also become preference pairs, every better one with every worse."""


class Found(NamedTuple):
    """What was read: dialogues, preference pairs, and what was set aside with its reason."""

    dialogues: list[Row]
    preferences: list[Row]
    left_out: list[Row]


class _Item(NamedTuple):
    place: str
    exchange: Exchange
    rule: SourceRule
    path: Path


def read(files: Sequence[Path], settings: Read, identify: Identify | None = None) -> Found:
    """Read all files.

    Args:
        files: in this order.
        settings: the rules.
        identify: asked for rows without a language; None leaves them undetermined.
    """
    found = Found([], [], [])
    items: list[_Item] = []
    for path in files:
        rule = next((each for each in settings.sources if fnmatchcase(str(path), each.files)), SourceRule())
        for place, exchange in _exchanges(path, rule, settings):
            if isinstance(exchange, Exchange):
                items.append(_Item(place, exchange, rule, path))
            else:
                found.left_out.append(_aside(path, place, exchange, rule))
    for item, languages in zip(items, _languages(items, identify), strict=True):
        if languages is None:
            reason = f"unknown_language: {item.exchange.label or item.exchange.answer_label}"
            found.left_out.append(_aside(item.path, item.place, reason, item.rule))
            continue
        found.dialogues.append(_dialogue(item, languages))
        if settings.all_pairs:
            _rank(item, languages, found)
    return found


def _exchanges(path: Path, rule: SourceRule, settings: Read) -> Iterator[tuple[str, Exchange | str]]:
    """Every exchange of a file, or the reason why a record holds none, with its place."""
    messages: list[Mapping[str, Any]] = []
    for record in records(path):
        if isinstance(record, Bad):
            yield record.place, record.reason
        elif is_message(record.values):
            messages.append(record.values)
        elif is_tree(record.values):
            yield from _tree(record.place, record.values["prompt"], settings)
        else:
            yield record.place, _one(record, rule)
    for root in grown(messages):
        yield from _tree(f"{path.name}:{root['message_id']}", root, settings)


def _one(record: Record, rule: SourceRule) -> Exchange | str:
    try:
        return exchange_of(record.values, "" if rule.format == "auto" else rule.format)
    except UnfitError as error:
        return str(error)


def _tree(place: str, root: Mapping[str, Any], settings: Read) -> Iterator[tuple[str, Exchange | str]]:
    try:
        found = [checked(each) for each in exchanges(root, threads=settings.threads)]
    except (UnfitError, KeyError, TypeError, AttributeError) as error:
        yield place, str(error) if isinstance(error, UnfitError) else f"not_oasst: {type(error).__name__}"
        return
    if not found:
        yield place, "no_answer"
    for each in found:
        yield place, each


def _languages(items: Sequence[_Item], identify: Identify | None) -> list[tuple[str, str] | None]:
    """Languages of question and answer; None where a label is no language."""
    told: list[tuple[str, str] | None] = []
    for item in items:
        try:
            told.append(_told(item))
        except LanguageError:
            told.append(None)
    unknown = [place for place, each in enumerate(told) if each and UNDETERMINED in each]
    if identify and unknown:
        asked = [text for place in unknown for text in _texts(items[place].exchange)]
        guesses = list(identify(asked))
        for number, place in enumerate(unknown):
            known = told[place] or ("", "")
            question, answer = (
                guess if code == UNDETERMINED else code
                for code, guess in zip(known, guesses[2 * number : 2 * number + 2], strict=True)
            )
            told[place] = question, answer if answer != UNDETERMINED else question
    return told


def _texts(exchange: Exchange) -> tuple[str, str]:
    return exchange.turns[-1][1], exchange.answers[0]


def _told(item: _Item) -> tuple[str, str]:
    """What labels and rules say: the row's own label first, then the rule, then the path."""
    label = item.exchange.label or item.rule.language
    if not label and item.rule.language_pattern:
        match = re.search(item.rule.language_pattern, str(item.path))
        label = match["language"] if match else ""
    language = Language.parse(label).code if label else UNDETERMINED
    answer = item.exchange.answer_label or item.rule.answer_language
    return language, Language.parse(answer).code if answer else language


def _facts(item: _Item) -> dict[str, str]:
    source = item.rule.name or item.path.name
    named = f"{source}:{item.exchange.name}" if item.exchange.name else ""
    origin = item.rule.origin or item.exchange.origin
    return {"origin": origin, "source": source, "licence": item.rule.licence, "item": named}


def _dialogue(item: _Item, languages: tuple[str, str]) -> Row:
    turns = [*item.exchange.turns, ("assistant", item.exchange.answers[0])]
    facts = {**_facts(item), "task": item.exchange.task or "instruction", "parent": "", "place": item.place}
    return row(turns, languages, **facts)


def _rank(item: _Item, languages: tuple[str, str], found: Found) -> None:
    """Add every better answer with every worse one; pairs of the same text are set aside."""
    ranked = zip(item.exchange.answers, item.exchange.ranks, strict=False)
    prompt: Messages = [{"role": role, "content": content} for role, content in item.exchange.turns]
    facts = _facts(item)
    for (better, high), (worse, low) in combinations(ranked, 2):
        if high == low:
            continue
        if exact_form(better) == exact_form(worse):
            found.left_out.append(_aside(item.path, item.place, "same_answers", item.rule))
            continue
        asked = [turn["content"] for turn in prompt]
        found.preferences.append(
            {
                "id": content_id("ranked", *languages, *asked, better, worse),
                "prompt": prompt,
                "chosen": [{"role": "assistant", "content": better}],
                "rejected": [{"role": "assistant", "content": worse}],
                "prompt_language": languages[0],
                "answer_language": languages[1],
                "reason": "ranked",
                "source": facts["source"],
                "licence": facts["licence"],
                "origin": facts["origin"],
            }
        )


def _aside(path: Path, place: str, reason: str, rule: SourceRule) -> Row:
    facts = {
        "origin": "",
        "source": rule.name or path.name,
        "licence": rule.licence,
        "task": "",
        "parent": "",
    }
    made = row([], (UNDETERMINED, UNDETERMINED), **facts)
    return {**made, "id": content_id("left_out", str(path), place, reason), "place": place, "reason": reason}
