"""A stage, loaded: its function, its settings class and its version."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from panlect import ranks
from panlect.config import Config, nearest
from panlect.draft import fingerprint
from panlect.errors import ConfigError
from panlect.folder import Folder, Input
from panlect.stages import STAGES

Estimate = Callable[[Sequence[Input], Config], Mapping[str, float]]
Plan = Callable[[Sequence[Input], Config], str]


class Stage(NamedTuple):
    """What a stage's file defines; `estimate` (figures) and `plan` (a text) say before what it will do.

    `parallel` (``PARALLEL = True`` in the file) means that several processes can share its work.
    """

    name: str
    function: Callable[[Sequence[Input], Path, Config], Folder]
    config: type[Config]
    version: int
    estimate: Estimate | None
    plan: Plan | None
    parallel: bool = False

    def make(self, inputs: Sequence[Input], out: Path, config: Config) -> Folder:
        """Run the stage; what several processes cannot share, rank 0 does while the others wait."""
        if ranks.rank() and not self.parallel:
            wanted = fingerprint(self.name, self.version, config, [each.fingerprint for each in inputs])
            ranks.wait_until(lambda: Folder.finished(out, wanted) is not None)
            return Folder.open(out)
        if self.parallel:
            return self.function(inputs, out, config)
        with ranks.alone():
            return self.function(inputs, out, config)


def load(name: str) -> Stage:
    """Import a stage's file.

    Raises:
        ConfigError: there is no such stage.
    """
    if name not in STAGES:
        raise ConfigError(f"there is no stage '{name}'", where="stage", fix=nearest(name, STAGES))
    module = importlib.import_module(STAGES[name].module)
    config = getattr(module, name.title().replace("_", "") + "Config")
    before = getattr(module, "estimate", None), getattr(module, "plan", None)
    parallel = getattr(module, "PARALLEL", False)
    return Stage(name, getattr(module, name), config, module.VERSION, *before, parallel)
