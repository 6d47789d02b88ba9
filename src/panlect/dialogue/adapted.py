"""Questions of a benchmark as instructions: templates, labels per language, and proof that labels come back.

Labels may be corrected per language: some published ones are machine translations that mean something else
(the Arabic "no" of XNLI's harness task is the word for a number). A row whose answer does not lead back to
its own label, because two choices read the same, is left out; so is every question that is held out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator

from panlect.config import Config
from panlect.dialogue.rows import Row, choose, exchange, row
from panlect.text.keys import exact_form

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEMPLATES = (
    "{prompt}\n{choices}\nAnswer:",
    "{prompt}\n\n{choices}\n\nWhich of these is right?",
    "Choose the right answer.\n\n{prompt}\n{choices}",
)


class Adapted(Config):
    """How questions become instructions."""

    groups: tuple[str, ...] = ()
    """Only questions of these groups (`seen`, `train` …); empty for all that are not held out."""
    answer_with: Literal["letter", "text", "both"] = "both"
    """The answer is the choice's letter, its text, or one of the two by hash."""
    templates: tuple[str, ...] = TEMPLATES
    """How a question with choices is asked, one chosen by hash; each names {prompt} and {choices}."""
    labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Corrected choices per language, in the order of the benchmark's own."""
    held_out_groups: tuple[str, ...] = ("held_out", "control", "test")
    """Questions of these groups are never trained on."""

    @field_validator("templates")
    @classmethod
    def _complete(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if {name for _, name, _, _ in Formatter().parse(template) if name} != {"prompt", "choices"}:
                raise ValueError(f"{template!r} must name {{prompt}} and {{choices}}")
        return templates


def adapted(questions: pl.DataFrame, settings: Adapted, *, seed: int) -> Iterator[Row]:
    """One instruction per question; those that cannot be used carry a `reason`."""
    for question in questions.iter_rows(named=True):
        made = _instruction(question, settings, f"{seed}:{question['benchmark']}:{question['id']}")
        if question["group"] in settings.held_out_groups or question.get("held_out"):
            made["reason"] = "held_out"
        elif settings.groups and question["group"] not in settings.groups:
            made["reason"] = "other_group"
        yield made


def _instruction(question: Mapping[str, Any], settings: Adapted, key: str) -> Row:
    asked = question.get("prompt_language") or question["language"]
    answered = question.get("answer_language") or question["language"]
    choices = settings.labels.get(question["language"], tuple(question["choices"] or ()))
    prompt, answer, reason = question["prompt"], question["answer"], ""
    if choices and question["gold"] is not None and question["gold"] >= 0:
        with_letters = settings.answer_with == "letter" or (
            settings.answer_with == "both" and choose((True, False), f"{key}:form")
        )
        lines = [
            f"{LETTERS[place]}. {text}" if with_letters else f"- {text}" for place, text in enumerate(choices)
        ]
        template = choose(settings.templates, f"{key}:template")
        prompt = template.format(prompt=question["prompt"], choices="\n".join(lines))
        gold = question["gold"]
        answer = (LETTERS[gold] if with_letters else choices[gold]) if gold < len(choices) else ""
        reason = "" if label_of(answer, choices) == gold else "label_does_not_come_back"
    if not reason and not (answer or "").strip():
        reason = "no_answer"
    made = row(
        exchange(prompt, answer or ""),
        (asked, answered),
        origin="benchmark",
        source=question.get("source") or question["benchmark"],
        licence=question.get("licence") or "unknown",
        task=question["benchmark"],
        parent=question["id"],
        item=question["item"],
    )
    return {**made, "reason": reason} if reason else made


def label_of(answer: str, choices: Sequence[str]) -> int | None:
    """Which choice an answer means: by its letter, or by its text; None if that cannot be told."""
    texts = [exact_form(each) for each in choices]
    same = [place for place, text in enumerate(texts) if text == exact_form(answer)]
    letter = re.fullmatch(r"\(?([A-Z])\)?[.:]?", answer.strip())
    if letter and LETTERS.index(letter[1]) < len(choices):
        place = LETTERS.index(letter[1])
        return place if not same or same == [place] else None
    return same[0] if len(same) == 1 else None
