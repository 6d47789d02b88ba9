"""`panlect plan RECIPE` and `panlect plan STAGE INPUT...`: what it will take, before it runs."""

import argparse
from pathlib import Path

from rich.console import Console

from panlect import plan as planning
from panlect import run as running
from panlect.config import check, parse_setting
from panlect.errors import ConfigError
from panlect.folder import resolve
from panlect.recipe import read_recipe
from panlect.stage import load
from panlect.stages import STAGES
from panlect.verbs import DONE, print_json
from panlect.verbs.stage import settings_of


def build_plan(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", metavar="RECIPE|STAGE", help="a recipe in YAML, or the name of a stage")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="of a stage: its inputs, finished")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's directory (runs/<recipe name>)")
    parser.add_argument("--config", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def plan(options: argparse.Namespace) -> int:
    """Show parameters, tokens, memory, hours and money; training is measured for some seconds."""
    if options.what in STAGES:
        return _plan_stage(options)
    recipe = read_recipe(Path(options.what), [parse_setting(text) for text in options.set])
    out = options.out or Path("runs") / recipe.name
    planning.show(running.plan(recipe, out, where=options.what), as_json=options.json)
    return DONE


def _plan_stage(options: argparse.Namespace) -> int:
    stage = load(options.what)
    settings = check(stage.config, settings_of(options), where=options.what)
    if stage.estimate is None:
        raise ConfigError(f"the stage '{stage.name}' cannot be estimated", where="panlect plan")
    found = dict(stage.estimate([resolve(each) for each in options.inputs], settings))
    if options.json:
        print_json(found)
    else:
        Console().print(planning.table_of(found))
    return DONE
