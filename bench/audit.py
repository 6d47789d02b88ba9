"""How fast `audit` measures a tokenizer, beside the usual script: sentence by sentence in transformers.

    python bench/audit.py [--languages 200] [--sentences 2000]

The reference is the loop of the premium script of Petrov et al. 2023 (compute_tokenizations.py): for every
sentence of every language, `tokenizer.encode`, and the lengths added up. Text: FLORES-200 (PANLECT_DATA),
repeated to the number of sentences; without it, names of the CLDR. One thread, CPU seconds. The two must
agree on every count.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

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
    parser.add_argument("--sentences", type=int, default=2000)
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
        sample = [text for rows in texts.values() for text in rows[::10]]
        tokenizer_training.save(tokenizer_training.train(sample, 16000), path / "tokenizer")
        (path / "lines").mkdir()
        for language, rows in texts.items():
            repeated = (rows * (arguments.sentences // len(rows) + 1))[: arguments.sentences]
            (path / "lines" / f"{language}.txt").write_text("\n".join(repeated) + "\n", encoding="utf-8")
        began = time.process_time()
        made = audit(
            [External(str(path / "tokenizer")), External(str(path / "lines"))],
            path / "audit",
            AuditConfig(sentences=arguments.sentences),
        )
        ours = (time.process_time() - began) / (len(texts) * arguments.sentences)
        opened = AutoTokenizer.from_pretrained(path / "tokenizer")
        began, tokens, sentences = time.process_time(), {}, 0
        for language in texts:
            rows = (path / "lines" / f"{language}.txt").read_text("utf-8").split("\n")
            rows = rows[: arguments.reference_sentences]
            tokens[language] = sum(len(opened.encode(row, add_special_tokens=False)) for row in rows)
            sentences += len(rows)
        theirs = (time.process_time() - began) / sentences
        small = audit(
            [External(str(path / "tokenizer")), External(str(path / "lines"))],
            path / "small",
            AuditConfig(sentences=arguments.reference_sentences),
        )
        numbers = small.numbers().filter(pl.col("measure") == "premium").select("language", "value")
        reference = tokens["eng_Latn"]
        wrong = [row for row in numbers.iter_rows() if abs(row[1] - tokens[row[0]] / reference) > 1e-9]
        total = ours * len(texts) * arguments.sentences
        print(f"{len(texts)} languages × {arguments.sentences} sentences, {made.numbers().height} numbers")
        print("| | microseconds per sentence | all sentences |\n|---|---|---|")
        print(f"| panlect audit, twelve measures | {ours * 1e6:.0f} | {total:.0f} s |")
        print(f"| tokenizer.encode, one measure | {theirs * 1e6:.0f} | {theirs / ours * total:.0f} s |")
        print(f"{theirs / ours:.1f} times; premiums that differ: {len(wrong)}")


if __name__ == "__main__":
    main()
