"""`prefer` and `reward`, alone or under torchrun: ``shared_pairs.py PLACE OUT METHOD``."""

import sys
from pathlib import Path

import torch

from panlect.folder import External, Folder
from panlect.stages.prefer import PreferConfig, prefer
from panlect.stages.reward import RewardConfig, reward

SETTINGS = {
    "learning_rate": 1e-3, "batch_tokens": 300, "micro_tokens": 300, "sequence_tokens": 64, "precision": "fp32",
    "threads": 1, "log_steps": 1, "epochs": 2.0,
}  # fmt: skip


def main(place: str, out: str, method: str) -> None:
    torch.set_num_threads(1)
    inputs = [External(f"{place}/model"), Folder.open(Path(place) / "pairs")]
    for loss in ("rpo", "kto"):
        config = PreferConfig(loss=loss, parallel=method, **SETTINGS)  # type: ignore[arg-type]
        prefer(inputs, Path(out) / loss, config)
    reward(inputs, Path(out) / "reward", RewardConfig(parallel=method, **SETTINGS))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
