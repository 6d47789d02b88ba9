"""Ask a model a list of questions; a kill loses what is under way.

Answers are appended to a file of JSON lines as they come. Asking again with the same file skips what it
holds; a last line that was cut off by a kill is ignored and asked again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from panlect.benchmarks.benchmark import Answer, Ask, Row
from panlect.benchmarks.engines import Engine
from panlect.progress import Bar

BATCH_ROWS = 512
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One row asked for one purpose (`answer`, or `rank` for RankC)."""

    row: Row
    ask: Ask
    purpose: str = "answer"
    variant: str = ""

    @property
    def benchmark(self) -> str:
        """The benchmark's name in answers and numbers: prompts that differ from the usual ones say so."""
        name = str(self.row["benchmark"])
        return f"{name}:{self.variant}" if self.variant else name

    @property
    def key(self) -> str:
        """Identifies the stored answer; another prompt is another job."""
        return json.dumps([self.benchmark, self.row["id"], self.purpose, self.prompt_sha], ensure_ascii=False)

    @property
    def prompt_sha(self) -> str:
        """Identifies everything that is sent to the model."""
        ask = self.ask
        choices = (_digest(ask.choices),) if ask.form == "retrieve" else ask.choices
        layer = () if ask.layer is None else (f"layer {ask.layer}",)
        parts = (ask.context, *ask.contexts, *choices, *layer, "chat" if ask.chat else "")
        return sha256("\0".join(parts).encode()).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _digest(texts: tuple[str, ...]) -> str:
    """Of candidates, which many questions share."""
    return sha256("\0".join(texts).encode()).hexdigest()


class Among(Protocol):
    """This process among those that share the questions."""

    @property
    def rank(self) -> int:
        """Its number."""

    @property
    def count(self) -> int:
        """How many there are."""

    def gather(self, value: T) -> list[T]:
        """The values of all of them, in their order."""


class Alone:
    """The only process."""

    rank, count = 0, 1

    def gather(self, value: T) -> list[T]:
        """Its value."""
        return [value]


def answer_all(
    jobs: Sequence[Job],
    engine: Callable[[], Engine],
    store: Path,
    bar: Bar,
    known: Mapping[str, Answer],
    among: Among,
) -> list[Answer]:
    """Answers in the order of the jobs; the engine is opened only if some are not known yet.

    Args:
        jobs: what to ask.
        engine: opens the engine.
        store: the file that answers are kept in as they come, and beside it those of the other processes;
            failures are not kept, so they are tried again.
        bar: moves by one for every answer.
        known: answers of an earlier evaluation by `Job.key`.
        among: every process asks its share and gets all answers.
    """
    open_jobs = [job for job in jobs if job.key not in known]
    shares = list(_batches(open_jobs, among.count))[among.rank :: among.count]
    mine = [job for batch in shares for job in batch]
    own = store.with_suffix(f".{among.rank}.jsonl")
    _mend(own)
    name = re.compile(rf"{re.escape(store.stem)}\.\d+\.jsonl")  # not those of a model named `x.5`
    files = [file for file in store.parent.iterdir() if name.fullmatch(file.name)]
    stored = dict(pair for file in files for pair in _stored(file))
    answers = {job.key: stored[job.key] for job in mine if job.key in stored}
    bar.advance(len(jobs) - len(open_jobs) + len(answers))
    if len(answers) < len(mine):
        opened = engine()
        with own.open("a", encoding="utf-8") as stream:
            for batch in shares:
                _ask([job for job in batch if job.key not in answers], opened, stream, bar, answers)
    everything = dict(known)
    for part in among.gather(answers):
        everything |= part
    return [everything[job.key] for job in jobs]


def _ask(jobs: Sequence[Job], engine: Engine, stream: TextIO, bar: Bar, answers: dict[str, Answer]) -> None:
    """Ask one batch and keep every answer at once."""
    if not jobs:
        return
    for place, answer in getattr(engine, jobs[0].ask.form)([job.ask for job in jobs]):
        key = jobs[place].key
        answers[key] = answer
        if not answer.failure:
            line = [key, answer.text, answer.scores, answer.tokens]
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            stream.flush()
        bar.advance(1)


def _batches(jobs: Sequence[Job], processes: int) -> Iterator[list[Job]]:
    """Jobs of one form with like beginnings together, which go through the model once.

    Batches of long ones come first: an out-of-memory shows at once, and the ETA is never too early.
    """
    pools: dict[tuple[str, ...], list[Job]] = {}
    for job in jobs:
        if job.ask.form == "retrieve":
            pools.setdefault(job.ask.choices, []).append(job)
    yield from pools.values()
    for form in ("choose", "generate"):
        alike = [job for job in jobs if job.ask.form == form]
        alike.sort(key=lambda job: (job.row["language"], job.ask.context, job.key))
        size = max(1, min(BATCH_ROWS, -(-len(alike) // processes)))
        batches = [alike[start : start + size] for start in range(0, len(alike), size)]
        yield from sorted(batches, key=lambda batch: -max(job.ask.longest for job in batch))


def _mend(store: Path) -> None:
    """Take away a last line that a kill cut off."""
    if store.is_file():
        data = store.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            store.write_bytes(whole)


def _stored(store: Path) -> Iterator[tuple[str, Answer]]:
    """What a file holds, as far as its lines are whole: another process may be writing it."""
    data = store.read_bytes()
    # Of bytes: cuts at newlines only, not at U+2028 inside an answer.
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        key, text, scores, tokens = json.loads(line)
        yield key, Answer(text, tuple(scores), tuple(tokens))
