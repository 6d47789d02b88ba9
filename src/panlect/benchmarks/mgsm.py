"""MGSM (Shi et al. 2022): 250 grade-school word problems in eleven languages; the number is the answer.

Reads the header-less TSV and the Hub's columns. Three prompts: direct (default), a chain of thought in the
problem's language, and one in English, as in lm-evaluation-harness. Eight problems come with worked steps: in
the Hub's `train` files or in the authors' `exemplars.py`, which is read and not run. Answers are compared as
numbers in any digits: the last number of the text, or for chains the number behind the language's "the answer
is" if it is there (`strict`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, canonical, files_by_language, part_in, text_of
from panlect.errors import DataError, FolderError
from panlect.measure.matching import last_number, parse_number, same_number


class Words(NamedTuple):
    """A language's labels."""

    question: str
    steps: str
    direct: str
    conclusion: str


LABELS = {
    "bn": Words("প্রশ্ন:", "ধাপে ধাপে উত্তর:", "Answer:", "The answer is"),
    "de": Words("Frage:", "Schritt-für-Schritt-Antwort:", "Antwort:", "Die Antwort lautet"),
    "en": Words("Question:", "Step-by-Step Answer:", "Answer:", "The answer is"),
    "es": Words("Pregunta:", "Respuesta paso a paso:", "Respuesta:", "La respuesta es"),
    "fr": Words("Question :", "Réponse étape par étape :", "Réponse :", "La réponse est"),
    "ja": Words("問題：", "ステップごとの答え:", "Answer:", "答えは"),
    "ru": Words("Задача:", "Пошаговоерешение:", "Answer:", "Ответ —"),
    "sw": Words("Swali:", "Jibu la Hatua kwa Hatua:", "Answer:", "Jibu ni"),
    "te": Words("ప్రశ్న:", "దశలవారీగా సమాధానం:", "Answer:", "సమాధానం"),
    "th": Words("โจทย์:", "คำตอบทีละขั้นตอน:", "Answer:", "คำตอบคือ"),
    "zh": Words("问题：", "逐步解答:", "Answer:", "答案是"),
}
"""As published with the benchmark and in the usual harness; "Answer:" stays English where the harness has it
so."""

CORRECTED = {
    "bn": "উত্তর:",
    "ja": "答え：",
    "ru": "Ответ:",
    "sw": "Jibu:",
    "te": "సమాధానం:",
    "th": "คำตอบ:",
    "zh": "答案：",
}
"""Local words for the answer label that the harness leaves in English."""

DIRECT_TOKENS, STEPS_TOKENS = 32, 512


def read(path: Path, languages: Sequence[str]) -> Reading:
    """The test problems; the item is the problem's number, the same in all languages."""
    rows = Rows("mgsm")
    for language, file in files_by_language(path, languages, lambda each: part_in(each, LABELS)):
        if "train" in file.name or "exemplar" in file.name:
            continue
        columns = ("question", "answer_number") if file.suffix == ".tsv" else ()
        for place, record in rows.each(language, file, ("question", "answer_number"), columns):
            gold = parse_number(str(record["answer_number"]))
            if gold is None:
                rows.drop(place, language, "the answer is no number", record)
                continue
            rows.add(
                place.rpartition(":")[2],
                language,
                answer=f"{gold:f}",
                question=record["question"],
                code=part_in(file, LABELS),
            )
    return rows.reading


def read_examples(path: Path, languages: Sequence[str]) -> Reading:
    """Eight problems with worked steps in their language and in English, the same in all languages.

    Raises:
        FolderError: there are none.
        DataError: the file that should hold them cannot be read.
    """
    rows = Rows("mgsm")
    worked: dict[str, dict[str, tuple[str, str, str]]] = {}
    for code, number, question, steps in (*_of_hub(path, rows), *_of_authors(path)):
        gold = last_number(steps)
        if question.strip() and parse_number(gold) is not None:
            bare = (_without(question, LABELS[code].question), _without(steps, LABELS[code].steps), gold)
            worked.setdefault(code, {}).setdefault(number, bare)
    if not worked:
        raise FolderError(
            "no problem with worked steps is there", where=str(path), expected="train files, or exemplars.py"
        )
    for code, problems in worked.items():
        if languages and canonical(code) not in languages:
            continue
        for number, (question, steps, gold) in problems.items():
            english = worked.get("en", {}).get(number, ("", "", ""))[1]
            rows.add(f"example {number}", canonical(code), answer=gold, question=question, code=code,
                     steps=steps, english_steps=english)  # fmt: skip
    return rows.reading


def _of_hub(path: Path, rows: Rows) -> Iterator[tuple[str, str, str, str]]:
    """Code, number, question and steps of every row of the `train` files."""
    for language, file in files_by_language(path, (), lambda each: part_in(each, LABELS)):
        if "train" in file.name:
            for place, record in rows.each(language, file, ("question", "answer")):
                yield part_in(file, LABELS), place.rpartition(":")[2], record["question"], record["answer"]


def _of_authors(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """The same of `MGSM_EXEMPLARS` in exemplars.py: by language, by number, `q` and `a`."""
    for file in sorted(path.rglob("exemplars.py")):
        try:
            found = _constant(text_of(file), "MGSM_EXEMPLARS")
            worked = [
                (code, str(number), str(each["q"]), str(each["a"]))
                for code, problems in found.items()
                for number, each in problems.items()
            ]
        except (SyntaxError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                "the worked problems cannot be read", where=str(file), expected="MGSM_EXEMPLARS = {…}"
            ) from error
        yield from (each for each in worked if each[0] in LABELS)


def _constant(source: str, name: str) -> Any:
    """The value that a Python file gives a name, if it is written out.

    Raises:
        KeyError: there is no such name.
    """
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return ast.literal_eval(statement.value)
    raise KeyError(name)


def _without(text: str, label: str) -> str:
    """A text without the label it begins with, however that is spaced and punctuated."""
    head = re.match(r"([^:：]{1,60})[:：]\s*", text)
    letters = [[c for c in each if c.isalpha()] for each in (head[1] if head else "", label)]
    return text[head.end() :].strip() if head and letters[0] == letters[1] else text.strip()


def _ask(label: Callable[[str], str], tokens: int, worked: str = "answer") -> Callable[[Row], Ask]:
    def ask(row: Row) -> Ask:
        words = LABELS[row["code"]]
        context = f"{words.question} {row['question']}\n{label(row['code'])}"
        stop = (words.question, "</s>", "<|im_end|>")
        return Ask("generate", context, maximum_tokens=tokens, stop=stop, worked=row.get(worked, ""))

    return ask


ask = _ask(lambda code: LABELS[code].direct, DIRECT_TOKENS)
ask_corrected = _ask(lambda code: CORRECTED.get(code, LABELS[code].direct), DIRECT_TOKENS)
ask_native_steps = _ask(lambda code: LABELS[code].steps, STEPS_TOKENS, "steps")
ask_english_steps = _ask(lambda _: LABELS["en"].steps, STEPS_TOKENS, "english_steps")


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the concluding number, or else the last one, equals the gold number."""
    strict = _concluded(answer.text, row["code"])
    parsed = strict or last_number(answer.text)
    right = bool(parsed) and same_number(parsed, row["answer"])
    scores = {"strict": float(bool(strict) and same_number(strict, row["answer"]))}
    if not answer.text.strip():
        return Verdict("empty", 0.0, "", scores)
    return Verdict("correct" if right else ("wrong" if parsed else "malformed"), float(right), parsed, scores)


def _concluded(text: str, code: str) -> str:
    phrases = {LABELS[code].conclusion, LABELS["en"].conclusion}
    found = re.findall(rf"(?:{'|'.join(map(re.escape, phrases))})\W{{0,3}}?([^\n]{{1,40}})", text)
    match = re.match(r"\s*-?[\d.,٫٬  ]+", found[-1]) if found else None
    return match.group().strip() if match and parse_number(match.group()) is not None else ""


MGSM = Benchmark(
    name="mgsm",
    measure="accuracy",
    ask=ask,
    judge=judge,
    languages=tuple(LABELS),
    source="juletxara/mgsm",
    provenance="human-translated",
    licence="CC-BY-4.0",
    chance=0.0,
    read=read,
    examples=read_examples,
    failures=("malformed", "empty"),
    shows_steps=("native_steps", "english_steps"),
    inputs=("question",),
    variants={
        "corrected": ask_corrected,
        "native_steps": ask_native_steps,
        "english_steps": ask_english_steps,
    },
)
