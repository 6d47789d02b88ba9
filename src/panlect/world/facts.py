"""Facts that have one truth in every language, and which of them to use.

The truths come from CLDR's supplemental data as Babel ships it, and from nothing else: currency in use and
official language of a territory, the time zones a territory lies in (their prefix is its continent), the
usual script of a language, and the calendar.
"""

from __future__ import annotations

import datetime
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from babel.core import get_global

MARKERS: Mapping[str, str] = {
    "currency": "¤", "language": "🗣", "continent": "🌍", "script": "🖋",
    "month+1": "+1", "month+2": "+2", "month+3": "+3", "weekday+1": "+1", "weekday+2": "+2",
}  # fmt: skip
"""The sign that stands for a relation in a text: CLDR has no word for "currency of", and grammar is not
its subject."""

TERRITORY_RELATIONS = ("currency", "language", "continent")

_EXCHANGES = 15_000
"""Proposed exchanges of territories: a third of a second, and more of them hardly lower the cost."""

_DAY = datetime.date(2026, 1, 1)
"""Truths are those of this day, so that a world built later is the same world."""

_ZONE_CONTINENT = {"Africa": "002", "America": "019", "Asia": "142", "Europe": "150", "Australia": "009",
                   "Pacific": "009"}  # fmt: skip

_TWO_CONTINENTS = frozenset({"AM", "AZ", "CY", "EG", "GE", "ID", "KZ", "RU", "TR"})
"""Territories that lie, or are commonly said to lie, on two continents: no single truth."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One truth: `relation` of `subject` is `answer`; subject and answer are concepts like `territory:SN`."""

    relation: str
    subject: str
    answer: str

    @property
    def id(self) -> str:
        """The same in every language: `currency:SN`, `month+1:12`."""
        return f"{self.relation}:{self.subject.partition(':')[2]}"


@cache
def truths() -> tuple[Fact, ...]:
    """Every fact of the world before any choice, in a fixed order."""
    found: list[Fact] = []
    for territory in sorted(get_global("territory_languages")):
        if len(territory) == 2 and territory.isalpha():
            answers = {"currency": _currency(territory), "language": _language(territory),
                       "continent": _continent(territory)}  # fmt: skip
            found += [
                Fact(relation, f"territory:{territory}", f"{relation}:{code}")
                for relation, code in answers.items()
                if code
            ]
    return (*found, *_scripts(), *_calendar())


def _currency(territory: str) -> str | None:
    """The one legal tender of a territory, or None where it has none or several."""
    current = [
        code
        for code, start, end, tender in get_global("territory_currencies").get(territory, ())
        if tender
        and (end is None or datetime.date(*end) > _DAY)
        and (start is None or datetime.date(*start) <= _DAY)
    ]
    return current[0] if len(current) == 1 else None


def _language(territory: str) -> str | None:
    """The official language with the most speakers, where it has twice as many as the next; else None."""
    official = sorted(
        (
            (float(entry["population_percent"]), code)
            for code, entry in get_global("territory_languages")[territory].items()
            if entry["official_status"] in ("official", "de_facto_official")
        ),
        reverse=True,
    )
    clear = len(official) == 1 or (len(official) > 1 and official[0][0] >= 2 * official[1][0])
    return official[0][1].partition("_")[0] if clear else None


def _continent(territory: str) -> str | None:
    """The continent of all the territory's time zones, or None where they disagree."""
    zones = get_global("territory_zones").get(territory, ())
    found = {_ZONE_CONTINENT.get(zone.partition("/")[0], "") for zone in zones}
    clear = len(found) == 1 and "" not in found and territory not in _TWO_CONTINENTS
    return found.pop() if clear else None


def _scripts() -> Iterable[Fact]:
    for language, tag in sorted(get_global("likely_subtags").items()):
        parts = str(tag).split("_")
        if language.isalpha() and len(language) == 2 and len(parts) > 1:
            yield Fact("script", f"language:{language}", f"script:{parts[1]}")


def _calendar() -> Iterable[Fact]:
    for kind, length, first, steps in (("month", 12, 1, (1, 2, 3)), ("weekday", 7, 0, (1, 2))):
        for step in steps:
            for at in range(length):
                answer = (at + step) % length + first
                yield Fact(f"{kind}+{step}", f"{kind}:{at + first}", f"{kind}:{answer}")


def choose(facts: Sequence[Fact], territories: int, seed: int) -> tuple[Fact, ...]:
    """Choose territories so that facts about them are many and answers are shared and even.

    A fact is kept only if another chosen fact of its relation has the same answer, so that an answer can be
    held out for one subject and still be known as an answer. Territories are exchanged in an order given by
    the seed to lower the cost: the chance of guessing right, the facts lost, and the names to learn.

    Args:
        facts: the facts to choose from; those not about territories are returned as they are.
        territories: how many to choose; all of them if fewer are there.
        seed: another seed chooses other territories.
    """
    about: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        about[fact.subject].append(fact)
    pool = sorted(subject for subject in about if subject.startswith("territory:"))
    others = [fact for fact in facts if fact.subject not in set(pool)]
    order = random.Random(f"{seed}|territories")
    chosen = order.sample(pool, min(territories, len(pool)))
    if chosen and len(chosen) < len(pool):
        chosen = _anneal(about, pool, chosen, order)
    return (*_with_shared_answers(fact for subject in sorted(chosen) for fact in about[subject]), *others)


def _anneal(
    about: Mapping[str, Sequence[Fact]], pool: Sequence[str], chosen: list[str], order: random.Random
) -> list[str]:
    """Exchange one or two members at a time; the chance to take a costlier choice falls to nothing."""
    cost = _cost(about, chosen)
    best, lowest = chosen, cost
    for step in range(_EXCHANGES):
        candidate = list(chosen)
        for _ in range(order.choice((1, 2))):
            candidate[order.randrange(len(candidate))] = order.choice(pool)
        if len(set(candidate)) < len(candidate):
            continue
        other = _cost(about, candidate)
        heat = 0.02 * (1 - step / _EXCHANGES) + 1e-9
        if other < cost or order.random() < math.exp((cost - other) / heat):
            chosen, cost = candidate, other
            if cost < lowest:
                best, lowest = chosen, cost
    return best


def _with_shared_answers(facts: Iterable[Fact]) -> list[Fact]:
    facts = list(facts)
    count = Counter((fact.relation, fact.answer) for fact in facts)
    return [fact for fact in facts if count[fact.relation, fact.answer] > 1]


def _cost(about: Mapping[str, Sequence[Fact]], chosen: Sequence[str]) -> float:
    """Lower is better; one lost fact costs as much as a point of guessing, one more name a fifth of that."""
    count = Counter((fact.relation, fact.answer) for subject in chosen for fact in about[subject])
    of_relation: Counter[str] = Counter()
    squares: Counter[str] = Counter()
    for (relation, _), n in count.items():
        if n > 1:
            of_relation[relation] += n
            squares[relation] += n * n
    if not of_relation:
        return math.inf
    guessing = sum(squares[r] / n for r, n in of_relation.items()) / sum(of_relation.values())
    lost = len(TERRITORY_RELATIONS) * len(chosen) - sum(of_relation.values())
    return guessing + 0.01 * lost + 0.002 * len(count)


def hold_out(facts: Sequence[Fact], share: float, seed: int) -> frozenset[str]:
    """Choose by hash the subjects whose facts only the pivot language may state; returns the facts' ids.

    All facts of a subject go together: where a language states that Togo speaks French and pays in CFA
    francs, its continent is no secret, and a control that never saw it would answer right. Subjects are
    taken in the order of their hash, from the answers in turn so that no answer is the gold of many
    questions, until the share is reached. Every answer keeps at least one fact that all languages state: an
    answer never seen as an answer cannot be expected.
    """
    about: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        about[fact.subject].append(fact)
    order = sorted(about, key=lambda subject: digest(seed, subject))
    left = Counter((fact.relation, fact.answer) for fact in facts)
    gone: Counter[tuple[str, str]] = Counter()
    held: set[str] = set()
    while len(held) < round(share * len(facts)):
        able = [
            subject
            for subject in order
            if about[subject][0].id not in held
            and all(left[fact.relation, fact.answer] > 1 for fact in about[subject])
        ]
        if not able:
            break
        taken = about[min(able, key=lambda subject: sum(gone[f.relation, f.answer] for f in about[subject]))]
        held |= {fact.id for fact in taken}
        keys = [(fact.relation, fact.answer) for fact in taken]
        gone.update(keys)
        left.subtract(keys)
    return frozenset(held)


def guessing(facts: Sequence[Fact], held: frozenset[str]) -> dict[str, float]:
    """How often a guess by the answers of the stated facts is right, per relation and over all (`""`).

    For a held-out fact it is the share of its answer among the stated facts of its relation; the mean is over
    held-out facts, so every question counts alike.
    """
    stated = Counter((f.relation, f.answer) for f in facts if f.id not in held)
    of_relation = Counter(f.relation for f in facts if f.id not in held)
    right: dict[str, list[float]] = defaultdict(list)
    for fact in facts:
        if fact.id in held:
            value = stated[fact.relation, fact.answer] / of_relation[fact.relation]
            right[fact.relation].append(value)
            right[""].append(value)
    return {relation: sum(values) / len(values) for relation, values in sorted(right.items())}


def digest(seed: int, *parts: str) -> int:
    """A number that depends on the seed and the parts only: the same on every machine."""
    return int.from_bytes(blake2b("|".join((str(seed), *parts)).encode(), digest_size=8).digest(), "big")
