"""`prefer`: the model learns to rank its answers, from pairs of a chosen and a rejected one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.folder import Folder, Input, one_model
from panlect.model.settings import TrainingConfig

if TYPE_CHECKING:
    from panlect.model.runs import Run

VERSION = 1
PARALLEL = True


class PreferConfig(TrainingConfig):
    """How a model learns from preferences."""

    learning_rate: float = Field(default=5e-6, gt=0)
    """Peak learning rate; far below that of instruction."""
    loss: Literal["dpo", "robust", "ipo", "orpo", "cpo", "simpo", "kto", "rpo"] = "dpo"
    """The objective; `rpo` is DPO plus the chosen answers' token loss, `robust` allows for wrong labels."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the tie to the reference (IPO: its tau; SimPO: scale of the margin, usually 2)."""
    gamma: float = Field(default=1.0, ge=0)
    """SimPO: the margin that a chosen answer should have."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of the pairs assumed to be labelled the wrong way round (dpo, robust)."""
    length_normalised: Literal["auto", "yes", "no"] = "auto"
    """Divide log-probabilities by the answer's tokens (dpo, ipo): `auto` does so for ipo."""
    nll_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's mean token loss (cpo, rpo)."""
    epochs: float = Field(default=1.0, gt=0)
    """How often each pair is read."""
    steps: int = Field(default=0, ge=0)
    """Stop after so many steps, repeating the pairs as needed; 0 goes by `epochs`."""
    replay: dict[str, float] = Field(default_factory=dict)
    """Inputs, by name, whose dialogues (or, without dialogues, documents) are read beside the pairs, and
    their share of each step's tokens: what no pair shows is forgotten. Their own pairs are not read."""
    replay_weight: float = Field(default=1.0, ge=0)
    """Weight of the replayed texts' mean token loss, beside the mean loss of the pairs."""

    @field_validator("replay")
    @classmethod
    def _leaves_room(cls, shares: dict[str, float]) -> dict[str, float]:
        if any(share <= 0 for share in shares.values()) or sum(shares.values()) >= 1:
            raise ValueError("each share is above 0, and together they leave room for pairs, below 1")
        return shares


def prefer(inputs: Sequence[Input], out: Path, config: PreferConfig) -> Folder:
    """Train a model on preferences and save it as a plain Hugging Face directory.

    Raises:
        ModelError: there is no model or no chat template, or training diverged.
        DataError: there are no pairs.
        ConfigError: `replay` names something that is no input.
    """
    from panlect.model import runs

    with draft(out, "prefer", VERSION, config, inputs) as work:
        runs.carry_out(prepare(inputs, config, work), config, inputs, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: PreferConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective; the reference's log-probabilities are taken here."""
    from panlect.model import adapters, load, loop, losses, preference, replay
    from panlect.model.runs import Run

    model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
    paired = [each for each in inputs if each.name not in config.replay]
    texts = preference.read(work.read(paired, "preference"), model.tokenizer)
    share = 1 - sum(config.replay.values())
    settings = config.model_copy(update={"batch_tokens": max(1, round(share * config.batch_tokens))})
    pairs = preference.plan(
        texts, model, settings, epochs=config.epochs, steps=config.steps, divisible=config.loss != "kto"
    )
    if config.loss in losses.NEEDS_REFERENCE:
        preference.take_reference(model.network, pairs, config, cache=work.scratch / "reference.safetensors")
    objective = preference.objective(model.network, losses.preference_formula(config))
    plan: loop.Work = pairs
    if config.replay:
        beside = replay.sources(
            inputs, config.replay, model.tokenizer, batch_tokens=config.batch_tokens, seed=config.seed
        )
        plan = replay.ReplayPlan(pairs, beside, config.replay_weight, config.micro_tokens)
        objective = replay.objective(model.network, objective)
    return Run(model, plan, objective)


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, PreferConfig)
    return probe.estimate(prepare, inputs, config, kind="preference")
