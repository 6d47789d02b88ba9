"""A user's own held-out text: bits per byte of documents, chrF and BLEU of translations, for any language.

`panlect curate` sets held-out rows aside as questions of these two benchmarks; any parallel file can be made
into such a table (`benchmarks.parallel`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from panlect.benchmarks import language_check
from panlect.benchmarks.benchmark import Answer, Ask, AskRow, Benchmark, Judge, Row, Verdict
from panlect.benchmarks.questions import item_hash
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
CANDIDATES = 4
"""Sources among which the one of a given translation is to be found."""


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


def arrange_translations(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`arrange_direction` for all rows, each with `choices`: its source among those of other items.

    The others follow it in one order of all items, so they are the same in every language that has them, and
    so is the place of the right one (`gold`).
    """
    directions: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    arranged = [arrange_direction(row) for row in rows]
    for row in arranged:
        directions[row["prompt_language"], row["answer_language"]].append(row)
    for found in directions.values():
        found.sort(key=lambda row: item_hash(row["item"], 0))
        count = min(CANDIDATES, len(found))
        for at, row in enumerate(found if count > 1 else ()):
            texts = [found[(at + step) % len(found)]["prompt"] for step in range(count)]
            gold = item_hash(row["item"], 0)[-1] % count
            row["choices"], row["gold"] = [*texts[1 : gold + 1], texts[0], *texts[gold + 1 :]], gold
    return arranged


def ask_translation(row: Row) -> Ask:
    """A plain request in English, as the translation dialogues of `panlect` are written."""
    source, target = (Language.parse(row[name]).name for name in ("prompt_language", "answer_language"))
    context = f"Translate from {source} to {target}: {row['prompt']}"
    return Ask("generate", context, chat=True, maximum_tokens=TRANSLATION_TOKENS, stop=("\n",))


def ask_name_last(row: Row) -> Ask:
    """The form for text as a user's message: the language's name comes last, as small models need it."""
    ask = ask_translation_as_text(row)
    return replace(ask, chat=True)


def ask_translation_as_text(row: Row) -> Ask:
    """The form for models that only saw text: both languages named, the target's side open."""
    source, target = (Language.parse(row[name]).name for name in ("prompt_language", "answer_language"))
    context = f"{source}: {row['prompt']}\n{target}:"
    return Ask("generate", context, maximum_tokens=TRANSLATION_TOKENS, stop=("\n",))


def rank_sources(asked: AskRow, *, before: str = "") -> AskRow:
    """The translation after the request to translate each candidate: whose translation is it?

    One text is scored after several others, so neither its length nor how usual it is decides.

    Args:
        asked: how a translation is asked for.
        before: what stands between request and translation.
    """

    def rank(row: Row) -> Ask | None:
        asks = [asked({**row, "prompt": text}) for text in row["choices"]]
        made = [ask for ask in asks if ask is not None]
        if not made:
            return None
        contexts = tuple(ask.context for ask in made)
        return Ask("choose", "", (before + row["answer"],) * len(made), contexts, chat=made[0].chat)

    return rank


def judge_translation(row: Row, answer: Answer, *, among: Sequence[str] = ()) -> Verdict:
    """Counts for chrF, chrF++ and BLEU; the score is the sentence's chrF. Copies of the source count.

    `among` are languages that the answer may be in besides those of the row and the most used ones.
    """
    parsed = next((line.strip() for line in answer.text.splitlines() if line.strip()), "")
    tokeniser = bleu_tokeniser(row["answer_language"])
    statistics = {
        "chrf": chrf_statistics(parsed, row["answer"]),
        "chrf++": chrf_statistics(parsed, row["answer"], words=WORD_ORDER),
        "bleu": bleu_statistics(parsed, row["answer"], tokeniser=tokeniser),
    }
    score = float(chrf_score(np.array(statistics["chrf"])))
    scores = {"copied_source": float(parsed == row["prompt"].strip())}
    scores |= language_check.scores(
        parsed, row["answer_language"], prompt_language=row["prompt_language"], among=among
    )
    return Verdict("scored" if parsed else "empty", score, parsed, scores, statistics)


def judge_among(rows: Sequence[Row]) -> Judge:
    """The judge that takes an answer to be in any of the languages translated into."""
    return partial(judge_translation, among=sorted({row["answer_language"] for row in rows}))


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
    variants={
        "text": ask_translation_as_text,
        "name_last": ask_name_last,
        "rank": rank_sources(ask_translation),
        "text_rank": rank_sources(ask_translation_as_text, before=" "),
        "name_last_rank": rank_sources(ask_name_last),
    },
    lexicon=judge_among,
    arrange=arrange_translations,
    failures=("empty",),
    unit="points",
)
