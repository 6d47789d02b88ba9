"""Languages that identification confuses because they are written nearly alike.

A checker that drops a Croatian page for being "Bosnian" is wrong either way; an evaluation that
counts it as an error says little. `confusable.csv` holds the groups, by ISO 639-3.
"""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def groups() -> tuple[frozenset[str], ...]:
    """Return the groups."""
    text = (files("panlect.text") / "confusable.csv").read_text(encoding="utf-8")
    return tuple(frozenset(line.split()) for line in text.splitlines()[1:] if line.strip())


def alike(left: str, right: str) -> bool:
    """Whether two codes are the same language or belong to one group."""
    left, right = left[:3], right[:3]
    return left == right or any(left in group and right in group for group in groups())
