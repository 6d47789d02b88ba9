"""`panlect STAGE INPUT... --out DIR`: the same few arguments for every stage."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panlect import config, ranks, show
from panlect.config import Config
from panlect.draft import fingerprint
from panlect.errors import ConfigError
from panlect.folder import Folder, Input, resolve
from panlect.progress import say
from panlect.stage import Stage, load
from panlect.verbs import DONE, print_json

LISTED_SETTINGS = ("languages", "benchmarks")
"""Settings that are lists of names and may be written --languages swh,hin_Deva."""
WITH_PAGE = frozenset({"audit"})
"""Stages whose numbers are read by people at once: a page is written beside their folder."""


def build_stage(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every stage has, and no others."""
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="finished folders, files, globs or hub ids"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to make")
    parser.add_argument(
        "--config", type=Path, action="append", default=[], metavar="FILE", help="settings in YAML"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; wins")
    for setting in LISTED_SETTINGS:
        parser.add_argument(f"--{setting}", metavar="A,B", help=f"short for --set {setting}=[A, B]")
    parser.add_argument("--plan", action="store_true", help="only say what it would do")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def stage(options: argparse.Namespace) -> int:
    """Run the stage `options.stage`, or say what it would do."""
    loaded = load(options.stage)
    settings = config.check(loaded.config, settings_of(options), where=_sources(options))
    inputs = [resolve(each) for each in options.inputs]
    if options.plan:
        return _plan(loaded, inputs, settings)
    if options.out is None:
        raise ConfigError("where to write is missing", where=f"panlect {options.stage}", expected="--out DIR")
    folder = _make(loaded, inputs, options.out, settings)
    if not ranks.rank():
        if loaded.name in WITH_PAGE:
            _write_page(folder)
        _print_folder(folder, as_json=options.json)
    return DONE


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of files and of ``--set``, later ones over earlier ones."""
    values: dict[str, Any] = {}
    for file in options.config:
        values |= config.read_yaml(file)
    for setting in LISTED_SETTINGS:
        if (text := getattr(options, setting, None)) is not None:
            values[setting] = [each.strip() for each in text.split(",") if each.strip()]
    for text in options.set:
        _set(values, *config.parse_setting(text))
    return values


def _make(stage: Stage, inputs: Sequence[Input], out: Path, settings: Config) -> Folder:
    """Run a stage, unless the folder holds just this result already."""
    wanted = fingerprint(stage.name, stage.version, settings, [each.fingerprint for each in inputs])
    if folder := Folder.finished(out, wanted):
        say(f"{out}: finished before")
        return folder
    return stage.make(inputs, out, settings)


def _write_page(folder: Folder) -> None:
    from panlect.report.page import render
    from panlect.report.record import read
    from panlect.report.settings import ReportConfig

    page = folder.path.with_name(f"{folder.path.name}.html")
    page.write_text(
        render(read([folder]), ReportConfig(title=f"{folder.name}: tokenizers")), encoding="utf-8"
    )
    say(f"page: {page}")


def _plan(stage: Stage, inputs: Sequence[Input], settings: Config) -> int:
    if stage.plan is not None:
        print(stage.plan(inputs, settings))
    elif stage.estimate is not None:
        print_json(dict(stage.estimate(inputs, settings)))
    else:
        raise ConfigError(f"the stage '{stage.name}' has no plan", where="--plan", fix="leave --plan out")
    return DONE


def _sources(options: argparse.Namespace) -> str:
    return " + ".join([*map(str, options.config), *(["--set"] if options.set else [])]) or options.stage


def _set(values: dict[str, Any], keys: list[str], value: object) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def _print_folder(folder: Folder, *, as_json: bool) -> None:
    if as_json:
        print_json(show.summary(folder))
        return
    print(folder.path)
