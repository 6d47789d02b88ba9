"""The loop: schedules, accumulation, decay, the ledger, and what happens when numbers end."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from panlect.errors import ModelError
from panlect.model import loop, objectives, packing
from panlect.model.ledger import Ledger
from panlect.model.load import Model
from panlect.model.settings import TrainingConfig
from tiny_model import SENTENCES
from training_desk import Desk, settings


def plan_of(model: Model, config: TrainingConfig, repeats: int = 12) -> packing.Plan:
    languages = (
        "eng_Latn",
        "swh_Latn",
        "tha_Thai",
        "khm_Khmr",
        "urd_Arab",
        "nqo_Nkoo",
        "chr_Cher",
        "und_Zyyy",
    )
    texts = [
        packing.Text(text, language, weight=1 + i % 2)
        for i, (text, language) in enumerate(zip(SENTENCES, languages, strict=True))
    ]
    tokens = packing.tokenise(model.tokenizer, texts, specials=True)
    order = np.tile(np.arange(len(texts)), repeats)
    return packing.Plan(
        tokens, order, config.sequence_tokens, config.batch_tokens, config.micro_tokens, pad_id=0
    )


def run(model: Model, path: Path, **changes: Any) -> tuple[Ledger, packing.Plan]:
    config = settings(**changes)
    plan = plan_of(model, config)
    return loop.train(model.network, plan, objectives.language_model(model.network), config, Desk(path)), plan


def weights(model: Model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


def test_it_learns(model: Model, tmp_path: Path) -> None:
    ledger, plan = run(model, tmp_path, learning_rate=2e-2)
    assert len(plan) > 6
    first, last = ledger.rows[0]["sums"], ledger.rows[-1]["sums"]
    assert sum(last["loss"]) / sum(last["items"]) < 0.8 * sum(first["loss"]) / sum(first["items"])


def test_accumulation_changes_nothing(tokenizer: Any, tmp_path: Path) -> None:
    """One pass per step or many: the same weights, although texts differ in length and loss weight."""
    from panlect.model.load import build
    from tiny_model import SHAPE

    results = []
    for micro_tokens in (10**6, 100):
        model = build(tokenizer, SHAPE, seed=1)
        _, plan = run(model, tmp_path / str(micro_tokens), micro_tokens=micro_tokens, learning_rate=1e-3)
        results.append((weights(model), len(list(plan.batches(1)))))
    assert results[0][1] == 1
    assert results[1][1] >= 3
    torch.testing.assert_close(results[0][0], results[1][0], atol=2e-6, rtol=1e-4)


def test_gradient_is_that_of_the_weighted_mean(model: Model) -> None:
    """One step by hand: every token's loss times its weight, over the sum of weights."""
    config = settings()
    plan = plan_of(model, config, repeats=1)
    (batch,) = plan.batches(0)
    objective = objectives.language_model(model.network)
    terms = objective(model.network, batch)
    (terms.total / batch.weight).backward()
    got = {name: p.grad.clone() for name, p in model.network.named_parameters()}
    model.network.zero_grad()
    total, weight = torch.zeros(()), 0.0
    texts = plan.tokens
    for text in plan.order[slice(*plan.steps[0])]:
        ids = torch.from_numpy(texts.ids[texts.offsets[text] : texts.offsets[text + 1]].astype(np.int64))[
            None
        ]
        logits = model.network(ids).logits[0, :-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
        total = total + float(texts.weight[text]) * losses
        weight += float(texts.weight[text]) * (ids.shape[1] - 1)
    (total / weight).backward()
    for name, parameter in model.network.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, atol=1e-5, rtol=1e-4)


def test_schedules() -> None:
    cosine = [loop.learning_rate(s, 100, settings(learning_rate=1.0, warmup_share=0.1)) for s in range(100)]
    assert cosine[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert cosine[54] == pytest.approx(0.1 + 0.9 * 0.5)
    assert cosine[-1] == pytest.approx(0.1)
    wsd = settings(learning_rate=1.0, warmup_share=0.1, schedule="wsd", decay_share=0.2, final_rate_share=0.0)
    rates = [loop.learning_rate(s, 100, wsd) for s in range(100)]
    assert rates[10:80] == [1.0] * 70
    assert rates[89] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0)
    constant = settings(learning_rate=1.0, warmup_share=0.0, schedule="constant")
    assert {loop.learning_rate(s, 100, constant) for s in range(100)} == {1.0}


def test_decay_spares_norms(model: Model) -> None:
    decayed, spared = loop.make_optimiser(model.network, settings()).param_groups
    names = {id(p): name for name, p in model.network.named_parameters()}
    assert spared["weight_decay"] == 0.0
    assert {names[id(p)].split(".")[-2] for p in spared["params"]} == {
        "input_layernorm", "post_attention_layernorm", "norm",
    }  # fmt: skip
    assert decayed["weight_decay"] == 0.1
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_frozen_parameters_stay(model: Model, tmp_path: Path) -> None:
    for parameter in model.network.model.layers[0].parameters():
        parameter.requires_grad_(False)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    run(model, tmp_path)
    for name, parameter in model.network.named_parameters():
        assert torch.equal(parameter, before[name]) == name.startswith("model.layers.0."), name


def test_the_ledger_counts_what_was_planned(model: Model, tmp_path: Path) -> None:
    ledger, plan = run(model, tmp_path, micro_tokens=100)
    np.testing.assert_allclose(ledger.seen, plan.planned())
    thai = ledger.by_language(ledger.seen[:, 2].tolist())["tha_Thai"]
    assert thai == pytest.approx(12 * len(SENTENCES[2].encode()))
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert lines == ledger.rows
    predicted = sum(sum(row["sums"]["items"]) for row in lines)
    assert predicted == plan.planned()[:, 0].sum() - len(plan.order)


def test_a_loss_that_is_no_number_stops_and_names_the_language(model: Model, tmp_path: Path) -> None:
    thai = model.tokenizer.encode("ทะเลสาบวิกตอเรีย", add_special_tokens=False)[0]
    config = settings()
    plan = plan_of(model, config)
    # The embedding is tied, so only the input side may break: a copy for the head.
    model.network.lm_head.weight = torch.nn.Parameter(model.network.lm_head.weight.detach().clone())
    others = set(plan.tokens.ids[plan.tokens.offsets[0] : plan.tokens.offsets[2]].tolist())
    assert thai not in others
    with torch.no_grad():
        model.network.model.embed_tokens.weight[thai] = math.nan
    before = weights(model)
    with pytest.raises(ModelError, match="tha_Thai") as error:
        loop.train(model.network, plan, objectives.language_model(model.network), config, Desk(tmp_path))
    assert "step 1" in error.value.where or "step 2" in error.value.where
    if "step 1;" in str(error.value):
        torch.testing.assert_close(weights(model), before, equal_nan=True)


def test_bf16_stays_near_fp32(tokenizer: Any, tmp_path: Path) -> None:
    from panlect.model.load import build
    from tiny_model import SHAPE

    means = []
    for precision in ("fp32", "bf16"):
        model = build(tokenizer, SHAPE, seed=1)
        ledger, _ = run(model, tmp_path / precision, precision=precision)
        means.append(sum(ledger.rows[-1]["sums"]["loss"]) / sum(ledger.rows[-1]["sums"]["items"]))
        assert next(model.network.parameters()).dtype == torch.float32
    assert means[0] == pytest.approx(means[1], rel=0.02)
