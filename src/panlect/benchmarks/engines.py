"""What answers questions: a model in this process, or (`benchmarks.endpoint`) a server somewhere.

An engine takes any number of `Ask`s of one form and returns an `Answer` for each, in order. How it batches
must not change the answers. Models are passed in, so that this floor imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from panlect.benchmarks.benchmark import Answer, Ask
from panlect.errors import ModelError


class Engine(Protocol):
    """Anything that answers."""

    chats: bool
    """Whether it takes dialogues."""

    def generate(self, asks: Sequence[Ask]) -> list[Answer]:
        """Continue or answer each."""

    def choose(self, asks: Sequence[Ask]) -> list[Answer]:
        """Log-probability of every choice of each."""


class Local:
    """A model in this process.

    Args:
        model: `panlect.model.load.Model`.
        settings: makes generation settings: `panlect.model.generate.Generation`.
        score: scores choices with a shared context: `panlect.model.shared_prefix.score_choices`.
        chats: whether asks marked as chat go through the chat template.
        begin: whether the begin token goes before every text whose choices are scored.
    """

    def __init__(
        self,
        model: Any,
        settings: Callable[..., Any],
        score: Callable[..., Any],
        *,
        chats: bool,
        begin: bool = True,
    ) -> None:
        self.model, self.settings, self.score = model, settings, score
        self.chats, self.begin = chats, begin

    def generate(self, asks: Sequence[Ask]) -> list[Answer]:
        """Greedy answers; asks that differ in length limit or stop texts are run apart."""
        answers: list[Answer | None] = [None] * len(asks)
        alike: dict[tuple[bool, int, tuple[str, ...]], list[int]] = {}
        for place, ask in enumerate(asks):
            alike.setdefault((ask.chat and self.chats, ask.maximum_tokens, ask.stop), []).append(place)
        for (chat, maximum_tokens, stop), places in alike.items():
            settings = self.settings(new_tokens=maximum_tokens, stops=stop)
            found = self._continue([asks[place].context for place in places], settings, chat)
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
        return [answer for answer in answers if answer is not None]

    def _continue(self, texts: Sequence[str], settings: Any, chat: bool) -> list[Answer]:
        """Answers; a prompt longer than the model can read is a failure of its own and stops nobody else."""
        try:
            if chat:
                found = self.model.chat([[{"role": "user", "content": text}] for text in texts], settings)
            else:
                found = self.model.generate(texts, settings)
        except ModelError as error:
            if "positions" not in error.what:
                raise
            if len(texts) == 1:
                return [Answer(failure=error.what)]
            half = len(texts) // 2
            return self._continue(texts[:half], settings, chat) + self._continue(texts[half:], settings, chat)
        return [Answer(text=text) for text in found]

    def choose(self, asks: Sequence[Ask]) -> list[Answer]:
        """Score all choices of all asks in one go."""
        pairs = [ask.pairs() for ask in asks]
        found = self.score(self.model.network, self.model.tokenizer, pairs, begin=self.begin)
        return [
            Answer(scores=tuple(one.logprob for one in scores), tokens=tuple(one.tokens for one in scores))
            for scores in found
        ]
