"""The Ray engine: the machines of a cluster, or the cores of this one.

Each job is one Ray task; what it reads and leaves are files that all nodes see, so nothing large
passes through the driver or the object store. A task whose worker or node dies is started again
elsewhere by Ray. `RAY_ADDRESS` names a running cluster; without it, one is started here for the
time of the run.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from panlect.curation.engine import ATTEMPTS, too_often
from panlect.errors import FolderError
from panlect.text.needs import needs

OBJECT_STORE_BYTES = 128 << 20
"""Shared memory of a cluster started here; the engine itself puts only settings and block positions there."""


class RayCluster:
    """Runs jobs as Ray tasks."""

    def __init__(self, workers: int, scratch: Path) -> None:
        self.ray = needs("ray", "engine: ray", extra="ray")
        self.workers, self.scratch = workers, scratch
        self.started = False

    def __enter__(self) -> "RayCluster":
        if not self.ray.is_initialized():
            self._start()
        self._check_shared()
        return self

    def _start(self) -> None:
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        if os.environ.get("RAY_ADDRESS"):
            self.ray.init(**quiet)
        else:
            self.ray.init(
                num_cpus=self.workers,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                **quiet,
            )
        self.started = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.started:
            self.ray.shutdown()

    def _check_shared(self) -> None:
        """Make sure that every node sees the files of the others.

        Raises:
            FolderError: a node does not.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        probe = self.scratch / f"probe-{uuid.uuid4().hex}"
        probe.touch()
        try:
            asked = {}
            for node in self.ray.nodes():
                if node["Alive"] and node["Resources"].get("CPU"):
                    here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                    look = self.ray.remote(num_cpus=0, scheduling_strategy=here)(_sees)
                    asked[node["NodeManagerHostname"]] = look.remote(str(probe.resolve()))
            for host, answer in asked.items():
                if not self.ray.get(answer):
                    raise FolderError(
                        f"the node {host} does not see the output directory",
                        where=str(self.scratch),
                        expected="a directory on a file system that all nodes share",
                        fix="set --out to such a directory",
                    )
        finally:
            probe.unlink()

    def _room(self) -> int:
        """Return how many tasks to have in flight: nodes come and go."""
        return 2 * max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def each(self, function: Callable[[Any], None], jobs: Iterator[Any], done: Callable[[Any], None]) -> None:
        """Keep two jobs a core in flight until all are done.

        Raises:
            DataError: the worker of one job died each time.
        """
        task = self.ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_call)
        shared, directory = self.ray.put(function), os.getcwd()
        running: dict[Any, Any] = {}
        exhausted = False
        while running or not exhausted:
            room = self._room()
            while not exhausted and len(running) < room:
                job = next(jobs, None)
                exhausted = job is None
                if not exhausted:
                    running[task.remote(shared, job, directory)] = job
            if running:
                for ready in self.ray.wait(list(running), num_returns=1)[0]:
                    job = running.pop(ready)
                    self._result(ready, job)
                    done(job)

    def _result(self, ready: Any, job: Any) -> None:
        errors = self.ray.exceptions
        try:
            self.ray.get(ready)
        except errors.RayTaskError as error:
            cause: BaseException = error.cause
            raise cause from None
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise too_often(job, error) from error


def _sees(path: str) -> bool:
    return Path(path).exists()


def _call(function: Callable[[Any], None], job: Any, directory: str) -> None:
    """Do a job where the user stands: settings name files relative to that."""
    os.chdir(directory)
    function(job)
