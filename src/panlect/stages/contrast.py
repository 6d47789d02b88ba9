"""`contrast`: parallel sentences are pulled together inside the model, while it goes on speaking."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from panlect.draft import draft
from panlect.folder import Folder, Input, one_model, tables
from panlect.model.settings import TrainingConfig

VERSION = 1
PARALLEL = True


class ContrastConfig(TrainingConfig):
    """How parallel sentences are aligned."""

    layer: int = -1
    """The block whose output is aligned, counted from 0; negative counts from the last."""
    temperature: float = Field(default=0.1, gt=0)
    """Sharpness of the comparison."""
    language_weight: float = Field(default=1.0, ge=0)
    """Weight of the language-modelling loss of the same sentences; without it a model forgets to speak."""
    epochs: float = Field(default=1.0, gt=0)
    """How often each pair is read."""
    steps: int = Field(default=0, ge=0)
    """Stop after so many steps, repeating the pairs as needed; 0 goes by `epochs`."""


def contrast(inputs: Sequence[Input], out: Path, config: ContrastConfig) -> Folder:
    """Align a model on pairs and save it as a plain Hugging Face directory.

    The sentences of one pass (`micro_tokens`) are each other's negatives, so a larger pass teaches more.

    Raises:
        ModelError: there is no model, or training diverged.
        DataError: there are no pairs.
    """
    from panlect.model import adapters, bookkeeping, load, loop, preference
    from panlect.model import contrast as aligning

    with draft(out, "contrast", VERSION, config, inputs) as work:
        model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
        frame, same = aligning.distinct(tables(inputs, "pair"))
        work.drop("pair", same)
        texts = aligning.read(frame, model.tokenizer)
        plan = preference.plan(texts, model, config, epochs=config.epochs, steps=config.steps)
        work.log(bookkeeping.describe(model, plan))
        objective = aligning.objective(
            model.network, config.layer, config.temperature, config.language_weight
        )
        ledger = loop.train(model.network, plan, objective, config, work)
        bookkeeping.finish(model, ledger, plan, inputs, work)
    return work.folder
