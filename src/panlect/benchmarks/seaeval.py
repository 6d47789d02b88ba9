"""SeaEval (Wang et al. 2023): the same questions in seven languages; does the model choose the same answer?

Files of `cross_mmlu`, `cross_logiqa`, `cross_xquad`: a JSON list of objects with an `id` and one entry per
language (`English`, `Chinese`, …) holding `question`, `choices`, `answer`. Beside accuracy stand the
consistency over language subsets and AC3, made by `benchmarks.between` from the letters chosen. The published
code compares the first three characters of a choice; here the letter is found, or else the whole text
compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import BAD, Rows, canonical, records

NAMES = {
    "English": "en", "Chinese": "zh", "Indonesian": "id", "Vietnamese": "vi", "Spanish": "es", "Malay": "ms",
    "Filipino": "fil",
}  # fmt: skip
INSTRUCTIONS = (
    "Answer the question by choosing one of the options.",
    "Read the question and pick the right option.",
    "Which of the options answers the question?",
    "Choose the correct option for the question below.",
    "Select the option that answers this question.",
)
"""Five wordings; an item always gets the same one, in every language."""

_LETTER = re.compile(r"\(?([A-E])\)?[.):：\s]|\(([A-E])\)|^([A-E])$")


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All `cross_*.json` files; the group is the file's task."""
    rows = Rows("seaeval")
    files = [path] if path.is_file() else sorted(path.rglob("cross_*.json"))
    for file in files:
        for place, record in records(file):
            if BAD in record:
                rows.drop(place, "und_Zyyy", record[BAD], {})
                continue
            for name, code in NAMES.items():
                language = canonical(code)
                if name in record and (not languages or language in languages):
                    _add(rows, f"{file.stem}:{record.get('id', place)}", language, record[name], file.stem)
    return rows.reading


def _add(rows: Rows, item: str, language: str, entry: dict[str, Any], group: str) -> None:
    choices, answer = [str(each) for each in entry.get("choices") or []], str(entry.get("answer", ""))
    places = [
        n for n, each in enumerate(choices) if each == answer or letter_of(each) == letter_of(answer) != ""
    ]
    if not entry.get("question") or len(places) != 1:
        rows.drop(item, language, "the answer is not one of the choices", entry)
        return
    rows.add(item, language, group=group, choices=choices, gold=places[0], question=entry["question"])


def letter_of(text: str) -> str:
    """The option letter at the beginning of a text, or "" if there is none."""
    match = _LETTER.match(text.strip())
    return next((group for group in match.groups() if group), "") if match else ""


def ask(row: Row) -> Ask:
    """An instruction in English, the question and its options, answered freely."""
    number = sum(row["item"].encode()) % len(INSTRUCTIONS)
    options = "\n".join(row["choices"])
    context = f"{INSTRUCTIONS[number]}\n{row['question']}\n{options}"
    return Ask("generate", context, chat=True, maximum_tokens=32)


def judge(row: Row, answer: Answer) -> Verdict:
    """The option named by its letter, or by its full text; `parsed` is the option's place."""
    text = answer.text.strip()
    if not text:
        return Verdict("empty", 0.0)
    letters = [letter_of(each) or choice.LETTERS[n] for n, each in enumerate(row["choices"])]
    letter = letter_of(text)
    place = letters.index(letter) if letter in letters else _by_text(text, row["choices"])
    if place < 0:
        return Verdict("malformed", 0.0, "")
    right = float(place == row["gold"])
    chance = {"chance": 1 / len(row["choices"])}
    return Verdict("correct" if right else "wrong", right, str(place), chance, choice=place)


def _by_text(text: str, choices: Sequence[str]) -> int:
    first = text.splitlines()[0].strip()
    bodies = [_LETTER.sub("", each, count=1).strip() for each in choices]
    places = [n for n, body in enumerate(bodies) if body and body == first]
    return places[0] if len(places) == 1 else -1


SEAEVAL = Benchmark(
    name="seaeval",
    measure="accuracy",
    ask=ask,
    judge=judge,
    languages=tuple(NAMES.values()),
    source="SeaEval/SeaEval_datasets",
    provenance="mixed",
    licence="CC-BY-NC-4.0",
    chance=0.25,
    read=read,
    failures=("malformed", "empty"),
    inputs=("question",),
)
