"""The verbs that are not stages. Each is a function `(options) -> exit code` with a `build_<verb>(parser)`.

The strings of this table keep ``panlect --help`` from importing what the verbs need.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

DONE, GATE_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""


class Entry(NamedTuple):
    """Where a verb is and what it does, in one line."""

    module: str
    summary: str


VERBS: Mapping[str, Entry] = MappingProxyType(
    {
        "run": Entry("panlect.verbs.run", "run a recipe; continues where it was; --dry-run shows the plan"),
        "plan": Entry(
            "panlect.verbs.plan", "what a recipe or a stage will take: memory, tokens, hours, money"
        ),
        "show": Entry("panlect.verbs.show", "show a finished folder, or what it dropped"),
        "explain": Entry("panlect.verbs.settings", "print a stage's settings as annotated YAML"),
        "schema": Entry("panlect.verbs.settings", "print a stage's settings as JSON Schema"),
        "lang": Entry("panlect.verbs.lang", "show languages; without codes, the groups"),
        "chat": Entry("panlect.verbs.chat", "talk to a model in the terminal"),
        "doctor": Entry("panlect.verbs.curator", "show what damage a text has and how it would be repaired"),
        "identify": Entry(
            "panlect.verbs.curator", "name the languages of a file; --evaluate compares with labels"
        ),
    }
)


def print_json(value: Mapping[str, Any]) -> None:
    """Print the one JSON object that ``--json`` promises."""
    print(json.dumps(value, ensure_ascii=False, default=str))
