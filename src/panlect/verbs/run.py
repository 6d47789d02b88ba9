"""`panlect run RECIPE`."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from panlect import ranks
from panlect import run as running
from panlect.config import parse_setting
from panlect.plan import show as show_plan
from panlect.recipe import read_recipe
from panlect.report import terminal
from panlect.run import Outcome
from panlect.verbs import DONE, GATE_FAILED, print_json


def build_run(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a recipe in YAML")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's directory (runs/<recipe name>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. steps.base.seed=2"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run the recipe, or show its plan."""
    recipe = read_recipe(options.recipe, [parse_setting(text) for text in options.set])
    out = options.out or Path("runs") / recipe.name
    if options.dry_run:
        show_plan(running.plan(recipe, out, where=str(options.recipe)), as_json=options.json)
        return DONE
    outcome = running.run(recipe, out, where=str(options.recipe))
    if ranks.rank():
        return DONE
    if options.json:
        print_json(json.loads((out / "run.json").read_text(encoding="utf-8")))
    else:
        _show_outcome(outcome)
    return DONE if outcome.holds else GATE_FAILED


def _show_outcome(outcome: Outcome) -> None:
    console = Console()
    console.print(terminal.final_table(outcome.numbers, order=list(outcome.folders)))
    for verdict in outcome.verdicts:
        print(f"{'✓' if verdict.holds else '✗'} {verdict.sentence}")
    memory = f"{running.peak_memory_bytes() / 2**30:.1f} GiB at most"
    print(f"report: {outcome.out / 'report.html'}  ({outcome.seconds:.0f} s, {memory})")
