"""Servers that work, that ignore what they are asked, that limit rates, and that are dead."""

from pathlib import Path
from typing import Any

import pytest

from panlect.benchmarks.benchmark import Ask
from panlect.benchmarks.engines import in_order
from panlect.benchmarks.remote import Remote
from panlect.endpoint import EndpointConfig
from panlect.errors import ModelError
from stub_endpoint import character_scores, completion, serve

QUESTIONS = [Ask("generate", f"swali {n}", chat=True, maximum_tokens=8, stop=("\n",)) for n in range(4)]
CHOOSE = [Ask("choose", "Jua ", choices=("linawaka", "xyz"))]


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    numbers = iter(range(100))

    def make(url: str, **other: Any) -> EndpointConfig:
        basic = {
            "attempts": 3,
            "first_pause_seconds": 0.01,
            "longest_pause_seconds": 0.05,
            "timeout_seconds": 5.0,
        }
        cache = str(tmp_path / f"cache{next(numbers)}.jsonl")
        return EndpointConfig(url=url, model="stub", cache=cache, **(basic | other))

    return make


def scored(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    """A server that scores characters: each is worth minus its code / 1000, and one token is added."""
    if "messages" in request:
        return 200, completion(request["messages"][0]["content"].upper()), {}
    return 200, character_scores(request["prompt"]), {}


def test_answers_and_scores(settings: Any) -> None:
    with serve(scored) as stub:
        remote = Remote(settings(stub.url))
        assert [answer.text for answer in in_order(remote.generate(QUESTIONS))] == [
            f"SWALI {n}" for n in range(4)
        ]
        assert stub.requests[0]["temperature"] == 0
        assert stub.requests[0]["stop"] == ["\n"]
        answer = in_order(remote.choose(CHOOSE))[0]
    assert answer.scores == pytest.approx(tuple(-sum(map(ord, c)) / 1000 for c in CHOOSE[0].choices))
    assert answer.tokens == (8, 3)


def test_what_is_not_a_dialogue_is_sent_as_it_is(settings: Any) -> None:
    with serve(lambda request, _: (200, {"choices": [{"text": request["prompt"][::-1]}]}, {})) as stub:
        asks = [Ask("generate", "abc"), Ask("generate", "ไทย")]
        assert [a.text for a in in_order(Remote(settings(stub.url)).generate(asks))] == ["cba", "ยทไ"]


def without_logprobs(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    return 200, {"choices": [{"text": "x", "logprobs": None}]}, {}


def not_echoed(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    logprobs = {"tokens": ["x"], "token_logprobs": [-1.0], "text_offset": [0]}
    return 200, {"choices": [{"text": "x", "logprobs": logprobs}]}, {}


def constant(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    tokens = [request["prompt"][:5], request["prompt"][5:], "!"]
    logprobs = {
        "tokens": tokens,
        "token_logprobs": [None, -1.0, -1.0],
        "text_offset": [0, 5, len(request["prompt"])],
    }
    return 200, {"choices": [{"text": "".join(tokens), "logprobs": logprobs}]}, {}


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        (without_logprobs, "left out of the reply"),
        (not_echoed, "not echoed"),
        (constant, "same log-probability"),
        (lambda request, _: (400, {"error": "echo is not supported"}, {}), "status 400"),
    ],
)
def test_ignored_logprobs_are_found_out_and_refused(settings: Any, server: Any, problem: str) -> None:
    with serve(server) as stub, pytest.raises(ModelError, match=problem) as caught:
        in_order(Remote(settings(stub.url)).choose(CHOOSE))
    assert "no log-probabilities" in str(caught.value)
    assert len(stub.requests) == 2  # the probe; no question was sent


def test_a_rate_limited_server_is_waited_for(settings: Any) -> None:
    def limited(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        return (429, "slow down", {"Retry-After": "0"}) if count < 3 else scored(request, count)

    with serve(limited) as stub:
        answers = in_order(Remote(settings(stub.url)).generate(QUESTIONS))
    assert [answer.text for answer in answers] == [f"SWALI {n}" for n in range(4)]
    assert len(stub.requests) == 12


def test_questions_that_fail_for_good_are_counted(settings: Any) -> None:
    def partly(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        return (503, "", {}) if request["messages"][0]["content"].endswith("1") else scored(request, count)

    with serve(partly) as stub:
        answers = in_order(Remote(settings(stub.url)).generate(QUESTIONS))
    assert [bool(answer.failure) for answer in answers] == [False, True, False, False]


def test_a_dead_server_stops_the_run(settings: Any) -> None:
    with serve(scored) as stub:
        url = stub.url
    with pytest.raises(ModelError, match="answered none of 4 questions"):
        in_order(Remote(settings(url, attempts=1)).generate(QUESTIONS))
