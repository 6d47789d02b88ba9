"""Tatoeba retrieval (Artetxe and Schwenk 2019): which of a language's sentences translates this one?

Files `tatoeba.<language>-eng.<language>` and `….eng`, line i of one translating line i of the other. A
sentence is the mean of a model's hidden states over its tokens, and its translation the sentence with the
highest cosine; both directions are asked, among all sentences of the language, however few are sampled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, canonical, lines_of, text_of
from panlect.benchmarks.held_out import PIVOT
from panlect.errors import FolderError

_NAME = re.compile(r"^tatoeba\.([a-z]{3})-eng\.([a-z]{3})$")


def read(path: Path, languages: Sequence[str]) -> Reading:
    """Every pair of sentences twice: groups `into eng_Latn` and `from eng_Latn`."""
    rows = Rows("tatoeba")
    named = [(match, file) for file in sorted(path.rglob("*")) if (match := _NAME.match(file.name))]
    if not named:
        raise FolderError(
            "no file of Tatoeba is there", where=str(path), expected="tatoeba.<code>-eng.<code>"
        )
    taken: set[str] = set()
    for match, file in named:
        language = canonical(match[1])
        if match[2] == "eng" or (languages and language not in languages):
            continue
        english = file.with_name(f"tatoeba.{match[1]}-eng.eng")
        if reason := _fault(language, english, taken):
            rows.drop(file.name, language or "und_Zyyy", reason, {})
            continue
        taken.add(language)
        _add(rows, language, lines_of(text_of(file)), lines_of(text_of(english)))
    return rows.reading


def _fault(language: str, english: Path, taken: set[str]) -> str:
    if not language:
        return "unknown language"
    if language in taken:
        return "another file of the same language was taken"
    return "" if english.is_file() else "the English side is missing"


def _add(rows: Rows, language: str, theirs: list[str], english: list[str]) -> None:
    if len(theirs) != len(english):
        rows.drop(language, language, f"{len(theirs)} and {len(english)} lines", {})
        return
    pairs = [(one.strip(), other.strip()) for one, other in zip(theirs, english, strict=True)]
    whole = [number for number, pair in enumerate(pairs) if all(pair)]
    for number in sorted(set(range(len(pairs))) - set(whole)):
        rows.drop(f"{language}:{number + 1}", language, "an empty sentence", {})
    for side, group in ((0, f"into {PIVOT}"), (1, f"from {PIVOT}")):
        candidates = tuple(pairs[number][1 - side] for number in whole)
        for place, number in enumerate(whole):
            rows.add(
                f"{language}.{number + 1}:{group[:4]}", language, group=group, prompt=pairs[number][side],
                choices=candidates, gold=place, answer=candidates[place],
            )  # fmt: skip


def ask(row: Row) -> Ask:
    """The sentence, to be found among the candidates."""
    return Ask("retrieve", row["prompt"], choices=row["choices"])


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the nearest candidate is the translation; an equal sentence elsewhere is as good."""
    right = answer.text == row["answer"]
    scores = {"chance": 1 / len(row["choices"])}
    return Verdict("correct" if right else "wrong", float(right), answer.text, scores)


TATOEBA = Benchmark(
    name="tatoeba",
    measure="accuracy",
    ask=ask,
    judge=judge,
    source="https://github.com/facebookresearch/LASER",
    provenance="native",
    licence="CC-BY-2.0-FR",
    chance=float("nan"),
    read=read,
)
