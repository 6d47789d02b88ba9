"""Belebele (Bandarkar et al. 2024): reading comprehension with four answers, 122 language variants.

Reads `<code>.jsonl` as published, and the layout of SEA-HELM. The usual few-shot examples come from the
questions themselves; here none are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, files_by_language

NEEDED = (
    "flores_passage",
    "question",
    "mc_answer1",
    "mc_answer2",
    "mc_answer3",
    "mc_answer4",
    "correct_answer_num",
)
SEA_HELM = {"zh-s": "zho_Hans"}


def _code(file: Path) -> str:
    if "examples" in file.parts:
        return ""  # SEA-HELM's few-shot examples
    stem = file.name.partition(".")[0].removesuffix("_belebele")
    return SEA_HELM.get(stem, stem)


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All rows. Rows of one passage and question have one item in all languages."""
    rows = Rows("belebele")
    for language, file in files_by_language(path, languages, _code):
        if file.name.endswith("_belebele.jsonl"):
            _read_sea_helm(rows, language, file)
            continue
        for place, record in rows.each(language, file, NEEDED):
            number = str(record["correct_answer_num"])
            if number not in ("1", "2", "3", "4"):
                rows.drop(place, language, f"the answer {number} is none of 1..4", record)
                continue
            rows.add(
                f"{record.get('link', place)}#{record.get('question_number', '')}",
                language,
                choices=[record[f"mc_answer{n}"] for n in range(1, 5)],
                gold=int(number) - 1,
                passage=record["flores_passage"],
                question=record["question"],
            )
    return rows.reading


def _read_sea_helm(rows: Rows, language: str, file: Path) -> None:
    for place, record in rows.each(language, file, ("id", "label", "prompts")):
        prompt = record["prompts"][0]
        if record["label"] not in range(4):
            rows.drop(place, language, f"the label {record['label']} is none of 0..3", record)
            continue
        rows.add(
            str(record["id"]),
            language,
            choices=[prompt[f"choice{n}"] for n in range(1, 5)],
            gold=record["label"],
            passage=prompt["text"],
            question=prompt["question"],
        )


def context(row: Row) -> str:
    """Passage, question and lettered answers, as in lm-evaluation-harness."""
    options = choice.lettered(row["choices"], ": ")
    return f"P: {row['passage']}\nQ: {row['question'].strip()}\n{options}\nAnswer:"


def ask(row: Row) -> Ask:
    """The letter of the answer is scored."""
    return Ask("choose", context(row), choices=tuple(f" {letter}" for letter in choice.LETTERS[:4]))


def ask_for_text(row: Row) -> Ask:
    """The answers' own words are scored, with the script's delimiter: no letters to be biased to."""
    end = choice.delimiter(row["language"])
    answers = tuple(f"{end}{each}" for each in row["choices"])
    return Ask("choose", f"{row['passage']}\n{row['question'].strip()}\n", choices=answers)


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the best choice is the gold one."""
    return choice.judge(row, answer)


BELEBELE = Benchmark(
    name="belebele",
    measure="accuracy",
    ask=ask,
    judge=judge,
    source="facebook/belebele",
    provenance="human-translated",
    licence="CC-BY-SA-4.0",
    chance=0.25,
    read=read,
    variants={"corrected": ask_for_text},
    inputs=("passage", "question"),
)
