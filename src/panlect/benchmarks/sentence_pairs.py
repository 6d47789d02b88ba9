"""XNLI (Conneau et al. 2018) and PAWS-X (Yang et al. 2019): how do two sentences relate?

Both are scored as in lm-evaluation-harness: the two sentences joined by a question and a word for each label,
the whole text being the continuation. Its label words come from machine translation: the Arabic "no" is the
word for "number". `corrected` has checked words. PAWS-X rows with "NS" or nothing in a sentence are set
aside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from panlect.benchmarks import choice
from panlect.benchmarks.benchmark import Ask, Benchmark, Reading, Row
from panlect.benchmarks.files import BAD, Rows, canonical, files_by_language, part_in, records

XNLI_WORDS = {
    "ar": ("صحيح", "نعم", "لذا", "رقم"),
    "bg": ("правилно", "да", "така", "не"),
    "de": ("richtig", "Ja", "Auch", "Nein"),
    "el": ("σωστός", "Ναί", "Έτσι", "όχι"),
    "en": ("right", "Yes", "Also", "No"),
    "es": ("correcto", "Sí", "Asi que", "No"),
    "fr": ("correct", "Oui", "Aussi", "Non"),
    "hi": ("सही", "हाँ", "इसलिए", "नहीं"),
    "ru": ("правильно", "Да", "Так", "Нет"),
    "sw": ("sahihi", "Ndiyo", "Hivyo", "Hapana"),
    "th": ("ถูกต้อง", "ใช่", "ดังนั้น", "ไม่"),
    "tr": ("doğru", "Evet", "Böylece", "Hayır"),
    "ur": ("صحیح", "جی ہاں", "اس لئے", "نہیں"),
    "vi": ("đúng", "Vâng", "Vì vậy", "Không"),
    "zh": ("正确", "是的", "所以", "不是的"),
}
"""Question, entailment, neutral, contradiction, as lm-evaluation-harness has them."""

XNLI_CORRECTED = XNLI_WORDS | {
    "ar": ("صحيح", "نعم", "أيضا", "لا"),
    "el": ("σωστά", "Ναι", "Επίσης", "Όχι"),
    "es": ("verdad", "Sí", "Además", "No"),
    "zh": ("对吗", "是的", "而且", "不是"),
}
LABELS: Mapping[object, int] = {
    "entailment": 0, "neutral": 1, "contradiction": 2, "0": 0, "1": 1, "2": 2, 0: 0, 1: 1, 2: 2,
}  # fmt: skip

PAWS_WORDS = {
    "de": ("richtig?", "Nein", "Ja"),
    "en": ("right?", "No", "Yes"),
    "es": ("verdad?", "No", "Sí"),
    "fr": ("n'est-ce pas?", "Non", "Oui"),
    "ja": ("ですね?", "いいえ", "はい"),
    "ko": ("맞죠?", "아니요", "예"),
    "zh": ("对吧?", "不是", "是"),
}
"""Question, no, yes, as lm-evaluation-harness has them."""

UNPROCESSED = frozenset({"ja", "ko", "zh"})  # the harness detokenises the other languages only


def read_xnli(path: Path, languages: Sequence[str]) -> Reading:
    """Test rows, else validation rows; of the official TSV (with a column `language`) or the Hub's files."""
    rows = Rows("xnli")
    for file, split in _splits(path, ("test", "validation", "dev")):
        for place, record in records(file):
            code = str(record.get("language") or part_in(file, XNLI_WORDS))
            language = canonical(code) if code in XNLI_WORDS else ""
            if languages and language and language not in languages:
                continue
            first = record.get("sentence1") or record.get("premise")
            second = record.get("sentence2") or record.get("hypothesis")
            label = LABELS.get(record.get("gold_label", record.get("label")))
            if BAD in record or not language or not first or not second or label is None:
                reason = record.get(BAD, "a sentence, label or language is missing")
                rows.drop(place, language or "und_Zyyy", reason, record)
                continue
            rows.add(f"{split}:{record.get('pairID') or place.rpartition(':')[2]}", language,
                     choices=["entailment", "neutral", "contradiction"], gold=label,
                     first=first, second=second, code=code)  # fmt: skip
    return rows.reading


def _splits(path: Path, names: Sequence[str]) -> list[tuple[Path, str]]:
    """Files of the first split that is there."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    for name in names:
        chosen = [(file, name) for file in files if name in re.split(r"[._\-/]", file.name)]
        if chosen:
            return chosen
    return [(file, "all") for file in files if file.suffix in (".tsv", ".jsonl", ".parquet")]


def read_paws(path: Path, languages: Sequence[str]) -> Reading:
    """Test rows of `<language>/test_2k.tsv` or of the Hub's `<language>/test-….parquet`."""
    rows = Rows("pawsx")
    for language, file in files_by_language(path, languages, lambda each: part_in(each, PAWS_WORDS)):
        if not file.name.startswith("test"):
            continue
        for place, record in records(file):
            first, second = (str(record.get(name) or "").strip() for name in ("sentence1", "sentence2"))
            if BAD in record or str(record.get("label")) not in ("0", "1"):
                rows.drop(place, language, record.get(BAD, "the label is neither 0 nor 1"), record)
            elif "NS" in (first, second) or not first or not second:
                rows.drop(place, language, "a sentence is missing (NS)", record)
            else:
                rows.add(str(record.get("id") or place), language, choices=["different", "same"],
                         gold=int(record["label"]), first=first, second=second,
                         code=part_in(file, PAWS_WORDS))  # fmt: skip
    return rows.reading


def _ask_xnli(words: Mapping[str, tuple[str, str, str, str]], row: Row, space: str) -> Ask:
    question, *labels = words[row["code"]]
    texts = tuple(f"{space}{row['first']}, {question}? {label}, {row['second']}" for label in labels)
    return Ask("choose", "", choices=texts)


def ask_xnli(row: Row) -> Ask:
    """As in lm-evaluation-harness, with the space it puts before every continuation."""
    return _ask_xnli(XNLI_WORDS, row, " ")


def ask_xnli_corrected(row: Row) -> Ask:
    """Checked label words, no space at the beginning of the text."""
    return _ask_xnli(XNLI_CORRECTED, row, "")


def _tidy(row: Row) -> tuple[str, str]:
    """The sentences as the harness joins them: detokenised, the first without its final mark."""
    if row["code"] in UNPROCESSED:
        return row["first"], row["second"]
    first, second = _detokenised(row["first"]), _detokenised(row["second"])
    return (first[:-1] if first.endswith((".", ",", ";")) else first), choice.lower_first(second)


def _detokenised(text: str) -> str:
    for old, new in ((" n't", "n't"), (" )", ")"), ("( ", "("), ('" ', '"'), (' "', '"')):
        text = text.replace(old, new)
    return re.sub(r" (['.,])", r"\1", text).strip()


def ask_paws(row: Row) -> Ask:
    """As in lm-evaluation-harness."""
    question, no, yes = PAWS_WORDS[row["code"]]
    first, second = _tidy(row)
    return Ask("choose", "", choices=tuple(f"{first}, {question} {label}, {second}" for label in (no, yes)))


def ask_paws_corrected(row: Row) -> Ask:
    """Every language treated alike: the first sentence loses its final mark, whatever script it is of."""
    question, no, yes = PAWS_WORDS[row["code"]]
    first = choice.without_full_stop(_detokenised(row["first"]))
    second = choice.lower_first(_detokenised(row["second"]))
    return Ask("choose", "", choices=tuple(f"{first}, {question} {label}, {second}" for label in (no, yes)))


XNLI = Benchmark(
    name="xnli",
    measure="accuracy",
    ask=ask_xnli,
    judge=choice.judge,
    lexicon=choice.judge_beside_constant,
    languages=tuple(XNLI_WORDS),
    source="facebook/xnli",
    provenance="human-translated",
    licence="CC-BY-NC-4.0",
    chance=1 / 3,
    read=read_xnli,
    variants={"corrected": ask_xnli_corrected},
    inputs=("first", "second"),
)

PAWSX = Benchmark(
    name="pawsx",
    measure="accuracy",
    ask=ask_paws,
    judge=choice.judge,
    lexicon=choice.judge_beside_constant,
    languages=tuple(PAWS_WORDS),
    source="google-research-datasets/paws-x",
    provenance="human-translated",
    licence="free for any use, with attribution (PAWS licence)",
    chance=0.5,
    read=read_paws,
    variants={"corrected": ask_paws_corrected},
    inputs=("first", "second"),
)
