"""Decoding gives what transformers gives, and the same alone and in any batch."""

import random
from collections import Counter
from typing import Any

import pytest
import torch

from panlect.errors import ModelError
from panlect.model.decoding import Rows
from panlect.model.generate import Generation, generate_ids, stop_ids, stream_ids
from panlect.model.load import Model
from tiny_families import FAMILIES, replica
from tiny_model import SENTENCES


@pytest.fixture
def lively(model: Model) -> Model:
    """A model whose answers vary and end: larger weights, and a begin token that is easily left."""
    with torch.no_grad():
        for parameter in model.network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    return model


def prompts_of(model: Model) -> list[list[int]]:
    return [model.tokenizer.encode(text)[: 2 + 3 * i] for i, text in enumerate(SENTENCES)]


def test_greedy_equals_transformers(lively: Model) -> None:
    stops = stop_ids(lively.network, lively.tokenizer)
    got = generate_ids(lively.network, prompts_of(lively), stops, Generation(new_tokens=20))
    for prompt, ours in zip(prompts_of(lively), got, strict=True):
        theirs = lively.network.generate(
            torch.tensor([prompt]), max_new_tokens=20, do_sample=False, pad_token_id=0
        )[0, len(prompt) :].tolist()
        assert ours == [token for token in theirs if token not in stops]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_alone_and_in_a_batch(lively: Model, temperature: float) -> None:
    prompts = prompts_of(lively) * 2
    settings = Generation(new_tokens=24, temperature=temperature, seed=5)
    # Tokens that come often stop some rows early, so that rows leave the batch at different times.
    often = Counter(t for ids in generate_ids(lively.network, prompts, frozenset(), settings) for t in ids)
    stops = frozenset(token for token, _ in often.most_common(3))
    together = generate_ids(lively.network, prompts, stops, settings)
    one_row = Generation(new_tokens=24, temperature=temperature, seed=5, batch_rows=1)
    assert generate_ids(lively.network, prompts, stops, one_row) == together
    assert len({len(ids) for ids in together}) > 2
    assert not any(token in stops for ids in together for token in ids)


@pytest.mark.parametrize("family", FAMILIES)
def test_waiting_prompts_join_those_that_run(family: str, tokenizer: Any) -> None:
    """Windows of 8 tokens, learned positions, ALiBi: each answer is what it is alone."""
    network = replica(family, tokenizer).network
    for parameter in network.parameters():
        parameter.data.mul_(4)
    draw = random.Random(0)
    prompts = [[draw.randrange(5, 400) for _ in range(draw.randrange(1, 30))] for _ in range(13)]
    alone = Generation(new_tokens=20, batch_rows=1, temperature=1.0)
    often = Counter(t for ids in generate_ids(network, prompts, frozenset(), alone) for t in ids)
    stops = frozenset(token for token, _ in often.most_common(9))
    expected = generate_ids(network, prompts, stops, alone)
    assert len({len(ids) for ids in expected}) > 2
    settings = Generation(new_tokens=20, batch_rows=4, temperature=1.0)
    assert generate_ids(network, prompts, stops, settings) == expected
    ends = [place for place, _ in stream_ids(network, prompts, stops, settings)]
    assert sorted(ends) == list(range(13))
    assert ends != sorted(ends)


def test_a_stop_text_ends_a_row_at_once(lively: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    read = Rows.continued

    def counted(self: Rows, network: Any, next_B: torch.Tensor) -> Rows:
        steps.append(len(self.numbers))
        return read(self, network, next_B)

    (whole,) = lively.generate([SENTENCES[1]], Generation(new_tokens=40))
    monkeypatch.setattr(Rows, "continued", counted)
    stop = whole[3:5]
    (cut,) = lively.generate([SENTENCES[1]], Generation(new_tokens=40, stops=(stop,)))
    assert cut == whole[: whole.index(stop)]
    assert len(steps) < 20


def test_samples_differ_and_follow_the_distribution(model: Model) -> None:
    """10,000 first tokens of one prompt against the model's own probabilities."""
    prompt = model.tokenizer.encode(SENTENCES[0])
    with torch.no_grad():
        model.network.lm_head.weight.mul_(30.0)
        expected = model.network(torch.tensor([prompt])).logits[0, -1].softmax(-1)
    settings = Generation(new_tokens=1, temperature=1.0, samples=4000, batch_rows=4000, batch_tokens=10**6)
    drawn = generate_ids(model.network, [prompt], frozenset(), settings)
    counts = torch.bincount(torch.tensor(drawn)[:, 0], minlength=len(expected)) / len(drawn)
    # Total variation of 4,000 draws from 400 outcomes stays well below this.
    assert 0.5 * (counts - expected).abs().sum() < 0.15
    assert drawn == generate_ids(model.network, [prompt], frozenset(), settings)


def test_top_p_keeps_the_smallest_set(model: Model) -> None:
    prompt = model.tokenizer.encode(SENTENCES[0])
    with torch.no_grad():
        model.network.lm_head.weight.mul_(40.0)
        probabilities = model.network(torch.tensor([prompt])).logits[0, -1].softmax(-1)
    ordered, index = probabilities.sort(descending=True)
    kept = set(index[: int((ordered.cumsum(0) < 0.5).sum()) + 1].tolist())
    settings = Generation(new_tokens=1, temperature=1.0, top_p=0.5, samples=500, batch_rows=500)
    drawn = {ids[0] for ids in generate_ids(model.network, [prompt], frozenset(), settings)}
    assert drawn <= kept
    assert len(drawn) > len(kept) / 3


def test_texts_and_stops(lively: Model) -> None:
    answers = lively.generate(list(SENTENCES), Generation(new_tokens=12))
    assert len(answers) == len(SENTENCES)
    stop = answers[0][2:5]
    assert stop
    cut = lively.generate([SENTENCES[0]], Generation(new_tokens=12, stops=(stop,)))
    assert cut == [answers[0][: answers[0].index(stop)]]


def test_chat_uses_the_template(model: Model) -> None:
    from panlect.model.dialogue import prompts

    dialogues = [[{"role": "user", "content": text}] for text in SENTENCES[:3]]
    direct = model.generate(prompts(model.tokenizer, dialogues), Generation(new_tokens=4))
    assert model.chat(dialogues, Generation(new_tokens=4)) == direct


def test_too_long(model: Model) -> None:
    with pytest.raises(ModelError, match="positions"):
        generate_ids(model.network, [[1] * 250], frozenset(), Generation(new_tokens=20))


def test_nothing_to_do(model: Model) -> None:
    assert model.generate([], Generation()) == []
