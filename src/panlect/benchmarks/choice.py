"""What benchmarks with given choices share: delimiters, letters, and the verdict by log-probability."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from panlect.benchmarks.benchmark import Answer, Row, Verdict
from panlect.measure.choices import lengths, pick, probabilities

LETTERS = "ABCDE"
UNSPACED = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})


def spaced(language: str) -> bool:
    """Whether a space belongs between two words of the language."""
    return language.partition("_")[2] not in UNSPACED


def delimiter(language: str) -> str:
    """What stands before an answer: a space, or nothing in scripts written without spaces."""
    return " " if spaced(language) else ""


def without_full_stop(sentence: str) -> str:
    """A sentence without the punctuation at its end; a last letter stays, as Thai needs."""
    sentence = sentence.strip()
    while sentence and unicodedata.category(sentence[-1])[0] == "P":
        sentence = sentence[:-1].rstrip()
    return sentence


def lower_first(text: str) -> str:
    """The first letter in lower case."""
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """The first letter in upper case and nothing else changed (German nouns keep their capitals)."""
    return text[:1].upper() + text[1:]


def lettered(choices: Sequence[str], mark: str = ". ") -> str:
    """Choices on lines of their own, each behind its letter."""
    return "\n".join(f"{letter}{mark}{choice}" for letter, choice in zip(LETTERS, choices, strict=False))


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the most probable choice is the gold one.

    Beside it: accuracy by log-probability per character and per byte, chance, and the probability of the
    choice made (`confidence`), which calibration compares with accuracy.
    """
    gold, choices = row["gold"], list(row["choices"])
    best = pick(answer.scores)
    by_character = pick(answer.scores, lengths(choices, "characters"))
    by_byte = pick(answer.scores, lengths(choices, "bytes"))
    scores = {
        "accuracy_characters": float(by_character == gold),
        "accuracy_bytes": float(by_byte == gold),
        "chance": 1 / len(choices),
        "confidence": float(probabilities(answer.scores)[best]),
    }
    return Verdict(
        "correct" if best == gold else "wrong", float(best == gold), str(choices[best]), scores, choice=best
    )
