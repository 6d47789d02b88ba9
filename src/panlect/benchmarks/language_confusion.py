"""Language Confusion Benchmark (Marchisio et al. 2024): does a model answer in the language it was asked for?

CSV files `{monolingual,crosslingual}/<source>/<language>.csv` with `prompt` and `language` (the one
requested); a crosslingual prompt is English and names the language. The score of an answer is whether all its
lines are in the language (line pass); `word_pass` looks for words of English in answers in Arabic, Hindi,
Japanese, Korean, Russian and Chinese that passed by line. The reference looks words up in a dictionary; here
any word of four ASCII letters or more counts, so names and brands do too: the rate is a lower bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.choice import spaced
from panlect.benchmarks.files import Rows, canonical, files_by_language
from panlect.benchmarks.language_check import MOST_USED, check
from panlect.measure.confusion import WORD_PASS_LANGUAGES, line_pass
from panlect.measure.rouge import characters

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "ru", "tr", "vi", "zh")
ANSWER_TOKENS = 100
_ENGLISH = re.compile(r"(?<![A-Za-z])[A-Za-z]{4,}(?![A-Za-z])")


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All prompts; the group is the task, `monolingual` or `crosslingual`."""
    rows = Rows("language_confusion")
    for _, file in files_by_language(
        path, (), lambda each: each.stem if each.stem in LANGUAGES else "", (".csv",)
    ):
        task = next((name for name in ("monolingual", "crosslingual") if name in file.parts), "")
        for place, record in rows.each("und_Zyyy", file, ("prompt", "language")):
            language = canonical(record["language"])
            if not language:
                rows.drop(place, "und_Zyyy", "unknown language", record)
            elif not languages or language in languages:
                source = record.get("source", "")
                number = place.rpartition(":")[2]
                rows.add(
                    f"{task}:{source}:{number}",
                    language,
                    group=task,
                    prompt=record["prompt"],
                    answer=language,
                    prompt_language="eng_Latn" if task == "crosslingual" else language,
                )
    return rows.reading


def ask(row: Row) -> Ask:
    """The bare prompt."""
    return Ask("generate", row["prompt"], chat=True, maximum_tokens=ANSWER_TOKENS)


def judge(row: Row, answer: Answer) -> Verdict:
    """Line pass; answers without a line long enough to judge pass, as in the reference, and are counted."""
    text, language = answer.text.strip(), row["language"]
    if not text:
        return Verdict("empty", 0.0)
    tokenise = str.split if spaced(language) else characters
    passed = line_pass(text, language, check().identify, tokenise, MOST_USED)
    scores = {"without_judged_line": float(passed is None)}
    if passed is not False and language in WORD_PASS_LANGUAGES:
        scores["word_pass"] = float(not _ENGLISH.search(text))
    right = float(passed is not False)
    return Verdict("correct" if right else "off_target", right, text[:200], scores)


LANGUAGE_CONFUSION = Benchmark(
    name="language_confusion",
    measure="line_pass",
    ask=ask,
    judge=judge,
    languages=LANGUAGES,
    source="https://github.com/for-ai/language-confusion",
    provenance="mixed",
    licence="Apache-2.0",
    chance=float("nan"),
    failures=("off_target", "empty"),
    read=read,
)
