"""`instruct`: the model learns to answer; the loss falls on what the assistant wrote and on nothing else."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from panlect.draft import draft
from panlect.folder import Folder, Input, one_model, tables
from panlect.model.settings import TrainingConfig

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
    from panlect.model import adapters, bookkeeping, dialogue_tokens, load, loop, objectives

    with draft(out, "instruct", VERSION, config, inputs) as work:
        model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
        frame = tables(inputs, "dialogue")
        texts, order = dialogue_tokens.read_within(
            frame,
            model.tokenizer,
            (config.language_weights, config.origin_weights),
            budget_tokens=config.budget_tokens,
            epochs=config.epochs,
            seed=config.seed,
        )
        plan = bookkeeping.plan(texts, order, config, model)
        work.log(bookkeeping.describe(model, plan))
        ledger = loop.train(model.network, plan, objectives.language_model(model.network), config, work)
        bookkeeping.finish(model, ledger, plan, inputs, work)
    return work.folder
