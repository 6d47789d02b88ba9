"""How well identification does, language by language."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from panlect.text.confusable import alike


class Score(NamedTuple):
    """How well an identifier does on one language."""

    language: str
    texts: int
    accuracy: float
    precision: float
    f1: float
    accuracy_in_group: float
    """Counting languages that are written nearly alike as one."""
    most_common_error: str


def evaluate(guesses: Sequence[str], truth: Sequence[str]) -> list[Score]:
    """Compare guesses with labels, language by language (codes compared without the script)."""
    scores = []
    guessed = Counter(guess[:3] for guess in guesses)
    for language in sorted(set(truth)):
        mine = [guess for guess, true in zip(guesses, truth, strict=True) if true == language]
        right = sum(guess[:3] == language[:3] for guess in mine)
        errors = Counter(guess for guess in mine if guess[:3] != language[:3]).most_common(1)
        precision = right / guessed[language[:3]] if guessed[language[:3]] else 0.0
        recall = right / len(mine)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        near = sum(alike(guess, language) for guess in mine) / len(mine)
        scores.append(Score(language, len(mine), recall, precision, f1, near, errors[0][0] if errors else ""))
    return scores
