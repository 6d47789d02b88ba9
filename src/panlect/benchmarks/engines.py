"""What answers questions: a model in this process, or (`benchmarks.remote`) a server somewhere.

An engine takes any number of `Ask`s of one form and gives an `Answer` for each as soon as it has it, so that
a kill loses no more than what is under way. How it batches must not change the answers. Models are passed in,
so that this floor imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from panlect.benchmarks.benchmark import Answer, Ask
from panlect.errors import ModelError
from panlect.measure.retrieval import similarities

Answers = Iterator[tuple[int, Answer]]
"""Answers as they come, each with the place of its question."""


class Engine(Protocol):
    """Anything that answers."""

    chats: bool
    """Whether it takes dialogues."""

    def generate(self, asks: Sequence[Ask]) -> Answers:
        """Continue or answer each."""

    def choose(self, asks: Sequence[Ask]) -> Answers:
        """Log-probability of every choice of each."""

    def retrieve(self, asks: Sequence[Ask]) -> Answers:
        """The nearest of the choices that all of them share."""


def in_order(answers: Answers) -> list[Answer]:
    """All answers, in the order of their questions."""
    return [answer for _, answer in sorted(answers, key=itemgetter(0))]


class Tools(NamedTuple):
    """What the floor of models lends to a `Local` engine.

    Attributes:
        settings: makes generation settings: `panlect.model.generate.Generation`.
        score: scores choices with a shared context: `panlect.model.shared_prefix.stream_choices`.
        embed: makes vectors of texts: `panlect.model.pooling.pooled`.
    """

    settings: Callable[..., Any]
    score: Callable[..., Any]
    embed: Callable[..., Any]


class Local:
    """A model in this process.

    Args:
        model: `panlect.model.load.Model`.
        tools: what reads it.
        chats: whether asks marked as chat go through the chat template.
        begin: whether the begin token goes before every text whose choices are scored.
    """

    def __init__(self, model: Any, tools: Tools, *, chats: bool, begin: bool = True) -> None:
        self.model, self.tools = model, tools
        self.chats, self.begin = chats, begin

    def generate(self, asks: Sequence[Ask]) -> Answers:
        """Greedy answers; asks that differ in length limit or stop texts are run apart."""
        alike: dict[tuple[bool, int, tuple[str, ...]], list[int]] = {}
        for place, ask in enumerate(asks):
            alike.setdefault((ask.chat and self.chats, ask.maximum_tokens, ask.stop), []).append(place)
        for (chat, maximum_tokens, stop), places in alike.items():
            settings = self.tools.settings(new_tokens=maximum_tokens, stops=stop)
            texts = [asks[place].context for place in places]
            if chat:
                texts = self.model.prompts([[{"role": "user", "content": text}] for text in texts])
            for n, answer in self._continue(texts, settings):
                yield places[n], answer

    def _continue(self, texts: Sequence[str], settings: Any) -> Answers:
        """Answers; a prompt longer than the model can read is a failure of its own and stops nobody else."""
        try:
            for n, text in self.model.stream(texts, settings):
                yield n, Answer(text=text)
        except ModelError as error:  # of too long a prompt: before anything is answered
            if "positions" not in error.what:
                raise
            if len(texts) == 1:
                yield 0, Answer(failure=error.what)
                return
            half = len(texts) // 2
            yield from self._continue(texts[:half], settings)
            yield from ((half + n, answer) for n, answer in self._continue(texts[half:], settings))

    def choose(self, asks: Sequence[Ask]) -> Answers:
        """Score all choices of all asks in one go."""
        pairs = [self._framed(ask) for ask in asks]
        scored = self.tools.score(self.model.network, self.model.tokenizer, pairs, begin=self.begin)
        for n, scores in scored:
            yield (
                n,
                Answer(
                    scores=tuple(one.logprob for one in scores), tokens=tuple(one.tokens for one in scores)
                ),
            )

    def _framed(self, ask: Ask) -> list[tuple[str, str]]:
        """Contexts and continuations; the contexts of a chat as its template has them."""
        if not (ask.chat and self.chats):
            return ask.pairs()
        contexts, choices = zip(*ask.pairs(), strict=True)
        framed = self.model.prompts([[{"role": "user", "content": text}] for text in contexts])
        return list(zip(framed, choices, strict=True))

    def retrieve(self, asks: Sequence[Ask]) -> Answers:
        """The candidate with the highest cosine, the first of equals."""
        candidates = asks[0].choices

        def vectors(texts: Sequence[str]) -> Any:
            return self.tools.embed(self.model.network, self.model.tokenizer, texts, asks[0].layer)

        cosines = similarities(vectors([ask.context for ask in asks]), vectors(candidates))
        for place, row in enumerate(cosines):
            best = int(row.argmax())
            yield place, Answer(text=candidates[best], scores=(float(row[best]),))
