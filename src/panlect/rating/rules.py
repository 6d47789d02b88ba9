"""Rewards by rule: is an answer right, in the language asked for, in form?

The language of a sentence is identified. The embedded world answers with names, too short for that; all names
are known there, so a name says its language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.language_check import scores as language_scores
from panlect.benchmarks.world import Lexicon
from panlect.folder import Folder, Input, tables
from panlect.rating.samples import Row, is_right
from panlect.world.render import final_answer

UNKNOWN = 0.5
"""Reward for a language that nobody can tell: neither punished nor recommended."""


class Rating(NamedTuple):
    """What the rules say about one answer; scores from 0 to 1.

    Attributes:
        correct: whether it is the right answer.
        language: whether it is in the language asked for.
        format: whether it ended by itself, repeats no line, and has the form that was asked for.
        label: correct, wrong, off_target, undetermined, malformed or empty.
    """

    correct: float
    language: float
    format: float
    label: str


class Rules:
    """Rates answers to prompts.

    Args:
        names: knows every name and its language; None: languages are identified.
        pattern: a regular expression that a well-formed answer matches as a whole; "" for any.
        gated: whether `correct` and `format` are multiplied by `language`, so that neither a right nor a
            well-formed answer in the wrong language is worth anything.
    """

    def __init__(self, names: Lexicon | None = None, pattern: str = "", *, gated: bool = False) -> None:
        self.names = names
        self.pattern = re.compile(pattern, re.S) if pattern else None
        self.gated = gated

    def rate(self, prompt: Row, text: str, *, finished: bool) -> Rating:
        """Rate one answer.

        Args:
            prompt: a dialogue whose last turn is the right answer.
            text: the answer.
            finished: whether it ended by itself, before the limit.
        """
        found = self._parts(prompt, text, finished=finished)
        if not self.gated:
            return found
        return found._replace(correct=found.correct * found.language, format=found.format * found.language)

    def _parts(self, prompt: Row, text: str, *, finished: bool) -> Rating:
        gold = prompt["messages"][-1]["content"]
        in_form = finished and self._in_form(text)
        if self.names is not None:
            return _by_name(prompt, gold, text, self.names, in_form=in_form)
        if not text.strip():
            return Rating(0.0, 0.0, 0.0, "empty")
        found = language_scores(
            text,
            prompt["answer_language"],
            prompt=prompt["messages"][-2]["content"],
            prompt_language=prompt["language"],
        )
        right = float(is_right(text, gold))
        if "off_target" not in found:
            return Rating(right, UNKNOWN, float(in_form), "correct" if right else "undetermined")
        label = "off_target" if found["off_target"] else "correct" if right else "wrong"
        return Rating(right, 1 - found["off_target"], float(in_form), label)

    def _in_form(self, text: str) -> bool:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or len(set(lines)) < len(lines):
            return False
        return self.pattern is None or self.pattern.fullmatch(text.strip()) is not None


def _by_name(prompt: Row, gold: str, text: str, names: Lexicon, *, in_form: bool) -> Rating:
    question = {
        "item": prompt["id"], "language": prompt["answer_language"], "answer": final_answer(gold),
    }  # fmt: skip
    label = names.judge(question, Answer(text=text)).label
    known = label in ("correct", "wrong", "off_target")
    return Rating(
        float(label == "correct"), float(label in ("correct", "wrong")), float(known and in_form), label
    )


def names_of(right: Iterable[tuple[str, str, str]], inputs: Sequence[Input]) -> Lexicon:
    """Every name that the inputs' questions and the right answers hold, by language.

    Args:
        right: item, language and text of each right answer.
        inputs: their tables of questions are read, if they have any.
    """
    rows = [
        {"item": item, "group": "", "language": language, "choices": (), "answer": final_answer(text)}
        for item, language, text in right
    ]
    asked = [each for each in inputs if isinstance(each, Folder) and "question" in each.kinds]
    return Lexicon([*rows, *(tables(asked, "question").to_dicts() if asked else ())])
