"""Our benchmarks as tasks of lm-evaluation-harness: one YAML file and one JSON-lines file per language.

The prompts are written out, so the harness asks exactly what we ask, whatever language or variant. Choices
carry their own delimiter; therefore `target_delimiter` is empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panlect.benchmarks.benchmark import Ask, Benchmark, Row
from panlect.errors import ConfigError


def export(found: Benchmark, rows: Sequence[Row], directory: Path) -> list[str]:
    """Write task files for all languages of the rows; returns the tasks' names.

    Raises:
        ConfigError: rows of one language are of several forms, or asked as dialogues.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = []
    for language in sorted({row["language"] for row in rows}):
        asks = [
            (row, ask) for row in rows if row["language"] == language and (ask := found.ask(row)) is not None
        ]
        name = f"panlect_{found.name}_{language}"
        data = directory / f"{name}.jsonl"
        docs = [_document(row, ask) for row, ask in asks]
        data.write_text("".join(json.dumps(doc, ensure_ascii=False) + "\n" for doc in docs), encoding="utf-8")
        task = _task(name, data, [ask for _, ask in asks])
        # JSON is YAML, and needs no quoting rules.
        path = directory / f"{name}.yaml"
        path.write_text(json.dumps(task, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        names.append(name)
    return names


def _document(row: Row, ask: Ask) -> dict[str, Any]:
    common = {"id": row["id"], "item": row["item"], "gold": row["gold"]}
    if ask.form == "generate":
        return common | {"context": ask.context, "target": row["answer"]}
    if ask.contexts:
        return common | {"contexts": list(ask.contexts), "continuation": ask.choices[0]}
    return common | {"context": ask.context, "choices": list(ask.choices)}


def _task(name: str, data: Path, asks: Sequence[Ask]) -> dict[str, Any]:
    kinds = {(ask.form, bool(ask.contexts), ask.chat, ask.maximum_tokens, ask.stop) for ask in asks}
    if len({(form, several, chat) for form, several, chat, _, _ in kinds}) != 1:
        raise ConfigError(f"the questions of {name} are not all of one form", where=name)
    form, several, chat, maximum_tokens, stop = next(iter(kinds))
    task: dict[str, Any] = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "test_split": "test",
        "target_delimiter": "",
        "metadata": {"version": 1.0},
    }
    if form == "generate":
        if chat:
            raise ConfigError(
                f"the questions of {name} are dialogues", where=name, fix="export benchmarks asked as text"
            )
        ends = {"until": list(stop), "max_gen_toks": maximum_tokens, "do_sample": False}
        metric = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
        return task | {
            "output_type": "generate_until", "doc_to_text": "context", "doc_to_target": "target",
            "generation_kwargs": ends, "metric_list": [metric],
        }  # fmt: skip
    metrics = [
        {"metric": each, "aggregation": "mean", "higher_is_better": True} for each in ("acc", "acc_norm")
    ]
    places = ("gold", "continuation", "contexts") if several else ("context", "gold", "choices")
    return task | {
        "output_type": "multiple_choice", "doc_to_text": places[0], "doc_to_target": places[1],
        "doc_to_choice": places[2], "metric_list": metrics[: 1 if several else 2],
    }  # fmt: skip
