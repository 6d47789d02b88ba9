"""Sharing contexts changes nothing but the time."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from panlect.model import prefix_tree, shared_prefix
from panlect.model.prefix_tree import grow
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
    assert shared_prefix.reads_trees(network)
    score_parts(network, [part for question in parts for part in question], batch_tokens=100_000)
    # 100 examples once; of each question two tokens of the context and one of each choice, never its last.
    assert seen[-1] == 100 + (2 + 3) * questions


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
    first, second, *_ = score_parts(network, [*shared_prefix_question, *(each for q in filler for each in q)])
    assert (first.tokens, second.tokens) == (1, 3)
    assert second.logprob < first.logprob
    assert not math.isnan(second.logprob)


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


def test_which_models_read_trees() -> None:
    assert all(shared_prefix.reads_trees(network_of(family)) for family in FAMILIES)
    network = network_of("bloom")
    build = network.transformer.build_alibi_tensor
    assert shared_prefix.reads_trees(network)
    assert network.transformer.build_alibi_tensor == build  # as it was
    mamba = AutoModelForCausalLM.from_config(
        MambaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=300, state_size=4)
    )
    assert not shared_prefix.reads_trees(mamba)


def tokens_of(parts: list[Part], **sizes: int) -> tuple[int, list[int]]:
    """Tokens that a model reads, and the lengths of cached beginnings."""
    branches = grow(parts, range(len(parts)))
    for branch in branches:
        for row in branch.rows:
            for place, number, target in zip(row.places, row.numbers, row.targets, strict=True):
                seen = np.flatnonzero(row.seen[place])
                text = [*branch.beginning.tolist(), *row.ids[seen].tolist()]
                depth = int(row.depths[place])
                assert text == list(parts[number].ids[: depth + 1])  # sees just what it would see alone
                assert parts[number].ids[depth + 1] == target
    scored = sorted(number for branch in branches for row in branch.rows for number in row.numbers.tolist())
    assert scored == [n for n, part in enumerate(parts) for _ in part.ids[part.first :]]
    return sum(each.tokens for each in branches), [
        len(each.beginning) for each in branches if len(each.beginning)
    ]


def test_everything_that_is_common_is_read_once() -> None:
    passages = [
        [Part([1000 + p] * 100 + [q] * 9 + [7, c], 110, 1, False) for q in (1, 2, 3) for c in (1, 2, 3, 4)]
        for p in range(5)
    ]
    one = [part for parts in passages for part in parts]
    assert tokens_of(one) == (5 * (100 + 3 * 10), [])
    # The same after 400 tokens of examples in each of two languages that begin with 40 common ones.
    many = [
        part._replace(ids=[3] * 40 + [language] * 360 + part.ids, first=510)
        for language in (8, 9)
        for part in one
    ]
    count, cached = tokens_of(many)
    assert cached == [400, 400]
    assert count == 2 * (400 + 5 * (100 + 3 * 10))


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 2), min_size=2, max_size=60), st.integers(1, 59)),
        min_size=1,
        max_size=30,
    )
)
def test_every_forest_keeps_its_sequences_apart(texts: list[tuple[list[int], int]]) -> None:
    parts = [Part(ids, min(first, len(ids) - 1), 0, False) for ids, first in texts]
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("ROW_TOKENS", 24), ("BRANCH_TOKENS", 16), ("CACHE_TOKENS", 3)):
            patch.setattr(prefix_tree, name, size)
        count, _ = tokens_of(parts)
    assert count <= sum(len(part.ids) - 1 for part in parts)


def test_short_questions_of_many_lengths_are_hardly_padded() -> None:
    """Short questions share little: what padding adds is most of what can be saved."""
    network = network_of("llama")
    assert shared_prefix.reads_trees(network)
    parts = [
        Part([n, *range(1, 2 + n % 20), answer, 5, 6], 2 + n % 20, 3, False)
        for n in range(100, 300)
        for answer in (7, 8)
    ]
    once = sum(branch.tokens for branch in grow(parts, range(len(parts))))
    seen: list[int] = []
    network.model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    score_parts(network, parts)
    assert once <= sum(seen) <= 1.08 * once
