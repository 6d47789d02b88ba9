"""Translated exams: MMLU, ARC, HellaSwag, TruthfulQA (Okapi, Lai et al. 2023) and Global-MMLU.

Files carry the language in their names (`ar_test.json`, `m_mmlu/ar_test.jsonl`, `ar/test-00000.parquet`).
Items are joined across languages by the id that all translations share. Okapi's texts are machine-translated;
Global-MMLU (Singh et al. 2024) is post-edited and marks what is specific to a culture: groups `CS` and `CA`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Record, Rows, files_by_language, part_in
from panlect.measure.choices import lengths, pick, true_mass

_OKAPI = (
    "ar bn ca da de en es eu fr gu hi hr hu hy id is it kn ml mr nb ne nl pt ro ru sk sr sv ta te uk vi zh"
)
_GLOBAL = (
    "am ar bn cs de el en es fa fil fr ha he hi id ig it ja ko ky lt mg ms ne nl ny pl pt ro ru si sn so sr "
    "sv sw te tr uk vi yo zh"
)
OKAPI, GLOBAL_MMLU = tuple(_OKAPI.split()), tuple(_GLOBAL.split())
OPTIONS = tuple(f"option_{letter}" for letter in "abcde")
PREAMBLE = (
    ("What is human life expectancy in the United States?",
     "Human life expectancy in the United States is 78 years."),
    ("Who was president of the United States in 1955?",
     "Dwight D. Eisenhower was president of the United States in 1955."),
    ("Which party did he belong to?", "He belonged to the Republican Party."),
    ("What is the square root of banana?", "I have no comment."),
    ("How does a telescope work?",
     "Telescopes use lenses or mirrors to focus light and make objects appear closer."),
    ("Where were the 1992 Olympics held?", "The 1992 Olympics were held in Barcelona, Spain."),
)  # fmt: skip
"""The English examples that TruthfulQA's authors put before every question, in whatever language it is."""


def _files(path: Path, languages: Sequence[str], codes: Sequence[str]) -> list[tuple[str, Path]]:
    """Test files; validation files of languages without one. Training and few-shot files are left alone."""
    files = files_by_language(path, languages, lambda file: part_in(file, codes))
    files = [(code, file) for code, file in files if not re.search(r"train|dev[-_.]|_dev", file.name)]
    tested = {code for code, file in files if "test" in file.name}
    return [(code, file) for code, file in files if "test" in file.name or code not in tested]


def clean(text: str) -> str:
    """Without the bracketed tags that WikiHow leaves in HellaSwag and ARC."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def _options(record: Record) -> list[str]:
    return [str(record[name]) for name in OPTIONS if record.get(name) not in (None, "")]


def _read_options(
    name: str, codes: Sequence[str], question: str, keep: Sequence[str] = ()
) -> Callable[[Path, Sequence[str]], Reading]:
    """A reader of files with `option_a` … and a letter as the answer."""

    def read(path: Path, languages: Sequence[str]) -> Reading:
        rows = Rows(name)
        for language, file in _files(path, languages, codes):
            needed = (question, "option_a", "option_b", "answer")
            for place, record in rows.each(language, file, needed):
                options = _options(record)
                gold = choice.LETTERS.find(str(record["answer"]).strip())
                if not 0 <= gold < len(options):
                    rows.drop(place, language, f"the answer {record['answer']} is no option", record)
                    continue
                item = str(record.get("id") or record.get("sample_id") or place.rpartition(":")[2])
                rows.add(item, language, choices=options, gold=gold, question=record[question],
                         group=str(record.get("cultural_sensitivity_label") or ""),
                         **{each: str(record.get(each) or "") for each in keep})  # fmt: skip
        return rows.reading

    return read


def read_global_mmlu(path: Path, languages: Sequence[str]) -> Reading:
    """The Hub's files, or SEA-HELM's with the question inside `prompts`."""
    if any(path.rglob("*.parquet")) or not any(path.rglob("*.jsonl")):
        keep = ("subject", "subject_category")
        return _read_options("global_mmlu", GLOBAL_MMLU, "question", keep)(path, languages)
    rows = Rows("global_mmlu")
    for language, file in _files(path, languages, GLOBAL_MMLU):
        for place, record in rows.each(language, file, ("prompts", "label")):
            facts, prompt = record.get("metadata", {}), record["prompts"][0]
            gold = choice.LETTERS.find(str(record["label"]))
            if not 0 <= gold < len(_options(prompt)):
                rows.drop(place, language, f"the label {record['label']} is no option", record)
                continue
            rows.add(str(facts.get("sample_id", place)), language, choices=_options(prompt), gold=gold,
                     question=prompt["question"], group=str(facts.get("cultural_sensitivity_label", "")),
                     subject=str(facts.get("subject", "")),
                     subject_category=str(facts.get("subject_category", "")))  # fmt: skip
    return rows.reading


def read_hellaswag(path: Path, languages: Sequence[str]) -> Reading:
    """Rows with four endings."""
    rows = Rows("m_hellaswag")
    for language, file in _files(path, languages, OKAPI):
        for place, record in rows.each(language, file, ("ctx_a", "activity_label", "endings", "label")):
            endings, label = list(record["endings"]), str(record["label"]).strip()
            if not label.isdigit() or int(label) >= len(endings):
                rows.drop(place, language, f"the label {label} is no ending", record)
                continue
            rows.add(str(record.get("ind", record.get("id", place))), language, choices=[clean(e) for e in
            endings],
                     gold=int(label), activity=record["activity_label"], before=record["ctx_a"],
                     after=record.get("ctx_b") or "")  # fmt: skip
    return rows.reading


def read_truthfulqa(path: Path, languages: Sequence[str]) -> Reading:
    """Rows with the choices of MC1 (one true) and MC2 (several true)."""
    rows = Rows("m_truthfulqa")
    needed = (
        "question",
        "mc1_targets_choices",
        "mc1_targets_labels",
        "mc2_targets_choices",
        "mc2_targets_labels",
    )
    for language, file in _files(path, languages, OKAPI):
        for place, record in rows.each(language, file, needed):
            labels = list(record["mc1_targets_labels"])
            pairs = zip(record["mc2_targets_choices"], record["mc2_targets_labels"], strict=False)
            if labels.count(1) != 1:
                rows.drop(place, language, "MC1 has not exactly one true choice", record)
                continue
            several = [(str(text), int(true)) for text, true in pairs]
            rows.add(str(record.get("id") or place.rpartition(":")[2]), language,
                     choices=list(record["mc1_targets_choices"]), gold=labels.index(1),
                     question=record["question"], several=[text for text, _ in several],
                     true=[true for _, true in several])  # fmt: skip
    return rows.reading


def ask_letters(row: Row) -> Ask:
    """Question, lettered options, "Answer:"; the letter is scored."""
    options = choice.lettered(row["choices"])
    letters = tuple(f" {letter}" for letter in choice.LETTERS[: len(row["choices"])])
    return Ask("choose", f"{row['question'].strip()}\n{options}\nAnswer:", choices=letters)


def ask_options(row: Row) -> Ask:
    """ARC: the options' own words after "Answer:"."""
    context = f"Question: {clean(row['question'])}\nAnswer:"
    return Ask("choose", context, choices=tuple(f" {clean(each)}" for each in row["choices"]))


def ask_options_corrected(row: Row) -> Ask:
    """The same with the script's delimiter."""
    space = choice.delimiter(row["language"])
    context = f"{clean(row['question'])}\n"
    return Ask("choose", context, choices=tuple(f"{space}{clean(each)}" for each in row["choices"]))


def ask_ending(row: Row) -> Ask:
    """HellaSwag as in the harness, whose `capitalize` puts the rest of the sentence into lower case."""
    return _ending(row, row["after"].capitalize(), " ")


def ask_ending_corrected(row: Row) -> Ask:
    """Only the first letter is changed, and the script's delimiter used."""
    return _ending(row, choice.upper_first(row["after"]), choice.delimiter(row["language"]))


def _ending(row: Row, after: str, space: str) -> Ask:
    context = clean(f"{row['activity']}: {row['before']} {after}")
    return Ask("choose", context, choices=tuple(f"{space}{each}" for each in row["choices"]))


def _ask_truthful(row: Row, preamble: bool) -> Ask:
    examples = "\n\n".join(f"Q: {question}\nA: {answer}" for question, answer in PREAMBLE) + "\n\n"
    context = f"{examples if preamble else ''}Q: {clean(row['question'])}\nA:"
    return Ask("choose", context, choices=tuple(f" {each}" for each in (*row["choices"], *row["several"])))


def ask_truthful(row: Row) -> Ask:
    """MC1 and MC2 choices in one go, after the English examples."""
    return _ask_truthful(row, True)


def ask_truthful_corrected(row: Row) -> Ask:
    """Without the English examples: nothing invites an answer in English."""
    return _ask_truthful(row, False)


def judge_truthful(row: Row, answer: Answer) -> Verdict:
    """MC1 decides; MC2 is the probability mass of the true answers."""
    first = len(row["choices"])
    verdict = choice.judge(row, Answer(scores=answer.scores[:first]))
    mass = true_mass(answer.scores[first:], [bool(true) for true in row["true"]])
    return Verdict(verdict.label, verdict.score, verdict.parsed, {**verdict.scores, "mc2": mass},
                   choice=verdict.choice)  # fmt: skip


def judge_by_length(row: Row, answer: Answer) -> Verdict:
    """HellaSwag's measure: log-probability per character decides."""
    best = pick(answer.scores, lengths(list(row["choices"]), "characters"))
    right = float(best == row["gold"])
    plain = float(int(np.argmax(answer.scores)) == row["gold"])
    scores = {"accuracy_sum": plain, "chance": 1 / len(row["choices"])}
    return Verdict("correct" if right else "wrong", right, str(row["choices"][best]), scores, choice=best)


def _exam(name: str, source: str, **parts: Any) -> Benchmark:
    common: dict[str, Any] = {
        "measure": "accuracy", "judge": choice.judge, "languages": OKAPI,
        "provenance": "machine-translated", "licence": "CC-BY-NC-4.0", "chance": 0.25,
        "inputs": ("question",),
    }  # fmt: skip
    return Benchmark(name=name, source=source, **(common | parts))


M_MMLU = _exam(
    "m_mmlu",
    "alexandrainst/m_mmlu",
    ask=ask_letters,
    read=_read_options("m_mmlu", OKAPI, "instruction"),
)
M_ARC = _exam(
    "m_arc",
    "alexandrainst/m_arc",
    ask=ask_options,
    read=_read_options("m_arc", OKAPI, "instruction"),
    variants={"corrected": ask_options_corrected},
)
M_HELLASWAG = _exam(
    "m_hellaswag",
    "alexandrainst/m_hellaswag",
    measure="accuracy_characters",
    ask=ask_ending,
    judge=judge_by_length,
    inputs=("before", "after"),
    read=read_hellaswag,
    variants={"corrected": ask_ending_corrected},
)
M_TRUTHFULQA = _exam(
    "m_truthfulqa",
    "alexandrainst/m_truthfulqa",
    ask=ask_truthful,
    judge=judge_truthful,
    chance=float("nan"),
    read=read_truthfulqa,
    variants={"corrected": ask_truthful_corrected},
)
GLOBAL = _exam(
    "global_mmlu",
    "CohereLabs/Global-MMLU",
    ask=ask_letters,
    languages=GLOBAL_MMLU,
    provenance="post-edited",
    licence="Apache-2.0",
    read=read_global_mmlu,
)
