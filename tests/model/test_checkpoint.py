"""A checkpoint is whole or passed over; the run goes on from the last whole one to the same end."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from panlect.errors import FolderError
from panlect.model import checkpoint, load, loop, objectives, packing
from panlect.model.settings import TrainingConfig
from tiny_model import SENTENCES, SHAPE
from training_desk import Desk

CONFIG = TrainingConfig(
    learning_rate=3e-3, batch_tokens=200, micro_tokens=120, sequence_tokens=100, precision="fp32",
    log_steps=3, checkpoint_seconds=0, seed=4,
)  # fmt: skip


def start(tokenizer: Any, path: Path, stop_after: int = 10**9) -> tuple[load.Model, Any]:
    model = load.build(tokenizer, SHAPE, seed=1)
    model.network.config.attention_dropout = 0.1  # so that the random-number state matters
    for layer in model.network.model.layers:
        layer.self_attn.attention_dropout = 0.1
    texts = [packing.Text(text, "und_Zyyy") for text in SENTENCES]
    tokens = packing.tokenise(model.tokenizer, texts, specials=True)
    import numpy as np

    plan = packing.Plan(tokens, np.tile(np.arange(8), 10), 100, 200, 120, pad_id=0)
    ledger = loop.train(
        model.network, plan, objectives.language_model(model.network), CONFIG, Desk(path, stop_after)
    )
    return model, ledger


def weights(model: load.Model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


def without_seconds(ledger: Any) -> list[dict[str, Any]]:
    clock = {"seconds", "memory_bytes", "joules"}
    return [{key: value for key, value in row.items() if key not in clock} for row in ledger.rows]


@pytest.fixture(scope="module")
def whole(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.Tensor, Any]:
    """Weights and ledger of a run that nobody disturbed."""
    torch.set_num_threads(1)
    model, ledger = start(tokenizer, tmp_path_factory.mktemp("whole"))
    return weights(model), without_seconds(ledger)


@pytest.mark.parametrize("steps", [1, 4, 5, 9])
def test_a_run_that_was_ended_goes_on_to_the_same_end(
    tokenizer: Any, tmp_path: Path, steps: int, whole: tuple[torch.Tensor, Any]
) -> None:
    with pytest.raises(Desk.Stopped):
        start(tokenizer, tmp_path, stop_after=steps)
    torch.rand(100)  # the process that continues has another random past
    model, ledger = start(tokenizer, tmp_path)
    assert torch.equal(weights(model), whole[0])
    assert without_seconds(ledger) == whole[1]


@pytest.mark.parametrize("damage", ["cut", "flip", "state", "missing"])
def test_a_damaged_checkpoint_is_passed_over(
    tokenizer: Any, tmp_path: Path, damage: str, whole: tuple[torch.Tensor, Any]
) -> None:
    with pytest.raises(Desk.Stopped):
        start(tokenizer, tmp_path, stop_after=6)
    kept = sorted((tmp_path / "checkpoints").glob("step-*"))
    assert len(kept) == checkpoint.KEPT
    newest = kept[-1]
    file = newest / ("state.json" if damage == "state" else "weights-00000.safetensors")
    data = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "flip":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    else:
        file.write_bytes(data[: len(data) // 2])
    model, ledger = start(tokenizer, tmp_path)
    assert torch.equal(weights(model), whole[0])
    assert without_seconds(ledger) == whole[1]


def test_nothing_whole_means_from_the_beginning(
    tokenizer: Any, tmp_path: Path, whole: tuple[torch.Tensor, Any]
) -> None:
    with pytest.raises(Desk.Stopped):
        start(tokenizer, tmp_path, stop_after=3)
    for path in (tmp_path / "checkpoints").glob("step-*"):
        (path / "optimizer-00000.safetensors").write_bytes(b"")
    model, _ = start(tokenizer, tmp_path)
    assert torch.equal(weights(model), whole[0])


def test_a_full_disk_leaves_the_old_checkpoints(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: tuple[torch.Tensor, Any]
) -> None:
    real, calls = checkpoint.save_file, []

    def full(tensors: Any, path: Path) -> None:
        calls.append(path)
        if len(calls) > 7:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(tensors, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        with pytest.raises(FolderError, match="No space left") as error:
            start(tokenizer, tmp_path)
    assert "run the same command again" in error.value.fix
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["step-00000002", "step-00000003"]
    model, _ = start(tokenizer, tmp_path)
    assert torch.equal(weights(model), whole[0])


def test_only_the_newest_are_kept(tokenizer: Any, tmp_path: Path) -> None:
    start(tokenizer, tmp_path)
    assert len(list((tmp_path / "checkpoints").iterdir())) == checkpoint.KEPT
    shutil.rmtree(tmp_path)
