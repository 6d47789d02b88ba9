"""`distill`: a student learns what a teacher would say, on dialogues or on text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.folder import Folder, Input
from panlect.model.settings import TrainingConfig

if TYPE_CHECKING:
    from panlect.model.runs import Run

VERSION = 1
PARALLEL = True


class DistillConfig(TrainingConfig):
    """How a student learns from a teacher."""

    teacher: str = ""
    """Name of the input that teaches; the second model if empty."""
    method: Literal["auto", "logits", "sequences"] = "auto"
    """Learn the teacher's distribution at every token (same vocabulary only), or its answers; `auto` takes
    the distribution where it can."""
    reads: Literal["dialogue", "document"] = "dialogue"
    """What both read: dialogues (loss on the answers) or a mixture of texts."""
    temperature: float = Field(default=2.0, gt=0)
    """Softness of both distributions (`logits`)."""
    alpha: float = Field(default=0.5, ge=0, le=1)
    """Weight of the teacher against the text itself (`logits`)."""
    new_tokens: int = Field(default=256, ge=1)
    """Longest answer of the teacher (`sequences`)."""
    epochs: float = Field(default=1.0, gt=0)
    """How often each dialogue or document is read."""
    budget_tokens: int = Field(default=0, ge=0)
    """Stop after so many tokens; 0 goes by `epochs`."""


def distill(inputs: Sequence[Input], out: Path, config: DistillConfig) -> Folder:
    """Train the student on the teacher's word and save it as a plain Hugging Face directory.

    Raises:
        ModelError: there are not two models, or their vocabularies differ and `logits` was asked for.
        DataError: there is nothing to read.
    """
    from panlect.model import runs

    with draft(out, "distill", VERSION, config, inputs) as work:
        runs.carry_out(prepare(inputs, config, work), config, inputs, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: DistillConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective."""
    from panlect.model import adapters, bookkeeping, distillation
    from panlect.model.runs import Run

    student, teacher = distillation.student_and_teacher(inputs, config.teacher)
    soft = distillation.chosen_method(student, teacher, config) == "logits"
    if config.reads == "dialogue":
        frame = work.read(inputs, "dialogue")
        frame = frame if soft else distillation.cached(frame, teacher, config, work.scratch)
        texts, order = distillation.read_dialogues(frame, student, config)
    else:
        texts, order = distillation.read_documents(inputs, student, config, work)
    student = adapters.attach(student, config.trained, work)
    plan = bookkeeping.plan(texts, order, config, student)
    return Run(student, plan, distillation.objective(student, teacher if soft else None, config))


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, DistillConfig)
    return probe.estimate(prepare, inputs, config, kind=config.reads)
