"""MKQA (Longpre et al. 2021): 10,000 open questions in 26 languages.

Gzipped JSON lines with `example_id`, `queries` and `answers` by language. Questions whose answer is long or
absent have "No Answer" as their answer, so always saying so scores 32.4 % on the whole set: the `constant`
score stands beside F1. Chinese, Japanese, Thai and Khmer are compared by character, all others by word, as
upstream.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import BAD, Rows, canonical, records
from panlect.errors import FolderError
from panlect.measure.matching import exact_match, token_f1

LANGUAGES = (
    "ar", "da", "de", "en", "es", "fi", "fr", "he", "hu", "it", "ja", "km", "ko", "ms", "nl", "no", "pl",
    "pt", "ru", "sv", "th", "tr", "vi", "zh_cn", "zh_hk", "zh_tw",
)  # fmt: skip
WITHOUT_ANSWER = frozenset({"unanswerable", "long_answer"})
NO_ANSWER = "No Answer"
ANSWER_TOKENS = 48


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All questions; the group is the answer's type. The two kinds of traditional Chinese share a code."""
    files = [path] if path.is_file() else sorted(path.rglob("*mkqa*.jsonl*"))
    if not files:
        raise FolderError("no file of MKQA is there", where=str(path), expected="mkqa.jsonl.gz")
    rows = Rows("mkqa")
    for file in files:
        for place, record in records(file):
            for code in LANGUAGES:
                language = canonical(code)
                if not languages or language in languages:
                    _add(rows, place, (code, language), record)
    return rows.reading


def _add(rows: Rows, place: str, codes: tuple[str, str], record: dict[str, Any]) -> None:
    code, language = codes
    question = str(record.get("queries", {}).get(code) or "").strip()
    answers = record.get("answers", {}).get(code) or []
    if BAD in record or not question or not answers:
        rows.drop(f"{place}:{code}", language, record.get(BAD, "no question or no answer"), {})
        return
    kind = str(answers[0].get("type"))
    accepted = [] if kind in WITHOUT_ANSWER else _accepted(answers)
    item = str(record.get("example_id", place))
    rows.add(
        f"{item}/{code}" if code in ("zh_hk",) else item,
        language,
        group=kind,
        answer=accepted[0] if accepted else NO_ANSWER,
        accepted=accepted or [""],
        question=question,
        code=code,
    )


def _accepted(answers: Sequence[dict[str, Any]]) -> list[str]:
    texts = [each.get("text") for each in answers] + [
        a for each in answers for a in each.get("aliases") or ()
    ]
    return [str(text) for text in dict.fromkeys(texts) if text]


def ask(row: Row) -> Ask:
    """The bare question, with leave to say that there is no answer."""
    context = f"Answer briefly, or say {NO_ANSWER}: {row['question']}"
    return Ask("generate", context, chat=True, maximum_tokens=ANSWER_TOKENS, stop=("\n",))


def judge(row: Row, answer: Answer) -> Verdict:
    """Token F1 over accepted answers; "No Answer" in any case, or nothing, is the empty answer."""
    text = answer.text.strip()
    parsed = "" if text.lower().strip(" .") == NO_ANSWER.lower() else text
    f1 = token_f1(parsed, row["accepted"], row["language"], "open")
    scores = {
        "exact_match": exact_match(parsed, row["accepted"], row["language"], "open"),
        "constant": float(row["accepted"] == [""]),
    }
    return Verdict("scored" if text else "empty", f1, parsed, scores)


MKQA = Benchmark(
    name="mkqa",
    measure="f1",
    ask=ask,
    judge=judge,
    languages=LANGUAGES,
    source="apple/mkqa",
    provenance="human-translated",
    licence="CC-BY-SA-3.0",
    chance=0.324,
    failures=("empty",),
    read=read,
    inputs=("question",),
)
