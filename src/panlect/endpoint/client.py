"""Many requests to one endpoint: at once, retried, paid within a budget, never sent twice.

A request is the JSON body that the protocol wants, without the model's name. Two equal requests are one; who
wants several samples gives each another `seed`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from panlect.endpoint.budget import Budget, Usage
from panlect.endpoint.settings import EndpointConfig
from panlect.endpoint.stored import Exchange, Store, key_of, written
from panlect.endpoint.transport import Response, post
from panlect.errors import ModelError
from panlect.text.keys import share_of

CHAT = "/chat/completions"
COMPLETION = "/completions"
MAY_PASS = frozenset({0, 408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may succeed. 0 is a lost connection or a timeout."""
MALFORMED = "malformed"


class Reply(NamedTuple):
    """What came of one request: a text, or a failure.

    `failure` is empty, or begins with one of: ``refused`` (the server will not answer this), ``failed`` (it
    could not, all attempts are used up), ``malformed`` (its replies are not of the protocol), ``budget`` (not
    sent: it could have cost too much), ``unknown`` (not in the cache that alone may answer).
    """

    text: str = ""
    failure: str = ""
    body: Mapping[str, Any] | None = None

    @property
    def cut(self) -> bool:
        """Whether the answer ended because it was too long."""
        choices = (self.body or {}).get("choices") or [{}]
        return bool(choices[0].get("finish_reason") == "length")


class _Call(NamedTuple):
    """Which call of the server, and how to take the text out of its reply."""

    path: str
    read: Callable[[Mapping[str, Any]], Any]


class Endpoint:
    """A server that speaks the OpenAI protocol, with its cache.

    Use it as a context; leaving it gives the cache file back.

    Raises:
        ConfigError: the key's variable is not set.
        FolderError: the cache is in use, or is none.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self.sent = 0
        key = "" if config.replay_only else config.key()
        self.store = Store(Path(config.cache), read_only=config.replay_only)
        prices = config.cost_per_million_prompt_tokens, config.cost_per_million_answer_tokens
        spent = Usage(self.store.prompt_tokens, self.store.answer_tokens)
        self.budget = Budget(config.budget_tokens, config.budget_cost, prices, spent)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._gate = threading.Lock()
        self._next_seconds = 0.0
        self._stopped = threading.Event()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    @property
    def spent(self) -> tuple[Usage, float]:
        """Tokens, and their price, over the life of the cache."""
        return self.budget.spent, self.budget.price(self.budget.spent)

    def ask(
        self,
        requests: Sequence[Mapping[str, Any]],
        *,
        path: str = CHAT,
        read: Callable[[Mapping[str, Any]], Any] | None = None,
        done: Callable[[int], object] = lambda _: None,
    ) -> list[Reply]:
        """Send what the cache does not know; replies in the order of the requests.

        Args:
            requests: JSON bodies without `model`.
            path: which call of the protocol, or of another one.
            read: takes the text out of a reply of another protocol, whose requests are sent as they are.
            done: called with 1 after each request, from the thread that made it.

        Raises:
            ModelError: the server refuses the key.
        """
        bodies = [written(request if read else self._completed(request)) for request in requests]
        call = _Call(path, read or _answer)
        first = list(dict.fromkeys(bodies))
        with ThreadPoolExecutor(self.config.concurrency) as pool:
            try:
                found = dict(
                    zip(first, pool.map(lambda body: self._one(call, body, done), first), strict=True)
                )
            except BaseException:
                self._stopped.set()
                pool.shutdown(cancel_futures=True)
                raise
        done(len(bodies) - len(first))
        return [found[body] for body in bodies]

    def chat(self, dialogues: Sequence[Sequence[Mapping[str, str]]], **settings: Any) -> list[Reply]:
        """Answer dialogues; `settings` (temperature, max_tokens, seed …) go into every request."""
        return self.ask([{**settings, "messages": [dict(turn) for turn in turns]} for turns in dialogues])

    def _completed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        limits = {"max_tokens", "max_completion_tokens"} & set(request)
        default = {} if limits else {"max_tokens": self.config.answer_tokens}
        return {**default, **request, "model": self.config.model}

    def _one(self, call: _Call, body: str, done: Callable[[int], object]) -> Reply:
        known = self.store.get(key_of(call.path, body))
        if self.config.replay_only:
            unknown = Reply(failure="unknown: not in the cache")
            reply = _reply(known.status, known.reply, call) if known else unknown
        elif known and not (stored := _reply(known.status, known.reply, call)).failure:
            reply = stored
        else:
            reply = self._tried(call, body)
        done(1)
        return reply

    def _tried(self, call: _Call, body: str) -> Reply:
        """Send until it succeeds, or has failed for good."""
        reply, most = Reply(), _most(body)
        for attempt in range(self.config.attempts):
            if self._stopped.is_set():
                return Reply(failure="failed: stopped")
            if not self.budget.set_aside(most):
                return Reply(failure="budget: it could cost more than is left")
            response = self._sent(call.path, body, most)
            reply = _reply(response.status, response.text, call)
            if response.status in (401, 403):
                self._stopped.set()
                raise ModelError(
                    f"the server refuses the key (status {response.status})",
                    where=self.config.url,
                    fix=f"check the environment variable {self.config.key_variable or '(none is named)'}",
                )
            if not reply.failure or not (response.status in MAY_PASS or reply.failure.startswith(MALFORMED)):
                return reply
            if attempt + 1 < self.config.attempts:
                self._pause(attempt, body, response)
        return reply

    def _sent(self, path: str, body: str, most: Usage) -> Response:
        """Send once, keep what came of it, and pay."""
        used = most
        try:
            self._wait_for_turn()
            response = post(
                self.config.url.rstrip("/") + path, body, self._headers, self.config.timeout_seconds
            )
            used = _used(response, most)
            self.store.add(Exchange(path, body, response.status, response.text, *used))
        finally:
            self.budget.settle(most, used)
        return response

    def _wait_for_turn(self) -> None:
        """Hold requests apart, and all of them back while the server asks for a pause."""
        with self._gate:
            self.sent += 1
            now = time.monotonic()
            start = max(now, self._next_seconds)
            apart = 60 / self.config.requests_per_minute if self.config.requests_per_minute else 0.0
            self._next_seconds = start + apart
        self._stopped.wait(start - now)

    def _pause(self, attempt: int, body: str, response: Response) -> None:
        # A share by hash instead of by chance: requests that failed together do not come back together.
        apart = 0.5 + share_of(f"{attempt}:{body}")
        seconds = min(self.config.first_pause_seconds * 2**attempt * apart, self.config.longest_pause_seconds)
        if response.wait_seconds is not None:
            seconds = min(response.wait_seconds, self.config.longest_pause_seconds)
            with self._gate:
                self._next_seconds = max(self._next_seconds, time.monotonic() + seconds)
        self._stopped.wait(seconds)


def _most(body: str) -> Usage:
    """The most that a request can use."""
    request = json.loads(body)
    answer = request.get("max_completion_tokens") or request.get("max_tokens") or 0
    return Usage(len(body.encode()), int(answer) * int(request.get("n") or 1))


def _used(response: Response, most: Usage) -> Usage:
    """What a request did use: nothing if it was refused, everything it can have if nobody says."""
    if response.status not in (0, 200):
        return Usage(0, 0)
    try:
        usage = json.loads(response.text)["usage"]
        return Usage(int(usage["prompt_tokens"]), int(usage.get("completion_tokens") or 0))
    except (ValueError, KeyError, TypeError):
        return most


def _answer(body: Mapping[str, Any]) -> Any:
    choice = body["choices"][0]
    return choice["message"]["content"] if "message" in choice else choice["text"]


def _reply(status: int, text: str, call: _Call) -> Reply:
    if status in MAY_PASS:
        return Reply(failure=f"failed: status {status} {_short(text)}".rstrip())
    if status != 200:
        return Reply(failure=f"refused: status {status} {_short(text)}".rstrip())
    try:
        body = json.loads(text)
        answer = call.read(body)
    except (ValueError, KeyError, IndexError, TypeError):
        return Reply(failure=f"{MALFORMED}: {_short(text)}")
    if not isinstance(answer, str):
        return Reply(failure=f"{MALFORMED}: no text in {_short(text)}", body=body)
    return Reply(answer, body=body)


def _short(text: str) -> str:
    return " ".join(text.split())[:160]
