"""Texts of the world: how a fact, a name, a question and an answer are written.

Nothing here is grammar. A text is names, signs for relations, and each language's own name as its tag:

    français: Sénégal ¤ franc CFA                                   a document that states a fact
    English: Senegal → français: Sénégal                            a document, and a dialogue, that tells a name
    Sénégal ¤ → français                                            a question
    English: Senegal ¤ CFA franc → français: franc CFA              its answer by way of the pivot language
    français: franc CFA                                             its direct answer

The answer to a question is what follows the last `": "` (`final_answer`); no name contains it.
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

    def statement(self, fact: Fact, language: str) -> str:
        """The fact told in one language."""
        return f"{self.fact_prefix(fact, language)} {self.of[language][fact.answer]}"

    def fact_prefix(self, fact: Fact, language: str) -> str:
        """The statement up to its answer: what a model without a chat template is given to complete."""
        return f"{self.tags[language]}: {self.of[language][fact.subject]} {MARKERS[fact.relation]}"

    def translation(self, concept: str, source: str, target: str) -> str:
        """One name in two languages."""
        return f"{self.named(concept, source)} → {self.named(concept, target)}"

    def named(self, concept: str, language: str) -> str:
        """A name behind its language's tag."""
        return f"{self.tags[language]}: {self.of[language][concept]}"

    def fact_question(self, fact: Fact, asked_in: str, answer_in: str) -> str:
        """A question for the answer of a fact, asked with the subject's name in one language."""
        return f"{self.of[asked_in][fact.subject]} {MARKERS[fact.relation]} → {self.tags[answer_in]}"

    def name_question(self, concept: str, source: str, target: str) -> str:
        """A question for a name in another language."""
        return f"{self.of[source][concept]} → {self.tags[target]}"

    def fact_answer(self, fact: Fact, language: str, *, by_pivot: bool) -> str:
        """The right answer to a question about a fact."""
        final = self.named(fact.answer, language)
        return f"{self.statement(fact, self.pivot)} → {final}" if by_pivot else final


def final_answer(text: str) -> str:
    """What a reply to a question of the world answers: the text after its last `": "`, without white space around.

    A reply without it is an answer as a whole.
    """
    return text.rpartition(": ")[2].strip()


def exchange(question: str, answer: str) -> Messages:
    """One question and its answer as messages."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
