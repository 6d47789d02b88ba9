"""What benchmarks with given choices share: delimiters, letters, and the verdict by log-probability."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from panlect.benchmarks.benchmark import Answer, Judge, Row, Verdict
from panlect.measure.calibration import brier
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

    Beside it: accuracy by log-probability per character and per byte, chance, the probability of the choice
    made (`confidence`), which calibration compares with accuracy, and the Brier score.
    """
    gold, choices = row["gold"], list(row["choices"])
    best = pick(answer.scores)
    by_character = pick(answer.scores, lengths(choices, "characters"))
    by_byte = pick(answer.scores, lengths(choices, "bytes"))
    sure = probabilities(answer.scores)
    scores = {
        "accuracy_characters": float(by_character == gold),
        "accuracy_bytes": float(by_byte == gold),
        "chance": 1 / len(choices),
        "confidence": float(sure[best]),
        "brier": brier(sure, gold),
    }
    return Verdict(
        "correct" if best == gold else "wrong", float(best == gold), str(choices[best]), scores, choice=best
    )


def judge_beside_constant(rows: Sequence[Row]) -> Judge:
    """For choices that are labels: the judge, which also says what always choosing the commonest one gets."""
    counts: dict[str, Counter[int]] = {}
    for row in rows:
        counts.setdefault(row["language"], Counter())[row["gold"]] += 1
    commonest = {language: min(of, key=lambda gold: (-of[gold], gold)) for language, of in counts.items()}

    def judge_one(row: Row, answer: Answer) -> Verdict:
        found = judge(row, answer)
        constant = float(row["gold"] == commonest[row["language"]])
        return replace(found, scores={**found.scores, "constant": constant})

    return judge_one
