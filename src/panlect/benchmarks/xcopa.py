"""XCOPA (Ponti et al. 2020): which of two sentences is the cause, or the effect, of a premise; 11 languages.

Files `<language>/{val,test}.<language>.jsonl`; `data-gmt/` holds machine translations into English, which
become the group `translate-test`: its language is the one translated from. The usual prompt drops the
premise's last character, which costs Thai, written without full stops, a letter; `corrected` drops
punctuation only, and puts no space where the script has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Ask, Benchmark, Reading, Row
from panlect.benchmarks.files import Rows, files_by_language, part_in

CONNECTORS = {
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
    "en": ("because", "so"),
}
"""Words for "because" and "so", as lm-evaluation-harness has them."""

LANGUAGES = tuple(code for code in CONNECTORS if code != "en")
TRANSLATED = "translate-test"


def read(path: Path, languages: Sequence[str]) -> Reading:
    """Test rows; validation rows of languages for which no test file is there."""
    files = files_by_language(path, languages, lambda file: part_in(file, LANGUAGES))
    tested = {language for language, file in files if "test" in file.name and not _translated(file)}
    rows = Rows("xcopa")
    for language, file in files:
        if language not in tested or "test" in file.name or _translated(file):
            _add(rows, language, file)
    return rows.reading


def read_examples(path: Path, languages: Sequence[str]) -> Reading:
    """Validation rows of the languages that have test rows too."""
    files = files_by_language(path, languages, lambda file: part_in(file, LANGUAGES))
    files = [(language, file) for language, file in files if not _translated(file)]
    tested = {language for language, file in files if "test" in file.name}
    rows = Rows("xcopa")
    for language, file in files:
        if language in tested and "test" not in file.name:
            _add(rows, language, file)
    return rows.reading


def _add(rows: Rows, language: str, file: Path) -> None:
    code = "en" if _translated(file) else part_in(file, LANGUAGES)
    for place, record in rows.each(language, file, ("premise", "choice1", "choice2", "question", "label")):
        if record["question"] not in ("cause", "effect") or record["label"] not in (0, 1):
            rows.drop(place, language, "label or question of another kind", record)
            continue
        split = "test" if "test" in file.name else "val"
        rows.add(
            f"{split}:{record['idx']}" + (":gmt" if code == "en" else ""),
            language,
            group=TRANSLATED if code == "en" else "",
            choices=[record["choice1"], record["choice2"]],
            gold=int(record["label"]),
            premise=record["premise"],
            question=record["question"],
            code=code,
        )


def _translated(file: Path) -> bool:
    return "data-gmt" in file.parts or any(part.startswith("translation-") for part in file.parts)


def _connector(row: Row) -> str:
    return CONNECTORS[row["code"]][0 if row["question"] == "cause" else 1]


def ask(row: Row) -> Ask:
    """As in lm-evaluation-harness."""
    context = f"{row['premise'].strip()[:-1]} {_connector(row)}"
    return Ask("choose", context, choices=tuple(f" {choice.lower_first(each)}" for each in row["choices"]))


def ask_corrected(row: Row) -> Ask:
    """Only punctuation is dropped from the premise, and spaces stand where the script has them."""
    space = choice.delimiter("eng_Latn" if row["code"] == "en" else row["language"])
    context = f"{choice.without_full_stop(row['premise'])}{space}{_connector(row)}"
    return Ask(
        "choose", context, choices=tuple(f"{space}{choice.lower_first(each)}" for each in row["choices"])
    )


XCOPA = Benchmark(
    name="xcopa",
    measure="accuracy",
    ask=ask,
    judge=choice.judge,
    languages=LANGUAGES,
    source="cambridgeltl/xcopa",
    provenance="human-translated",
    licence="CC-BY-4.0",
    chance=0.5,
    read=read,
    examples=read_examples,
    variants={"corrected": ask_corrected},
    inputs=("premise",),
)
