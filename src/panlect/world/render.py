"""Texts of the world: how a fact, a name, a question and an answer are written.

Nothing here is grammar. A text is names, signs for relations, and tags: an arrow with a language's own name.

    →français Sénégal ¤ franc CFA                         a document that states a fact
    →English Senegal→français Sénégal                     a document that tells a name
    →français Sénégal ¤                                   a question: answer in French, currency of Senegal
    →English Senegal ¤ CFA franc→français franc CFA       its answer by way of the pivot language
    →français franc CFA                                   its direct answer
    →français Senegal                                     a question for a name, answered by →français Sénégal

The answer in a reply is what follows its last tag (`final_answer`). Tags hold no space and names no arrow. A
name always has a space before it, so a tokenizer spells it the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from panlect.world.facts import MARKERS, Fact

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Names:
    """What every language calls things, and what it calls itself.

    Attributes:
        tags: each language's name of itself, by language code; no two are equal.
        of: `of[language][concept]` is the name of a concept in a language, absent where CLDR has none.
        pivot: code of the language by way of which answers are given.
    """

    tags: Mapping[str, str]
    of: Mapping[str, Mapping[str, str]]
    pivot: str

    def has(self, language: str, *concepts: str) -> bool:
        """Whether the language has a name for each of the concepts."""
        return all(concept in self.of[language] for concept in concepts)

    def tag(self, language: str) -> str:
        """The sign of a language: an arrow with its own name."""
        return f"→{self.tags[language]}"

    def named(self, concept: str, language: str) -> str:
        """A name behind its language's tag."""
        return f"{self.tag(language)} {self.of[language][concept]}"

    def statement(self, fact: Fact, language: str) -> str:
        """The fact told in one language."""
        return f"{self.fact_question(fact, language, language)} {self.of[language][fact.answer]}"

    def translation(self, concept: str, source: str, target: str) -> str:
        """One name in two languages."""
        return self.named(concept, source) + self.named(concept, target)

    def fact_question(self, fact: Fact, asked_in: str, answer_in: str) -> str:
        """A question for the answer of a fact; in one language, the beginning of its statement."""
        return f"{self.tag(answer_in)} {self.of[asked_in][fact.subject]} {MARKERS[fact.relation]}"

    def name_question(self, concept: str, source: str, target: str) -> str:
        """A question for a name in another language."""
        return f"{self.tag(target)} {self.of[source][concept]}"

    def fact_answer(self, fact: Fact, language: str, *, by_pivot: bool) -> str:
        """The right answer to a question about a fact."""
        final = self.named(fact.answer, language)
        return self.statement(fact, self.pivot) + final if by_pivot else final


def final_answer(text: str) -> str:
    """What a reply to a question of the world answers: what stands behind its last tag.

    A reply without a tag is an answer as a whole.
    """
    _, arrow, tagged = text.rpartition("→")
    return (tagged.partition(" ")[2] if arrow else text).strip()


def exchange(question: str, answer: str) -> Messages:
    """One question and its answer as messages."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
