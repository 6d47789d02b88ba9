"""Which of several processes of one run this is, from the environment variables that torchrun sets.

Rank 0 leads: it alone writes folders, logs and reports. The others compute along where a stage can share its
work (training) and wait for the finished folder where it cannot. All of them see the same file system.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.2


_alone = False


@contextmanager
def alone() -> Iterator[None]:
    """Within the block this process is the only one: for work that cannot be shared."""
    global _alone
    _alone = True
    try:
        yield
    finally:
        _alone = False


def rank() -> int:
    """Number of this process, 0 for the one that leads or is alone."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def count() -> int:
    """How many processes share the run."""
    if _alone or not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        return 1
    return int(os.environ["WORLD_SIZE"])


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again; who starts the processes (torchrun, srun) ends them all when one fails."""
    while not holds():
        time.sleep(POLL_SECONDS)


def made(file: Path, make: Callable[[Path], None]) -> Path:
    """Return the file; where it is missing, rank 0 makes it under another name and the others wait for it."""
    if rank():
        wait_until(file.is_file)
    elif not file.is_file():
        writing = file.with_name(file.name + ".writing")
        make(writing)
        os.replace(writing, file)
    return file
