"""StoryCloze (Mostafazadeh et al. 2016), XStoryCloze (Lin et al. 2022): the right end of a short story.

Reads the official TSV and CSV (`InputSentence1`, `RandomFifthSentenceQuiz1`, `AnswerRightEnding`) and the
Hub's columns (`input_sentence_1`, `sentence_quiz1`, `answer_right_ending`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Ask, Benchmark, Reading, Row
from panlect.benchmarks.files import BAD, Rows, files_by_language, part_in, records

LANGUAGES = ("ar", "en", "es", "eu", "hi", "id", "my", "ru", "sw", "te", "zh")
OFFICIAL = {
    "InputStoryid": "story_id",
    **{f"InputSentence{n}": f"input_sentence_{n}" for n in range(1, 5)},
    "RandomFifthSentenceQuiz1": "sentence_quiz1",
    "RandomFifthSentenceQuiz2": "sentence_quiz2",
    "AnswerRightEnding": "answer_right_ending",
}
NEEDED = (
    *(f"input_sentence_{n}" for n in range(1, 5)),
    "sentence_quiz1",
    "sentence_quiz2",
    "answer_right_ending",
)


def _reader(benchmark: str, code_of: Callable[[Path], str]) -> Callable[[Path, Sequence[str]], Reading]:
    def read(path: Path, languages: Sequence[str]) -> Reading:
        """Evaluation rows; files of the training split are left alone."""
        rows = Rows(benchmark)
        for language, file in files_by_language(path, languages, code_of):
            if "train" in file.name:
                continue
            for place, record in records(file):
                named = {OFFICIAL.get(name, name): value for name, value in record.items()}
                _add(rows, place, language, named)
        return rows.reading

    return read


def _add(rows: Rows, place: str, language: str, record: dict[str, Any]) -> None:
    missing = [name for name in NEEDED if not str(record.get(name) or "").strip()]
    if BAD in record or missing or str(record["answer_right_ending"]) not in ("1", "2"):
        rows.drop(place, language, record.get(BAD) or f"no {', '.join(missing) or 'answer 1 or 2'}", record)
        return
    rows.add(
        str(record.get("story_id") or place.rpartition(":")[2]),
        language,
        choices=[record["sentence_quiz1"], record["sentence_quiz2"]],
        gold=int(record["answer_right_ending"]) - 1,
        story=[record[f"input_sentence_{n}"] for n in range(1, 5)],
    )


def ask(row: Row) -> Ask:
    """As in lm-evaluation-harness: sentences joined by spaces in every script."""
    return Ask("choose", " ".join(row["story"]), choices=tuple(f" {ending}" for ending in row["choices"]))


def ask_corrected(row: Row) -> Ask:
    """Sentences joined as the script joins them."""
    space = choice.delimiter(row["language"])
    endings = tuple(f"{space}{ending.strip()}" for ending in row["choices"])
    return Ask("choose", space.join(sentence.strip() for sentence in row["story"]), choices=endings)


XSTORYCLOZE = Benchmark(
    name="xstorycloze",
    measure="accuracy",
    ask=ask,
    judge=choice.judge,
    languages=LANGUAGES,
    source="juletxara/xstory_cloze",
    provenance="human-translated",
    licence="CC-BY-SA-4.0",
    chance=0.5,
    read=_reader("xstorycloze", lambda file: part_in(file, LANGUAGES)),
    variants={"corrected": ask_corrected},
)

STORYCLOZE = Benchmark(
    name="storycloze",
    measure="accuracy",
    ask=ask,
    judge=choice.judge,
    languages=("en",),
    source="https://cs.rochester.edu/nlp/rocstories/",
    provenance="native",
    licence="on request from its authors",
    chance=0.5,
    read=_reader("storycloze", lambda _: "en"),
    variants={"corrected": ask_corrected},
)
