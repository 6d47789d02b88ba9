"""`panlect lang CODE...`."""

import argparse

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panlect.language import codes_of, describe, groups
from panlect.verbs import DONE, print_json


def build_lang(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("codes", nargs="*", metavar="CODE", help="codes, names or groups such as cldr-100")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def lang(options: argparse.Namespace) -> int:
    """Print languages and the members of groups, or all groups."""
    if not options.codes:
        print("\n".join(groups()))
        return DONE
    rows = [describe(code) for code in codes_of(options.codes)]
    if options.json:
        print_json({"languages": rows})
        return DONE
    # The script stands in the code; a narrow terminal has no room to say it twice.
    shown = ("code", "name", "own_name", "direction", "family", "resource_class", "bcp47")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in shown:
        table.add_column(key.replace("_", " "), no_wrap=key in {"code", "bcp47"})
    for row in rows:
        table.add_row(*("" if row.get(key) is None else str(row[key]) for key in shown))
    Console().print(table)
    return DONE
