"""A user's own held-out text: bits per byte of documents, chrF and BLEU of translations, for any language.

`panlect curate` sets held-out rows aside as questions of these two benchmarks; any parallel file can be made
into such a table (`benchmarks.parallel`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from panlect.benchmarks import language_check
from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Row, Verdict
from panlect.language import Language
from panlect.measure.translation import (
    WORD_ORDER,
    bleu_statistics,
    bleu_tokeniser,
    chrf_score,
    chrf_statistics,
)

PIVOT = "eng_Latn"
TRANSLATION_TOKENS = 256


def ask_text(row: Row) -> Ask:
    """The whole text after nothing, to be scored."""
    return Ask("choose", "", choices=(row["answer"],))


def judge_text(row: Row, answer: Answer) -> Verdict:
    """Bits and bytes of one text; the score is its bits per byte."""
    bits, size = -answer.scores[0] / math.log(2), len(row["answer"].encode())
    return Verdict("scored", bits / size, "", statistics={"bits_per_byte": (bits, float(size))})


def arrange_direction(row: dict[str, Any]) -> dict[str, Any]:
    """Group by direction, and file the row under its more interesting language.

    Into English the row belongs to the language translated from, else to the language translated into;
    `group` says which (`into eng_Latn`, `from eng_Latn`), so that a mean over languages is over one
    direction.
    """
    source, target = row.get("prompt_language") or PIVOT, row["language"]
    arranged = {**row, "prompt_language": source, "answer_language": target}
    if target == PIVOT and source != PIVOT:
        return arranged | {"language": source, "group": f"into {PIVOT}"}
    return arranged | {"group": f"from {source}"}


def ask_translation(row: Row) -> Ask:
    """A plain request in English, as the translation dialogues of `panlect` are written."""
    source, target = (Language.parse(row[name]).name for name in ("prompt_language", "answer_language"))
    context = f"Translate from {source} to {target}: {row['prompt']}"
    return Ask("generate", context, chat=True, maximum_tokens=TRANSLATION_TOKENS, stop=("\n",))


def ask_translation_as_text(row: Row) -> Ask:
    """The form for models that only saw text: both languages named, the target's side open."""
    source, target = (Language.parse(row[name]).name for name in ("prompt_language", "answer_language"))
    context = f"{source}: {row['prompt']}\n{target}:"
    return Ask("generate", context, maximum_tokens=TRANSLATION_TOKENS, stop=("\n",))


def judge_translation(row: Row, answer: Answer) -> Verdict:
    """Counts for chrF, chrF++ and BLEU; the score is the sentence's chrF. Copies of the source count."""
    parsed = next((line.strip() for line in answer.text.splitlines() if line.strip()), "")
    tokeniser = bleu_tokeniser(row["answer_language"])
    statistics = {
        "chrf": chrf_statistics(parsed, row["answer"]),
        "chrf++": chrf_statistics(parsed, row["answer"], words=WORD_ORDER),
        "bleu": bleu_statistics(parsed, row["answer"], tokeniser=tokeniser),
    }
    score = float(chrf_score(np.array(statistics["chrf"])))
    scores = {"copied_source": float(parsed == row["prompt"].strip())}
    scores |= language_check.scores(parsed, row["answer_language"], prompt_language=row["prompt_language"])
    return Verdict("scored" if parsed else "empty", score, parsed, scores, statistics)


HELD_OUT_TEXT = Benchmark(
    name="held_out_text",
    measure="bits_per_byte",
    ask=ask_text,
    judge=judge_text,
    source="the user's own text",
    provenance="native",
    licence="as its text",
    chance=float("nan"),
    unit="bits",
)

HELD_OUT_TRANSLATION = Benchmark(
    name="held_out_translation",
    measure="chrf",
    ask=ask_translation,
    judge=judge_translation,
    source="the user's own parallel text",
    provenance="mixed",
    licence="as its text",
    chance=float("nan"),
    variants={"text": ask_translation_as_text},
    arrange=arrange_direction,
    unit="points",
)
