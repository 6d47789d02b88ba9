"""A recipe: steps in the order they run, in one YAML file, and the gates that judge the result.

    name: swahili-from-llama
    languages: [eng_Latn, swh_Latn]     # the default of every step that has the setting `languages`
    seed: 1                             # the default of every step that has the setting `seed`
    steps:
      text:    {stage: curate, from: [data/raw/*.jsonl.zst]}
      mixture: {stage: mix, from: [text], method: unimax}
    gates:
      - {measure: off_target, step: chat, at_most: 0.02}

A step's `from` names earlier steps, or paths relative to where the command runs, or hub ids. The
file's order is the order: there is no scheduler. This file reads and checks the structure; the
settings of each step are checked by its stage (`panlect.run`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from panlect.config import Config, check, nearest, read_yaml
from panlect.errors import ConfigError
from panlect.gates import Gate

STEP_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
RESERVED_STEP_NAMES = frozenset({"report", "report.html", "numbers.parquet", "run.json"})


class Step(Config):
    """One step: a stage, its inputs, and the settings that differ from the stage's defaults."""

    name: str
    """The step's name, which is its directory's name inside the run."""
    stage: str
    """The stage that it runs."""
    inputs: tuple[str, ...] = ()
    """Earlier steps, paths, globs or hub ids."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The stage's settings, unchecked here."""


class Recipe(Config):
    """A checked recipe."""

    name: str
    """Names the run's directory."""
    description: str = ""
    """One or two sentences on what it shows, for the report."""
    languages: str | tuple[str, ...] = ()
    """Codes, or the name of a group: the default of every step that has the setting `languages`."""
    seed: int | None = None
    """The default of every step that has the setting `seed`."""
    steps: tuple[Step, ...]
    """The steps, in the order they run."""
    gates: tuple[Gate, ...] = ()
    """The conditions on the result."""


def read_recipe(path: Path, overrides: Sequence[tuple[Sequence[str], Any]] = ()) -> Recipe:
    """Read and check a recipe file; each override is a key path (``steps.base.seed``) and a value.

    Raises:
        ConfigError: lists every mistake in the structure.
    """
    values = read_yaml(path)
    for keys, value in overrides:
        _override(values, keys, value)
    return parse_recipe(values, where=str(path))


def parse_recipe(values: Mapping[str, Any], *, where: str) -> Recipe:
    """Check the content of a recipe file.

    Raises:
        ConfigError: lists every mistake in the structure.
    """
    steps = values.get("steps")
    if not isinstance(steps, dict) or not steps:
        raise ConfigError(
            "a recipe needs steps", where=f"{where}:steps", expected="a mapping of names to steps"
        )
    mistakes = [line for name, step in steps.items() for line in _step_mistakes(str(name), step, list(steps))]
    if mistakes:
        lines = "\n  ".join(f"{where}:{line}" for line in mistakes)
        raise ConfigError(f"the steps are wrong\n  {lines}", where=where)
    parsed = [_step(name, step) for name, step in steps.items()]
    recipe = check(Recipe, {**values, "steps": parsed}, where=where)
    _check_gates(recipe, where)
    return recipe


def _step(name: str, step: Mapping[str, Any]) -> dict[str, Any]:
    inputs = step.get("from", [])
    return {
        "name": name,
        "stage": step["stage"],
        "inputs": [inputs] if isinstance(inputs, str) else inputs,
        "settings": {key: value for key, value in step.items() if key not in {"stage", "from"}},
    }


def _step_mistakes(name: str, step: object, order: list[str]) -> list[str]:
    place = f"steps.{name}"
    if not STEP_NAME.fullmatch(name) or name in RESERVED_STEP_NAMES:
        return [f"{place}: a step's name has lower-case letters, digits, dots, dashes and underscores"]
    if not isinstance(step, dict) or not isinstance(step.get("stage"), str):
        return [f"{place}: a step is a mapping with the key 'stage'"]
    inputs = step.get("from", [])
    inputs = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(inputs, list) or not all(isinstance(each, str) for each in inputs):
        return [f"{place}.from: expected a list of steps and paths"]
    later = set(order[order.index(name) :])
    what = {True: "this step itself", False: f"a later step; move it before '{name}'"}
    return [f"{place}.from: '{each}' is {what[each == name]}" for each in inputs if each in later]


def _check_gates(recipe: Recipe, where: str) -> None:
    names = [step.name for step in recipe.steps]
    for number, gate in enumerate(recipe.gates):
        for key, step in (("step", gate.step), ("versus", gate.versus)):
            if step and step not in names:
                raise ConfigError(
                    f"the gate names a step that is not there: '{step}'",
                    where=f"{where}:gates.{number}.{key}",
                    fix=nearest(step, names),
                )


def _override(values: dict[str, Any], keys: Sequence[str], value: object) -> None:
    place: Any = values
    for key in keys[:-1]:
        if not isinstance(place, dict) or key not in place:
            known = place if isinstance(place, dict) else ()
            raise ConfigError(
                f"the recipe has no key '{key}'", where=f"--set {'.'.join(keys)}", fix=nearest(key, known)
            )
        place = place[key]
    if not isinstance(place, dict):
        raise ConfigError("this is not a mapping of keys", where=f"--set {'.'.join(keys)}")
    place[keys[-1]] = value
