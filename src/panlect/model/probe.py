"""What a training run will take on this machine, from a short run of the same loop on a sample of its texts.

Per-token time and memory of a run hardly change while it lasts, so some seconds of it tell both. What the run
reads is counted on every n-th row where there are many. Nothing is written but in a temporary directory.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect import progress, ranks
from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.folder import Folder, Input, tables
from panlect.model import four_bits, loop
from panlect.model.corpus import is_mixture, open_mixture
from panlect.model.loop import Work
from panlect.model.runs import Run
from panlect.model.settings import HeldOut, TrainingConfig

SAMPLE_ROWS = 4096
PROBE_SECONDS = 10.0
LEAST_STEPS, MOST_STEPS = 3, 200
MOST_PASSES = 4
"""A step of the probe has at most so many passes: more would only repeat them."""

Prepare = Callable[[Sequence[Input], Any, Draft], Run]


def estimate(
    prepare: Prepare, inputs: Sequence[Input], config: TrainingConfig, *, kind: str
) -> dict[str, float]:
    """Parameters, tokens, steps, seconds, memory of a device in bytes and, with a price, the cost of a run.

    Args:
        prepare: makes the run, as its stage does.
        inputs: finished.
        config: of the stage.
        kind: the table whose rows are read.
    """
    before, progress.console.quiet = progress.console.quiet, True
    try:
        with tempfile.TemporaryDirectory() as place:
            return _estimate(prepare, inputs, config, kind, Path(place))
    finally:
        progress.console.quiet = before


def _estimate(
    prepare: Prepare, inputs: Sequence[Input], config: TrainingConfig, kind: str, place: Path
) -> dict[str, float]:
    started = time.monotonic()
    samples = [_sample(each, place / "inputs", kind) for each in inputs]
    rows = sum(sample.rows for sample in samples)
    share = sum(sample.sampled_rows for sample in samples) / rows if rows else 1.0
    run = prepare([sample.folder for sample in samples], _quick(config), _desk(place / "prepared"))
    prepared_seconds = time.monotonic() - started
    tokens = _tokens(run.plan, config, share)
    if not any(isinstance(each, Folder) and is_mixture(each) for each in inputs):
        tokens *= getattr(config, "epochs", 1.0) if _goes_by_epochs(config) else 1.0
    tokens_per_second, memory = _measure(run, _quick(config), place)
    seconds = prepared_seconds + tokens / tokens_per_second
    found = {
        "rows": float(rows),
        "parameters": float(sum(map(four_bits.size, run.model.network.parameters()))),
        "trained_parameters": float(
            sum(p.numel() for p in run.model.network.parameters() if p.requires_grad)
        ),
        "tokens": tokens,
        "steps": float(np.ceil(tokens / config.batch_tokens)),
        "tokens_per_second": tokens_per_second,
        "seconds": seconds,
        "memory_bytes": memory,
    }
    if price := config.machine.price_per_hour:
        found["cost"] = price * ranks.count() * seconds / 3600
    return found


class Sample(NamedTuple):
    """An input with fewer rows, and how many of the kind that is read there were, and are."""

    folder: Input
    rows: int = 0
    sampled_rows: int = 0


def _sample(each: Input, place: Path, kind: str) -> Sample:
    """A folder of the same name with every n-th row; what holds no rows stays as it is."""
    if isinstance(each, Folder) and is_mixture(each):
        return _of_mixture(each, place)
    if isinstance(each, Folder):
        kinds = sorted(each.kinds & {"document", "pair", "dialogue", "preference", "question"})
        frames = {name: each.table(name) for name in kinds}
    else:
        files = [path for path in each.paths() if path.suffix in {".parquet", ".jsonl"}]
        frames = {kind: tables([each], kind)} if files else {}
    if not frames or (isinstance(each, Folder) and each.model_path):
        return Sample(each)
    thin = {name: frame.gather_every(max(1, frame.height // SAMPLE_ROWS)) for name, frame in frames.items()}
    whole, part = (len(found.get(kind, ())) for found in (frames, thin))
    return Sample(_written(each.name, place, thin), whole, part)


def _of_mixture(each: Folder, place: Path) -> Sample:
    mixture = open_mixture(each)
    count = len(mixture.schedule)
    texts = [mixture.text(mixture.schedule[i]) for i in range(0, count, max(1, count // SAMPLE_ROWS))]
    frame = pl.DataFrame(
        {
            "id": [str(i) for i in range(len(texts))],
            "text": [text.text for text in texts],
            "language": [text.language for text in texts],
            "source": [mixture.components[text.component].name for text in texts],
            "licence": [""] * len(texts),
        }
    )
    return Sample(_written(each.name, place, {"document": frame}), count, len(texts))


def _written(name: str, place: Path, frames: dict[str, pl.DataFrame]) -> Folder:
    with draft(place / name, "plan", 1, Config(), []) as work:
        for kind, frame in frames.items():
            work.write(kind, frame)
    return work.folder


def _desk(out: Path) -> Draft:
    work = Draft(out, {"stage": "plan"})
    work.path.mkdir(parents=True)
    return work


def _quick(config: TrainingConfig) -> Any:
    """The same settings without what a short run does not need."""
    changes: dict[str, Any] = {
        "batch_tokens": min(config.batch_tokens, MOST_PASSES * config.micro_tokens),
        "held_out": HeldOut(), "track": (), "log_steps": 1, "checkpoint_seconds": 1e9,
        "budget_tokens": 0, "steps": 0, "epochs": 1.0,
    }  # fmt: skip
    return config.model_copy(update={k: v for k, v in changes.items() if k in type(config).model_fields})


def _goes_by_epochs(config: TrainingConfig) -> bool:
    return not (getattr(config, "budget_tokens", 0) or getattr(config, "steps", 0))


def _tokens(plan: Work, config: TrainingConfig, share: float) -> float:
    """Tokens of the whole run; of one epoch, where it goes by epochs."""
    if budget := getattr(config, "budget_tokens", 0):
        return float(budget)
    if steps := getattr(config, "steps", 0):
        return float(steps * config.batch_tokens)
    return float(plan.planned()[:, 0].sum()) / share


class Walk:
    """So many steps of a plan, from its beginning again where it ends."""

    def __init__(self, plan: Work, steps: int) -> None:
        self.plan, self.steps = plan, steps
        self.languages, self.components = plan.languages, plan.components

    def __len__(self) -> int:
        return self.steps

    def batches(self, step: int) -> Iterator[Any]:
        """The micro-batches of a step."""
        return self.plan.batches(step % len(self.plan))

    def planned(self) -> NDArray[np.float64]:
        """What the plan itself will have seen."""
        return self.plan.planned()


def _measure(run: Run, config: TrainingConfig, place: Path) -> tuple[float, float]:
    """Tokens per second, and the most bytes held, from two short runs; the first step of each warms up."""
    steps, rows = LEAST_STEPS, []
    for number in range(2):
        work = _desk(place / f"probe-{number}")
        ledger = loop.train(run.model.network, Walk(run.plan, steps), run.objective, config, work)
        rows = ledger.rows[1:]
        wanted = int(PROBE_SECONDS * len(rows) / sum(row["seconds"] for row in rows))
        if wanted <= steps:
            break
        steps = min(wanted, MOST_STEPS)
    tokens = sum(cell[0] for row in rows for cell in row["seen"])
    return tokens / sum(row["seconds"] for row in rows), max(row["memory_bytes"] for row in rows)
