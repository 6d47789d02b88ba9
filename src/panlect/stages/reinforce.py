"""`reinforce`: the model draws answers, is told how good they are, and learns to give better ones.

Rewards come from rules (the right answer, the right language, the right form), from a reward model, or from
both. The answers are the model's own, drawn again in every round.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import ConfigError, DataError
from panlect.folder import Folder, Input, models, tables
from panlect.model.settings import TrainingConfig
from panlect.rating.prompts import choose, named, of_pairs
from panlect.rating.rules import Rules, names_of
from panlect.rating.samples import Row

VERSION = 2


class Rewards(Config):
    """What an answer is rewarded for: the weight of each part."""

    correct: float = 1.0
    """Of being right: the same final answer, or the same last number."""
    language: float = 1.0
    """Of being in the language that was asked for; a half where that cannot be told."""
    format: float = 0.5
    """Of ending by itself, repeating no line, and matching `pattern`."""
    gated: bool = True
    """Pay for `correct` and `format` only as far as the answer is in the language that was asked for. Where
    that is rarely drawn, `format` teaches well-formed answers in wrong languages otherwise."""
    model: float = 0.0
    """Of what the reward model among the inputs says."""
    pattern: str = ""
    """A regular expression that a well-formed answer matches as a whole; empty for any."""
    language_by: Literal["identifier", "names"] = "identifier"
    """How an answer's language is told: `identifier` for sentences; `names` for the embedded world, where a
    name says its language."""


class ReinforceConfig(TrainingConfig):
    """How a model learns from rewards."""

    method: Literal["ppo", "grpo", "rloo"] = "ppo"
    """PPO has a critic; GRPO and RLOO compare the answers to one prompt with each other."""
    rewards: Rewards = Rewards()
    """What an answer is rewarded for."""
    prompts_from: Literal["dialogue", "preference", "both"] = "dialogue"
    """The tables whose prompts are answered; their (chosen) answers are the right ones."""
    languages: str | tuple[str, ...] = ()
    """Only prompts whose answer is in these languages or groups; empty for all."""
    prompts_per_language: int = Field(default=1024, ge=1)
    """So many different prompts per pair of prompt and answer language, chosen by hash."""
    rounds: int = Field(default=50, ge=1)
    """How often answers are drawn and learnt from."""
    prompts: int = Field(default=64, ge=1)
    """Prompts of a round."""
    samples: int = Field(default=4, ge=1)
    """Answers drawn to each prompt."""
    passes: int = Field(default=2, ge=1)
    """How often the answers of a round are learnt from."""
    minibatches: int = Field(default=2, ge=1)
    """Optimiser steps of a pass. They take the place of `batch_tokens`, which is not used."""
    answer_tokens: int = Field(default=64, ge=2)
    """Longest answer."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the drawn answers."""
    learning_rate: float = Field(default=3e-6, gt=0)
    """Peak learning rate."""
    schedule: Literal["cosine", "wsd", "constant"] = "constant"
    """Shape after warm-up: cosine decay, warm-up–stable–decay (linear tail), or constant."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of the matrices; norms and biases are never decayed."""
    kl_weight: float = Field(default=0.05, ge=0)
    """Price of moving away from the model that training starts from, per nat; 0 keeps no second model."""
    clip: float = Field(default=0.2, gt=0)
    """How far the ratio of new to old probability of a token is rewarded for moving."""
    value_clip: float = Field(default=0.2, gt=0)
    """PPO: how far a value may move from the one it had when the answer was drawn."""
    value_weight: float = Field(default=0.1, ge=0)
    """PPO: weight of the critic's loss."""
    discount: float = Field(default=1.0, gt=0, le=1)
    """PPO: worth of a reward one token later (γ)."""
    trace: float = Field(default=0.95, ge=0, le=1)
    """PPO: how far back an error of the critic is felt (λ)."""
    scaled: bool = True
    """GRPO: divide by the standard deviation of the group's rewards."""


def reinforce(inputs: Sequence[Input], out: Path, config: ReinforceConfig) -> Folder:
    """Train a model on rewards for its own answers and save it as a plain Hugging Face directory.

    Raises:
        ModelError: there is no model or no chat template, or training diverged.
        ConfigError: a reward model is missing or has no weight, or there is nothing to compare.
        DataError: there are no prompts.
    """
    from panlect.model import adapters, bookkeeping, load, loop, policy, rollouts
    from panlect.model.reward import apart

    if config.method != "ppo" and config.samples < 2:
        raise ConfigError(
            "an answer is compared with others to the same prompt", where="samples", expected="2 or more"
        )
    start, judge = apart([place for _, place in models(inputs)])
    if (judge is None) == bool(config.rewards.model):
        raise ConfigError(
            "a reward model needs a weight, and a weight a reward model",
            where="rewards.model",
            expected="a folder made by `reward` among the inputs, and rewards.model other than 0",
        )
    with draft(out, "reinforce", VERSION, config, inputs) as work:
        prompts = _prompts(inputs, config)
        model = adapters.attach(load.load(start), config.trained, work)
        adapted = config.trained.method != "full"
        reference = None if adapted or not config.kl_weight else load.load(start).network
        if config.method == "ppo":
            policy.add_critic(model.network)
        rate = _rate(prompts, inputs, config, judge)
        plan = rollouts.OnPolicy(model, reference, prompts, rate, config, work.scratch)
        work.log(bookkeeping.describe(model, plan))
        ledger = loop.train(model.network, plan, policy.objective(model.network, config), config, work)
        _report(list(rollouts.measures(plan, config.log_steps)), work)
        policy.drop_critic(model.network)
        bookkeeping.finish(model, ledger, plan, inputs, work)
    return work.folder


def _prompts(inputs: Sequence[Input], config: ReinforceConfig) -> list[Row]:
    frames = []
    if config.prompts_from != "preference":
        frames.append(tables(inputs, "dialogue"))
    if config.prompts_from != "dialogue":
        frames.append(of_pairs(tables(inputs, "preference")))
    known = named(pl.concat(frames, how="diagonal_relaxed"), languages=config.languages)
    found = choose(known, per_language=config.prompts_per_language, seed=config.seed)
    if not found:
        raise DataError(
            "there are no prompts", where=config.prompts_from, expected="dialogues that end with an answer"
        )
    return found


def _rate(
    prompts: Sequence[Row], inputs: Sequence[Input], config: ReinforceConfig, judge: str | None
) -> Callable[..., Any]:
    """Rules and reward model as one function of prompts and answers."""
    from panlect.model import load
    from panlect.model import reward as rating
    from panlect.model.rollouts import Rated

    weights = config.rewards
    right = ((row["id"], row["answer_language"], row["messages"][-1]["content"]) for row in prompts)
    names = names_of(right, inputs) if weights.language_by == "names" else None
    rules = Rules(names, weights.pattern, gated=weights.gated)
    judging = load.load(judge) if judge else None

    def rate(asked: Sequence[Row], texts: Sequence[str], finished: Sequence[bool]) -> Rated:
        found = [
            rules.rate(row, text, finished=f) for row, text, f in zip(asked, texts, finished, strict=True)
        ]
        parts: dict[str, Any] = {
            name: [getattr(each, name) for each in found] for name in ("correct", "language", "format")
        }
        if judging is not None:
            answers = [{"role": "assistant", "content": text} for text in texts]
            dialogues = [[*row["messages"][:-1], answer] for row, answer in zip(asked, answers, strict=True)]
            parts["model"] = rating.rewards(judging, dialogues)
        rewards = sum(
            getattr(weights, name) * np.asarray(values, np.float64) for name, values in parts.items()
        )
        return Rated(np.asarray(rewards), parts, [each.label for each in found])

    return rate


def _report(rows: Sequence[dict[str, Any]], work: Draft) -> None:
    """Curves per language, and in words where they began and ended."""
    for row in rows:
        work.number(row["measure"], row["value"], **{k: row[k] for k in ("language", "group", "count")})
    overall = [row for row in rows if not row["language"] and row["group"]]
    for name in ("reward", "accuracy", "off_target", "malformed", "kl"):
        values = [row["value"] for row in overall if row["measure"] == f"training_{name}"]
        work.log(
            f"{name.replace('_', ' ')}: {values[0]:.3f} in the first window, {values[-1]:.3f} in the last"
        )
