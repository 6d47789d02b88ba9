"""A student learns from a teacher: its whole distribution where they share a vocabulary, else its answers.

Shapes: N tokens that carry a loss, V vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's name for it)

from panlect import ranks
from panlect.draft import Draft
from panlect.errors import DataError, ModelError
from panlect.folder import Input, models
from panlect.model import corpus_tokens, dialogue_tokens
from panlect.model.forward import selected_logits
from panlect.model.generate import Generation
from panlect.model.load import Model, load
from panlect.model.loop import Objective, Terms
from panlect.model.losses import cross_entropy, distillation
from panlect.model.objectives import language_model
from panlect.model.packing import Batch, Ints, Tokens


def student_and_teacher(inputs: Sequence[Input], teacher: str) -> tuple[Model, Model]:
    """Open the two models among the inputs; the teacher is the one of that name, or the second.

    Raises:
        ModelError: there are not two models, or none has the teacher's name.
    """
    found = models(inputs)
    names = [name for name, _ in found]
    if len(found) != 2 or (teacher and teacher not in names):
        raise ModelError(
            f"expected a student and a teacher among the inputs, found {len(found)} models",
            where=", ".join(names) or "no models",
            expected=f"two models, one of them named '{teacher}'" if teacher else "two models",
        )
    place = names.index(teacher) if teacher else 1
    return load(found[1 - place][1]), load(found[place][1])


def same_vocabulary(student: Model, teacher: Model) -> bool:
    """Whether token i means the same to both."""
    ours, theirs = student.tokenizer.get_vocab(), teacher.tokenizer.get_vocab()
    sizes = {m.network.get_input_embeddings().weight.shape[0] for m in (student, teacher)}
    return bool(ours == theirs) and len(sizes) == 1


class Settings(Protocol):
    """The settings of `distill`, which documents each."""

    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def temperature(self) -> float: ...  # noqa: D102
    @property
    def alpha(self) -> float: ...  # noqa: D102
    @property
    def new_tokens(self) -> int: ...  # noqa: D102
    @property
    def epochs(self) -> float: ...  # noqa: D102
    @property
    def budget_tokens(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def chosen_method(student: Model, teacher: Model, settings: Settings) -> str:
    """`logits` where the vocabularies are the same, `sequences` otherwise, unless the settings say which.

    Raises:
        ModelError: `logits` was asked for and the vocabularies differ.
    """
    same = same_vocabulary(student, teacher)
    if settings.method == "logits" and not same:
        raise ModelError(
            "student and teacher have different vocabularies: their distributions cannot be compared",
            where="method",
            fix="use method: sequences",
        )
    if settings.method != "auto":
        return settings.method
    return "logits" if same else "sequences"


def read_dialogues(frame: pl.DataFrame, student: Model, settings: Settings) -> tuple[Tokens, Ints]:
    """Dialogues as tokens, and the order in which they are read."""
    texts = dialogue_tokens.read(frame, student.tokenizer, {}, {})
    return texts, dialogue_tokens.order(texts, settings.epochs, settings.budget_tokens, settings.seed)


def read_documents(
    inputs: Sequence[Input], student: Model, settings: Settings, draft: Draft
) -> tuple[Tokens, Ints]:
    """Texts as tokens, and the order in which they are read."""
    amount = corpus_tokens.Amount(settings.budget_tokens, settings.epochs, settings.seed)
    return corpus_tokens.read(inputs, student.tokenizer, amount, set_aside=draft.set_aside)


def cached(frame: pl.DataFrame, teacher: Model, settings: Settings, scratch: Path) -> pl.DataFrame:
    """What the teacher says, written down once so that a killed run need not ask again."""

    def ask(file: Path) -> None:
        taught(frame, teacher, Generation(new_tokens=settings.new_tokens)).write_parquet(file)

    return pl.read_parquet(ranks.made(scratch / "taught.parquet", ask))


def objective(student: Model, teacher: Model | None, settings: Settings) -> Objective:
    """Soft targets of a teacher, or (without one) plain next-token prediction."""
    if teacher is None:
        return language_model(student.network)
    return from_logits(teacher, settings.temperature, settings.alpha)


def from_logits(teacher: Model, temperature: float, alpha: float) -> Objective:
    """Soft targets from the teacher at every token that carries a loss; the ledger also gets both parts."""
    teacher.network.requires_grad_(False)

    def objective(network: Any, batch: Batch) -> Terms:
        with torch.no_grad():
            taught_NV = selected_logits(teacher.network.to(batch.ids_BT.device), batch)
        logits_NV = selected_logits(network, batch)
        losses_N = distillation(logits_NV, taught_NV, batch.targets_N, temperature, alpha)
        with torch.no_grad():
            values = {
                "loss": losses_N.detach(),
                "cross_entropy": cross_entropy(logits_NV, batch.targets_N),
                "divergence": _divergence(taught_NV, logits_NV),
            }
        return Terms((losses_N * batch.weights_N).sum(), batch.cells_N, values)

    return objective


def _divergence(teacher_NV: Tensor, student_NV: Tensor) -> Tensor:
    """KL(teacher ‖ student) in nats at temperature 1, (N,)."""
    teacher, student = teacher_NV.float().log_softmax(-1), student_NV.float().log_softmax(-1)
    return F.kl_div(student, teacher, log_target=True, reduction="none").sum(-1)


def taught(frame: pl.DataFrame, teacher: Model, settings: Generation) -> pl.DataFrame:
    """The dialogues with their last answer replaced by the teacher's; empty answers leave their row out.

    Raises:
        DataError: no dialogue ends with an answer.
    """
    dialogues = frame["messages"].to_list()
    ends = [i for i, messages in enumerate(dialogues) if messages and messages[-1]["role"] == "assistant"]
    if not ends:
        raise DataError("no dialogue ends with an answer", where="dialogue")
    answers = teacher.chat([dialogues[i][:-1] for i in ends], settings)
    kept = [(i, answer) for i, answer in zip(ends, answers, strict=True) if answer.strip()]
    rows = frame[[i for i, _ in kept]]
    messages = [[*dialogues[i][:-1], {"role": "assistant", "content": answer}] for i, answer in kept]
    return rows.with_columns(
        pl.Series("messages", messages, dtype=frame.schema["messages"]), pl.lit("distilled").alias("origin")
    )
