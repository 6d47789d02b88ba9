"""Where work is done: in this process, in a pool of processes, or on a Ray cluster.

An engine calls one function for every job, somewhere, at least once, in any order. What a job
finds out is in files, complete or not there at all, so that it makes no difference who did it, how
often, or whether somebody died in between. A job that is done leaves a mark; a run that was killed
continues with the jobs that have none.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from panlect.errors import DataError

WORKERS_VARIABLE = "PANLECT_WORKERS"
ATTEMPTS = 3
WORTH_A_PROCESS_BYTES = 16 << 20

Name = Literal["pool", "ray"]


class Engine(Protocol):
    """Calls a function for every job."""

    def each(self, function: Callable[[Any], None], jobs: Iterator[Any], done: Callable[[Any], None]) -> None:
        """Call the function with every job, and `done` in this process after each.

        Args:
            function: can be pickled.
            jobs: taken one by one as there is room for them, so they need not fit into memory together.
            done: called once for every job.
        """


@dataclass(frozen=True)
class Phase:
    """One function over numbered jobs."""

    name: str
    scratch: Path
    function: Callable[[Any], None]

    def mark(self, job: Any) -> Path:
        """Return the file that says that the job is done."""
        return self.scratch / f"{number_of(job):06d}.{self.name}.done"

    def __call__(self, job: Any) -> None:
        """Do a job and leave its mark."""
        self.function(job)
        self.mark(job).touch()


def number_of(job: Any) -> int:
    """Return a job's number: its own, or what it is."""
    return int(getattr(job, "number", job))


def _nothing(job: Any) -> None:
    """Do nothing after a job."""


def run_phase(
    engine: Engine, phase: Phase, jobs: Iterable[Any], done: Callable[[Any], None] = _nothing
) -> int:
    """Do every job that has no mark yet; return how many jobs there are.

    Args:
        engine: where.
        phase: what.
        jobs: in order of their numbers.
        done: called after each job, also for those that an earlier run did.
    """
    count = 0

    def waiting() -> Iterator[Any]:
        nonlocal count
        for job in jobs:
            count += 1
            if phase.mark(job).exists():
                done(job)
            else:
                yield job

    engine.each(phase, waiting(), done)
    return count


class Here:
    """Does the work in this process."""

    def each(self, function: Callable[[Any], None], jobs: Iterator[Any], done: Callable[[Any], None]) -> None:
        """Do one job after the other."""
        for job in jobs:
            function(job)
            done(job)


def worker_count(size_bytes: int) -> int:
    """Return how many processes to use: ``PANLECT_WORKERS``, or one per core that this process may use.

    A second process takes longer to start than a small input takes to read.
    """
    asked = os.environ.get(WORKERS_VARIABLE, "")
    if asked.isdigit():
        return max(1, int(asked))
    return min(len(os.sched_getaffinity(0)), 1 + size_bytes // WORTH_A_PROCESS_BYTES)


@contextmanager
def opened(name: Name, workers: int, scratch: Path) -> Iterator[Engine]:
    """Start an engine, and stop what was started for it.

    Args:
        name: `pool` is this process where one worker is enough.
        workers: how many jobs at once; a running Ray cluster decides that itself.
        scratch: where the files go; every node of a cluster must see it.
    """
    if name == "ray":
        from panlect.curation.ray_cluster import RayCluster

        with RayCluster(workers, scratch) as cluster:
            yield cluster
    elif workers == 1:
        yield Here()
    else:
        from panlect.curation.pool import Pool

        with Pool(workers) as pool:
            yield pool


def too_often(job: Any, error: BaseException) -> DataError:
    """Return the error of a job whose worker died each time."""
    blocks = getattr(job, "blocks", None)
    where = f"{blocks[0].name}:{blocks[0].first_row}" if blocks else f"job {number_of(job)}"
    failure = DataError(
        f"the worker process died {ATTEMPTS} times on the same rows",
        where=where,
        expected="enough memory for one block per worker",
        fix=f"set a smaller block_bytes or {WORKERS_VARIABLE}=1, and run the same command again",
    )
    failure.__cause__ = error
    return failure
