"""`instruct`: the model learns to answer; the loss falls on what the assistant wrote and on nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.folder import Folder, Input, one_model
from panlect.model.settings import TrainingConfig

if TYPE_CHECKING:
    from panlect.model.runs import Run

VERSION = 1
PARALLEL = True


class InstructConfig(TrainingConfig):
    """How a model learns from dialogues."""

    epochs: float = Field(default=1.0, gt=0)
    """How often each dialogue is read; a fraction stops early."""
    budget_tokens: int = Field(default=0, ge=0)
    """Stop after so many tokens (prompts included), repeating the dialogues as needed; 0 goes by `epochs`."""
    language_weights: dict[str, float] = Field(default_factory=dict)
    """Weight of the loss by answer language; 1 where nothing is said."""
    origin_weights: dict[str, float] = Field(default_factory=dict)
    """Weight of the loss by origin of the dialogue (translated, native, ...); 1 where nothing is said."""


def instruct(inputs: Sequence[Input], out: Path, config: InstructConfig) -> Folder:
    """Train a model on dialogues and save it as a plain Hugging Face directory.

    Raises:
        ModelError: there is no model or no chat template, or training diverged.
        DataError: a weight names a language or origin that no dialogue has.
    """
    from panlect.model import runs

    with draft(out, "instruct", VERSION, config, inputs) as work:
        runs.carry_out(prepare(inputs, config, work), config, inputs, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: InstructConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective."""
    from panlect.model import adapters, bookkeeping, dialogue_tokens, load, objectives
    from panlect.model.runs import Run

    model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
    texts, order = dialogue_tokens.read_within(
        work.read(inputs, "dialogue"),
        model.tokenizer,
        (config.language_weights, config.origin_weights),
        budget_tokens=config.budget_tokens,
        epochs=config.epochs,
        seed=config.seed,
    )
    plan = bookkeeping.plan(texts, order, config, model)
    return Run(model, plan, objectives.language_model(model.network))


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, InstructConfig)
    return probe.estimate(prepare, inputs, config, kind="dialogue")
