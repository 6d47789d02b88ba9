"""The table of answers, and numbers from it: everything a report needs without asking a model again."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.benchmarks import BENCHMARKS, benchmark, between, compare, preferences, summary
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Answer, Benchmark, Label, Row, Verdict
from panlect.benchmarks.summary import Judged, Number
from panlect.measure.choices import pick
from panlect.measure.consistency import ranks
from panlect.tables import SCHEMAS

COLUMNS: Mapping[str, Any] = dict(SCHEMAS["answer"]) | {
    "answer_language": pl.String,
    "prompt_language": pl.String,
    "gold": pl.String,
    "parsed": pl.String,
    "correct": pl.Boolean,
    "score": pl.Float64,
    "scores": pl.List(pl.Struct({"name": pl.String, "value": pl.Float64})),
    "statistics": pl.List(pl.Struct({"name": pl.String, "values": pl.List(pl.Float64)})),
    "measure": pl.String,
    "form": pl.String,
    "purpose": pl.String,
    "choice_scores": pl.List(pl.Float64),
    "choice_tokens": pl.List(pl.Int64),
    "gold_place": pl.Int64,
    "chosen_place": pl.Int64,
    "prompt_sha": pl.String,
    "failure": pl.String,
}
FAILED = Verdict("failed", math.nan)
TAUGHT_IN_PIVOT = ("held_out", "control")  # groups of facts that no other language states
PIVOT_GROUP = "pivot"


def answer_rows(
    step: str, benchmarks: Mapping[str, Benchmark], every_row: Sequence[Row], jobs: Sequence[Job],
    answers: Sequence[Answer],
) -> pl.DataFrame:  # fmt: skip
    """Judge the answers of one step; `every_row` is all questions, asked or not: some judges need them."""
    judges = {}
    for name, found in benchmarks.items():
        alike = {other for other, its in benchmarks.items() if its.judge is found.judge}
        judges[name] = found.judge_of([row for row in every_row if row["benchmark"] in alike])
    rows = []
    for job, answer in zip(jobs, answers, strict=True):
        name = job.row["benchmark"]
        ranked = job.purpose == "rank"
        if answer.failure:
            verdict = FAILED
        else:
            verdict = _best_choice(job, answer) if ranked else judges[name](job.row, answer)
        measure = "choice_accuracy" if ranked else benchmarks[name].measure
        rows.append(_row(step, job, answer, verdict) | {"measure": measure})
    return pl.DataFrame(rows, schema=COLUMNS)


def _best_choice(job: Job, answer: Answer) -> Verdict:
    best, gold = pick(answer.scores), job.row["gold"]
    chance = {"choice_chance": 1 / len(answer.scores)}
    statistics = {}
    if job.ask.contexts:  # one right answer after each choice: how well is it foreseen after its own?
        bits, text = -answer.scores[gold] / math.log(2), job.row["answer"]
        statistics["bits_per_byte"] = (bits, float(len(text.encode())))
    chosen = str(job.row["choices"][best])
    label: Label = "correct" if best == gold else "wrong"
    return Verdict(label, float(best == gold), chosen, chance, statistics, choice=best)


def _row(step: str, job: Job, answer: Answer, verdict: Verdict) -> dict[str, Any]:
    row = job.row
    return {
        "step": step,
        "benchmark": job.benchmark,
        **{name: row[name] for name in ("id", "item", "language", "group")},
        "prompt": row["prompt"] or job.ask.context or next(iter(job.ask.choices), ""),
        "answer": answer.text,
        "verdict": verdict.label,
        "answer_language": row.get("answer_language") or row["language"],
        "prompt_language": row.get("prompt_language") or row["language"],
        "gold": row.get("answer"),
        "parsed": verdict.parsed,
        "correct": verdict.label == "correct",
        "score": verdict.score,
        "scores": [{"name": name, "value": value} for name, value in verdict.scores.items()],
        "statistics": [{"name": name, "values": list(values)} for name, values in verdict.statistics.items()],
        "form": job.ask.form,
        "purpose": job.purpose,
        "choice_scores": list(answer.scores),
        "choice_tokens": list(answer.tokens),
        "gold_place": row["gold"] if row["gold"] is not None else -1,
        "chosen_place": verdict.choice,
        "prompt_sha": job.prompt_sha,
        "failure": answer.failure,
    }


def stored_answers(table: pl.DataFrame) -> dict[str, dict[str, Answer]]:
    """Answers of an earlier evaluation by step and `Job.key`, for judging again without the model."""
    out: dict[str, dict[str, Answer]] = {}
    for row in table.filter(pl.col("verdict") != "failed").iter_rows(named=True):
        key = json.dumps([row["benchmark"], row["id"], row["purpose"], row["prompt_sha"]], ensure_ascii=False)
        scores, tokens = tuple(row["choice_scores"] or ()), tuple(row["choice_tokens"] or ())
        out.setdefault(row["step"], {})[key] = Answer(row["answer"] or "", scores, tokens)
    return out


def numbers_of_answers(answers: pl.DataFrame, *, pivot: str, seed: int) -> list[Number]:
    """Every number about an answer table. Generated answers and ranked choices are summarised apart."""
    out: list[Number] = []
    for purpose in answers["purpose"].unique(maintain_order=True).to_list():
        part = answers.filter(pl.col("purpose") == purpose)
        names = part["benchmark"].unique().to_list() if purpose != "rank" else ()
        groups = list(summary.judged_groups(part, {name: _failures(name) for name in names}))
        for judged in groups:
            out += summary.numbers_of(judged, pivot=pivot, seed=seed, spread=purpose != "rank")
            if purpose == "rank" or ((found := _of(judged.benchmark)) and found.ranked):
                out += between.by_pairs(judged, _orders(part, judged))
            if judged.main == preferences.MEASURE:
                out += preferences.between_languages(judged, _rows_of(part, judged), seed=seed)
            if purpose != "rank" and (options := _options(part, judged)):
                out += between.by_subsets(judged, options, seed=seed)
        if purpose != "rank":
            out += _against_pivot(groups, pivot, seed)
            for first, second in compare.pairs(groups):
                out += compare.differences(first, second, seed=seed)
            for plain, altered in compare.changed(groups):
                out += compare.differences(plain, altered, versus="unchanged", seed=seed)
    return out


def _of(name: str) -> Benchmark | None:
    """The benchmark of a name that may go on with a variant."""
    base = name.partition(":")[0]
    return benchmark(base) if base in BENCHMARKS else None


def _failures(name: str) -> Sequence[str]:
    found = _of(name)
    return found.failures if found else ()


def _rows_of(part: pl.DataFrame, judged: Judged) -> pl.DataFrame:
    return part.filter(
        pl.col("step") == judged.step,
        pl.col("benchmark") == judged.benchmark,
        pl.col("group") == judged.group,
        pl.col("verdict") != "failed",
    )


def _options(part: pl.DataFrame, judged: Judged) -> dict[str, dict[str, int]]:
    """Chosen option by language and item, where an item's choices are the same in all its languages.

    They are taken to be the same if the right one stands in the same place everywhere.
    """
    rows = _rows_of(part, judged).filter(pl.col("gold_place") >= 0)
    if not (rows["chosen_place"] >= 0).any() or rows["language"].n_unique() < 2:
        return {}
    if (rows.group_by("item").agg(pl.col("gold_place").n_unique())["gold_place"] > 1).any():
        return {}
    out: dict[str, dict[str, int]] = {}
    for language, item, chosen in rows.select("language", "item", "chosen_place").iter_rows():
        out.setdefault(language, {})[item] = chosen
    return out


def _orders(part: pl.DataFrame, judged: Judged) -> dict[str, dict[Hashable, NDArray[np.int64]]]:
    """Ranks of the candidates by mean log-probability per token of the whole sentence, as in the paper."""
    here = _rows_of(part, judged)
    orders: dict[str, dict[Hashable, NDArray[np.int64]]] = {}
    columns = here.select("language", "item", "choice_scores", "choice_tokens").iter_rows()
    for language, item, scores, tokens in columns:
        orders.setdefault(language, {})[item] = ranks(np.asarray(scores) / np.maximum(tokens, 1))
    return orders


def _against_pivot(groups: Sequence[Judged], pivot: str, seed: int) -> Iterator[Number]:
    """Overlap with the pivot wherever answers are right or wrong, conductivity on what only it was told."""
    for judged in groups:
        right = judged.values.get(judged.main)
        if right is None or not np.isin(right[judged.known(judged.main)], (0.0, 1.0)).all():
            continue
        taught = judged.group in TAUGHT_IN_PIVOT
        theirs = {judged.group, PIVOT_GROUP} if taught else {judged.group}
        correct: dict[str, float] = {}
        for other in groups:
            if (other.step, other.benchmark) == (judged.step, judged.benchmark) and other.group in theirs:
                values = other.values[other.main]
                here = (other.languages == pivot) & ~np.isnan(values)
                correct |= dict(zip(other.items[here].tolist(), values[here].tolist(), strict=True))
        if taught:
            yield from between.against_pivot(judged, pivot, correct)
        yield from between.overlap(judged, pivot, correct, seed=seed)
