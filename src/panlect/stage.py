"""A stage, loaded: its function, its settings class and its version."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from panlect.config import Config, nearest
from panlect.errors import ConfigError
from panlect.folder import Folder, Input
from panlect.stages import STAGES

Estimate = Callable[[Sequence[Input], Config], Mapping[str, float]]
Plan = Callable[[Sequence[Input], Config], str]


class Stage(NamedTuple):
    """What a stage's file defines; `estimate` (figures) and `plan` (a text) say before what it will do."""

    name: str
    function: Callable[[Sequence[Input], Path, Config], Folder]
    config: type[Config]
    version: int
    estimate: Estimate | None
    plan: Plan | None


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
    return Stage(name, getattr(module, name), config, module.VERSION, *before)
