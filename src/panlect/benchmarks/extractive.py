"""MLQA (Lewis et al. 2020) and XQuAD (Artetxe et al. 2020): find the answer in a passage.

SQuAD's JSON layout. MLQA asks in one language about a passage in another: such rows are of the group
`across`, others `within`; the row's language is the passage's, because the answer is cut out of it. Exact
match is the main measure; token F1 stands beside it (`f1`), normalised by the passage's language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, canonical, files_by_language, text_of
from panlect.measure.matching import exact_match, token_f1

MLQA_LANGUAGES = ("en", "de", "es", "ar", "zh", "vi", "hi")
XQUAD_LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
XQUAD_LABELS = {
    "ar": ("سيا", "سؤال", "إجابة"),
    "de": ("Kontext", "Frage", "Antwort"),
    "el": ("Συμφραζόμενα", "Ερώτηση", "Απάντηση"),
    "en": ("Context", "Question", "Answer"),
    "es": ("Contexto", "Pregunta", "Respuesta"),
    "hi": ("प्रसंग", "सवाल", "उत्तर"),
    "ro": ("Context", "Întrebare", "Răspuns"),
    "ru": ("Контекст", "Вопрос", "Ответ"),
    "th": ("บริบท", "คำถาม", "คำตอบ"),
    "tr": ("Bağlam", "Soru", "Cevap"),
    "vi": ("Bối cảnh", "Câu hỏi", "Trả lời"),
    "zh": ("语境", "问题", "回答"),
}
"""Words for context, question and answer, as lm-evaluation-harness has them (the Arabic first one is cut
short)."""

CORRECTED_LABELS = XQUAD_LABELS | {"ar": ("السياق", "السؤال", "الإجابة")}
_MLQA_NAME = re.compile(r"(dev|test)-context-([a-z]{2})-question-([a-z]{2})")
_XQUAD_NAME = re.compile(r"xquad\.([a-z]{2})$")
ANSWER_TOKENS = 64


def _questions(rows: Rows, file: Path, language: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(place, passage, question) of a SQuAD file; questions without an answer are set aside."""
    try:
        articles = json.loads(text_of(file))["data"]
    except (ValueError, KeyError, TypeError):
        rows.drop(file.name, language, "not a SQuAD file", {})
        return
    for article in articles:
        for paragraph in article.get("paragraphs", ()):
            for question in paragraph.get("qas", ()):
                texts = [each.get("text", "") for each in question.get("answers", ())]
                if not str(question.get("question", "")).strip() or not any(texts):
                    rows.drop(
                        f"{file.name}:{question.get('id')}", language, "no question or no answer", question
                    )
                    continue
                yield str(question["id"]), paragraph["context"], question


def read_mlqa(path: Path, languages: Sequence[str]) -> Reading:
    """All test files (dev files where there is no test file) of the passage languages asked for."""
    rows = Rows("mlqa")

    def code(file: Path) -> str:
        found = _MLQA_NAME.search(file.name)
        return found[2] if found else ""

    files = files_by_language(path, languages, code, (".json",))
    split = "test" if any(file.name.startswith("test") for _, file in files) else "dev"
    for language, file in files:
        match = _MLQA_NAME.search(file.name)
        if match is None or match[1] != split:
            continue
        asked_in = canonical(match[3])
        for item, passage, question in _questions(rows, file, language):
            _add(rows, item, language, (passage, question), match[2], asked_in)
    return rows.reading


def read_xquad(path: Path, languages: Sequence[str]) -> Reading:
    """All files `xquad.<language>.json`."""
    rows = Rows("xquad")

    def code(file: Path) -> str:
        found = _XQUAD_NAME.search(file.stem)
        return found[1] if found else ""

    for language, file in files_by_language(path, languages, code, (".json",)):
        for item, passage, question in _questions(rows, file, language):
            _add(rows, item, language, (passage, question), code(file), language)
    return rows.reading


def _add(
    rows: Rows, item: str, language: str, found: tuple[str, dict[str, Any]], code: str, asked_in: str
) -> None:
    passage, question = found
    accepted = [each["text"] for each in question["answers"]]
    rows.add(
        item if asked_in == language else f"{item}<{asked_in}",
        language,
        group="within" if asked_in == language else "across",
        answer=accepted[0],
        accepted=accepted,
        passage=passage,
        question=question["question"],
        prompt_language=asked_in,
        code=code,
    )


def _ask(labels: Callable[[str], tuple[str, str, str]]) -> Callable[[Row], Ask]:
    def ask(row: Row) -> Ask:
        passage, question, answer = labels(row["code"])
        context = f"{passage}: {row['passage']}\n\n{question}: {row['question']}\n\n{answer}:"
        return Ask("generate", context, maximum_tokens=ANSWER_TOKENS, stop=("\n",))

    return ask


def judge(row: Row, answer: Answer) -> Verdict:
    """Exact match and token F1 after normalisation in the passage's language."""
    parsed = answer.text.strip()
    exact = exact_match(parsed, row["accepted"], row["language"])
    scores = {"f1": token_f1(parsed, row["accepted"], row["language"])}
    if not parsed:
        return Verdict("empty", 0.0, "", scores)
    return Verdict("correct" if exact else "wrong", exact, parsed, scores)


MLQA = Benchmark(
    name="mlqa",
    measure="exact_match",
    ask=_ask(lambda _: XQUAD_LABELS["en"]),
    judge=judge,
    languages=MLQA_LANGUAGES,
    source="facebook/mlqa",
    provenance="human-translated",
    licence="CC-BY-SA-3.0",
    chance=0.0,
    read=read_mlqa,
    variants={"corrected": _ask(lambda code: CORRECTED_LABELS[code])},
    failures=("empty",),
    inputs=("question",),
)

XQUAD = Benchmark(
    name="xquad",
    measure="exact_match",
    ask=_ask(lambda code: XQUAD_LABELS[code]),
    judge=judge,
    languages=XQUAD_LANGUAGES,
    source="google/xquad",
    provenance="human-translated",
    licence="CC-BY-SA-4.0",
    chance=0.0,
    read=read_xquad,
    variants={"corrected": _ask(lambda code: CORRECTED_LABELS[code])},
    failures=("empty",),
    inputs=("question",),
)
