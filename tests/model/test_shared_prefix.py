"""Sharing contexts changes nothing but the time."""

import math
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from panlect.model import shared_prefix
from panlect.model.score import Part, score
from panlect.model.shared_prefix import adds_begin, score_choices, score_parts

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 300, "max_position_embeddings": 512}  # fmt: skip
FAMILIES = {
    "llama": LlamaConfig(**SMALL),
    "qwen2": Qwen2Config(**SMALL),
    "gemma2": Gemma2Config(**SMALL, head_dim=8, sliding_window=64, query_pre_attn_scalar=8),
    "gpt2": GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=300, n_positions=512),
    "bloom": BloomConfig(hidden_size=32, n_layer=2, n_head=4, vocab_size=300),
}


def network_of(family: str) -> Any:
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(FAMILIES[family]).eval()
    for parameter in network.parameters():  # untrained weights are too small to show a wrong mask
        parameter.data.mul_(3)
    return network


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate([*alphabet, "<e>"])}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<e>", bos_token="<e>")


EXAMPLES = "Q: ไปไหน A: บ้าน\nQ: کہاں A: گھر\n"
QUESTIONS = [
    [("The passage is long enough to matter. Answer:", " A"), ("The passage is long enough to matter. Answer:", " B")],
    [(EXAMPLES + "Q: ߒߞߏ? A:", " ߞߊ߲"), (EXAMPLES + "Q: ߒߞߏ? A:", " x"), (EXAMPLES + "Q: ߒߞߏ? A:", " ߞߊ߲ longer")],
    [(EXAMPLES + "Q: 🙂 A:", " yes"), (EXAMPLES + "Q: 🙂 A:", " no, never")],
    [(EXAMPLES + "Q: ᎣᏏᏲ A:", " one"), (EXAMPLES + "Q: ᎣᏏᏲ A:", " two three four")],
    [("", "whole sentence A"), ("", "whole sentence B")],
    [("Different ", "ending"), ("contexts ", "ending")],
    [("only one choice:", " this")],
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_scoring_each_alone(
    family: str, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of(family)
    monkeypatch.setattr(shared_prefix, "PAYS_BELOW", 1.0)
    expected = [
        score(network, tokenizer, [c for c, _ in q], [a for _, a in q], batch_tokens=1) for q in QUESTIONS
    ]
    for batch_tokens in (1, 200, 8192):
        found = score_choices(network, tokenizer, QUESTIONS, batch_tokens=batch_tokens)
        for ours, theirs in zip(found, expected, strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert (one.tokens, one.bytes, one.merged) == (other.tokens, other.bytes, other.merged)
                assert one.logprob == pytest.approx(other.logprob, abs=1e-5 * max(1, other.tokens) * 5)
                assert one.greedy == other.greedy


def test_examples_and_contexts_go_through_the_model_once(tokenizer: PreTrainedTokenizerFast) -> None:
    network = network_of("llama")
    seen: list[int] = []
    network.model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    examples, questions = list(range(100)), 20
    parts = [
        [Part([*examples, 200 + q, 7, *answer], 102, 1, False) for answer in ([1, 2], [3, 4], [5, 6])]
        for q in range(questions)
    ]
    score_parts(network, parts, batch_tokens=100_000)
    seen.remove(4)  # the check whether the head is plain
    seen.remove(4)
    # 100 examples once, two tokens of each context, one token of each choice but its last.
    assert sorted(seen) == [2 * questions, 3 * questions, 100]


def test_long_or_unrelated_questions_are_scored_apart(tokenizer: PreTrainedTokenizerFast) -> None:
    network = network_of("gemma2")
    network.config.sliding_window = 8
    long = [[("x" * 40, " a"), ("x" * 40, " b")]]
    expected = score(network, tokenizer, ["x" * 40] * 2, [" a", " b"])
    found = score_choices(network, tokenizer, long)[0]
    assert [one.logprob for one in found] == pytest.approx([one.logprob for one in expected], abs=1e-5)
    assert score_choices(network, tokenizer, []) == []
    assert score_choices(network, tokenizer, [[]]) == [[]]


def test_a_choice_that_begins_another(tokenizer: PreTrainedTokenizerFast) -> None:
    network = network_of("llama")
    shared_prefix_question = [Part([9, 8, 7, 1], 3, 1, False), Part([9, 8, 7, 1, 2, 3], 3, 3, False)]
    filler = [[Part([*range(50), n], 50, 1, False) for n in (1, 2)] for _ in range(3)]
    found = score_parts(network, [shared_prefix_question, *filler])
    assert found[0][0].tokens == 1
    assert found[0][1].tokens == 3
    assert found[0][1].logprob < found[0][0].logprob
    assert not math.isnan(found[0][1].logprob)


def test_the_begin_token_may_be_left_out(tokenizer: PreTrainedTokenizerFast) -> None:
    network = network_of("llama")
    assert not adds_begin(tokenizer)
    pairs = [[("context", " a"), ("context", " b")], [("", "whole"), ("", "text")], [("<e>written", " x")]]
    with_begin = score_choices(network, tokenizer, pairs)
    without = score_choices(network, tokenizer, pairs, begin=False)
    assert with_begin[0][0].logprob != pytest.approx(without[0][0].logprob, abs=1e-4)
    for place in (1, 2):  # nothing to look at otherwise; and the text brings its own
        assert [s.logprob for s in without[place]] == pytest.approx(
            [s.logprob for s in with_begin[place]], abs=1e-5
        )
    ids = torch.tensor([tokenizer("context a").input_ids])
    logits = network(ids).logits.log_softmax(-1)[0]
    direct = logits[range(len("context") - 1, ids.shape[1] - 1), ids[0, len("context") :]].sum().item()
    assert without[0][0].logprob == pytest.approx(direct, abs=1e-4)
