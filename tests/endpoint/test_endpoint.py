"""The client against a server that fails: retries, limits, budgets, and a cache that replays."""

import json
import time

import pytest

from panlect.config import check
from panlect.endpoint import Endpoint, EndpointConfig
from panlect.endpoint.budget import Usage
from panlect.errors import ConfigError, FolderError, ModelError
from stub_endpoint import completion, echo, serve

TEXTS = ["hello", "สวัสดี", "ߌ ߣߌ߫ ߕߟߋ߬", "سلام", "ជំរាបសួរ", "👋🏽 é"]


def config(url: str, path, **settings: object) -> EndpointConfig:
    values = {"url": url, "model": "toy", "cache": str(path / "cache.jsonl"), "first_pause_seconds": 0.01}
    return check(EndpointConfig, values | settings, where="test")


def asked(texts):
    return [[{"role": "user", "content": text}] for text in texts]


def test_replies_come_in_order_from_several_requests_at_once(tmp_path):
    with serve(slow_seconds=0.05) as stub, Endpoint(config(stub.url, tmp_path, concurrency=4)) as endpoint:
        texts = [f"{text} {i}" for i in range(3) for text in TEXTS]
        replies = endpoint.chat(asked(texts), temperature=0)
    assert [reply.text for reply in replies] == [text.upper() for text in texts]
    assert 2 <= stub.most_under_way <= 4
    assert all(request["model"] == "toy" and request["max_tokens"] == 1024 for request in stub.requests)


def test_nothing_is_sent_twice_and_replay_is_byte_for_byte_without_a_server(tmp_path):
    with serve() as stub:
        settings = config(stub.url, tmp_path)
        with Endpoint(settings) as endpoint:
            first = endpoint.chat(asked([*TEXTS, TEXTS[0]]))
        assert len(stub.requests) == len(TEXTS)
        with Endpoint(settings) as endpoint:
            assert endpoint.chat(asked(TEXTS)) == first[:-1]
            assert endpoint.sent == 0
    before = (tmp_path / "cache.jsonl").read_bytes()
    offline = config("http://127.0.0.1:9/v1", tmp_path, replay_only=True)
    with Endpoint(offline) as endpoint:
        again = endpoint.chat(asked([*TEXTS, "new"]))
    assert again[:-1] == first[:-1]
    assert again[-1].failure.startswith("unknown")
    assert (tmp_path / "cache.jsonl").read_bytes() == before
    kept = [json.loads(line) for line in before.decode().splitlines()]
    assert {json.loads(each["reply"])["choices"][0]["message"]["content"] for each in kept} == {
        text.upper() for text in TEXTS
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failures_that_pass_are_retried(tmp_path, status):
    def answer(request, count):
        return echo(request, count) if count > 2 else (status, {"error": "busy"}, {})

    with serve(answer) as stub, Endpoint(config(stub.url, tmp_path)) as endpoint:
        assert [reply.text for reply in endpoint.chat(asked(TEXTS))] == [text.upper() for text in TEXTS]
    assert len(stub.requests) == 3 * len(TEXTS)


def test_the_server_says_how_long_everybody_waits(tmp_path):
    def answer(request, count):
        first = request["messages"][0]["content"] == "0" and count == 1
        return (429, "{}", {"Retry-After": "0.4"}) if first else echo(request, count)

    settings = {"concurrency": 2, "first_pause_seconds": 10}
    with (
        serve(answer, slow_seconds=0.02) as stub,
        Endpoint(config(stub.url, tmp_path, **settings)) as endpoint,
    ):
        replies = endpoint.chat(asked([str(i) for i in range(8)]))
    assert [reply.text for reply in replies] == [str(i) for i in range(8)]
    gaps = [later - earlier for earlier, later in zip(stub.times, stub.times[1:], strict=False)]
    assert max(gaps) > 0.3, "all requests pause, not only the refused one"


def test_requests_keep_their_distance(tmp_path):
    with serve() as stub, Endpoint(config(stub.url, tmp_path, requests_per_minute=1200)) as endpoint:
        started = time.monotonic()
        endpoint.chat(asked(TEXTS))
    assert time.monotonic() - started > 5 * 0.05 - 0.01


def test_refusals_are_final_and_asked_again_only_in_another_run(tmp_path):
    refuse = True

    def answer(request, count):
        return (400, {"error": "too long"}, {}) if refuse else echo(request, count)

    with serve(answer) as stub:
        settings = config(stub.url, tmp_path)
        with Endpoint(settings) as endpoint:
            (reply,) = endpoint.chat(asked(["hello"]))
        assert reply.failure.startswith("refused: status 400")
        assert "too long" in reply.failure
        assert len(stub.requests) == 1
        refuse = False
        with Endpoint(settings) as endpoint:
            assert endpoint.chat(asked(["hello"]))[0].text == "HELLO"
            assert endpoint.spent[0] == Usage(10, 5), "a refusal costs nothing"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "{}",
        '{"choices": []}',
        '{"choices": [{"message": {"content": null}}]}',
        "[1]",
        b"\xff\xfe",
    ],
)
def test_malformed_replies_are_retried_then_reported(tmp_path, body):
    with serve(lambda *_: (200, body, {})) as stub:
        with Endpoint(config(stub.url, tmp_path, attempts=3)) as endpoint:
            (reply,) = endpoint.chat(asked(["hello"]))
        assert reply.failure.startswith(("malformed", "failed")), reply
        assert len(stub.requests) == 3
    turns = serve(lambda request, count: (200, body, {}) if count < 2 else echo(request, count))
    with turns as stub, Endpoint(config(stub.url, tmp_path)) as endpoint:
        assert endpoint.chat(asked(["hello"]))[0].text == "HELLO"


def test_a_lost_connection_and_a_timeout_are_failures_that_count_as_paid(tmp_path):
    with Endpoint(config("http://127.0.0.1:9/v1", tmp_path, attempts=2)) as endpoint:
        assert endpoint.chat(asked(["hello"]))[0].failure.startswith("failed: status 0")
    with serve(slow_seconds=0.5) as stub:
        settings = config(
            stub.url, tmp_path, attempts=1, timeout_seconds=0.1, cache=str(tmp_path / "b.jsonl")
        )
        with Endpoint(settings) as endpoint:
            assert endpoint.chat(asked(["hello"]))[0].failure.startswith("failed")
            assert endpoint.spent[0].answer == 1024


def test_a_refused_key_stops_everything_and_is_not_written_down(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_KEY", "secret-of-mine")
    with serve(lambda *_: (401, {"error": "no"}, {})) as stub:
        settings = config(stub.url, tmp_path, key_variable="TOY_KEY", concurrency=1)
        with Endpoint(settings) as endpoint, pytest.raises(ModelError, match="refuses the key"):
            endpoint.chat(asked(TEXTS))
    assert len(stub.requests) < len(TEXTS)
    assert stub.headers[0]["Authorization"] == "Bearer secret-of-mine"
    assert b"secret" not in (tmp_path / "cache.jsonl").read_bytes()
    assert "secret" not in settings.model_dump_json()


def test_a_redirect_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_KEY", "secret")
    with serve() as other:
        elsewhere = serve(lambda *_: (307, "", {"Location": other.url}))
        with elsewhere as stub, Endpoint(config(stub.url, tmp_path, key_variable="TOY_KEY")) as endpoint:
            assert endpoint.chat(asked(["hello"]))[0].failure.startswith("refused: status 307")
    assert other.requests == []


def test_the_token_budget_is_never_exceeded_and_holds_over_runs(tmp_path):
    def answer(request, count):
        return 200, completion("x", prompt_tokens=90, answer_tokens=10), {}

    with serve(answer, slow_seconds=0.01) as stub:
        settings = config(stub.url, tmp_path, budget_tokens=1000, answer_tokens=10, concurrency=6)
        with Endpoint(settings) as endpoint:
            replies = endpoint.chat(asked([str(i) for i in range(30)]))
            assert endpoint.spent[0].total <= 1000
        failures = [reply.failure for reply in replies if reply.failure]
        assert failures
        assert all(failure.startswith("budget") for failure in failures)
        assert len(stub.requests) == 30 - len(failures) >= 8, "what was set aside and not used is used later"
        sent = len(stub.requests)
        with Endpoint(settings) as endpoint:
            again = endpoint.chat(asked([str(i) for i in range(30)]))
        assert len(stub.requests) == sent
        assert sum(not reply.failure for reply in again) == sent


def test_the_money_budget(tmp_path):
    prices = {"cost_per_million_prompt_tokens": 1000.0, "cost_per_million_answer_tokens": 10000.0}
    with serve(lambda *_: (200, completion("x", 100, 100), {})) as stub:
        settings = config(stub.url, tmp_path, budget_cost=5.0, answer_tokens=100, concurrency=1, **prices)
        with Endpoint(settings) as endpoint:
            endpoint.chat(asked([str(i) for i in range(9)]))
            usage, cost = endpoint.spent
    # 100 tokens each: 0.1 + 1.0 a request; the fifth could cost more than the 0.6 that are left.
    assert len(stub.requests) == 4
    assert cost == pytest.approx(4.4)
    assert usage == Usage(400, 400)


def test_a_server_that_does_not_count_is_charged_the_most_it_can_have_used(tmp_path):
    def answer(request, count):
        status, body, headers = echo(request, count)
        del body["usage"]
        return status, body, headers

    with serve(answer) as stub, Endpoint(config(stub.url, tmp_path)) as endpoint:
        endpoint.chat(asked(["hello"]))
        assert endpoint.spent[0].answer == 1024
        assert endpoint.spent[0].prompt == len(json.dumps(stub.requests[0], separators=(",", ":")))


def test_a_cache_cut_off_by_a_kill_loses_one_reply(tmp_path):
    with serve() as stub:
        settings = config(stub.url, tmp_path, concurrency=1)
        with Endpoint(settings) as endpoint:
            endpoint.chat(asked(TEXTS))
        path = tmp_path / "cache.jsonl"
        path.write_bytes(path.read_bytes()[:-7])
        with Endpoint(settings) as endpoint:
            assert [reply.text for reply in endpoint.chat(asked(TEXTS))] == [text.upper() for text in TEXTS]
            assert endpoint.sent == 1
        with Endpoint(settings) as endpoint:
            endpoint.chat(asked(TEXTS))
            assert endpoint.sent == 0


def test_one_process_at_a_time_and_no_other_file(tmp_path):
    settings = config("http://127.0.0.1:9/v1", tmp_path)
    with Endpoint(settings), pytest.raises(FolderError, match="another process"):
        Endpoint(settings)
    for text in ('{"text": "my corpus"}\n', "my corpus", '{"text": "cut off'):
        (tmp_path / "cache.jsonl").write_text(text)
        with pytest.raises(FolderError, match="no cache"):
            Endpoint(settings)
        assert (tmp_path / "cache.jsonl").read_text() == text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "ftp://x/v1"}, "must begin with http"),
        ({"url": "https://me:pw@x/v1"}, "no name, password"),
        ({"url": "http://example.org/v1", "key_variable": "K"}, "unencrypted"),
        ({"url": "http://x/v1", "budget_cost": 1.0}, "needs cost_per_million"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        config(values.pop("url"), tmp_path, **values)


def test_a_missing_key_is_said_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        Endpoint(config("https://example.org/v1", tmp_path, key_variable="NO_SUCH_KEY"))
