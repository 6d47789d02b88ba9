"""Encoders and encoder–decoders of every family: padded as alone, one step, saved, opened again, same logits."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tokenizers import AddedToken
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MBartConfig,
    MBartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from panlect.errors import ModelError
from panlect.model import denoise_plan, denoising, load, loop, packing
from panlect.model.load import load_tokenizer
from panlect.model.settings import TrainingConfig
from tiny_model import SENTENCES
from training_desk import Desk

CODES = ("eng_Latn", "swh_Latn", "tha_Thai", "khm_Khmr", "urd_Arab", "nqo_Nkoo", "chr_Cher", "eng_Latn")
T5 = {
    "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0,
    "decoder_start_token_id": 0,
}  # fmt: skip
BART = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "dropout": 0.0,
    "decoder_start_token_id": 2, "max_position_embeddings": 256,
}  # fmt: skip
ROBERTA = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "type_vocab_size": 1,
}  # fmt: skip
FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "xlm-roberta": (XLMRobertaForMaskedLM, XLMRobertaConfig, ROBERTA),
    "t5": (T5ForConditionalGeneration, T5Config, T5),
    "mt5": (MT5ForConditionalGeneration, MT5Config, T5),
    "mbart": (MBartForConditionalGeneration, MBartConfig, BART),
    "nllb": (M2M100ForConditionalGeneration, M2M100Config, BART),
}
CASES = [
    ("xlm-roberta", "masked"), ("xlm-roberta", "tlm"), ("t5", "spans"), ("mt5", "mixed"), ("mt5", "translate"),
    ("mbart", "infill"), ("mbart", "translate"), ("nllb", "translate"),
]  # fmt: skip


@pytest.fixture
def marked(tokenizer_dir: Path) -> Any:
    """The tokenizer with mask, sentinels, and languages as tokens."""
    tokenizer = load_tokenizer(tokenizer_dir)
    tokenizer.add_special_tokens({"mask_token": "<|mask|>"})
    marks = [f"<extra_id_{i}>" for i in range(20)] + sorted(set(CODES))
    tokenizer.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    return tokenizer


def replica(family: str, tokenizer: Any) -> load.Model:
    network, config, settings = FAMILIES[family]
    torch.manual_seed(0)
    marks = {"vocab_size": len(tokenizer), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return load.Model(network(config(**marks, **settings)).eval(), tokenizer, family)


def plan_of(model: load.Model, name: str, micro_tokens: int = 10**6) -> denoising.NoisyPlan:
    specials = name in denoise_plan.ENCODER
    if name in denoise_plan.PAIRS:
        rows = [
            {
                "source_text": SENTENCES[i], "target_text": SENTENCES[i + 1], "source_language": CODES[i],
                "target_language": CODES[i + 1], "source": "test",
            }
            for i in range(7)
        ]  # fmt: skip
        texts = denoise_plan.read_pairs(pl.DataFrame(rows), model.tokenizer, specials=specials)
        items = np.arange(14).reshape(7, 2)
    else:
        drawn = [packing.Text(text, code) for text, code in zip(SENTENCES, CODES, strict=True)]
        texts = packing.tokenise(model.tokenizer, drawn, specials=specials, data=True)
        items = np.tile(np.arange(8), 2)[:, None]
    corrupt = denoise_plan.corrupt_for(name, model, texts)
    settings = TrainingConfig(batch_tokens=10**6, micro_tokens=micro_tokens, sequence_tokens=64, seed=3)
    return denoise_plan.plan(texts, items, corrupt, settings, model)


@pytest.mark.parametrize(("family", "name"), CASES)
def test_padding_changes_nothing(family: str, name: str, marked: Any) -> None:
    model = replica(family, marked)
    objective = denoising.objective(model.network)
    with torch.no_grad():
        (together,) = plan_of(model, name).batches(0)
        whole = objective(model.network, together)
        alone = [objective(model.network, b) for b in plan_of(model, name, micro_tokens=1).batches(0)]
    assert len(alone) >= 7
    losses = torch.cat([terms.values["loss"] for terms in alone])
    torch.testing.assert_close(whole.values["loss"], losses, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize(("family", "name"), CASES)
def test_one_step_saved_and_opened_again(family: str, name: str, marked: Any, tmp_path: Path) -> None:
    model = replica(family, marked)
    plan = plan_of(model, name)

    (batch,) = plan.batches(0)
    objective = denoising.objective(model.network)
    with torch.no_grad():
        before = float(objective(model.network, batch).total)
    config = TrainingConfig(precision="fp32", learning_rate=1e-2, warmup_share=0.0, clip_norm=100.0)
    ledger = loop.train(model.network, plan, objective, config, Desk(tmp_path))
    np.testing.assert_allclose(ledger.seen, plan.planned())
    with torch.no_grad():
        after = float(objective(model.network, batch).total)
    assert after < before
    load.save(model, tmp_path / "saved", facts={})
    again = load.load(tmp_path / "saved")
    assert type(again.network) is type(model.network)
    with torch.no_grad():
        assert float(objective(again.network, batch).total) == after


def test_loss_is_that_of_the_models_own_labels(marked: Any) -> None:
    """The family's own loss on labels, shifted by its own code, is ours."""
    for family, name in (("t5", "spans"), ("mbart", "translate"), ("nllb", "translate")):
        model = replica(family, marked)
        plan = plan_of(model, name, micro_tokens=1)
        batch = next(plan.batches(0))
        labels = batch.targets_N[None]
        with torch.no_grad():
            theirs = model.network(
                input_ids=batch.source_BS, attention_mask=batch.mask_BS, labels=labels
            ).loss
            ours = denoising.objective(model.network)(model.network, batch).values["loss"].mean()
        if family == "mbart":  # its own code turns the end mark round to the front, which is our start
            assert batch.decoder_BT[0, 0] == marked.eos_token_id
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_positions_restart_in_the_second_sentence(marked: Any) -> None:
    model = replica("xlm-roberta", marked)
    (batch,) = plan_of(model, "tlm").batches(0)
    texts = plan_of(model, "tlm").tokens
    first = batch.positions_BS[0]
    restarts = (first[1:] == 0).nonzero()[0]
    assert int(restarts[0]) + 1 in texts.lengths.tolist()
    assert denoising.position_offset(model.network) == 1


def test_both_sides_begin_with_their_language(marked: Any) -> None:
    model = replica("nllb", marked)
    plan = plan_of(model, "translate", micro_tokens=1)
    vocabulary = marked.get_vocab()
    sources = {int(b.source_BS[0, 0]) for b in plan.batches(0)}
    targets = {int(b.targets_N[0]) for b in plan.batches(0)}
    assert sources == {vocabulary[code] for code in CODES[:7]}
    assert targets == {vocabulary[code] for code in CODES[1:]}


def test_noise_of_a_draw_is_always_the_same_and_of_another_epoch_another(marked: Any) -> None:
    model = replica("mbart", marked)
    plan = plan_of(model, "infill", micro_tokens=1)
    pieces = [next(iter(plan._pieces(draw))).example.source.tolist() for draw in range(16)]
    again = [next(iter(plan._pieces(draw))).example.source.tolist() for draw in range(16)]
    assert pieces == again
    assert all(pieces[i] != pieces[i + 8] for i in range(8))


def test_the_wrong_family_is_refused(marked: Any, tokenizer_dir: Path) -> None:
    with pytest.raises(ModelError, match="cannot learn 'masked'"):
        plan_of(replica("t5", marked), "masked")
    with pytest.raises(ModelError, match="cannot learn 'spans'"):
        plan_of(replica("xlm-roberta", marked), "spans")
    with pytest.raises(ModelError, match="no mask token"):
        plan_of(replica("xlm-roberta", load_tokenizer(tokenizer_dir)), "masked")
    with pytest.raises(ModelError, match="no sentinels"):
        plan_of(replica("t5", load_tokenizer(tokenizer_dir)), "spans")
    with pytest.raises(ModelError, match="no token for"):
        plan_of(replica("nllb", load_tokenizer(tokenizer_dir)), "translate")
