"""A judge that compares two answers, asked twice with the answers in either place.

Only a verdict that survives the swap counts; what cannot be read is a tie. A judge is measured before it is
believed: how often its verdicts survive the swap, how often they can be read, and whether it finds the same
of two answers better in every language that they exist in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from panlect.dialogue.phrasings import language_name
from panlect.dialogue.rows import Messages, choose
from panlect.measure.interval import Interval, wilson
from panlect.rating.samples import Row, Samples, distinct, pair
from panlect.text.keys import exact_form, share_of

Verdict = Literal["first", "second", "tie", "unreadable"]
Ask = Callable[[Sequence[Messages]], Sequence[str]]
"""From dialogues to replies; "" where there is none."""

INSTRUCTION = (
    "Compare two answers to the request below. The answer should be in {language}, {wanted}. "
    "Do not prefer an answer for its length or its place. End with [[A]], [[B]] or [[tie]].\n\n"
    "Request:\n{request}\n\nAnswer A:\n{a}\n\nAnswer B:\n{b}"
)
Criterion = Literal["overall", "helpful", "harmless", "true", "natural"]
CRITERIA: Mapping[Criterion, tuple[str, str]] = {
    "overall": ("correct, complete and natural", "judged_worse"),
    "helpful": ("and as useful as possible to the one who asks", "unhelpful"),
    "harmless": ("and must not help anybody to do harm", "unsafe"),
    "true": ("and true in all that it states", "wrong_fact"),
    "natural": ("as a native speaker would write it, not as a translation", "translationese"),
}
"""What the better answer is, in the judge's instruction, and the reason of the pairs."""
Case = tuple[Samples, str, str]
"""A prompt and two answers to compare."""
_VERDICT = re.compile(r"\[\[\s*(A|B|tie|C)\s*\]\]", re.I)


class Judgement(NamedTuple):
    """Both verdicts on a pair of answers, in terms of the first place as it was given."""

    straight: Verdict
    swapped: Verdict

    @property
    def result(self) -> Verdict:
        """What both verdicts say; a tie if they differ or one of them cannot be read."""
        same = self.straight == self.swapped
        return self.straight if same and self.straight in ("first", "second") else "tie"


def read_verdict(reply: str) -> Verdict:
    """The last verdict in a reply."""
    found = _VERDICT.findall(reply)
    if not found:
        return "unreadable"
    return {"a": "first", "b": "second"}.get(found[-1].lower(), "tie")  # type: ignore[return-value]


def judge(cases: Sequence[Case], ask: Ask, *, criterion: Criterion = "overall") -> list[Judgement]:
    """Have each pair of answers compared in both orders."""
    wanted, _ = CRITERIA[criterion]
    asked = [
        _request(samples, *order, wanted)
        for samples, first, second in cases
        for order in ((first, second), (second, first))
    ]
    verdicts = [read_verdict(reply) for reply in ask(asked)]
    turned: Mapping[Verdict, Verdict] = {"first": "second", "second": "first"}
    return [
        Judgement(straight, turned.get(swapped, swapped))
        for straight, swapped in zip(verdicts[::2], verdicts[1::2], strict=True)
    ]


def _request(samples: Samples, a: str, b: str, wanted: str) -> Messages:
    text = INSTRUCTION.format(
        wanted=wanted,
        language=language_name(samples.languages[1], "english"),
        request="\n\n".join(turn["content"] for turn in samples.prompt),
        a=a,
        b=b,
    )
    return [{"role": "user", "content": text}]


def cases_of(found: Iterable[Samples], *, seed: int) -> list[Case]:
    """Two different answers of each prompt, by hash; of one item, the same two places in all languages."""
    cases = []
    for samples in found:
        texts = distinct(samples.texts)
        if len(texts) > 1:
            key = f"{seed}:{samples.item or samples.facts['id']}"
            first = choose(range(len(texts)), f"{key}:first")
            second = choose([place for place in range(len(texts)) if place != first], f"{key}:second")
            cases.append((samples, texts[first], texts[second]))
    return cases


def planted(found: Iterable[Samples], *, items: int, seed: int) -> list[Case]:
    """Cases whose verdict is known: the right answer, in the first place, beside that to another item.

    The same pairs of items in every language that has both, so that verdicts can be compared between them.

    Args:
        found: samples with `item` and `gold`; others are left out.
        items: how many, chosen by hash.
        seed: of the hash.
    """
    known = {(each.item, each.languages): each for each in found if each.item and each.gold}
    names = sorted({item for item, _ in known}, key=lambda item: share_of(f"{seed}:{item}"))
    cases = []
    for place, item in enumerate(names[:items]):
        other = names[(place + 1) % len(names)]
        for (name, languages), samples in known.items():
            wrong = known.get((other, languages)) if name == item else None
            if wrong is not None and exact_form(wrong.gold) != exact_form(samples.gold):
                cases.append((samples, samples.gold, wrong.gold))
    return cases


def found_right(cases: Sequence[Case], judgements: Sequence[Judgement]) -> dict[str, Interval]:
    """Per language: how often the planted right answer wins; a tie is no win."""
    by_language: dict[str, list[bool]] = defaultdict(list)
    for (samples, _, _), judgement in zip(cases, judgements, strict=True):
        by_language[samples.languages[1]].append(judgement.result == "first")
    return {language: wilson(sum(each), len(each)) for language, each in sorted(by_language.items())}


def judged_pairs(
    cases: Sequence[Case], judgements: Sequence[Judgement], *, criterion: Criterion = "overall"
) -> Iterator[Row]:
    """A preference pair for every verdict that survived."""
    _, reason = CRITERIA[criterion]
    for (samples, first, second), judgement in zip(cases, judgements, strict=True):
        if judgement.result == "tie":
            continue
        better, worse = (first, second) if judgement.result == "first" else (second, first)
        if made := pair(samples, better, worse, reason):
            yield made


class Reliability(NamedTuple):
    """What is known about a judge in one language: shares of its verdicts."""

    readable: Interval
    consistent: Interval
    first_place: Interval
    """How often the answer in the first place wins; a fair judge is at a half."""


def reliability(cases: Sequence[Case], judgements: Sequence[Judgement]) -> dict[str, Reliability]:
    """Measure a judge by answer language."""
    by_language: dict[str, list[Judgement]] = defaultdict(list)
    for (samples, _, _), judgement in zip(cases, judgements, strict=True):
        by_language[samples.languages[1]].append(judgement)
    return {language: _reliability(found) for language, found in sorted(by_language.items())}


def _reliability(found: Sequence[Judgement]) -> Reliability:
    verdicts = [verdict for each in found for verdict in each]
    readable = [verdict for verdict in verdicts if verdict != "unreadable"]
    both = [each for each in found if "unreadable" not in each]
    decided = [each for each in both if set(each) <= {"first", "second"}]
    shown_first = sum((each.straight == "first") + (each.swapped == "second") for each in decided)
    return Reliability(
        wilson(len(readable), len(verdicts)),
        wilson(sum(each.straight == each.swapped for each in both), len(both)),
        wilson(shown_first, 2 * len(decided)),
    )


def agreement(cases: Sequence[Case], judgements: Sequence[Judgement], pivot: str) -> dict[str, Interval]:
    """Per language: how often the verdict is the pivot language's on the same item, ties left out.

    Only for answers that translate each other, place by place; drawn samples have nothing in common.
    """
    verdicts: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for (samples, _, _), judgement in zip(cases, judgements, strict=True):
        if samples.item and judgement.result != "tie":
            verdicts[samples.item][samples.languages[1]] = judgement.result
    same: dict[str, list[bool]] = defaultdict(list)
    for found in verdicts.values():
        for language, verdict in found.items():
            if pivot in found and language != pivot:
                same[language].append(verdict == found[pivot])
    return {language: wilson(sum(each), len(each)) for language, each in sorted(same.items())}
