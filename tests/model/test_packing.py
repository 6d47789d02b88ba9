"""Rows hold every token once, and no document sees another."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.model import packing
from panlect.model.attention import choose_attention, packed_mask
from panlect.model.load import Model
from tiny_model import SENTENCES


def tokens_of(lengths: list[int]) -> packing.Tokens:
    """Texts whose token ids are all different, in two languages and two components."""
    count = len(lengths)
    return packing.Tokens(
        ids=np.arange(10, 10 + sum(lengths), dtype=np.int32),
        trained=np.ones(sum(lengths), np.bool_),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        language=(np.arange(count) % 2).astype(np.int32),
        component=(np.arange(count) // 2 % 2).astype(np.int32),
        weight=np.ones(count, np.float32),
        characters=np.array(lengths, np.int64) * 3,
        bytes=np.array(lengths, np.int64) * 5,
        languages=("swh_Latn", "tha_Thai"),
        components=("a", "b"),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=40), st.integers(8, 40), st.integers(10, 100))
def test_every_token_is_predicted_once_except_each_first(
    lengths: list[int], row_tokens: int, batch_tokens: int
) -> None:
    tokens = tokens_of(lengths)
    order = np.random.default_rng(0).permutation(len(lengths)).astype(np.int64)
    plan = packing.Plan(tokens, order, row_tokens, batch_tokens, 4 * row_tokens, pad_id=0)
    batches = [batch for step in range(len(plan)) for batch in plan.batches(step)]
    predicted = sorted(int(t) for batch in batches for t in batch.targets_N)
    firsts = {int(tokens.ids[start]) for start in tokens.offsets[:-1]}
    assert predicted == sorted(set(tokens.ids.tolist()) - firsts)
    assert all(batch.ids_BT.shape[1] <= row_tokens for batch in batches)
    # What the ledger counts is what was planned: no token is lost.
    np.testing.assert_allclose(sum(batch.seen for batch in batches), plan.planned(), atol=1e-6)


@given(st.lists(st.integers(1, 50), max_size=200))
def test_best_fit_keeps_every_piece_and_never_overfills(lengths: list[int]) -> None:
    rows = packing.best_fit(lengths, 50)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in row) <= 50 for row in rows)
    # First-fit-decreasing's guarantee, which best fit shares: 11/9 of the optimum + 1.
    assert len(rows) <= 11 / 9 * np.ceil(sum(lengths) / 25) + 1


def test_best_fit_by_hand() -> None:
    # 7 + 3, then 6 + 4, and the 5 alone: best fit puts 3 where it leaves least room.
    assert packing.best_fit([5, 6, 3, 7, 4], 10) == [[3, 2], [1, 4], [0]]


def test_padding_is_small_for_short_texts() -> None:
    lengths = np.random.default_rng(1).integers(8, 60, 400).tolist()
    plan = packing.Plan(tokens_of(lengths), np.arange(400), 128, 2048, 2048, pad_id=0)
    places = sum(batch.ids_BT.numel() for step in range(len(plan)) for batch in plan.batches(step))
    assert sum(lengths) / places > 0.95


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_document_does_not_see_its_neighbours(model: Model, attention: str) -> None:
    tokens = packing.tokenise(
        model.tokenizer, [packing.Text(text, "und_Zyyy") for text in SENTENCES], specials=True
    )
    model.network.set_attn_implementation(attention)

    def hidden(ids: np.ndarray[Any, Any]) -> tuple[torch.Tensor, packing.Batch]:
        changed = packing.Tokens(**{**vars(tokens), "ids": ids})
        plan = packing.Plan(changed, np.arange(len(tokens)), 200, 10**6, 10**6, pad_id=0)
        (batch,) = plan.batches(0)
        with torch.no_grad():
            out = model.network(
                input_ids=batch.ids_BT,
                position_ids=batch.positions_BT,
                attention_mask=packed_mask(model.network, batch.segments_BT),
                use_cache=False,
            ).logits
        return out.flatten(0, 1)[batch.select_N], batch

    before, batch = hidden(tokens.ids)
    changed = tokens.ids.copy()
    first = slice(int(tokens.offsets[0]), int(tokens.offsets[1]))
    changed[first] = (changed[first] + 7) % 300
    after, _ = hidden(changed)
    others = batch.texts_N != 0
    assert torch.equal(before[others], after[others])
    assert not torch.allclose(before[~others], after[~others])
    # And a packed document has the logits that it has alone.
    for text in range(len(tokens)):
        ids = torch.from_numpy(tokens.ids[tokens.offsets[text] : tokens.offsets[text + 1]].astype(np.int64))
        with torch.no_grad():
            alone = model.network(input_ids=ids[None], use_cache=False).logits[0, :-1]
        torch.testing.assert_close(before[batch.texts_N == text], alone, atol=1e-5, rtol=1e-5)


def test_attention_is_chosen_for_the_machine(model: Model) -> None:
    choose_attention(model.network, half=False, row_tokens=128)
    assert model.network.config._attn_implementation == "sdpa"
    choose_attention(model.network, half=True, row_tokens=1024)
    assert model.network.config._attn_implementation == "sdpa"
    choose_attention(model.network, half=True, row_tokens=128)
    assert model.network.config._attn_implementation == "eager"


def test_documents_are_data(tokenizer: Any) -> None:
    """A special token written in a text is no special token."""
    text = "before<|end|>after"
    tokens = packing.tokenise(tokenizer, [packing.Text(text, "eng_Latn")], specials=True)
    ids = tokens.ids.tolist()
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id
    assert ids.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(ids[1:-1]) == text
    # The tokenizer is left as it was.
    assert tokenizer.encode("<|end|>", add_special_tokens=False) == [tokenizer.eos_token_id]


def test_sizes_are_those_of_the_text(tokenizer: Any) -> None:
    tokens = packing.tokenise(tokenizer, [packing.Text(s, "und_Zyyy") for s in SENTENCES], specials=True)
    assert tokens.characters.tolist() == [len(s) for s in SENTENCES]
    assert tokens.bytes.tolist() == [len(s.encode()) for s in SENTENCES]


def test_no_texts(tokenizer: Any) -> None:
    tokens = packing.tokenise(tokenizer, [], specials=True)
    plan = packing.Plan(tokens, np.zeros(0, np.int64), 8, 8, 8, pad_id=0)
    assert len(tokens) == 0
    assert len(plan) == 0
