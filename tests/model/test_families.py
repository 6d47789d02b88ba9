"""Every decoder family: packed rows as alone, one step, saved, opened again by plain transformers, same logits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from panlect.model import forward, load, loop, objectives
from panlect.model.settings import TrainingConfig
from tiny_families import FAMILIES, LENGTHS, plan_of, replica
from training_desk import Desk


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_give_what_documents_give_alone(family: str, tokenizer: Any) -> None:
    model = replica(family, tokenizer)
    plan = plan_of(model)
    # Its biases come from a padding mask: one document a row.
    assert plan.packed == (family != "bloom")
    (batch,) = plan.batches(0)
    with torch.no_grad():
        _, losses_N = forward.token_losses(model.network, batch, forward.plain_head(model.network))
    for text in range(len(LENGTHS)):
        ids = torch.from_numpy(
            plan.tokens.ids[plan.tokens.offsets[text] : plan.tokens.offsets[text + 1]].astype(np.int64)
        )
        with torch.no_grad():
            logits = model.network(ids[None], use_cache=False).logits[0, :-1]
        alone = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        torch.testing.assert_close(losses_N[batch.texts_N == text], alone, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_step_saved_and_opened_again(family: str, tokenizer: Any, tmp_path: Path) -> None:
    model = replica(family, tokenizer)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        before = model.network(ids).logits
    config = TrainingConfig(precision="fp32", learning_rate=1e-2, warmup_share=0.0, batch_tokens=1000)

    objective = objectives.language_model(model.network)
    loop.train(model.network, plan_of(model), objective, config, Desk(tmp_path))
    with torch.no_grad():
        after = model.network(ids).logits
    assert not torch.allclose(before, after)
    load.save(model, tmp_path / "saved", facts={})
    again = load.load(tmp_path / "saved")
    assert type(again.network) is type(model.network)
    with torch.no_grad():
        assert torch.equal(again.network(ids).logits, after)


def test_heads_are_recognised(tokenizer: Any) -> None:
    """Gemma 2 caps its logits and Cohere scales them; small random logits would not show the cap."""
    plain = {name for name in FAMILIES if forward.plain_head(replica(name, tokenizer).network) is not None}
    assert set(FAMILIES) - plain == {"gemma2", "cohere"}
