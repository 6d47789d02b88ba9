"""`panlect lang CODE...`."""

import argparse

from rich.console import Console
from rich.table import Table

from panlect.language import Language, describe, group, groups
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
    found = [
        language
        for code in options.codes
        for language in (group(code) if code in groups() or ":" in code else [Language.parse(code)])
    ]
    rows = [describe(language) for language in found]
    if options.json:
        print_json({"languages": rows})
        return DONE
    shown = ("code", "name", "own_name", "script", "direction", "family", "resource_class", "bcp47")
    table = Table(*shown)
    for row in rows:
        table.add_row(*("" if row.get(key) is None else str(row[key]) for key in shown))
    Console().print(table)
    return DONE
