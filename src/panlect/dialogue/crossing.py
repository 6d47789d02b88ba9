"""Instructions across languages, from exchanges that exist in several: ways that papers found to transfer.

* `crosslingual`: asked in one language, answered in another (xLLMs-100, Lai et al. 2024, arXiv 2406.01771);
* `retell`: the answer first retells question and answer in the pivot language (XLT, Huang et al. 2023,
  arXiv 2305.07004, as something to learn instead of a prompt);
* `align`: question alignment in two stages, questions into the pivot language, then answers in the pivot
  language alone (QAlign, Zhu et al. 2024, arXiv 2401.07817);
* `four_way`: question and answer each in the pivot or the other language, in all four combinations (SDRRL,
  Zhang et al. 2024, arXiv 2402.12204);
* `switch`: the question in two languages mixed (`panlect.dialogue.switching`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from panlect.config import Config
from panlect.dialogue.parallel import Exchanges
from panlect.dialogue.phrasings import PHRASINGS, ask, language_name
from panlect.dialogue.rows import Row, choose, exchange, row
from panlect.text.keys import share_of

ANSWER_IN = (
    "{question}\n\nAnswer in {target}.",
    "{question}\n\n(Please reply in {target}.)",
    "[{target}] {question}",
    "Reply in {target}: {question}",
    "{question}\n→ {target}",
)


class CrossLingual(Config):
    """Asked in one language, answered in another."""

    pairs_per_item: int = Field(default=2, ge=1)
    """How many (question language, answer language) combinations are drawn for each item, by hash."""
    pivot_share: float = Field(default=0.5, ge=0, le=1)
    """Share of them in which one of the two is the pivot language."""
    say_language: bool = True
    """Whether the request names the language of the answer. Without it, models learn to answer in any."""


class Retell(Config):
    """Answers by way of the pivot language."""

    template: str = "{question}\n{pivot_answer}\n\n{answer}"
    """The answer: {question} and {pivot_answer} in the pivot language, {answer} in the question's own."""
    direct_share: float = Field(default=0.0, ge=0, le=1)
    """Share of items that keep their plain answer, so that the model knows both ways."""


class Align(Config):
    """Question alignment."""

    stage: Literal[1, 2] = 1
    """1: translate questions into the pivot language. 2: answer in the pivot language, nothing else."""
    phrasing: str = PHRASINGS[0]
    """How stage 1 asks; QAlign uses one instruction for all."""


class FourWay(Config):
    """Question and answer, each in the pivot language or in another."""

    ways: tuple[Literal["pivot_pivot", "other_other", "other_pivot", "pivot_other"], ...] = (
        "pivot_pivot",
        "other_other",
        "other_pivot",
        "pivot_other",
    )
    """Which of the four combinations; the first word is the question's language."""
    say_language: bool = True
    """Whether a request whose answer is in another language says so."""


def crosslingual(
    items: Iterable[Exchanges], pivot: str, settings: CrossLingual, *, seed: int
) -> Iterator[Row]:
    """Draw combinations of two different languages for each item."""
    for item in items:
        languages = sorted(item.rows)
        if len(languages) < 2:
            continue
        drawn = dict.fromkeys(
            _two(languages, pivot, settings, f"{seed}:{number}:{item.item}")
            for number in range(settings.pairs_per_item)
        )
        for asked, answered in drawn:
            yield _crossed(item, asked, answered, "crosslingual", settings.say_language)


def _two(languages: list[str], pivot: str, settings: CrossLingual, key: str) -> tuple[str, str]:
    others = [each for each in languages if each != pivot]
    if pivot in languages and (share_of(f"{key}:pivot") < settings.pivot_share or len(others) < 2):
        pair = pivot, choose(others, f"{key}:other")
        return pair if share_of(f"{key}:direction") < 0.5 else pair[::-1]
    first = choose(others, f"{key}:first")
    return first, choose([each for each in others if each != first], f"{key}:second")


def _crossed(item: Exchanges, asked: str, answered: str, task: str, say_language: bool) -> Row:
    question = item.question(asked)
    if say_language and asked != answered:
        key = f"{item.item}:{asked}>{answered}"
        name = language_name(answered, choose(("english", "own"), f"{key}:name"))
        question = choose(ANSWER_IN, key).format(question=question, target=name)
    messages = exchange(question, item.answer(answered))
    return row(messages, (asked, answered), **item.facts(asked, answered, task))


def retell(items: Iterable[Exchanges], pivot: str, settings: Retell, *, seed: int) -> Iterator[Row]:
    """Answers that first say question and answer in the pivot language."""
    for item in items:
        for language in sorted(item.rows):
            answer = item.answer(language)
            direct = share_of(f"{seed}:{item.item}@{language}") < settings.direct_share
            if language != pivot and not direct and pivot in item.rows:
                answer = settings.template.format(
                    question=item.question(pivot), pivot_answer=item.answer(pivot), answer=answer
                )
            facts = item.facts(pivot if pivot in item.rows else language, language, "retell")
            yield row(exchange(item.question(language), answer), (language, language), **facts)


def align(items: Iterable[Exchanges], pivot: str, settings: Align) -> Iterator[Row]:
    """Stage 1: questions of other languages into the pivot's. Stage 2: the pivot language alone."""
    for item in items:
        if pivot not in item.rows:
            continue
        if settings.stage == 2:
            messages = exchange(item.question(pivot), item.answer(pivot))
            yield row(messages, (pivot, pivot), **item.facts(pivot, pivot, "align_answer"))
            continue
        for language in sorted(set(item.rows) - {pivot}):
            question = ask(item.question(language), (language, pivot), phrasing=settings.phrasing)
            facts = item.facts(language, pivot, "align_question")
            yield row(exchange(question, item.question(pivot)), (language, pivot), **facts)


def four_way(items: Iterable[Exchanges], pivot: str, settings: FourWay) -> Iterator[Row]:
    """The combinations of the pivot and each other language."""
    for item in items:
        if pivot not in item.rows:
            continue
        for language in sorted(set(item.rows) - {pivot}):
            of = {"pivot": pivot, "other": language}
            for way in settings.ways:
                asked, answered = (of[side] for side in way.split("_"))
                yield _crossed(item, asked, answered, f"four_way_{way}", settings.say_language)
