"""`prefer`: the model learns to rank its answers, from pairs of a chosen and a rejected one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from panlect.draft import draft
from panlect.folder import Folder, Input, one_model, tables
from panlect.model.settings import TrainingConfig

VERSION = 1


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


def prefer(inputs: Sequence[Input], out: Path, config: PreferConfig) -> Folder:
    """Train a model on preferences and save it as a plain Hugging Face directory.

    Raises:
        ModelError: there is no model or no chat template, or training diverged.
        DataError: there are no pairs.
    """
    from panlect.model import adapters, bookkeeping, load, loop, losses, preference

    with draft(out, "prefer", VERSION, config, inputs) as work:
        model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
        texts = preference.read(tables(inputs, "preference"), model.tokenizer)
        plan = preference.plan(texts, model, config, epochs=config.epochs, steps=config.steps)
        work.log(bookkeeping.describe(model, plan))
        if config.loss in losses.NEEDS_REFERENCE:
            preference.take_reference(
                model.network, plan, config, cache=work.scratch / "reference.safetensors"
            )
        objective = preference.objective(model.network, losses.preference_formula(config))
        ledger = loop.train(model.network, plan, objective, config, work)
        bookkeeping.finish(model, ledger, plan, inputs, work)
    return work.folder
