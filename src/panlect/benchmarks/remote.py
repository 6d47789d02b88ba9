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
from panlect.endpoint import Endpoint, EndpointConfig, Reply
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
        """Log-probability of each choice, from the echoed prompt; all requests are under way together.

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
        contexts = list(dict.fromkeys(context for context, _ in pairs if context))
        with Endpoint(self.config) as endpoint:
            bodies = [_scoring(text) for text in (*(a + b for a, b in pairs), *contexts)]
            replies = endpoint.ask(bodies, path="/completions")
        alone = dict(zip(contexts, replies[len(pairs) :], strict=True))
        joint = iter(replies)
        for place, ask in enumerate(asks):
            mine = [(next(joint), alone.get(context)) for context, _ in ask.pairs()]
            yield place, _answer(mine)

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
        context, *ends = PROBE
        texts = [context, *(context + end for end in ends)]
        with Endpoint(self.config) as endpoint:
            before, *replies = endpoint.ask([_scoring(text) for text in texts], path="/completions")
        for reply in (before, *replies):
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
            sums = [_sum(reply.body, before.body) for reply in replies]
        except (KeyError, TypeError, IndexError, ValueError) as error:
            return f"logprobs are left out of the reply ({type(error).__name__})"
        if not all(
            reply.text.startswith(text) for text, reply in zip(texts, (before, *replies), strict=True)
        ):
            return "the prompt is not echoed"
        if any(count == 0 for _, count in sums):
            return "only what is generated has log-probabilities"
        if sums[0][0] == sums[1][0]:
            return "two different texts have the same log-probability"
        return ""


def _answer(replies: Sequence[tuple[Reply, Reply | None]]) -> Answer:
    """From the replies to each choice behind its context, and to the context alone (None: there is none)."""
    scores: list[tuple[float, int]] = []
    for joint, before in replies:
        if failure := joint.failure or (before.failure if before else ""):
            return Answer(failure=failure)
        try:
            scores.append(_sum(joint.body, before.body if before else None))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            return Answer(failure=f"malformed: no log-probabilities ({type(error).__name__})")
    return Answer("", tuple(one for one, _ in scores), tuple(count for _, count in scores))


def _request(ask: Ask, chat: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"temperature": 0, "max_tokens": ask.maximum_tokens}
    if ask.stop:
        body["stop"] = list(ask.stop[:4])  # the protocol allows four
    return body | (
        {"messages": [{"role": "user", "content": ask.context}]} if chat else {"prompt": ask.context}
    )


def _scoring(text: str) -> dict[str, Any]:
    # Servers differ in whether 0 new tokens are allowed; 1 is, and is left out of the sum.
    return {"prompt": text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}


def _sum(joint: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> tuple[float, int]:
    """Log-probability and number of the echoed tokens that follow those of the context.

    This is how a model in this process is scored, too. Tokens are compared and not `text_offset`, which vLLM
    counts by its names of tokens: a begin token has a name and no place in the text, and the bytes of a
    letter that is cut up have names of other lengths.
    """
    tokens, values = _echoed(joint)
    contexts = _echoed(before)[0] if before else []
    common = 0
    while common < min(len(contexts), len(tokens)) and contexts[common] == tokens[common]:
        common += 1
    scored = [float(value) for value in values[common:] if value is not None]
    return math.fsum(scored), len(scored)


def _echoed(body: Mapping[str, Any] | None) -> tuple[list[str], list[float | None]]:
    """Tokens of the prompt with their log-probabilities; a first token without any has None."""
    found = body or {}
    logprobs = found["choices"][0]["logprobs"]
    tokens, values = list(logprobs["tokens"]), list(logprobs["token_logprobs"])
    if len(tokens) != len(values):
        raise ValueError("lists of different lengths")
    made = (found.get("usage") or {}).get("completion_tokens", 1)
    last = len(tokens) - min(1, int(made))
    return tokens[:last], values[:last]
