"""`panlect show FOLDER`."""

import argparse
from pathlib import Path

from rich.console import Console

from panlect import show as showing
from panlect.folder import Folder
from panlect.language import Language
from panlect.verbs import DONE, print_json


def build_show(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--dropped", action="store_true", help="the rows that were set aside, with their reasons"
    )
    parser.add_argument("--language", metavar="CODE", help="only this language")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def show(options: argparse.Namespace) -> int:
    """Print the folder, one language of it, or what it dropped."""
    folder = Folder.open(options.folder)
    language = Language.parse(options.language).code if options.language else None
    if options.dropped:
        frame = showing.dropped(folder, language)
        if options.json:
            print_json({"folder": str(folder.path), "dropped": frame.to_dicts()})
        else:
            Console().print(showing.dropped_table(frame))
    elif options.json:
        print_json(showing.summary(folder, language))
    else:
        Console().print(*showing.summary_tables(folder, language), sep="\n")
    return DONE
