"""Small runs, alone or under torchrun: ``shared_run.py TOKENIZER OUT,METHOD,PRECISION,STOP_AFTER ...``.

Rank 0 writes ``OUT/result.safetensors``, ``OUT/model`` and ``OUT/ledger.json`` of a run that was not stopped.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor

from panlect import ranks
from panlect.model import load, loop, objectives, packing
from panlect.model.settings import TrainingConfig

TEXTS = {
    "eng_Latn": "Lake Victoria is the largest lake in Africa.",
    "tha_Thai": "ทะเลสาบวิกตอเรียเป็นทะเลสาบที่ใหญ่ที่สุดในแอฟริกา",
    "urd_Arab": "جھیل وکٹوریہ افریقہ کی سب سے بڑی جھیل ہے۔",
    "nqo_Nkoo": "ߝߙߌߞߌ߬ߘߎ߱ ߟߊ߫ ߘߟߊ߫ ߓߟߋ߬ߓߟߋ߬ߓߊ",
    "chr_Cher": "ᎠᎺᏱ ᎦᏅᎦᎸᎢ ᎤᏔᎾ",
}


class Shape:
    hidden_size, intermediate_size, layers, heads, key_value_heads, position_limit = 32, 48, 2, 4, 2, 256


class StoppedError(Exception):
    """Stands for the end of the process."""


class Desk:
    """As much of a draft as the loop needs; looks at the parameters between steps, and may stop."""

    def __init__(self, scratch: Path, network: Any, method: str, stop_after: int) -> None:
        self.scratch, self.network, self.method, self.stop_after = scratch, network, method, stop_after
        scratch.mkdir(parents=True, exist_ok=True)

    def log(self, text: str) -> None:
        if not ranks.rank():
            print(text)

    @contextlib.contextmanager
    def progress(self, *_: object) -> Iterator[Any]:
        desk = self

        class Bar:
            steps = 0

            def advance(self, count: int = 0, **_: object) -> None:
                self.steps += count
                desk.look()
                if self.steps > desk.stop_after:
                    raise StoppedError

        yield Bar()

    def look(self) -> None:
        """Check that parameters are what the method says: a silent fall back to copies was seen elsewhere."""
        parameters = list(self.network.parameters())
        sharded = ranks.count() > 1 and self.method == "fsdp"
        assert all(isinstance(each, DTensor) == sharded for each in parameters)
        if sharded:
            held = sum(each.to_local().numel() for each in parameters)
            assert held <= 0.51 * sum(each.numel() for each in parameters)


def run(tokenizer: str, out: Path, method: str, precision: str, stop_after: int) -> None:
    model = load.build(load.load_tokenizer(tokenizer), Shape(), seed=1)  # type: ignore[arg-type]
    config = TrainingConfig(
        learning_rate=3e-3, batch_tokens=300, micro_tokens=120, sequence_tokens=60, log_steps=1, parallel=method,
        precision=precision, checkpoint_seconds=0, threads=1,
    )  # fmt: skip
    texts = [packing.Text(text, code, weight=1 + i % 2) for i, (code, text) in enumerate(TEXTS.items())]
    tokens = packing.tokenise(model.tokenizer, texts, specials=True)
    plan = packing.Plan(tokens, np.tile(np.arange(len(texts)), 16), 60, 300, 120, pad_id=0)
    desk = Desk(out / "scratch", model.network, method, stop_after)
    objective = objectives.language_model(model.network)
    ledger = loop.train(model.network, plan, objective, config, desk)  # type: ignore[arg-type]
    if not ranks.rank():
        save_file({n: p.detach() for n, p in model.network.named_parameters()}, out / "result.safetensors")
        model.network.save_pretrained(out / "model")
        (out / "ledger.json").write_text(json.dumps(ledger.rows))


def main(tokenizer: str, *jobs: str) -> None:
    torch.set_num_threads(1)
    for job in jobs:
        out, method, precision, stop_after = job.split(",")
        with contextlib.suppress(StoppedError):
            run(tokenizer, Path(out), method, precision, int(stop_after))


if __name__ == "__main__":
    main(*sys.argv[1:])
