"""The stages: one file, one verb, one docs page each.

A stage's file holds ``VERSION``, its settings class (``MixConfig`` for ``mix``) and the function of
the same name, ``(inputs, out, config) -> Folder``. This table is the only registration, and its
strings keep ``panlect --help`` from importing anything heavy.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from panlect.config import Config, nearest
from panlect.errors import ConfigError
from panlect.folder import Folder, Input


class Entry(NamedTuple):
    """Where a stage is and what it does, in one line."""

    module: str
    summary: str


STAGES: Mapping[str, Entry] = MappingProxyType(
    {
        "world": Entry("panlect.stages.world", "build the embedded world: facts and names in 100 languages"),
        "curate": Entry(
            "panlect.stages.curate", "read text in any format; every row is kept, or set aside with a reason"
        ),
        "mix": Entry("panlect.stages.mix", "decide how much of which language is seen, and when"),
        "tokenizer": Entry("panlect.stages.tokenizer", "train a tokenizer on a mixture"),
        "pretrain": Entry("panlect.stages.pretrain", "train a language model, new or continued"),
        "instruct": Entry("panlect.stages.instruct", "fine-tune on dialogues, loss on the answers only"),
        "feedback": Entry("panlect.stages.feedback", "make preference pairs, each with a typed reason"),
        "prefer": Entry("panlect.stages.prefer", "align with preference pairs"),
        "evaluate": Entry("panlect.stages.evaluate", "measure models in every language, with intervals"),
        "report": Entry("panlect.report.page", "write one offline page about a run"),
    }
)


class Stage(NamedTuple):
    """A loaded stage."""

    name: str
    function: Callable[[Sequence[Input], Path, Config], Folder]
    config: type[Config]
    version: int


def load(name: str) -> Stage:
    """Import a stage's file.

    Raises:
        ConfigError: there is no such stage.
    """
    if name not in STAGES:
        raise ConfigError(f"there is no stage '{name}'", where="stage", fix=nearest(name, STAGES))
    module = importlib.import_module(STAGES[name].module)
    config = getattr(module, name.title().replace("_", "") + "Config")
    return Stage(name, getattr(module, name), config, module.VERSION)
