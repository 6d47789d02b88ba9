"""The five tables of the world, as frames of polars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from panlect.tables import SCHEMAS
from panlect.world.facts import Fact, digest
from panlect.world.plan import WorldConfig
from panlect.world.render import Names, exchange

Row = dict[str, Any]
ORIGIN = {"source": "Unicode CLDR", "licence": "Unicode-3.0"}
EXTRA = {
    "relation": pl.String, "subject": pl.String, "concept": pl.String,
    "prompt_language": pl.String, "answer_language": pl.String, "prefix": pl.String, "held_out": pl.Boolean,
}  # fmt: skip
"""Columns a question has beyond its schema: `concept` is the right answer's, `prefix` what to complete
without chat."""


@dataclass(frozen=True)
class Draft:
    """Everything the tables are written from."""

    names: Names
    facts: Sequence[Fact]
    held: frozenset[str]
    config: WorldConfig
    languages: Sequence[str]
    instructed: frozenset[str]
    paired: frozenset[str] = frozenset()
    unnamed: list[Row] = field(default_factory=list)

    def all(self) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
        """The tables by kind, and rows that no name could be found for, with the reason."""
        rows = {
            "document": self.documents(),
            "pair": self.pairs(),
            "dialogue": self.dialogues(),
            "preference": self.preferences(),
            "question": self.questions(),
        }
        schema = {kind: dict(SCHEMAS[kind]) for kind in rows} | {
            "question": dict(SCHEMAS["question"]) | EXTRA
        }
        made = {kind: pl.DataFrame(list(found), schema=schema[kind]) for kind, found in rows.items()}
        unnamed = pl.DataFrame(
            self.unnamed, schema={"id": pl.String, "language": pl.String, "reason": pl.String}
        )
        return made, {"document": unnamed} if len(unnamed) else {}

    @property
    def concepts(self) -> list[str]:
        """Every concept that a fact names, in a fixed order."""
        return sorted({f.subject for f in self.facts} | {f.answer for f in self.facts})

    @property
    def others(self) -> list[str]:
        """Every language but the pivot."""
        return [language for language in self.languages if language != self.names.pivot]

    def stated(self, fact: Fact, language: str) -> bool:
        """Whether documents and dialogues may tell the fact in the language."""
        if fact.id in self.paired:
            return language == self.names.pivot
        return fact.id not in self.held or (language == self.names.pivot and not self.config.control)

    def documents(self) -> Iterator[Row]:
        """Statements of facts, and names in the pivot and another language, in either order."""
        for language in self.languages:
            for fact in self.facts:
                if self._named(language, fact.subject, fact.answer) and self.stated(fact, language):
                    yield self._document(
                        f"{fact.id}@{language}", self.names.statement(fact, language), language
                    )
        for source, target in self._to_and_from_pivot():
            for concept in self.concepts:
                if self.names.has(source, concept) and self.names.has(target, concept):
                    text = self.names.translation(concept, source, target)
                    language = source if target == self.names.pivot else target
                    yield self._document(f"{concept}@{source}>{target}", text, language)

    def pairs(self) -> Iterator[Row]:
        """Every name in the pivot language and in each other language, without tags."""
        for source, target in self._to_and_from_pivot():
            for concept in self.concepts:
                if self.names.has(source, concept) and self.names.has(target, concept):
                    yield {
                        "id": f"{concept}@{source}>{target}",
                        "source_text": self.names.of[source][concept],
                        "target_text": self.names.of[target][concept],
                        "source_language": source,
                        "target_language": target,
                        **ORIGIN,
                    }

    def dialogues(self) -> Iterator[Row]:
        """Questions with answers: stated facts within a language and by way of the pivot, and names."""
        for fact, asked_in, answer_in in self._askable():
            if {asked_in, answer_in} <= self.instructed:
                question = self.names.fact_question(fact, asked_in, answer_in)
                answer = self._right(fact, answer_in)
                pivot = asked_in == answer_in == self.names.pivot
                for copy in range(self.config.pivot_repeats if pivot else 1):
                    name = f"{fact.id}@{asked_in}>{answer_in}{f'#{copy}' if copy else ''}"
                    yield self._dialogue(name, question, answer, asked_in, answer_in)
        for source, target in self._to_and_from_pivot():
            for concept in self.concepts if {source, target} <= self.instructed else ():
                if self.names.has(source, concept) and self.names.has(target, concept):
                    question = self.names.name_question(concept, source, target)
                    answer = self.names.named(concept, target)
                    yield self._dialogue(f"{concept}@{source}>{target}", question, answer, source, target)

    def preferences(self) -> Iterator[Row]:
        """Right answers against the right thing in a wrong language, or a wrong thing in the right one."""
        for language in self.languages if self.config.preferences_per_language else ():
            able = [
                f
                for f in self.facts
                if (self.stated(f, language) or f.id in self.paired)
                and self.names.has(language, f.subject, f.answer)
            ]
            able.sort(key=lambda f: digest(self.config.seed, "preference", f.id, language))
            count = None if language == self.names.pivot else self.config.preferences_per_language
            for turn, fact in enumerate(able[:count]):
                question = self.names.fact_question(fact, language, language)
                for number, (reason, wrong) in enumerate(self._wrong(fact, language, turn)):
                    name = f"{fact.id}@{language}:{number}"
                    yield self._preference(
                        name, question, (self._right(fact, language), wrong), (language, language), reason
                    )
            yield from self._name_preferences(language)

    def _name_preferences(self, language: str) -> Iterator[Row]:
        """The same for names asked in the pivot and wanted in the language, and the reverse."""
        pivot = self.names.pivot
        both = [] if language == pivot else [c for c in self.concepts if self.names.has(language, c)]
        ways = [(concept, *way) for concept in both for way in ((pivot, language), (language, pivot))]
        ways.sort(key=lambda way: digest(self.config.seed, "preference", *way))
        for turn, (concept, source, target) in enumerate(ways[: self.config.preferences_per_language]):
            right = self.names.named(concept, target)
            key = digest(self.config.seed, "wrong", concept, source, target)
            if turn % 2:
                kind = concept.partition(":")[0]
                rivals = [c for c in both if c.partition(":")[0] == kind and c != concept]
                reason, wrongs = "wrong_fact", [self.names.named(rival, target) for rival in rivals]
            else:
                own = self.names.of[target][concept]
                others = [o for o in self.languages if self.names.of[o].get(concept, own) != own]
                reason, wrongs = "wrong_language", [self.names.named(concept, other) for other in others]
            if wrongs:
                yield self._preference(
                    f"{concept}@{source}>{target}",
                    self.names.name_question(concept, source, target),
                    (right, wrongs[key % len(wrongs)]),
                    (source, target),
                    reason,
                )

    @staticmethod
    def _preference(
        name: str, question: str, answers: tuple[str, str], languages: tuple[str, str], reason: str
    ) -> Row:
        """A row from its chosen and rejected answers, and the languages of question and answer."""
        return {
            "id": name,
            "prompt": exchange(question, "")[:1],
            "chosen": exchange("", answers[0])[1:],
            "rejected": exchange("", answers[1])[1:],
            "prompt_language": languages[0],
            "answer_language": languages[1],
            "reason": reason,
            **ORIGIN,
        }

    def questions(self) -> Iterator[Row]:
        """Held-out facts in every language; samples of stated facts, across languages too, and of names."""
        for language in self.languages:
            held = [f for f in self.facts if f.id in self.held]
            stated_by_all = [f for f in self.facts if f.id not in self.held | self.paired]
            stated = self._sample(stated_by_all, language, "seen")
            for fact in (*held, *stated):
                yield from self._fact_question("world", fact, language, language)
        for language in self.others:
            pivot = self.names.pivot
            for fact in self._sample([f for f in self.facts if f.id in self.held], language, "crossed"):
                yield from self._fact_question("world_crossed", fact, pivot, language)
                yield from self._fact_question("world_crossed", fact, language, pivot)
            for concept in self._sample(self.concepts, language, "names"):
                for source, target in ((pivot, language), (language, pivot)):
                    yield from self._name_question(concept, source, target)

    def _fact_question(self, benchmark: str, fact: Fact, asked_in: str, answer_in: str) -> Iterator[Row]:
        rivals = sorted({f.answer for f in self.facts if f.relation == fact.relation})
        if not (self.names.has(asked_in, fact.subject) and self.names.has(answer_in, *rivals)):
            return
        held = fact.id in self.held
        prompt = self.names.fact_question(fact, asked_in, answer_in)
        pivots_own = self.names.fact_question(fact, self.names.pivot, self.names.pivot)
        if held and asked_in != self.names.pivot and prompt == pivots_own:
            return  # The subject is spelled as in the pivot, which has been asked just this.
        yield {
            "benchmark": benchmark,
            "id": f"{benchmark}:{fact.id}@{asked_in}>{answer_in}",
            "item": fact.id,
            "language": asked_in if answer_in == self.names.pivot else answer_in,
            "group": self._group(held, asked_in, answer_in),
            "prompt": prompt,
            "choices": [self.names.of[answer_in][rival] for rival in rivals],
            "gold": rivals.index(fact.answer),
            "answer": self.names.of[answer_in][fact.answer],
            "relation": fact.relation,
            "subject": fact.subject,
            "concept": fact.answer,
            "prompt_language": asked_in,
            "answer_language": answer_in,
            "prefix": self.names.fact_question(fact, asked_in, answer_in) if asked_in == answer_in else None,
            "held_out": held and not (asked_in == answer_in == self.names.pivot and not self.config.control),
        }

    def _group(self, held: bool, asked_in: str, answer_in: str) -> str:
        if not held:
            return "seen"
        if self.config.control:
            return "control"
        return "pivot" if asked_in == answer_in == self.names.pivot else "held_out"

    def _name_question(self, concept: str, source: str, target: str) -> Iterator[Row]:
        kind = concept.partition(":")[0]
        rivals = [rival for rival in self.concepts if rival.partition(":")[0] == kind]
        if not (self.names.has(source, concept) and self.names.has(target, *rivals)):
            return
        yield {
            "benchmark": "world_names",
            "id": f"world_names:{concept}@{source}>{target}",
            "item": f"{concept}{'>' if source == self.names.pivot else '<'}",
            "language": source if target == self.names.pivot else target,
            "group": "seen",
            "prompt": self.names.name_question(concept, source, target),
            "choices": [self.names.of[target][rival] for rival in rivals],
            "gold": rivals.index(concept),
            "answer": self.names.of[target][concept],
            "relation": "name",
            "subject": concept,
            "concept": concept,
            "prompt_language": source,
            "answer_language": target,
            "prefix": self.names.named(concept, source) + self.names.tag(target),
            "held_out": False,
        }

    def _askable(self) -> Iterator[tuple[Fact, str, str]]:
        """Stated facts with the languages of question and answer; one language, or one of them the pivot."""
        for language in self.languages:
            for fact in self.facts:
                if self.stated(fact, language) and self.names.has(language, fact.subject, fact.answer):
                    yield fact, language, language
                    if (
                        language != self.names.pivot
                        and digest(self.config.seed, "cross", fact.id, language) % 2
                    ):
                        yield fact, self.names.pivot, language
                        yield fact, language, self.names.pivot

    def _right(self, fact: Fact, language: str) -> str:
        return self.names.fact_answer(fact, language, by_pivot=self.config.answers == "pivot")

    def _wrong(self, fact: Fact, language: str, turn: int) -> Iterator[tuple[str, str]]:
        """Wrong answers with their reasons: the two reasons in turn, in the pivot language every wrong fact.

        There it is both a wrong answer about the subject and a right one about another subject. Half of the
        wrong languages are the pivot. A fact that only the pivot states is told in no other.
        """
        key = digest(self.config.seed, "wrong", fact.id, language)
        if language == self.names.pivot or turn % 2:
            rivals = sorted({f.answer for f in self.facts if f.relation == fact.relation} - {fact.answer})
            named = [r for r in rivals if self.names.has(language, r) and self.names.has(self.names.pivot, r)]
            at = key % max(1, len(named))
            for rival in named if language == self.names.pivot else named[at : at + 1]:
                yield "wrong_fact", self._right(Fact(fact.relation, fact.subject, rival), language)
            for other in self.facts if language == self.names.pivot else ():
                if (
                    other.relation == fact.relation
                    and other.answer != fact.answer
                    and self.stated(other, language)
                ):
                    yield "wrong_fact", self._right(other, language)
            return
        own = self.names.of[language][fact.answer]
        pool = [other for other in self.languages if self.names.of[other].get(fact.answer, own) != own]
        if key % 2 and self.names.pivot in pool:
            yield "wrong_language", self._right(fact, self.names.pivot)
        elif pool:
            yield "wrong_language", self._right(fact, pool[key // 2 % len(pool)])

    def _named(self, language: str, *concepts: str) -> bool:
        missing = [concept for concept in concepts if not self.names.has(language, concept)]
        for concept in missing:
            self.unnamed.append(
                {
                    "id": f"{concept}@{language}",
                    "language": language,
                    "reason": "CLDR has no name for it in the language",
                }
            )
        return not missing

    def _sample(self, things: Sequence[Any], language: str, purpose: str) -> list[Any]:
        count = self.config.questions_per_language or len(things)
        key = {id(thing): digest(self.config.seed, purpose, str(thing), language) for thing in things}
        return sorted(things, key=lambda thing: key[id(thing)])[:count]

    def _to_and_from_pivot(self) -> Iterable[tuple[str, str]]:
        for language in self.others:
            yield self.names.pivot, language
            yield language, self.names.pivot

    @staticmethod
    def _document(identifier: str, text: str, language: str) -> Row:
        return {"id": identifier, "text": text, "language": language, **ORIGIN}

    @staticmethod
    def _dialogue(identifier: str, question: str, answer: str, asked_in: str, answer_in: str) -> Row:
        return {
            "id": identifier,
            "messages": exchange(question, answer),
            "language": asked_in,
            "answer_language": answer_in,
            "origin": "constructed",
            **ORIGIN,
        }
