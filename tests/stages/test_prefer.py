"""`prefer`: chosen answers become likelier than rejected ones, against a reference taken once."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from panlect.draft import draft
from panlect.folder import External, Folder
from panlect.model import load, losses, preference
from panlect.model.forward import plain_head
from panlect.model.score import score
from panlect.stages.prefer import PreferConfig, prefer
from tiny_model import saved_model

FAST: dict[str, Any] = {
    "batch_tokens": 300, "micro_tokens": 10**6, "sequence_tokens": 64, "precision": "fp32", "log_steps": 1,
    "learning_rate": 2e-3, "threads": 1, "warmup_share": 0.0,
}  # fmt: skip
NAMES = ("dpo", "robust", "ipo", "orpo", "cpo", "simpo", "kto", "rpo")


def pair(number: int, question: str, chosen: str, rejected: str, language: str) -> dict[str, Any]:
    def answer(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    prompt = [
        {"role": "user", "content": "before"},
        {"role": "assistant", "content": "an earlier answer"},
        {"role": "user", "content": question},
    ]
    return {
        "id": str(number), "prompt": prompt, "chosen": answer(chosen), "rejected": answer(rejected),
        "prompt_language": "eng_Latn", "answer_language": language, "reason": "wrong_language",
        "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


ROWS = [
    pair(0, "lake?", "Ziwa Viktoria", "Lake", "swh_Latn"),
    pair(1, "lake?", "ทะเลสาบ", "the largest lake in Africa", "tha_Thai"),
    pair(2, "big?", "kubwa", "largest", "swh_Latn"),
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> External:
    """A saved random model."""
    return External(str(saved_model(tmp_path_factory.mktemp("start"))))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Three pairs in two languages."""
    path = tmp_path_factory.mktemp("data") / "pairs"
    with draft(path, "feedback", 1, PreferConfig(), []) as work:
        work.write("preference", pl.DataFrame(ROWS))
    return Folder.open(path)


def curve(folder: Folder, measure: str, language: str = "") -> list[float]:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == language) & (pl.col("group") != "")
    )
    order = rows["group"].str.strip_prefix("step ").cast(pl.Int64).arg_sort()
    return rows["value"].gather(order).to_list()


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_learns_to_prefer(start: External, data: Folder, tmp_path: Path, name: str) -> None:
    config = PreferConfig(**FAST, loss=name, steps=12, beta=2.0 if name == "simpo" else 0.1)
    folder = prefer([start, data], tmp_path / "aligned", config)
    margins = curve(folder, "margin")
    assert len(margins) == 12
    assert margins[-1] > margins[0] + 0.5
    losses_ = curve(folder, "loss")
    assert losses_[-1] < losses_[0]
    assert curve(folder, "preference_accuracy")[-1] == 1.0 or name in ("orpo", "cpo", "simpo")


def test_the_margin_starts_at_zero(start: External, data: Folder, tmp_path: Path) -> None:
    """The reference is the model itself: before the first update DPO's loss is log 2, in every language."""
    folder = prefer([start, data], tmp_path / "aligned", PreferConfig(**FAST, steps=2))
    for language in ("", "swh_Latn", "tha_Thai"):
        assert curve(folder, "margin", language)[0] == pytest.approx(0, abs=1e-3)
        assert curve(folder, "loss", language)[0] == pytest.approx(0.693147, abs=1e-4)


def test_answers_are_scored_like_anywhere(start: External) -> None:
    """Packed log-probabilities equal the scorer's, whatever stands beside a pair (batch invariance)."""
    model = load.load(start.location)
    tokens = preference.read(pl.DataFrame(ROWS), model.tokenizer)
    settings = PreferConfig(**FAST)
    plan = preference.plan(tokens, model, settings, epochs=1, steps=0)
    import numpy as np

    head = plain_head(model.network)
    with torch.no_grad():
        together = preference.answer_logprobs(model.network, plan.batch(np.array([0, 1, 2])), head)
        alone = torch.cat(
            [preference.answer_logprobs(model.network, plan.batch(np.array([i])), head) for i in range(3)]
        )
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-5)
    from panlect.model.dialogue import prompts

    for i, row in enumerate(ROWS):
        (context,) = prompts(model.tokenizer, [row["prompt"]])
        for j, side in enumerate(("chosen", "rejected")):
            (expected,) = score(
                model.network, model.tokenizer, [context], [row[side][0]["content"] + "<|end|>"]
            )
            assert float(together[2 * i + j]) == pytest.approx(expected.logprob, abs=1e-3)


def test_the_reference_survives_a_kill(start: External, tmp_path: Path) -> None:
    """It is read back, not taken again from a model that has been trained since."""
    model = load.load(start.location)
    settings = PreferConfig(**FAST)
    tokens = preference.read(pl.DataFrame(ROWS), model.tokenizer)
    plan = preference.plan(tokens, model, settings, epochs=1, steps=0)
    cache = tmp_path / "reference.safetensors"
    preference.take_reference(model.network, plan, settings, cache=cache)
    first = plan.reference.clone()
    assert (first < 0).all()
    with torch.no_grad():
        model.network.model.norm.weight.mul_(3)
    again = preference.plan(tokens, model, settings, epochs=1, steps=0)
    preference.take_reference(model.network, again, settings, cache=cache)
    assert torch.equal(again.reference, first)


def test_nothing_before_the_answer_carries_a_loss(start: External) -> None:
    model = load.load(start.location)
    tokens = preference.read(pl.DataFrame(ROWS[:1]), model.tokenizer)
    chosen = tokens.ids[: tokens.offsets[1]][tokens.trained[: tokens.offsets[1]]]
    assert model.tokenizer.decode(chosen.tolist()) == "Ziwa Viktoria<|end|>"


def test_every_named_loss_has_a_formula() -> None:
    assert set(NAMES) >= losses.NEEDS_REFERENCE
