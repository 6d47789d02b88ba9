"""A recipe: steps in the order they run, in one YAML file, and the gates that judge the result.

    name: swahili-from-llama
    languages: [eng_Latn, swh_Latn]     # the default of every step that has the setting `languages`
    seed: 1                             # the default of every step that has the setting `seed`
    steps:
      text:    {stage: curate, from: [data/raw/*.jsonl.zst]}
      mixture: {stage: mix, from: [text], method: unimax}
    gates:
      - {measure: off_target, step: chat, at_most: 0.02}

With ``seeds: [101, 102, 103]`` instead of `seed`, every step is made once per seed and called
``base-101``, and a gate on `base` judges each; a step with ``once: true`` runs a single time: before the
others if it needs none of them, so that all seeds share it, else after them, on the copies of all seeds.
``include: [papers/*.yaml]`` puts the steps of other recipes, found beside this file, before its own;
steps of one name are one step and have to be equal. A step's `from` names earlier steps, or paths
relative to where the command runs, or hub ids. The file's order is the order: there is no scheduler.
This file reads and checks the structure; the settings of each step are checked by its stage
(`panlect.run`).
"""

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pydantic import Field

from panlect.config import Config, check, nearest, read_yaml
from panlect.errors import ConfigError
from panlect.folder import External
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
    seed: int | None = None
    """The seed of its stage, if that has one; by default the recipe's."""
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
    seeds: tuple[int, ...] = Field(default=())
    """Make every step once per seed: at least three digits each, which the report takes for repetitions."""
    steps: tuple[Step, ...]
    """The steps, in the order they run."""
    gates: tuple[Gate, ...] = ()
    """The conditions on the result."""
    report: dict[str, Any] = Field(default_factory=dict)
    """Settings of the report, such as `arms` or `leading`, unchecked here."""


def read_recipe(path: Path, overrides: Sequence[tuple[Sequence[str], Any]] = ()) -> Recipe:
    """Read and check a recipe file; each override is a key path (``steps.base.seed``) and a value.

    Raises:
        ConfigError: lists every mistake in the structure.
    """
    values = _with_included(read_yaml(path), path)
    for keys, value in overrides:
        _override(values, keys, value)
    return parse_recipe(values, where=str(path))


def _with_included(values: dict[str, Any], path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Put the steps of the recipes that `include` names before the recipe's own."""
    if path.resolve() in above:
        raise ConfigError("the recipe includes itself", where=f"{above[-1]}:include")
    patterns = values.pop("include", ())
    if not isinstance(patterns, list | tuple) or not all(isinstance(each, str) for each in patterns):
        raise ConfigError("`include` is no list of recipes", where=f"{path}:include", expected="[other.yaml]")
    steps: dict[str, Any] = {}
    for pattern in patterns:
        files = sorted(path.parent.glob(pattern))
        if not files:
            raise ConfigError(f"no recipe is called '{pattern}'", where=f"{path}:include")
        for file in files:
            other = _with_included(read_yaml(file), file, (*above, path.resolve()))
            parse_recipe(other, where=str(file))
            _join(steps, other["steps"], str(file))
    if steps and isinstance(values.get("steps"), dict):
        _join(steps, values["steps"], str(path))
        values["steps"] = steps
    return values


def _join(steps: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    for name, step in more.items():
        if steps.setdefault(name, step) != step:
            raise ConfigError(
                f"an included recipe has another step '{name}'",
                where=f"{where}:steps.{name}",
                expected="steps of one name to be equal",
                fix="rename one of them",
            )


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
    if not recipe.seeds:
        return recipe
    if recipe.seed is not None or min(recipe.seeds) < 100 or len(set(recipe.seeds)) < len(recipe.seeds):
        raise ConfigError(
            "these seeds cannot be used",
            where=f"{where}:seeds",
            expected="different numbers from 100 on, and no `seed`",
        )
    once = {str(name) for name, step in steps.items() if step.get("once", False)}
    return _repeated(recipe, once, where)


def _repeated(recipe: Recipe, once: Set[str], where: str) -> Recipe:
    """Write every step out once per seed, with its inputs and its gates.

    Of those in `once`, what needs no copy comes before the copies, the rest after them.
    """
    repeated = {step.name for step in recipe.steps} - once
    late = set(repeated)
    for step in recipe.steps:
        if late & set(step.inputs):
            late.add(step.name)
    late -= repeated

    def copy(name: str, seed: int) -> str:
        return f"{name}-{seed}" if name in repeated else name

    steps = [step for step in recipe.steps if step.name in once - late]
    for seed in recipe.seeds:
        for step in (each for each in recipe.steps if each.name in repeated):
            if early := late & set(step.inputs):
                raise ConfigError(
                    f"'{min(early)}' waits for the steps of all seeds",
                    where=f"{where}:steps.{step.name}.from",
                    fix=f"give '{step.name}' `once: true` too",
                )
            inputs = tuple(copy(name, seed) for name in step.inputs)
            steps.append(
                step.model_copy(update={"name": copy(step.name, seed), "inputs": inputs, "seed": seed})
            )
    for step in (each for each in recipe.steps if each.name in late):
        inputs = tuple(dict.fromkeys(copy(name, seed) for name in step.inputs for seed in recipe.seeds))
        steps.append(step.model_copy(update={"inputs": inputs}))
    gates = [
        gate.model_copy(update={"step": copy(gate.step, seed), "versus": copy(gate.versus, seed)})
        for gate in recipe.gates
        for seed in (recipe.seeds if {gate.step, gate.versus} & repeated else recipe.seeds[:1])
    ]
    return recipe.model_copy(update={"steps": tuple(steps), "gates": tuple(gates)})


def _step(name: str, step: Mapping[str, Any]) -> dict[str, Any]:
    inputs = step.get("from", [])
    return {
        "name": name,
        "stage": step["stage"],
        "inputs": [inputs] if isinstance(inputs, str) else inputs,
        "settings": {key: value for key, value in step.items() if key not in {"stage", "from", "once"}},
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
    if not isinstance(step.get("once", False), bool):
        return [f"{place}.once: expected true or false"]
    later = set(order[order.index(name) :])
    what = {True: "this step itself", False: f"a later step; move it before '{name}'"}
    return [f"{place}.from: '{each}' is {what[each == name]}" for each in inputs if each in later]


def _check_gates(recipe: Recipe, where: str) -> None:
    names = _measured(recipe)
    for number, gate in enumerate(recipe.gates):
        for key, step in (("step", gate.step), ("versus", gate.versus)):
            if step and step not in names:
                raise ConfigError(
                    f"the gate names a step that is not there: '{step}'",
                    where=f"{where}:gates.{number}.{key}",
                    fix=nearest(step, names),
                )


def _measured(recipe: Recipe) -> list[str]:
    """Names that numbers carry in `step`: of steps, of models from outside, of models behind an endpoint."""
    names = [step.name for step in recipe.steps]
    for step in recipe.steps:
        names += [External(each).name for each in step.inputs if each not in names]
        endpoint = step.settings.get("endpoint")
        if isinstance(endpoint, dict) and isinstance(endpoint.get("model"), str):
            names.append(endpoint["model"].replace("/", "_"))
    return names


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
