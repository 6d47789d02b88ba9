"""`distill`: a student learns what a teacher would say, on dialogues or on text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from panlect.draft import draft
from panlect.folder import Folder, Input, tables
from panlect.model.settings import TrainingConfig

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
    from panlect.model import adapters, bookkeeping, distillation, loop

    with draft(out, "distill", VERSION, config, inputs) as work:
        student, teacher = distillation.student_and_teacher(inputs, config.teacher)
        soft = distillation.chosen_method(student, teacher, config) == "logits"
        if config.reads == "dialogue":
            frame = tables(inputs, "dialogue")
            frame = frame if soft else distillation.cached(frame, teacher, config, work.scratch)
            texts, order = distillation.read_dialogues(frame, student, config)
        else:
            texts, order = distillation.read_documents(inputs, student, config)
        student = adapters.attach(student, config.trained, work)
        plan = bookkeeping.plan(texts, order, config, student)
        work.log(bookkeeping.describe(student, plan))
        objective = distillation.objective(student, teacher if soft else None, config)
        ledger = loop.train(student.network, plan, objective, config, work)
        bookkeeping.finish(student, ledger, plan, inputs, work)
    return work.folder
