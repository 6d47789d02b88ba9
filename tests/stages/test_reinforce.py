"""`reinforce`: rewards rise, what was drawn survives a kill, and what is saved is a plain model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from panlect.draft import draft
from panlect.errors import ConfigError
from panlect.folder import External, Folder
from panlect.model import checkpoint, load, policy, rollouts
from panlect.model.forward import plain_head, token_logprobs
from panlect.model.rollouts import Rated
from panlect.stages.instruct import InstructConfig, instruct
from panlect.stages.reinforce import ReinforceConfig, reinforce
from panlect.stages.reward import RewardConfig, reward
from tiny_families import replica
from tiny_model import saved_model

SMALL: dict[str, Any] = {
    "sequence_tokens": 64, "micro_tokens": 10**6, "precision": "fp32", "threads": 1, "warmup_share": 0.0,
    "weight_decay": 0.0,
}  # fmt: skip
FAST: dict[str, Any] = SMALL | {
    "rounds": 12, "prompts": 8, "samples": 8, "passes": 2, "minibatches": 2, "answer_tokens": 8, "log_steps": 4,
    "learning_rate": 3e-3, "rewards": {"language_by": "names"}, "kl_weight": 0.01,
}  # fmt: skip
WORDS = {"swh_Latn": ("kubwa", "ziwa"), "tha_Thai": ("ทะเลสาบ", "ใหญ่")}
WRONG = {"swh_Latn": "ทะเลสาบ", "tha_Thai": "kubwa"}
"""A word of the other language."""


def dialogue(language: str, number: int, answer: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"{language}:{number}:{kind}", "language": language, "answer_language": language,
        "messages": [
            {"role": "user", "content": f"{language} {number}?"}, {"role": "assistant", "content": answer},
        ],
        "origin": kind, "source": "test", "licence": "CC0-1.0",
    }  # fmt: skip


def folder_of(path: Path, **frames: pl.DataFrame) -> Folder:
    with draft(path, "dialogues", 1, InstructConfig(), []) as work:
        for kind, frame in frames.items():
            work.write(kind, frame)
    return Folder.open(path)


RIGHT = [dialogue(code, n, word, "right") for code, words in WORDS.items() for n, word in enumerate(words)]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Four prompts in two languages, with their right answers."""
    return folder_of(tmp_path_factory.mktemp("data") / "right", dialogue=pl.DataFrame(RIGHT))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A model that answers every prompt rightly or with an English word, about as often."""
    root = tmp_path_factory.mktemp("start")
    saved_model(root)
    rows = RIGHT + [
        row
        | {
            "messages": [row["messages"][0], {"role": "assistant", "content": WRONG[row["language"]]}],
            "id": row["id"] + "w",
        }
        for row in RIGHT
    ]
    data = folder_of(root / "both", dialogue=pl.DataFrame(rows))
    config = InstructConfig(**SMALL, learning_rate=1e-2, batch_tokens=120, epochs=120)
    return instruct([External(str(root / "model")), data], root / "chat", config)


def curve(folder: Folder, measure: str, language: str = "") -> list[float]:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == language) & (pl.col("group") != "")
    )
    order = rows["group"].str.strip_prefix("step ").cast(pl.Int64).arg_sort()
    return rows["value"].gather(order).to_list()


def weights(folder: Folder) -> dict[str, torch.Tensor]:
    assert folder.model_path is not None
    return load_file(folder.model_path / "model.safetensors")


@pytest.mark.parametrize("method", ["ppo", "grpo", "rloo"])
def test_rewards_rise_and_wrong_languages_vanish(
    start: Folder, prompts: Folder, tmp_path: Path, method: str
) -> None:
    folder = reinforce([start, prompts], tmp_path / "better", ReinforceConfig(**FAST, method=method))
    for language in ("", *WORDS):
        accuracy, off_target = (
            curve(folder, "training_accuracy", language),
            curve(folder, "training_off_target", language),
        )
        assert len(accuracy) == 12
        assert accuracy[0] < 0.8
        assert np.mean(accuracy[-4:]) > 0.85  # a window is 64 answers: one alone strays by a few points
        assert off_target[0] > 0.2
        assert np.mean(off_target[-4:]) < 0.1
        assert (
            curve(folder, "training_reward", language)[-1]
            > curve(folder, "training_reward", language)[0] + 0.3
        )
    # Before the first update the model is its own reference, and no ratio is clipped.
    assert curve(folder, "training_kl")[0] == pytest.approx(0, abs=1e-6)
    assert curve(folder, "training_kl")[-1] > 0.01
    assert curve(folder, "training_finished")[-1] > 0.9
    network = AutoModelForCausalLM.from_pretrained(folder.model_path)
    assert not any("value_head" in name for name in network.state_dict())


def test_a_resumed_run_equals_a_straight_one(
    start: Folder, prompts: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of a round, after a checkpoint that lies before its end."""
    config = ReinforceConfig(**FAST | {"rounds": 4, "checkpoint_seconds": 0.0})
    straight = reinforce([start, prompts], tmp_path / "straight" / "better", config)
    saved = checkpoint.save
    count = 0

    def stop(*args: Any) -> None:
        nonlocal count
        count += 1
        saved(*args)
        if count in (2, 7):
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            reinforce([start, prompts], tmp_path / "killed" / "better", config)
    resumed = reinforce([start, prompts], tmp_path / "killed" / "better", config)
    assert count == 4 * 4
    expected = weights(straight)
    assert all(torch.equal(value, expected[name]) for name, value in weights(resumed).items())
    clock = [
        "seconds",
        "tokens_per_second",
        "characters_per_second",
        "mfu",
        "memory_bytes",
        "energy_watt_hours",
        "cost",
    ]
    told = [each.numbers().filter(~pl.col("measure").is_in(clock)) for each in (resumed, straight)]
    assert told[0].height > 100
    assert told[0].equals(told[1])


def test_an_adapter_is_its_own_reference(start: Folder, prompts: Folder, tmp_path: Path) -> None:
    config = ReinforceConfig(
        **FAST | {"rounds": 3, "learning_rate": 1e-2}, trained={"method": "lora", "rank": 4}
    )
    folder = reinforce([start, prompts], tmp_path / "better", config)
    kl = curve(folder, "training_kl")
    assert kl[0] == pytest.approx(0, abs=1e-6)
    assert kl[-1] > 1e-4
    assert type(load.load(folder.model_path).network).__name__ == "LlamaForCausalLM"


def test_a_reward_model_is_listened_to(start: Folder, prompts: Folder, tmp_path: Path) -> None:
    """A reward model that learnt to like the wrong answer, and no rule: the wrong answer wins."""
    pairs = [
        {
            "id": f"{row['id']}:{i}", "prompt": row["messages"][:1], "chosen": [{"role": "assistant", "content": WRONG[row["language"]]}],
            "rejected": row["messages"][1:], "prompt_language": row["language"], "answer_language": row["language"],
            "reason": "taste", "source": "test", "licence": "CC0-1.0",
        }
        for row in RIGHT
        for i in range(8)
    ]  # fmt: skip
    liked = folder_of(tmp_path / "pairs", preference=pl.DataFrame(pairs))
    judge = reward(
        [start, liked],
        tmp_path / "judge",
        RewardConfig(**SMALL, learning_rate=1e-2, batch_tokens=300, steps=20, held_out_share=0.0),
    )
    nothing = {"correct": 0.0, "language": 0.0, "format": 0.0, "language_by": "names"}
    config = ReinforceConfig(**FAST | {"rewards": nothing | {"model": 1.0}, "rounds": 8})
    folder = reinforce([start, judge, prompts], tmp_path / "better", config)
    assert curve(folder, "training_accuracy")[-1] < 0.1
    assert curve(folder, "training_reward") == pytest.approx(curve(folder, "training_reward_model"))
    with pytest.raises(ConfigError, match="needs a weight"):
        reinforce([start, judge, prompts], tmp_path / "none", ReinforceConfig(**FAST))
    with pytest.raises(ConfigError, match="needs a weight"):
        reinforce([start, prompts], tmp_path / "none", config)


def test_nothing_to_compare_with(start: Folder, prompts: Folder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="compared"):
        reinforce(
            [start, prompts], tmp_path / "none", ReinforceConfig(**FAST | {"samples": 1}, method="grpo")
        )


# ------------------------------------------------------------------------------------ a round
def work_of(model: load.Model, scratch: Path, **changed: Any) -> rollouts.OnPolicy:
    def rate(asked: Any, texts: Any, finished: Any) -> Rated:
        values = np.array([float(len(text)) for text in texts])
        return Rated(values, {"length": values.tolist()}, ["correct"] * len(texts))

    config = ReinforceConfig(**FAST | {"prompts": 3, "samples": 2, "minibatches": 1} | changed)
    return rollouts.OnPolicy(model, model.network, RIGHT, rate, config, scratch)


@pytest.mark.parametrize("family", ["llama", "bloom", "gemma2"])  # packed; not packed; capped logits
def test_what_is_known_of_a_token_is_the_models(family: str, start: Folder, tmp_path: Path) -> None:
    """Old log-probabilities are those of the drawn tokens, in whatever batch; the first ratio is 1."""
    model = replica(family, load.load_tokenizer(start.model_path))
    policy.add_critic(model.network)
    work = work_of(model, tmp_path, micro_tokens=70)
    head = plain_head(model.network)
    objective = policy.objective(model.network, work.settings)
    seen = 0
    for batch in work.batches(0):
        expected = token_logprobs(model.network, batch.rows, head)
        torch.testing.assert_close(batch.old_N, expected.detach(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(batch.reference_N, batch.old_N, atol=1e-4, rtol=1e-4)
        terms = objective(model.network, batch)
        assert float(terms.values["clipped_share"].sum()) == 0
        torch.testing.assert_close(terms.values["policy_loss"], -batch.advantages_N, atol=1e-4, rtol=1e-3)
        seen += int(batch.weight)
    record = json.loads((tmp_path / "rounds" / "000000.json").read_text())
    assert seen == sum(entry["answer_tokens"] for entry in record)
    assert len(record) == 6


def test_answers_are_drawn_anew_in_every_round(start: Folder, tmp_path: Path) -> None:
    work = work_of(load.load(start.model_path), tmp_path, method="rloo")
    rounds = [torch.cat([batch.old_N for batch in work.batches(step)]) for step in (0, 1, 2)]
    assert torch.equal(rounds[0].sort().values, rounds[1].sort().values)  # a second pass over the same
    assert len(rounds[0]) != len(rounds[2]) or not torch.equal(rounds[0], rounds[2])
    assert len(list((tmp_path / "rounds").glob("*.safetensors"))) == 2


def test_advantages_by_hand() -> None:
    """Two answers, of two tokens and of one; the divergence costs 0.5 per nat, the critic says 0.5 everywhere."""
    old = torch.tensor([-1.0, -1.0, -2.0])
    reference = torch.tensor([-1.2, -1.0, -1.8])  # k1 = 0.2, 0, -0.2
    critic = torch.full((3,), 0.5)
    settings = ReinforceConfig(kl_weight=0.5, samples=2)
    made = policy.advantages(np.array([1.0, 0.0]), old, reference, critic, [2, 1], settings)
    # Token by token: δ2 = 1 - 0.5; δ1 = -0.1 + 0.5 - 0.5, A1 = δ1 + 0.95 δ2; the other answer: 0.1 - 0.5.
    plain = torch.tensor([-0.1 + 0.95 * 0.5, 0.5, 0.1 - 0.5])
    torch.testing.assert_close(made["returns"], plain + 0.5)
    expected = (plain - plain.mean()) / plain.std(correction=0)
    torch.testing.assert_close(made["advantages"], expected, atol=1e-5, rtol=1e-5)
    # RLOO: 1 - 0.1 and 0 + 0.1, each against the other.
    settings = ReinforceConfig(kl_weight=0.5, samples=2, method="rloo")
    made = policy.advantages(np.array([1.0, 0.0]), old, reference, critic, [2, 1], settings)
    torch.testing.assert_close(made["advantages"], torch.tensor([0.8, 0.8, -0.8]))
    # GRPO: the divergence is no part of the reward.
    settings = ReinforceConfig(kl_weight=0.5, samples=2, method="grpo")
    made = policy.advantages(np.array([1.0, 0.0]), old, reference, critic, [2, 1], settings)
    torch.testing.assert_close(made["advantages"], torch.tensor([0.5, 0.5, -0.5]) / (0.5**0.5 + 1e-4))
