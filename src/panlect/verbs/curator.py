"""The curator's hand tools: `panlect doctor FILE` and `panlect identify FILE`."""

import argparse
import json
from pathlib import Path

from panlect.curation import hand_tools as tools
from panlect.text.identify_packaged import widest
from panlect.verbs import DONE


def build_doctor(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file, or a directory of files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def doctor(options: argparse.Namespace) -> int:
    """Show damage and repairs."""
    found = tools.doctor_file(options.file)
    print(json.dumps(found, ensure_ascii=False) if options.json else tools.doctor_text(found))
    return DONE


def build_identify(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    build_doctor(parser)
    parser.add_argument(
        "--model", default=widest(), help="wide, both, langid, cld2, heliport, a fastText file ..."
    )
    parser.add_argument("--evaluate", action="store_true", help="compare with the labels of the file")
    parser.add_argument("--language-pattern", default="", metavar="P", help="labels from the path")


def identify(options: argparse.Namespace) -> int:
    """Name languages, or compare with labels."""
    if options.evaluate:
        pattern = options.language_pattern
        found = tools.evaluate_file(options.file, model=options.model, language_pattern=pattern)
    else:
        found = tools.identify_file(options.file, model=options.model)
    print(json.dumps(found, ensure_ascii=False) if options.json else tools.identify_text(found))
    return DONE
