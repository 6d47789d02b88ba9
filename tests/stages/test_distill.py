"""`distill`: the student comes nearer to the teacher, by its distribution or by its answers."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from panlect.draft import draft
from panlect.errors import ModelError
from panlect.folder import External, Folder
from panlect.model import distillation, load, tokenizer_training
from panlect.model.generate import Generation
from panlect.stages.distill import DistillConfig, distill
from tiny_model import SENTENCES, SHAPE

FAST: dict[str, Any] = {
    "batch_tokens": 100, "micro_tokens": 10**6, "sequence_tokens": 64, "precision": "fp32", "log_steps": 5,
    "learning_rate": 5e-3, "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of one vocabulary, a third with another, dialogues and documents."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("distill")
    for name, size in (("tokenizer", 400), ("other_tokenizer", 420)):
        tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, size), root / name)
    tokenizer = load.load_tokenizer(root / "tokenizer")
    load.save(load.build(tokenizer, SHAPE, seed=1), root / "student", facts={})
    teacher = load.build(tokenizer, SHAPE, seed=2)
    with torch.no_grad():  # a teacher that is sure of what it says
        for parameter in teacher.network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(5.0)
    load.save(teacher, root / "teacher", facts={})
    other = load.build(load.load_tokenizer(root / "other_tokenizer"), SHAPE, seed=3)
    load.save(other, root / "other", facts={})
    rows = [
        {
            "id": str(i), "language": "swh_Latn", "answer_language": "swh_Latn", "origin": "native",
            "source": "test", "licence": "CC0-1.0",
            "messages": [{"role": "user", "content": text[:9]}, {"role": "assistant", "content": text[9:20]}],
        }
        for i, text in enumerate(SENTENCES)
    ]  # fmt: skip
    texts = [
        {"id": str(i), "text": text, "language": "mul_Zyyy", "source": "test", "licence": "CC0-1.0"}
        for i, text in enumerate(SENTENCES)
    ]
    with draft(root / "data", "curate", 1, DistillConfig(), []) as work:
        work.write("dialogue", pl.DataFrame(rows))
        work.write("document", pl.DataFrame(texts))
    return root


def inputs_of(place: Path, *names: str) -> list[External | Folder]:
    return [*(External(str(place / name)) for name in names), Folder.open(place / "data")]


def curve(folder: Folder, measure: str) -> list[float]:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == "") & (pl.col("group") != "")
    )
    order = rows["group"].str.strip_prefix("step ").cast(pl.Int64).arg_sort()
    return rows["value"].gather(order).to_list()


@pytest.mark.parametrize("reads", ["dialogue", "document"])
def test_the_distribution_is_learned(place: Path, tmp_path: Path, reads: Any) -> None:
    config = DistillConfig(**FAST, reads=reads, alpha=1.0, temperature=1.0, epochs=40)
    folder = distill(inputs_of(place, "student", "teacher"), tmp_path / "small", config)
    divergence = curve(folder, "divergence")
    assert divergence[-1] < 0.6 * divergence[0]
    # With alpha and temperature 1 the loss is the divergence itself.
    assert curve(folder, "loss") == pytest.approx(divergence, rel=1e-4)


def test_the_teacher_is_named_and_left_alone(place: Path, tmp_path: Path) -> None:
    before = load.weights_hash(place / "student")
    config = DistillConfig(**FAST, teacher="student", epochs=1)
    distill(inputs_of(place, "student", "teacher"), tmp_path / "a", config)
    assert load.weights_hash(place / "student") == before
    with pytest.raises(ModelError, match="student and a teacher"):
        distill(inputs_of(place, "student", "teacher"), tmp_path / "b", DistillConfig(teacher="nobody"))
    with pytest.raises(ModelError, match="found 1 models"):
        distill(inputs_of(place, "student"), tmp_path / "c", DistillConfig())


def test_answers_are_learned_across_vocabularies(place: Path, tmp_path: Path) -> None:
    """The student of another vocabulary learns to say what the teacher says."""
    config = DistillConfig(**FAST, new_tokens=6, epochs=150)
    folder = distill(inputs_of(place, "other", "teacher"), tmp_path / "small", config)
    teacher = load.load(place / "teacher")
    frame = Folder.open(place / "data").table("dialogue")
    said = distillation.taught(frame, teacher, Generation(new_tokens=6))
    assert folder.model_path is not None
    student = load.load(folder.model_path)
    prompts = [messages[:-1] for messages in said["messages"].to_list()]
    expected = [messages[-1]["content"] for messages in said["messages"].to_list()]
    assert len(expected) >= 6
    got = student.chat(prompts, Generation(new_tokens=40))
    assert sum(a == b for a, b in zip(got, expected, strict=True)) >= 0.8 * len(expected)


def test_distributions_of_other_vocabularies_are_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="different vocabularies"):
        distill(inputs_of(place, "other", "teacher"), tmp_path / "x", DistillConfig(method="logits"))
