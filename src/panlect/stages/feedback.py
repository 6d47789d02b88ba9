"""`feedback`: preference pairs made of a model's own errors, each with the reason why it is one.

The model answers prompts whose right answer is known: those of the inputs' preference pairs (constructed
by `world`) and, if asked for, of their dialogues. What it gets wrong is set against the right answer.
Constructed pairs fill up what a language lacks. Pairs that teach nothing are set aside: where both answers
are the same, or nearly, and where the same error has been seen. The right answers are written as dialogues
too, so that `instruct` can learn from the same rows without the rejected ones.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field

from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.world import Lexicon
from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import DataError
from panlect.folder import Folder, Input, one_model, tables
from panlect.language import codes_of
from panlect.rating.rules import names_of
from panlect.rating.samples import longer_chosen
from panlect.tables import SCHEMAS
from panlect.world.render import final_answer

VERSION = 2

REASONS = {
    "off_target": "wrong_language",
    "wrong": "wrong_fact",
    "malformed": "malformed",
    "empty": "malformed",
}
"""The reason of a pair, by the verdict on its rejected answer."""

Row = dict[str, Any]


class FeedbackConfig(Config):
    """Which prompts the model answers, and which of its errors become pairs."""

    languages: str | tuple[str, ...] = ()
    """Only prompts and pairs whose answer is in these languages or groups; empty for all."""
    prompts_per_language: int = Field(default=32, ge=1)
    """So many prompts per answer language are put to the model, within one language first, else by hash."""
    dialogues: bool = False
    """Put the prompts of dialogues to the model too, not only those of preference pairs."""
    samples: int = Field(default=0, ge=0)
    """Answers drawn per prompt, besides the most likely one."""
    temperature: float = Field(default=0.8, gt=0)
    """Of the drawn answers."""
    answer_tokens: int = Field(default=64, ge=1)
    """Longest answer."""
    pairs_per_language: int = Field(default=32, ge=1)
    """Most pairs per answer language; errors of the model come before constructed pairs."""
    constructed_per_language: int = Field(default=8, ge=0)
    """Most constructed pairs per answer language."""
    reasons: tuple[Literal["wrong_language", "wrong_fact", "malformed"], ...] = ()
    """Only pairs with these reasons; empty for all. Pairs about wrong facts push down well-formed answers."""
    more: dict[str, int] = Field(default_factory=dict)
    """As many prompts and pairs for single languages that must not suffer, such as the pivot."""
    similarity_limit: float = Field(default=0.9, gt=0, le=1)
    """A rejected answer more similar to the chosen one than this (matching share of letters) is set aside."""
    seed: int = 0
    """Chooses prompts and draws answers."""


def feedback(inputs: Sequence[Input], out: Path, config: FeedbackConfig) -> Folder:
    """Let the model answer, and write its errors and constructed ones as preference pairs.

    Raises:
        ModelError: not exactly one input is a model.
        DataError: no prompt has a known answer.
    """
    with draft(out, "feedback", VERSION, config, inputs) as work:
        constructed = _wanted(tables(inputs, "preference"), config)
        prompts = _prompts(inputs, constructed, config)
        answers = _answers(one_model(inputs), prompts, config, work)
        errors, verdicts = _errors(prompts, answers, _names(prompts, inputs))
        kept, dropped = _select(errors, constructed.to_dicts(), config)
        work.write("preference", _frame(kept))
        work.write("dialogue", _dialogues(kept))
        work.drop("preference", _frame(dropped, reason_of_drop=True))
        _report(work, kept, verdicts)
    return work.folder


def _wanted(frame: pl.DataFrame, config: FeedbackConfig) -> pl.DataFrame:
    wanted = codes_of(config.languages)
    return frame.filter(pl.col("answer_language").is_in(wanted)) if wanted else frame


def _prompts(inputs: Sequence[Input], constructed: pl.DataFrame, config: FeedbackConfig) -> list[Row]:
    """Prompts with a known right answer, each once, so many per answer language."""
    found: dict[tuple[str, str], Row] = {}
    for row in constructed.to_dicts():
        found.setdefault(_key(row), {**row, "origin": "constructed"})
    for row in _wanted(tables(inputs, "dialogue"), config).to_dicts() if config.dialogues else ():
        *prompt, chosen = row["messages"]
        if prompt and chosen["role"] == "assistant":
            made = {**row, "prompt": prompt, "chosen": [chosen], "prompt_language": row["language"]}
            found.setdefault(_key(made), made)
    by_language: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(found.values(), key=lambda row: _turn(row, config.seed)):
        language = row["answer_language"]
        if len(by_language[language]) < max(config.prompts_per_language, config.more.get(language, 0)):
            by_language[language].append(row)
    if not by_language:
        raise DataError(
            "there is no prompt with a known answer",
            where="preference",
            expected="preference pairs, or dialogues with `dialogues: true`",
        )
    return [row for language in sorted(by_language) for row in by_language[language]]


def _answers(location: str, prompts: Sequence[Row], config: FeedbackConfig, work: Draft) -> list[list[str]]:
    """The model's answers to each prompt: the most likely one first, then the drawn ones."""
    from panlect.model.generate import Generation
    from panlect.model.load import load

    model = load(location)
    turns = [row["prompt"] for row in prompts]
    greedy = Generation(new_tokens=config.answer_tokens)
    drawn = Generation(
        new_tokens=config.answer_tokens,
        temperature=config.temperature,
        samples=config.samples,
        seed=config.seed,
    )
    found: list[list[str]] = []
    with work.progress(len(turns), "prompts", "answer") as bar:
        for start in range(0, len(turns), 512):
            part = turns[start : start + 512]
            most_likely = model.chat(part, greedy)
            samples = model.chat(part, drawn) if config.samples else []
            found += [
                [text, *samples[at * config.samples : (at + 1) * config.samples]]
                for at, text in enumerate(most_likely)
            ]
            bar.advance(len(part))
    return found


def _names(prompts: Sequence[Row], inputs: Sequence[Input]) -> Lexicon:
    right = ((row["id"], row["answer_language"], row["chosen"][-1]["content"]) for row in prompts)
    return names_of(right, inputs)


def _errors(
    prompts: Sequence[Row], answers: Sequence[Sequence[str]], lexicon: Lexicon
) -> tuple[list[Row], dict[str, dict[str, int]]]:
    """Pairs for wrong answers, and how often each verdict fell on the first answer, by language."""
    pairs: list[Row] = []
    verdicts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row, texts in zip(prompts, answers, strict=True):
        right = final_answer(row["chosen"][-1]["content"])
        question = {"item": row["id"], "language": row["answer_language"], "answer": right}
        for number, text in enumerate(texts):
            label = lexicon.judge(question, Answer(text=text)).label
            verdicts[row["answer_language"]][label] += number == 0
            if label in REASONS:
                rejected = [{"role": "assistant", "content": text.strip()}]
                made = {"id": f"{row['id']}#{number}", "rejected": rejected, "reason": REASONS[label]}
                pairs.append({**row, **made, "origin": "model"})
    return pairs, verdicts


def _select(
    errors: Sequence[Row], constructed: Sequence[Row], config: FeedbackConfig
) -> tuple[list[Row], list[Row]]:
    """Pairs to keep, language by language, and pairs set aside with a `dropped_because`."""
    kept: list[Row] = []
    dropped: list[Row] = []
    seen: set[tuple[str, str, str]] = set()
    count: dict[tuple[str, str], int] = defaultdict(int)
    rest = sorted(constructed, key=lambda row: _turn(row, config.seed))
    for row in (*errors, *({**row, "origin": "constructed"} for row in rest)):
        language = row["answer_language"]
        why = _why_not(row, seen, config)
        most = config.more.get(language, config.pairs_per_language)
        if row["origin"] == "constructed":
            most = min(
                most, config.more.get(language, config.constructed_per_language) + count[language, "model"]
            )
        if not why and count[language, ""] >= most:
            why = "the language has its pairs"
        if why:
            dropped.append({**row, "dropped_because": why})
            continue
        seen.add((*_key(row), _letters(row["rejected"][-1]["content"])))
        count[language, ""] += 1
        count[language, "model"] += row["origin"] == "model"
        kept.append(row)
    kept.sort(key=lambda row: (row["answer_language"], row["id"]))
    return kept, dropped


def _why_not(row: Row, seen: set[tuple[str, str, str]], config: FeedbackConfig) -> str:
    """Why a pair teaches nothing that is wanted, or nothing."""
    if config.reasons and row["reason"] not in config.reasons:
        return "pairs for this reason are not wanted"
    chosen, rejected = (row[side][-1]["content"] for side in ("chosen", "rejected"))
    if (*_key(row), _letters(rejected)) in seen:
        return "the same error has been seen"
    if not rejected:
        return "the answer is empty"
    one, other = _letters(final_answer(chosen)), _letters(final_answer(rejected))
    if one == other:
        return "both answers are the same but for case and signs"
    if SequenceMatcher(None, one, other, autojunk=False).ratio() > config.similarity_limit:
        return "the answers are nearly the same"
    return ""


def _letters(text: str) -> str:
    """Letters, marks and digits only, in one case: what is left is the same if two texts read the same."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if unicodedata.category(letter)[0] in "LMN")


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    """What is asked and in which language the answer must be."""
    return row["answer_language"], "\n".join(message["content"] for message in row["prompt"])


def _turn(row: Row, seed: int) -> tuple[bool, bytes]:
    """Where a row stands in the queue: those within one language before those across, else by hash."""
    digest = blake2b(f"{seed}|{row['id']}".encode(), digest_size=8).digest()
    return row["prompt_language"] != row["answer_language"], digest


def _frame(rows: Iterable[Row], *, reason_of_drop: bool = False) -> pl.DataFrame:
    schema = dict(SCHEMAS["preference"]) | {"origin": pl.String}
    if not reason_of_drop:
        return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    made = [
        {
            **{name: row[name] for name in schema},
            "pair_reason": row["reason"],
            "reason": row["dropped_because"],
        }
        for row in rows
    ]
    return pl.DataFrame(made, schema=schema | {"pair_reason": pl.String})


def _dialogues(kept: Sequence[Row]) -> pl.DataFrame:
    """The chosen answers as dialogues, each once: to compare preference with instruction on the same."""
    rows = {
        _key(row): {
            "id": row["id"],
            "messages": [*row["prompt"], *row["chosen"]],
            "language": row["prompt_language"],
            "answer_language": row["answer_language"],
            "origin": "chosen",
            "source": row["source"],
            "licence": row["licence"],
        }
        for row in kept
    }
    return pl.DataFrame(list(rows.values()), schema=dict(SCHEMAS["dialogue"]))


def _report(work: Draft, kept: Sequence[Row], verdicts: Mapping[str, Mapping[str, int]]) -> None:
    """Pairs per language and reason, and how the model's first answers were judged."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in kept:
        counts[row["answer_language"], row["reason"]] += 1
        counts["", row["reason"]] += 1
    for (language, reason), count in sorted(counts.items()):
        work.number("pairs", float(count), language=language, group=reason, count=count, unit="pairs")
    asked = sum(sum(of.values()) for of in verdicts.values())
    right = sum(of.get("correct", 0) for of in verdicts.values())
    reasons = ", ".join(
        f"{count} {reason}" for (language, reason), count in sorted(counts.items()) if not language
    )
    own = sum(row["origin"] == "model" for row in kept)
    work.log(f"{right} of {asked} prompts answered right")
    work.log(f"{len(kept)} pairs, {own} of them the model's own errors: {reasons}")
    if kept:
        longer = longer_chosen(kept)
        work.number("length_bias", longer, count=len(kept), unit="share")
        work.log(f"the chosen answer is the longer one in {longer:.0%}")
