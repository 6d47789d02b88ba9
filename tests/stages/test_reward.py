"""`reward`: the loss is TRL's, what is saved is a plain model, and its measures are those of a planted taste."""

import warnings
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from panlect.draft import draft
from panlect.errors import DataError, ModelError
from panlect.folder import External, Folder
from panlect.model import load, losses, preference
from panlect.model import reward as rating
from panlect.model.dialogue import render
from panlect.rating.bias import complete
from panlect.stages.reward import RewardConfig, _split, reward
from tiny_families import replica
from tiny_model import SENTENCES, saved_model

FAST: dict[str, Any] = {
    "batch_tokens": 600, "micro_tokens": 600, "sequence_tokens": 64, "precision": "fp32", "log_steps": 5,
    "learning_rate": 5e-3, "threads": 1, "warmup_share": 0.0, "steps": 40, "weight_decay": 0.0,
}  # fmt: skip
GOOD, BAD = "kubwa zaidi", "largest lake"


def pair(number: int, language: str, *, turned: bool = False, asked: str = "") -> dict[str, Any]:
    words = (BAD, GOOD) if turned else (GOOD, BAD)
    chosen, rejected = ([{"role": "assistant", "content": f"Ziwa {word} {number}"}] for word in words)
    return {
        "id": f"{number}@{language}", "item": str(number), "chosen": chosen, "rejected": rejected,
        "prompt": [{"role": "user", "content": f"{SENTENCES[number % 2]} {number}?"}],
        "prompt_language": asked or language, "answer_language": language, "reason": "wrong_fact",
        "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


ROWS = [
    row
    for number in range(30)
    for row in (
        pair(number, "swh_Latn"),
        pair(number, "swh_Latn", asked="eng_Latn"),
        pair(number, "tha_Thai", turned=True),
    )
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> External:
    return External(str(saved_model(tmp_path_factory.mktemp("start"))))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("data") / "pairs"
    with draft(path, "feedback", 1, RewardConfig(), []) as work:
        work.write("preference", pl.DataFrame(ROWS))
    return Folder.open(path)


@pytest.fixture(scope="module")
def made(start: External, data: Folder, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A model that learnt, in Swahili only, that GOOD is good."""
    config = RewardConfig(**FAST, train_languages=("swh_Latn",), held_out_share=0.4)
    return reward([start, data], tmp_path_factory.mktemp("made") / "rated", config)


def accuracies(folder: Folder) -> dict[tuple[str, str], float]:
    rows = folder.numbers().filter((pl.col("measure") == "reward_accuracy") & (pl.col("group") == "held_out"))
    return {(row["language"], row["other_language"]): row["value"] for row in rows.to_dicts()}


def test_the_accuracy_matrix_of_a_planted_taste(made: Folder) -> None:
    """Thai pairs are labelled the other way round, so who learnt from Swahili is always wrong there."""
    assert accuracies(made) == {
        ("swh_Latn", "swh_Latn"): 1.0, ("swh_Latn", "eng_Latn"): 1.0, ("tha_Thai", "tha_Thai"): 0.0,
        ("swh_Latn", ""): 1.0, ("tha_Thai", ""): 0.0, ("", ""): 0.5,
    }  # fmt: skip


def test_the_probe_finds_the_liked_language(made: Folder) -> None:
    """The chosen answers are GOOD in Swahili and BAD in Thai: another reward for the same item."""
    rows = made.numbers().filter(pl.col("measure") == "reward_offset")
    offsets = dict(zip(rows["language"], rows["value"], strict=True))
    assert offsets["swh_Latn"] > 0.3
    assert offsets["swh_Latn"] == pytest.approx(-offsets["tha_Thai"])
    assert made.manifest["notes"]["trusted"] is False


def test_what_is_saved_is_plain_and_rates_as_in_training(made: Folder) -> None:
    network = AutoModelForSequenceClassification.from_pretrained(made.model_path)
    assert network.config.num_labels == 1
    model = load.load(made.model_path)
    frame = pl.DataFrame(ROWS[:6])
    dialogues = [row["prompt"] + row[side] for row in ROWS[:6] for side in ("chosen", "rejected")]
    found = rating.rewards(model, dialogues)
    # As anybody would ask it.
    for one, value in zip(dialogues, found, strict=True):
        (text,) = render(model.tokenizer, [one])
        ids = model.tokenizer(text.text, add_special_tokens=False, return_tensors="pt")
        assert network(**ids).logits.item() == pytest.approx(value, abs=1e-4)
    # Alone as among others, and in packed rows as in padded ones.
    alone = np.concatenate([rating.rewards(model, [one]) for one in dialogues])
    np.testing.assert_allclose(found, alone, atol=1e-4)
    tokens = preference.read(frame.drop("item"), model.tokenizer)
    plan = preference.plan(tokens, model, RewardConfig(**FAST), epochs=1, steps=0)
    with torch.no_grad():
        packed = rating.pair_rewards(model.network, plan.batch(np.arange(6)))
    np.testing.assert_allclose(packed.numpy(), found, atol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "bloom", "qwen2", "gemma", "gpt_neox"])
def test_every_family_rates_alike_packed_or_alone(family: str, start: External) -> None:
    tokenizer = load.load_tokenizer(start.location)
    model = rating.scalar_model(replica(family, tokenizer), seed=0)
    tokens = preference.read(pl.DataFrame(ROWS[:3]).drop("item"), tokenizer)
    plan = preference.plan(tokens, model, RewardConfig(**FAST), epochs=1, steps=0)
    with torch.no_grad():
        packed = rating.pair_rewards(model.network, plan.batch(np.arange(3)))
    dialogues = [row["prompt"] + row[side] for row in ROWS[:3] for side in ("chosen", "rejected")]
    np.testing.assert_allclose(packed.numpy(), rating.rewards(model, dialogues), atol=1e-4)


def test_the_loss_equals_trl() -> None:
    pytest.importorskip("trl", reason="TRL is a development dependency")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trl import RewardTrainer
    torch.manual_seed(0)
    rewards, margin = torch.randn(10), torch.rand(5)
    same = SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x)
    fake = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=same, _total_train_tokens=0, _tp_size=1,
        args=SimpleNamespace(center_rewards_coefficient=0.3), _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    inputs = {"margin": margin, "attention_mask": torch.ones(10, 2)}
    outputs = SimpleNamespace(logits=rewards[:, None])
    theirs = RewardTrainer.compute_loss(fake, lambda **_: outputs, inputs)
    ours = losses.bradley_terry(rewards[:5], rewards[5:], margin, 0.3).mean()
    torch.testing.assert_close(ours, theirs)


def test_an_adapter_keeps_its_new_head(start: External, data: Folder, tmp_path: Path) -> None:
    config = RewardConfig(**FAST | {"steps": 25}, trained={"method": "lora", "rank": 4}, held_out_share=0.4)
    pairs = tmp_path / "pairs"
    with draft(pairs, "feedback", 1, config, []) as work:
        work.write("preference", pl.DataFrame([row for row in ROWS if row["answer_language"] == "swh_Latn"]))
    folder = reward([start, Folder.open(pairs)], tmp_path / "rated", config)
    assert type(load.load(folder.model_path).network).__name__ == "LlamaForSequenceClassification"
    assert accuracies(folder)["", ""] == 1.0
    assert folder.manifest["notes"]["parameters"]["trained"] < folder.manifest["notes"]["parameters"]["all"]


def test_items_are_learnt_or_measured() -> None:
    frame = pl.DataFrame(ROWS)
    learnt, held_out = _split(frame, RewardConfig(held_out_share=0.4))
    assert learnt.height + held_out.height == len(ROWS)
    assert not set(learnt["item"]) & set(held_out["item"])
    by_id, _ = _split(frame.drop("item"), RewardConfig(held_out_share=0.4, item_pattern="([^@]+)@"))
    assert by_id["item"].to_list() == learnt["item"].to_list()
    with pytest.raises(DataError, match="no preference pairs"):
        _split(frame, RewardConfig(train_languages="deu_Latn"))


def test_a_family_without_a_head_is_refused(start: External) -> None:
    with pytest.raises(ModelError, match="no reward model"):
        rating.scalar_model(replica("xglm", load.load_tokenizer(start.location)), seed=0)


def test_the_complete_part_of_a_table() -> None:
    rewards = {(str(item), language): float(item) for item in range(6) for language in ("a", "b", "c")}
    del rewards["0", "c"], rewards["1", "c"]
    found = complete(rewards, at_least=5)
    assert found is not None
    assert found.languages == ("a", "b")
    np.testing.assert_array_equal(found.rewards[:, 0], np.arange(6))
    assert complete(rewards, at_least=7) is None
