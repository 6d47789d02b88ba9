"""`panlect explain STAGE` and `panlect schema STAGE`."""

import argparse

from panlect import config
from panlect.stage import load
from panlect.verbs import DONE, print_json


def build_explain(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("stage", metavar="STAGE")


build_schema = build_explain


def explain(options: argparse.Namespace) -> int:
    """Print the settings as annotated YAML."""
    print(config.explain(load(options.stage).config), end="")
    return DONE


def schema(options: argparse.Namespace) -> int:
    """Print the settings as JSON Schema."""
    print_json(config.schema(load(options.stage).config))
    return DONE
