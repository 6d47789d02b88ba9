"""Which questions to ask: rows of question tables, a fixed sample of items, and what is missing.

A sample keeps, per benchmark, group and language, the items with the smallest hashes: every language is asked
the same items as far as it has them, whatever order the rows come in, and a larger sample contains every
smaller one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Row, Verdict
from panlect.measure.choices import pick


def item_hash(item: str, seed: int) -> bytes:
    """Order of an item in every sample of this seed."""
    return blake2b(f"{seed}|{item}".encode(), digest_size=8).digest()


def sample(rows: Iterable[Row], per_language: int, seed: int) -> list[Row]:
    """At most `per_language` items per benchmark, group and language; 0 keeps all. Order of rows is kept."""
    rows = list(rows)
    if per_language <= 0:
        return rows
    items: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in rows:
        items[row["benchmark"], row["group"], row["language"]].add(row["item"])
    kept = {
        key: set(sorted(found, key=lambda item: item_hash(item, seed))[:per_language])
        for key, found in items.items()
    }
    return [row for row in rows if row["item"] in kept[row["benchmark"], row["group"], row["language"]]]


def faults(
    rows: Sequence[dict[str, Any]], without_prompt: Collection[str] = ()
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Split rows into those that can be asked and those that cannot, each of the latter with a `reason`.

    `without_prompt` names benchmarks that write their prompts themselves.
    """
    kept: list[Row] = []
    dropped: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        reason = _fault(row, row["benchmark"] in without_prompt)
        if not reason and (row["benchmark"], row["id"]) in seen:
            reason = "duplicated id"
        if reason:
            dropped.append({**row, "reason": reason})
        else:
            seen.add((row["benchmark"], row["id"]))
            kept.append(row)
    return kept, dropped


def _fault(row: Mapping[str, Any], without_prompt: bool) -> str:
    choices, gold = row.get("choices") or [], row.get("gold")
    if not without_prompt and not str(row.get("prompt") or "").strip() and not choices:
        return "empty prompt"
    if choices and gold is not None and not 0 <= gold < len(choices):
        return f"gold {gold} is not one of {len(choices)} choices"
    if not choices and not str(row.get("answer") or "").strip() and gold is None:
        return "neither choices nor an answer"
    return ""


def ask(row: Row) -> Ask:
    """The question of a table without a benchmark of its own: score its choices, or generate."""
    if row["choices"]:
        return Ask("choose", row["prompt"], choices=tuple(f" {choice}" for choice in row["choices"]))
    return Ask("generate", row["prompt"], chat=True)


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the best choice is the gold one, or the generated first line is the answer exactly."""
    if row["choices"]:
        best = pick(answer.scores)
        right = best == row["gold"]
        return Verdict("correct" if right else "wrong", float(right), str(row["choices"][best]))
    parsed = next((line.strip() for line in answer.text.splitlines() if line.strip()), "")
    if not parsed:
        return Verdict("empty", 0.0)
    right = parsed == str(row["answer"]).strip()
    return Verdict("correct" if right else "wrong", float(right), parsed)


def plain(name: str) -> Benchmark:
    """The benchmark of a question table whose name is not known."""
    return Benchmark(name=name, measure="accuracy", ask=ask, judge=judge, chance=float("nan"))
