"""Servers that work, that ignore what they are asked, that limit rates, and that are dead."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from panlect.benchmarks.benchmark import Ask
from panlect.benchmarks.engines import in_order
from panlect.benchmarks.remote import Remote
from panlect.endpoint import EndpointConfig
from panlect.errors import ModelError
from panlect.model.shared_prefix import score_choices
from stub_endpoint import character_scores, completion, serve
from tiny_model import SENTENCES

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


def of_the_answer(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    """The prompt is in the text, but only the new token is scored."""
    logprobs = {"tokens": ["x"], "token_logprobs": [-1.0], "text_offset": [0]}
    return 200, {"choices": [{"text": request["prompt"] + "x", "logprobs": logprobs}]}, {}


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
        (of_the_answer, "only what is generated"),
        (not_echoed, "not echoed"),
        (constant, "same log-probability"),
        (lambda request, _: (400, {"error": "echo is not supported"}, {}), "status 400"),
    ],
)
def test_ignored_logprobs_are_found_out_and_refused(settings: Any, server: Any, problem: str) -> None:
    with serve(server) as stub, pytest.raises(ModelError, match=problem) as caught:
        in_order(Remote(settings(stub.url)).choose(CHOOSE))
    assert "no log-probabilities" in str(caught.value)
    assert len(stub.requests) == 3  # the probe; no question was sent


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


def vllm(tokenizer: Any, network: Any) -> Any:
    """A server whose replies have the form that vLLM documents for `/v1/completions` with echo and logprobs.

    Its tokens are decoded one by one: the begin token has a name, pieces of a letter are replacement marks, and
    `text_offset` is the sum of the lengths of such names. The first token's log-probability is null. Written
    from vLLM's published source; no vLLM was run.
    """

    def reply(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
        assert (request["echo"], request["logprobs"], request["max_tokens"]) == (True, 1, 1)
        ids = [tokenizer.bos_token_id, *tokenizer(request["prompt"], add_special_tokens=False).input_ids]
        with torch.no_grad():
            logprobs = network(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        ids.append(int(logprobs[-1].argmax()))
        tokens = [tokenizer.decode([one]) for one in ids]
        values = [None, *(float(logprobs[place, one]) for place, one in enumerate(ids[1:]))]
        offsets = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
        prompt_logprobs = [
            None if value is None else {str(one): {"logprob": value, "rank": 1, "decoded_token": token}}
            for one, value, token in zip(ids[:-1], values, tokens, strict=False)
        ]
        choice = {
            "index": 0,
            "text": request["prompt"] + tokens[-1],
            "logprobs": {
                "text_offset": offsets,
                "token_logprobs": values,
                "tokens": tokens,
                "top_logprobs": [
                    None,
                    *({token: value} for token, value in zip(tokens[1:], values[1:], strict=True)),
                ],
            },
            "finish_reason": "length",
            "stop_reason": None,
            "prompt_logprobs": prompt_logprobs,
            "prompt_token_ids": None,
            "token_ids": None,
        }
        usage = {"prompt_tokens": len(ids) - 1, "total_tokens": len(ids), "completion_tokens": 1}
        body = {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1,
            "model": "stub",
            "choices": [choice],
        }
        return 200, body | {"usage": usage, "prompt_logprobs": None, "kv_transfer_params": None}, {}

    return reply


def test_vllms_reply_gives_the_scores_of_the_model_itself(settings: Any) -> None:
    """In every script: a byte-level tokenizer without merges cuts every letter that is not ASCII."""
    backend = Tokenizer(models.BPE(vocab={}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend.model = models.BPE(vocab={name: n for n, name in enumerate(alphabet)}, merges=[])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|begin_of_text|>")
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=257, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                         num_attention_heads=2, bos_token_id=256)  # fmt: skip
    network = LlamaForCausalLM(config).eval()
    asks = [Ask("choose", text[:9], choices=(text[9:14], text[2:8] + "x")) for text in SENTENCES]
    asks += [Ask("choose", "", choices=("ไทย", "Hausa")), Ask("choose", "", ("b", "b"), ("អក្សរ", "a"))]
    with serve(vllm(tokenizer, network)) as stub:
        remote = Remote(settings(stub.url))
        assert remote.without_scores() == ""
        found = in_order(remote.choose(asks))
    expected = score_choices(network, tokenizer, [ask.pairs() for ask in asks], begin=True)
    for ask, one, scores in zip(asks, found, expected, strict=True):
        assert one.tokens == tuple(score.tokens for score in scores), ask
        assert one.scores == pytest.approx([score.logprob for score in scores], abs=1e-4), ask


def test_choices_are_scored_by_many_requests_at_once(settings: Any) -> None:
    asks = [Ask("choose", f"swali {n} ", choices=("ndiyo", "hapana")) for n in range(8)]
    with serve(scored, slow_seconds=0.05) as stub:
        remote = Remote(settings(stub.url, concurrency=6))
        assert len(in_order(remote.choose(asks))) == 8
    assert stub.most_under_way == 6


def test_a_choice_that_fails_takes_no_other_with_it(settings: Any) -> None:
    def partly(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        return (503, "", {}) if request["prompt"].endswith("xyz") else scored(request, count)

    asks = [*CHOOSE, Ask("choose", "Jua ", choices=("linawaka", "limezama"))]
    with serve(partly) as stub:
        found = in_order(Remote(settings(stub.url)).choose(asks))
    assert [bool(answer.failure) for answer in found] == [True, False]
    assert found[1].tokens == (8, 8)
