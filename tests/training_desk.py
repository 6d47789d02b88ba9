"""As much of a draft as the loop needs, and settings for a run of a few steps."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from panlect.model.settings import TrainingConfig


class Desk:
    """Keeps what was logged and noted; may stop the run, or look at it, after each step."""

    stop_after: int | None = None
    after_step: ClassVar[Callable[[], None] | None] = None

    class Stopped(BaseException):
        """Stands for the end of the process."""

    def __init__(self, path: Path, stop_after: int | None = None) -> None:
        self.scratch = self.path = path
        self.stop_after = Desk.stop_after if stop_after is None else stop_after
        self.lines: list[str] = []
        self.notes: dict[str, Any] = {}
        path.mkdir(parents=True, exist_ok=True)

    def log(self, text: str) -> None:
        self.lines.append(text)

    def note(self, **facts: Any) -> None:
        self.notes |= facts

    @contextlib.contextmanager
    def progress(self, *_: object) -> Iterator[Any]:
        stop_after = self.stop_after

        class Bar:
            steps = 0

            def advance(self, count: int = 0, **_: object) -> None:
                self.steps += count
                if count == 1 and Desk.after_step:
                    Desk.after_step()
                if stop_after is not None and self.steps > stop_after:
                    raise Desk.Stopped

        yield Bar()


def settings(**changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {
        "learning_rate": 3e-3, "batch_tokens": 300, "micro_tokens": 10**6, "sequence_tokens": 100,
        "precision": "fp32", "log_steps": 2, "weight_decay": 0.1, "machine": {"peak_flops": 1e11},
    }  # fmt: skip
    return TrainingConfig(**(values | changes))
