"""How fast `audit` measures a tokenizer, beside the work of the published premium script.

    python bench/audit.py [--languages 200] [--sentences 2000]

The script of Petrov et al. 2023 (compute_tokenizations.py and tokenizer_interface.py) joins a language's
sentences with spaces, tokenises them in transformers (`tokenize`, then `convert_tokens_to_ids`), does that
again and decodes to count unknown tokens, and decodes ten examples token by token. The same calls are made
here, and beside them the plainest loop there is, `tokenizer.encode` per sentence. Text: FLORES-200
(PANLECT_DATA), repeated to the number of sentences; without it, names of the CLDR. One thread, CPU seconds.
Premiums must agree with the plain loop's on every language.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import polars as pl
from transformers import AutoTokenizer

from panlect import progress
from panlect.folder import External
from panlect.model import tokenizer_training
from panlect.model.parallel_text import read_aligned
from panlect.stages.audit import AuditConfig, audit

DATA = Path(os.environ.get("PANLECT_DATA", Path(__file__).parents[2] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", type=int, default=200)
    parser.add_argument("--sentences", type=int, default=997, help="of each language")
    parser.add_argument(
        "--reference-sentences", type=int, default=100, help="the reference is timed on so many"
    )
    arguments = parser.parse_args()
    progress.console.quiet = True
    flores = DATA / "flores200" / "dev"
    inputs = [External(str(flores))] if flores.is_dir() else []
    texts = dict(
        list(read_aligned(inputs, "eng_Latn", arguments.sentences, print).texts.items())[
            : arguments.languages
        ]
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        write(path, texts, arguments.sentences)
        compare(path, list(texts), arguments)


def write(path: Path, texts: dict[str, list[str]], sentences: int) -> None:
    """A tokenizer, and a file of sentences per language."""
    sample = [text for rows in texts.values() for text in rows[::10]]
    tokenizer_training.save(tokenizer_training.train(sample, 16000), path / "tokenizer")
    (path / "lines").mkdir()
    for language, rows in texts.items():
        repeated = (rows * (sentences // len(rows) + 1))[:sentences]
        (path / "lines" / f"{language}.txt").write_text("\n".join(repeated) + "\n", encoding="utf-8")


def measure(path: Path, name: str, sentences: int) -> tuple[float, dict[str, float]]:
    """CPU seconds of an audit, and its premiums."""
    began = time.process_time()
    inputs = [External(str(path / "tokenizer")), External(str(path / "lines"))]
    made = audit(inputs, path / name, AuditConfig(sentences=sentences))
    seconds = time.process_time() - began
    numbers = made.numbers().filter(pl.col("measure") == "premium").select("language", "value")
    return seconds, dict(numbers.iter_rows())


def published(opened: Any, rows: Sequence[str]) -> None:
    """The calls of the published script for one language."""
    joined = " ".join(rows)
    for _ in range(2):
        ids = opened.convert_tokens_to_ids(opened.tokenize(joined))
    opened.decode(ids)
    for example in rows[:: max(1, len(rows) // 10)][:10]:
        for number in opened.convert_tokens_to_ids(opened.tokenize(example)):
            opened.decode([number])


def compare(path: Path, languages: list[str], arguments: argparse.Namespace) -> None:
    ours, _ = measure(path, "audit", arguments.sentences)
    opened = AutoTokenizer.from_pretrained(path / "tokenizer")
    rows = {}
    for language in languages:
        text = (path / "lines" / f"{language}.txt").read_text("utf-8")
        rows[language] = text.split("\n")[: arguments.reference_sentences]
    began = time.process_time()
    tokens = {
        language: sum(len(opened.encode(row, add_special_tokens=False)) for row in found)
        for language, found in rows.items()
    }
    plain = time.process_time() - began
    began = time.process_time()
    for found in rows.values():
        published(opened, found)
    script = time.process_time() - began
    _, premiums = measure(path, "small", arguments.reference_sentences)
    wrong = sum(
        abs(value - tokens[language] / tokens["eng_Latn"]) > 1e-9 for language, value in premiums.items()
    )
    all_rows, some_rows = len(languages) * arguments.sentences, sum(map(len, rows.values()))
    print(f"{len(languages)} languages × {arguments.sentences} sentences")
    print("| | microseconds per sentence | all sentences | against the audit |\n|---|---|---|---|")
    for what, each in (
        ("panlect audit, twelve measures", ours / all_rows),
        ("the published premium script", script / some_rows),
        ("`tokenizer.encode` per sentence", plain / some_rows),
    ):
        ratio = each / (ours / all_rows)
        print(f"| {what} | {each * 1e6:.0f} | {each * all_rows:.0f} s | {ratio:.1f} |")
    print(f"premiums that differ: {wrong}")


if __name__ == "__main__":
    main()
