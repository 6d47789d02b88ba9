"""A model behind an OpenAI-compatible endpoint as an engine.

Answers can be had from any such server. Log-probabilities cannot: many accept `logprobs` and `echo`, answer
200 and leave them out, or score only what they generated. So the endpoint is probed before a single choice is
scored, and refused with what was missing if the probe fails. Requests that failed for good are counted, never
judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from panlect.benchmarks.benchmark import Answer, Ask
from panlect.benchmarks.engines import Answers
from panlect.endpoint import Endpoint, EndpointConfig
from panlect.errors import ModelError

UNREACHABLE = "failed: status 0"
PROBE = ("The sky is", " blue today", " qzx jvwk")


class Remote:
    """An engine that asks a server.

    Args:
        config: the endpoint.
        chats: whether asks marked as chat are sent as messages; others go to `/completions` as they are.
    """

    def __init__(self, config: EndpointConfig, *, chats: bool = True) -> None:
        self.config, self.chats = config, chats

    def generate(self, asks: Sequence[Ask]) -> Answers:
        """Greedy answers; each request is in the endpoint's cache as soon as it was answered.

        Raises:
            ModelError: not one of several requests was answered.
        """
        replies: dict[int, Answer] = {}
        with Endpoint(self.config) as endpoint:
            for chat, path in ((True, "/chat/completions"), (False, "/completions")):
                places = [place for place, ask in enumerate(asks) if (ask.chat and self.chats) == chat]
                found = endpoint.ask([_request(asks[place], chat) for place in places], path=path)
                for place, reply in zip(places, found, strict=True):
                    replies[place] = Answer(text=reply.text, failure=reply.failure)
        answers = [replies[place] for place in range(len(asks))]
        if len(answers) > 1 and all(answer.failure for answer in answers):
            raise ModelError(
                f"the endpoint answered none of {len(answers)} questions ({answers[0].failure})",
                where=self.config.url,
                fix="check that the server runs and serves this model; answered questions are kept",
            )
        yield from enumerate(answers)

    def choose(self, asks: Sequence[Ask]) -> Answers:
        """Log-probability of each choice, from the echoed prompt.

        Raises:
            ModelError: the endpoint does not give log-probabilities.
        """
        if problem := self.without_scores():
            raise ModelError(
                f"the endpoint gives no log-probabilities of a text: {problem}",
                where=self.config.url,
                expected="/completions with echo and logprobs, as vLLM has",
                fix="ask it only benchmarks with generated answers, or score the model's directory",
            )
        pairs = [pair for ask in asks for pair in ask.pairs()]
        with Endpoint(self.config) as endpoint:
            bodies = [_scoring(context + choice) for context, choice in pairs]
            replies = iter(endpoint.ask(bodies, path="/completions"))
            for place, ask in enumerate(asks):
                mine = [(len(context), next(replies)) for context, _ in ask.pairs()]
                failure = next((reply.failure for _, reply in mine if reply.failure), "")
                scores = [
                    (math.nan, 0) if reply.failure else _sum(reply.body, start) for start, reply in mine
                ]
                yield (
                    place,
                    Answer("", tuple(s for s, _ in scores), tuple(n for _, n in scores), failure),
                )

    def retrieve(self, asks: Sequence[Ask]) -> Answers:
        """No server shows its hidden states.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            f"an endpoint gives no hidden states, which {len(asks)} questions need",
            where=self.config.url,
            fix="leave the benchmark out, or evaluate the model's directory",
        )

    def without_scores(self) -> str:
        """What is missing for scoring choices; "" if nothing is.

        Raises:
            ModelError: nobody answers at all.
        """
        context, likely, unlikely = PROBE
        with Endpoint(self.config) as endpoint:
            replies = endpoint.ask(
                [_scoring(context + end) for end in (likely, unlikely)], path="/completions"
            )
        sums = []
        for reply in replies:
            if reply.failure.startswith(UNREACHABLE):
                raise ModelError(
                    "the endpoint does not answer",
                    where=self.config.url,
                    expected="a server of the OpenAI protocol",
                    fix="start it, or mend endpoint.url",
                )
            if reply.failure:
                return reply.failure
            try:
                sums.append(_sum(reply.body, len(context)))
            except (KeyError, TypeError, IndexError, ValueError) as error:
                return f"logprobs are left out of the reply ({type(error).__name__})"
        if any(count == 0 for _, count in sums):
            return "the prompt is not echoed"
        if sums[0][0] == sums[1][0]:
            return "two different texts have the same log-probability"
        return ""


def _request(ask: Ask, chat: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"temperature": 0, "max_tokens": ask.maximum_tokens}
    if ask.stop:
        body["stop"] = list(ask.stop[:4])  # the protocol allows four
    return body | (
        {"messages": [{"role": "user", "content": ask.context}]} if chat else {"prompt": ask.context}
    )


def _scoring(text: str) -> dict[str, Any]:
    # Servers differ in whether 0 new tokens are allowed; 1 is, and is left out of the sum by its place.
    return {"prompt": text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}


def _sum(body: Mapping[str, Any] | None, start: int) -> tuple[float, int]:
    """Log-probability and number of the echoed tokens that end after `start` characters."""
    found = (body or {})["choices"][0]
    logprobs = found["logprobs"]
    tokens, values, offsets = logprobs["tokens"], logprobs["token_logprobs"], logprobs["text_offset"]
    if not len(tokens) == len(values) == len(offsets):
        raise ValueError("lists of different lengths")
    ends = [*offsets[1:], offsets[-1] + len(tokens[-1])]
    scored = [
        float(value)
        for value, end in zip(values[:-1], ends[:-1], strict=True)
        if end > start and value is not None
    ]
    return math.fsum(scored), len(scored)
