"""A conversation in the terminal with any model that has a chat template."""

import sys
from collections.abc import Iterable, Iterator

from panlect.folder import one_model, resolve
from panlect.progress import say

HELP = "Type a message and Enter. An empty line starts a new conversation; Ctrl-D ends."


def chat(location: str, *, max_tokens: int) -> None:
    """Answer every line of stdin on stdout, until it ends.

    Args:
        location: a folder with a model, a Hugging Face directory, or a hub id.
        max_tokens: the longest answer.

    Raises:
        FolderError: nothing is there. ModelError: it is no model, or has no chat template.
    """
    interactive = sys.stdin.isatty()
    if interactive:
        say(HELP)
    for answer in answers(one_model([resolve(location)]), _lines(interactive), max_tokens):
        print(answer, flush=True)


def answers(model_location: str, lines: Iterable[str], max_tokens: int) -> Iterator[str]:
    """Yield the answer to each line; the conversation so far goes along until an empty line."""
    from panlect.model.generate import Generation
    from panlect.model.load import load

    model = load(model_location)
    settings = Generation(new_tokens=max_tokens)
    messages: list[dict[str, str]] = []
    for line in lines:
        if not line.strip():
            messages = []
            continue
        messages.append({"role": "user", "content": line.strip()})
        (answer,) = model.chat([messages], settings)
        messages.append({"role": "assistant", "content": answer})
        yield answer


def _lines(interactive: bool) -> Iterator[str]:
    while True:
        if interactive:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line
