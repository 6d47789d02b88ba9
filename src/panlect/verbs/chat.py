"""`panlect chat MODEL`."""

import argparse

from panlect.serve.chat import chat as converse
from panlect.verbs import DONE


def build_chat(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "model", metavar="MODEL", help="a folder with a model, a Hugging Face directory or a hub id"
    )
    parser.add_argument("--max-tokens", type=int, default=128, metavar="N", help="the longest answer (128)")


def chat(options: argparse.Namespace) -> int:
    """Answer the lines of stdin."""
    converse(options.model, max_tokens=options.max_tokens)
    return DONE
