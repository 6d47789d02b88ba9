"""Run a recipe: what is not finished yet, in the file's order, then the report and the gates.

A step is finished when its folder's fingerprint equals the one computed from the stage's version,
the step's complete settings and its inputs' fingerprints. So the same command continues a killed
run, and a changed setting re-runs its step and everything after it, and nothing else.

    runs/<recipe>/<step>/   one folder per step
    runs/<recipe>/numbers.parquet, report.html, run.json
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from panlect import __version__, ranks, tables
from panlect.config import Config, check, nearest
from panlect.draft import fingerprint, replacing
from panlect.errors import FolderError, PanlectError
from panlect.folder import MANIFEST, Folder, Input, resolve
from panlect.gates import Verdict, judge
from panlect.progress import say
from panlect.recipe import Recipe, Step
from panlect.stage import Stage, load

REPORT = "report"


@dataclass(frozen=True)
class Planned:
    """A step with everything known about it before it runs."""

    step: Step
    stage: Stage
    config: Config
    out: Path
    fingerprint: str
    finished: bool


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    out: Path
    folders: Mapping[str, Folder]
    numbers: pl.DataFrame
    verdicts: Sequence[Verdict]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every gate holds."""
        return all(verdict.holds for verdict in self.verdicts)


def plan(recipe: Recipe, out: Path, *, where: str = "recipe") -> list[Planned]:
    """Check every step's settings and find out which steps are finished. Nothing is written.

    Raises:
        ConfigError: a stage is unknown or its settings are wrong.
        FolderError: an input that is not an earlier step is missing or unfinished.
    """
    planned: dict[str, Planned] = {}
    external: dict[str, str] = {}
    for step in recipe.steps:
        stage = load(step.stage)
        config = step_config(recipe, step, where=where)
        prints = []
        for name in step.inputs:
            if name not in planned and name not in external:
                external[name] = _outside(name, planned, f"{where}:steps.{step.name}.from").fingerprint
            prints.append(planned[name].fingerprint if name in planned else external[name])
        target = out / step.name
        print_ = fingerprint(stage.name, stage.version, config, prints)
        finished = Folder.finished(target, print_)
        planned[step.name] = Planned(step, stage, config, target, print_, finished is not None)
    _report_config(recipe, [], where)
    return list(planned.values())


def step_config(recipe: Recipe, step: Step, *, where: str) -> Config:
    """Return a step's complete settings; the recipe's own `languages` and `seed` are defaults.

    Raises:
        ConfigError: the stage is unknown or its settings are wrong; every mistake is listed.
    """
    kind = load(step.stage).config
    seed = recipe.seed if step.seed is None else step.seed
    defaults: dict[str, Any] = {}
    if recipe.languages and "languages" in kind.model_fields:
        defaults["languages"] = recipe.languages
    if seed is not None and "seed" in kind.model_fields:
        defaults["seed"] = seed
    return check(kind, defaults | step.settings, where=f"{where}:steps.{step.name}")


def _outside(name: str, planned: Mapping[str, Planned], where: str) -> Input:
    try:
        return resolve(name)
    except FolderError as error:
        hint = (
            nearest(name, planned) if planned and "/" not in name and not Path(name).exists() else error.fix
        )
        raise FolderError(
            f"{error.what}: '{name}'", where=where, expected=error.expected, fix=hint
        ) from error


def run(recipe: Recipe, out: Path, *, where: str = "recipe") -> Outcome:
    """Run what is not finished, then write the numbers, the report and run.json.

    Of several processes (torchrun) only rank 0 writes the report and judges the gates.

    Raises:
        PanlectError: a step failed; the finished steps stay, and the same call continues.
    """
    started = time.monotonic()
    todo = plan(recipe, out, where=where)
    _refuse_foreign(out)
    out.mkdir(parents=True, exist_ok=True)
    folders: dict[str, Folder] = {}
    for number, planned in enumerate(todo, start=1):
        name = planned.step.name
        title = f"[{number}/{len(todo)}] {name} ({planned.stage.name})"
        if planned.finished:
            say(f"{title}: finished before")
            folders[name] = Folder.open(planned.out)
            continue
        say(title)
        inputs = [folders.get(each) or resolve(each) for each in planned.step.inputs]
        folders[name] = _one(planned, inputs)
    if ranks.rank():
        return Outcome(out, folders, tables.empty("numbers"), [], time.monotonic() - started)
    numbers = _merge_numbers(out, list(folders.values()))
    verdicts = [judge(gate, numbers) for gate in recipe.gates]
    _report(out, list(folders.values()), _report_config(recipe, verdicts, where))
    outcome = Outcome(out, folders, numbers, verdicts, time.monotonic() - started)
    _write_summary(recipe, outcome)
    return outcome


def _one(planned: Planned, inputs: Sequence[Input]) -> Folder:
    started = time.monotonic()
    try:
        folder = planned.stage.make(inputs, planned.out, planned.config)
    except PanlectError as error:
        error.where = f"step {planned.step.name}" + (f", {error.where}" if error.where else "")
        raise
    assert folder.fingerprint == planned.fingerprint, "a stage must pass its own config and inputs to draft()"
    say(f"  done in {time.monotonic() - started:.1f} s")
    return folder


def _refuse_foreign(out: Path) -> None:
    """Refuse to mix a run with files that are not a run's."""
    if not out.exists() or (out / "run.json").is_file():
        return
    if not out.is_dir():
        raise FolderError("the output is a file", where=str(out), fix="choose another --out")
    ours = [
        child for child in out.iterdir() if child.name.endswith(".partial") or (child / MANIFEST).is_file()
    ]
    if any(out.iterdir()) and not ours:
        raise FolderError(
            "the output directory holds other files", where=str(out), fix="choose another --out"
        )


def _merge_numbers(out: Path, folders: Sequence[Folder]) -> pl.DataFrame:
    frames = [tables.empty("numbers"), *(folder.numbers() for folder in folders)]
    numbers = pl.concat(frames, how="diagonal_relaxed")
    with replacing(out / "numbers.parquet") as partial:
        numbers.write_parquet(partial, compression="zstd")
    return numbers


def _report_config(recipe: Recipe, verdicts: Sequence[Verdict], where: str) -> Config:
    """The recipe's own settings of the report, under what is known from elsewhere."""
    settings = {"title": recipe.name, "description": recipe.description} | dict(recipe.report)
    settings["verdicts"] = [verdict.model_dump(mode="json") for verdict in verdicts]
    return check(load(REPORT).config, settings, where=f"{where}:report")


def _report(out: Path, folders: Sequence[Folder], config: Config) -> None:
    stage, target = load(REPORT), out / REPORT
    wanted = fingerprint(REPORT, stage.version, config, [each.fingerprint for each in folders])
    if Folder.finished(target, wanted) is None:
        stage.function(list(folders), target, config)
    shutil.copyfile(target / "report.html", out / "report.html")


def peak_memory_bytes() -> int:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _write_summary(recipe: Recipe, outcome: Outcome) -> None:
    summary = {
        "recipe": recipe.model_dump(mode="json"),
        "panlect": __version__,
        "steps": {
            name: {
                key: folder.manifest[key] for key in ("stage", "fingerprint", "config", "seconds", "finished")
            }
            for name, folder in outcome.folders.items()
        },
        "gates": [verdict.model_dump(mode="json") for verdict in outcome.verdicts],
        "holds": outcome.holds,
        "seconds": round(outcome.seconds, 1),
        "peak_memory_bytes": peak_memory_bytes(),
    }
    with replacing(outcome.out / "run.json") as partial:
        partial.write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
