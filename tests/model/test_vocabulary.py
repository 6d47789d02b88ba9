"""The model's side: old rows bit for bit, new rows as asked for, trimming without a trace."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM

from panlect.model import first_vectors, initialise, tokenizer_training, vocabulary, vocabulary_trimming
from panlect.model.initialise import Mix
from panlect.model.tokenizer_training import encode_texts
from panlect.model.vocabulary_extension import Limits, extend
from panlect.world import cldr
from tokenizer_families import NAMES, replica

SIZE = 300


def llama(*, tied: bool, size: int = SIZE) -> Any:
    torch.manual_seed(0)
    settings = LlamaConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=tied,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return LlamaForCausalLM(settings).eval()


MIXES = {300: Mix((3, 5), (0.25, 0.75)), 301: Mix((7,), (1.0,)), 302: Mix((3, 3, 4), (1 / 3, 1 / 3, 1 / 3))}


@pytest.mark.parametrize("tied", [True, False])
def test_a_new_row_is_the_mix_of_its_old_rows_in_both_tables(tied: bool) -> None:
    network = llama(tied=tied)
    before = [table.detach().clone() for table in vocabulary.tables(network)]
    assert len(before) == (1 if tied else 2)
    written = vocabulary.add_rows(network, [300, 301, 302, 303], {}, MIXES, method="subpieces")
    for old, table in zip(before, vocabulary.tables(network), strict=True):
        assert torch.equal(table[:SIZE], old), "old rows bit for bit"
        assert table.shape == (320, 16), "padded to a multiple of 64"
        torch.testing.assert_close(table[300], 0.25 * old[3] + 0.75 * old[5])
        torch.testing.assert_close(table[301], old[7])
        torch.testing.assert_close(table[302], (2 * old[3] + old[4]) / 3)
        torch.testing.assert_close(table[303], old.mean(dim=0))
    assert written.by_method == {"subpieces": 3, "mean": 1}
    assert written.padding == 16
    assert len(vocabulary.tables(network)) == len(before), "tied tables stay one"


def test_new_ids_may_fall_into_rows_the_model_had_as_padding() -> None:
    """Qwen's tables are larger than its vocabulary: those rows were never trained."""
    network = llama(tied=True, size=320)
    old = vocabulary.tables(network)[0].detach().clone()
    vocabulary.add_rows(network, [300, 301], {}, MIXES, method="subpieces")
    [table] = vocabulary.tables(network)
    assert table.shape[0] == 320
    assert torch.equal(table[:300], old[:300])
    torch.testing.assert_close(table[301], old[7])
    assert not torch.equal(table[310], old[310])


def test_random_rows_have_the_mean_and_deviation_of_the_old_ones() -> None:
    network = llama(tied=True)
    with torch.no_grad():
        vocabulary.tables(network)[0].mul_(3).add_(1)
    old = vocabulary.tables(network)[0].detach().clone()
    vocabulary.add_rows(network, list(range(300, 2300)), {}, {}, method="random", seed=5)
    new = vocabulary.tables(network)[0].detach()[300:2300]
    torch.testing.assert_close(new.mean(dim=0), old.mean(dim=0), atol=0.01, rtol=0)
    torch.testing.assert_close(new.std(dim=0), old.std(dim=0), atol=0.01, rtol=0)


@pytest.mark.parametrize("method", ["subpieces", "focus"])
def test_mixes_keep_norms_within_those_of_the_old_rows(method: initialise.Method) -> None:
    network = llama(tied=True)
    old = vocabulary.tables(network)[0].detach()
    vocabulary.add_rows(network, [300, 301, 302], MIXES, {}, method=method)
    assert vocabulary.tables(network)[0][300:303].norm(dim=1).max() <= old.norm(dim=1).max()


def test_logits_of_old_ids_do_not_change() -> None:
    network = llama(tied=False)
    ids = torch.arange(3, 40)[None]
    before = network(input_ids=ids).logits
    vocabulary.add_rows(network, [300, 301, 302], {}, MIXES, method="subpieces")
    assert torch.equal(network(input_ids=ids).logits[..., :300], before)


def test_the_bias_of_a_masked_model_is_mixed_too() -> None:
    settings = BertConfig(
        vocab_size=SIZE, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    network = BertForMaskedLM(settings).eval()
    with torch.no_grad():
        network.get_output_embeddings().bias.copy_(torch.arange(300.0))
    vocabulary.add_rows(network, [300, 301], {}, MIXES, method="subpieces")
    bias = network.get_output_embeddings().bias
    assert bias[:300].tolist() == list(map(float, range(300)))
    assert bias[300].item() == pytest.approx(0.25 * 3 + 0.75 * 5)
    assert network(input_ids=torch.tensor([[300, 1]])).logits.shape[-1] == 320


@pytest.mark.parametrize("tied", [True, False])
def test_the_warm_up_trains_new_rows_and_leaves_everything_else_bit_for_bit(tied: bool) -> None:
    network = llama(tied=tied)
    vocabulary.add_rows(network, [300, 301, 302], {}, MIXES, method="subpieces")
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    rows = vocabulary.packed([[300, 301, 5, 302, 9], [302, 301, 300]] * 20, 16, end=2)
    losses = vocabulary.warm_up(network, rows, 300, steps=25, batch=2, learning_rate=0.02)
    assert losses[-1] < losses[0]
    for name, value in network.named_parameters():
        table = "embed_tokens" in name or "lm_head" in name
        assert torch.equal(value[:300] if table else value, before[name][:300] if table else before[name]), (
            name
        )
        assert value.requires_grad, "what was trainable is trainable again"
        assert not table or not torch.equal(value[300:303], before[name][300:303])


def test_from_texts_to_mixes(tmp_path: Path) -> None:
    known, new = cldr.names("en"), cldr.names("hi")
    pairs = [(known[key], name) for key, name in new.items() if key in known][:300]
    english, hindi = ([pair[side] for pair in pairs] for side in (0, 1))
    old = tokenizer_training.train(english * 3, 500)
    made = extend(old, hindi, english, Limits(200))
    evidence = first_vectors.Evidence(hindi * 3, english, pairs)
    new_ids = {piece.id for piece in made.pieces}
    for method in ("subpieces", "focus", "wechsel", "alignment"):
        found, fallback = first_vectors.mixes(method, old, made, evidence)
        assert found, method
        assert set(found) <= new_ids == set(fallback)
        for mix in found.values():
            assert sum(mix.weights) == pytest.approx(1)
            assert max(mix.ids) < min(new_ids), "only old rows are mixed"
    assert first_vectors.mixes("mean", old, made, evidence) == ({}, {})
    with pytest.raises(Exception, match="'alignment' has nothing to work from"):
        first_vectors.mixes("alignment", old, made, first_vectors.Evidence(hindi))
    with pytest.raises(Exception, match="'wechsel' has nothing to work from"):
        first_vectors.mixes("wechsel", old, made, first_vectors.Evidence(hindi, english))


HINDI = list(cldr.names("hi").values())[:150]
ENGLISH = list(cldr.names("en").values())[:250]


@pytest.mark.parametrize("name", NAMES)
def test_trimming_changes_nothing_on_the_text_it_was_done_for(name: str) -> None:
    old = replica(name, ENGLISH + HINDI * 2, 900)
    made = vocabulary_trimming.trim(old, HINDI)
    number = {before: after for after, before in enumerate(made.kept)}
    assert len(made.kept) < 0.9 * old.get_vocab_size()
    assert len(made.kept) == made.tokenizer.get_vocab_size()
    for before, after in zip(encode_texts(old, HINDI), encode_texts(made.tokenizer, HINDI), strict=True):
        assert [number[each] for each in before] == after
    for old_id, token in old.get_added_tokens_decoder().items():
        assert made.tokenizer.token_to_id(token.content) == number[old_id]
    if name != "xlm-r":
        for text, ids in zip(ENGLISH, encode_texts(made.tokenizer, ENGLISH), strict=True):
            assert made.tokenizer.decode(ids) == text, "longer, but nothing is lost"


def test_whole_scripts_can_be_kept() -> None:
    old = replica("llama-3", ENGLISH + HINDI * 2, 900)
    made = vocabulary_trimming.trim(old, HINDI, scripts=["Latn"])
    number = {before: after for after, before in enumerate(made.kept)}
    for before, after in zip(encode_texts(old, ENGLISH), encode_texts(made.tokenizer, ENGLISH), strict=True):
        assert [number.get(each) for each in before] == after


@pytest.mark.parametrize("tied", [True, False])
def test_a_trimmed_model_gives_the_same_outputs(tied: bool) -> None:
    old = tokenizer_training.train(ENGLISH + HINDI, 600)
    network = llama(tied=tied, size=old.get_vocab_size())
    made = vocabulary_trimming.trim(old, HINDI)
    before = vocabulary.logits(network, old, HINDI[:20])
    parameters = sum(each.numel() for each in network.parameters())
    saved = vocabulary.keep_rows(network, made.kept)
    assert saved == (600 - len(made.kept)) * 16 * (1 if tied else 2)
    assert sum(each.numel() for each in network.parameters()) == parameters - saved
    for left, right in zip(before, vocabulary.logits(network, made.tokenizer, HINDI[:20]), strict=True):
        torch.testing.assert_close(left[:, list(made.kept)], right, atol=1e-5, rtol=0)
    assert network.config.eos_token_id == made.tokenizer.token_to_id("<|end|>")


def test_verify_opens_what_was_saved_and_notices_missing_rows(tmp_path: Path) -> None:
    tokenizer = tokenizer_training.train(ENGLISH, 400)
    tokenizer_training.save(tokenizer, tmp_path)
    size = tokenizer.get_vocab_size()
    llama(tied=True, size=size).save_pretrained(tmp_path)
    good = vocabulary.verify(tmp_path, [*ENGLISH[:20], "<|end|> ᎣᏏᏲ"], with_model=True)
    assert good.problems == ()
    assert good.loss > 0
    llama(tied=True, size=size - 1).save_pretrained(tmp_path)
    bad = vocabulary.verify(tmp_path, ENGLISH[:20], with_model=True)
    assert bad.problems == (f"id {size - 1} has no row: the table has {size - 1}",)
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == size
