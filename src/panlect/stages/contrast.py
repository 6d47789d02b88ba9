"""`contrast`: parallel sentences are pulled together inside the model, while it goes on speaking."""

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
    from panlect.model import runs

    with draft(out, "contrast", VERSION, config, inputs) as work:
        runs.carry_out(prepare(inputs, config, work), config, inputs, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: ContrastConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective."""
    from panlect.model import adapters, load, preference
    from panlect.model import contrast as aligning
    from panlect.model.runs import Run

    model = adapters.attach(load.load(one_model(inputs)), config.trained, work)
    frame, same = aligning.distinct(work.read(inputs, "pair"))
    work.drop("pair", same)
    texts = aligning.read(frame, model.tokenizer)
    plan = preference.plan(texts, model, config, epochs=config.epochs, steps=config.steps, divisible=False)
    objective = aligning.objective(model.network, config.layer, config.temperature, config.language_weight)
    return Run(model, plan, objective)


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, ContrastConfig)
    return probe.estimate(prepare, inputs, config, kind="pair")
