"""The pool engine: processes on this machine.

A worker that dies (out of memory, killed) costs its jobs another try in a new pool; a job that
costs too many workers is named.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from panlect.curation.engine import ATTEMPTS, number_of, too_often


class Pool:
    """Processes that stay from phase to phase."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.processes = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # spawn: a forked child would inherit the thread pools of polars and numba in an unknown state.
        return ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.shutdown(cancel_futures=True)

    def each(self, function: Callable[[Any], None], jobs: Iterator[Any], done: Callable[[Any], None]) -> None:
        """Keep two jobs a worker in flight until all are done."""
        retry: list[Any] = []
        attempts: dict[int, int] = {}
        while True:
            running: dict[Future[None], Any] = {}
            try:
                self._until_broken(function, (retry, jobs), running, done)
                return
            except BrokenProcessPool as error:
                self.processes.shutdown(wait=True)
                self.processes = self._new()
                retry += _again(list(running.values()), attempts, error)

    def _until_broken(
        self,
        function: Callable[[Any], None],
        waiting: tuple[list[Any], Iterator[Any]],
        running: dict[Future[None], Any],
        done: Callable[[Any], None],
    ) -> None:
        retry, jobs = waiting
        while True:
            while len(running) < 2 * self.workers:
                job = retry.pop() if retry else next(jobs, None)
                if job is None:
                    break
                try:
                    with _main_module_hidden():
                        running[self.processes.submit(function, job)] = job
                except BrokenProcessPool:
                    retry.append(job)
                    raise
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                done(running.pop(future))


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep new workers from running the user's script again: all that they need can be imported by name."""
    main = sys.modules["__main__"]
    kept: dict[str, object] = {
        name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__
    }
    main.__dict__.update(dict.fromkeys(kept, None))
    try:
        yield
    finally:
        main.__dict__.update(kept)


def _again(lost: list[Any], attempts: dict[int, int], error: BaseException) -> list[Any]:
    """Count the tries of jobs whose worker died.

    Raises:
        DataError: one of them was tried too often.
    """
    for job in lost:
        number = number_of(job)
        attempts[number] = attempts.get(number, 0) + 1
        if attempts[number] >= ATTEMPTS:
            raise too_often(job, error)
    return lost
