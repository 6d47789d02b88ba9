"""The engine: one function over every task, in this process or in several.

A task that is done leaves a mark, so a run that was killed continues where it was. A worker that
dies (out of memory, killed) costs its tasks a second try; dying twice on the same task names it.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from panlect.curation import work as working
from panlect.curation.inputs import Task
from panlect.curation.work import Work
from panlect.errors import DataError

WORKERS_VARIABLE = "PANLECT_WORKERS"
ATTEMPTS = 3
WORTH_A_PROCESS_BYTES = 16 << 20


def worker_count(size_bytes: int) -> int:
    """Return how many processes to use: ``PANLECT_WORKERS``, or one per core that this process may use.

    A second process takes longer to start than a small input takes to read.
    """
    asked = os.environ.get(WORKERS_VARIABLE, "")
    if asked.isdigit():
        return max(1, int(asked))
    return min(len(os.sched_getaffinity(0)), 1 + size_bytes // WORTH_A_PROCESS_BYTES)


def run_tasks(
    tasks: Iterable[Task], work: Work, scratch: Path, *, workers: int, done: Callable[[Task], None]
) -> int:
    """Process every task that is not done yet; return how many tasks there are.

    Args:
        tasks: in order; they are cut lazily, so only a few are in memory at a time.
        work: the settings.
        scratch: where results and marks are kept.
        workers: processes; 1 works in this one.
        done: called after each task, also for those an earlier run did.
    """
    count = 0

    def waiting() -> Iterator[Task]:
        nonlocal count
        for task in tasks:
            count += 1
            if working.is_done(task.number, scratch):
                done(task)
            else:
                yield task

    if workers == 1:
        for task in waiting():
            working.run(task, work, scratch)
            done(task)
    else:
        _in_pool(waiting(), partial(working.run, work=work, scratch=scratch), workers, done)
    return count


def _in_pool(
    tasks: Iterator[Task], function: Callable[[Task], None], workers: int, done: Callable[[Task], None]
) -> None:
    retry: list[Task] = []
    attempts: dict[int, int] = {}
    exhausted = False
    while retry or not exhausted:
        # spawn: a forked child would inherit the thread pools of polars and numba in an unknown state.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running: dict[Future[None], Task] = {}
            try:
                while True:
                    while len(running) < 2 * workers:
                        task = retry.pop() if retry else next(tasks, None)
                        if task is None:
                            exhausted = True
                            break
                        with _main_module_hidden():
                            running[pool.submit(function, task)] = task
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        future.result()
                        done(running.pop(future))
            except BrokenProcessPool as error:
                retry += _again(list(running.values()), attempts, error)


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


def _again(lost: list[Task], attempts: dict[int, int], error: BaseException) -> list[Task]:
    """Count the tries of tasks whose worker died.

    Raises:
        DataError: one of them was tried too often.
    """
    for task in lost:
        attempts[task.number] = attempts.get(task.number, 0) + 1
        if attempts[task.number] >= ATTEMPTS:
            names = sorted({block.name for block in task.blocks})
            raise DataError(
                f"the worker process died {ATTEMPTS} times on the same rows",
                where=f"{names[0]}:{task.blocks[0].first_row}",
                expected="enough memory for one block per worker",
                fix=f"set a smaller block_bytes or {WORKERS_VARIABLE}=1, and run the same command again",
            ) from error
    return lost
