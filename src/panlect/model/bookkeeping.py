"""What the training stages write down beside the model: plan, ledger numbers, facts for the card."""

import math
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from panlect import ranks, tables
from panlect.draft import Draft
from panlect.folder import Input, models, one_model, one_tokenizer
from panlect.model import adapters, four_bits, held_out, load, speed
from panlect.model.forward import isolates
from panlect.model.ledger import Ledger
from panlect.model.loop import Work
from panlect.model.packing import Ints, Plan, Tokens
from panlect.model.settings import TrainingConfig


def model_or_new(inputs: Sequence[Input], shape: load.Shape, *, seed: int) -> load.Model:
    """The model among the inputs, or a new one around their tokenizer."""
    if models(inputs):
        return load.load(one_model(inputs))
    return load.build(load.load_tokenizer(one_tokenizer(inputs)), shape, seed=seed)


def plan(texts: Tokens, order: Ints, config: TrainingConfig, model: load.Model) -> Plan:
    """Lay the whole run out: which texts make up which step, and which are held out."""
    pad = model.tokenizer.pad_token_id
    order, held = held_out.split(texts, order, config.held_out, config.seed)
    return Plan(
        texts,
        order,
        row_tokens=config.sequence_tokens,
        batch_tokens=config.batch_tokens,
        micro_tokens=config.micro_tokens,
        pad_id=0 if pad is None else pad,
        packed=isolates(model.network),
        held_out=held,
    )


def describe(model: load.Model, work: Work) -> str:
    """One line on what is trained and for how long."""
    parameters = list(model.network.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    tokens = int(work.planned()[:, 0].sum())
    return (
        f"{trained:,} of {sum(map(four_bits.size, parameters)):,} parameters, {tokens:,} tokens, "
        f"{len(work.languages)} languages, {len(work)} steps"
    )


def finish(model: load.Model, ledger: Ledger, work: Work, inputs: Sequence[Input], draft: Draft) -> None:
    """Write the ledger's numbers, and the model as a plain directory; of several processes, rank 0 does."""
    if ranks.rank():
        return
    write_numbers(ledger, work, draft)
    draft.note(machine=ledger.facts)
    shutil.copyfile(ledger.path, draft.path / "ledger.jsonl")
    if (tracked := draft.scratch / "tracking").is_dir():
        shutil.copytree(tracked, draft.path / "tracking")
    facts = facts_of(str(draft.facts["stage"]), ledger, inputs)
    load.save(adapters.detach(model, draft), draft.model_path, facts=facts)


def write_numbers(ledger: Ledger, work: Work, draft: Draft) -> None:
    """Ledger to numbers: totals per language, the curve of every value at each log step, speed and cost."""
    rows: list[dict[str, object]] = []
    planned = ledger.by_language(work.planned()[:, 0].tolist())
    for column, name in enumerate(("tokens", "characters", "bytes")):
        for language, value in ledger.by_language(ledger.seen[:, column].tolist()).items():
            rows.append(_row(f"{name}_seen", language, round(value), unit=name))
    rows += [_row("tokens_planned", language, value, unit="tokens") for language, value in planned.items()]
    for component, value in ledger.by_component(ledger.seen[:, 0].tolist()).items():
        if component:
            rows.append(_row("tokens_seen", "", round(value), group=f"component {component}", unit="tokens"))
    windows = ledger.rows
    for number, window in enumerate(windows, start=1):
        rows += _window_rows(ledger, window, f"step {window['step']}")
        rows += _window_rows(ledger, window, "") if number == len(windows) else []
    for look in ledger.looks:
        rows += [
            _row("held_out_loss", language, value, group=f"step {look['step']}", unit="nats")
            for language, value in look["held_out"].items()
        ]
    rows += _machine_rows(ledger, windows)
    schema = tables.SCHEMAS["numbers"]
    frame = pl.DataFrame(rows, schema=dict(schema)).with_columns(pl.lit(draft.out.name).alias("step"))
    draft.numbers(frame)


def _window_rows(ledger: Ledger, window: Mapping[str, Any], group: str) -> list[dict[str, object]]:
    """Means of one window per language and over all; its bits per byte where there is a token loss."""
    items = _with_total(ledger.by_language(window["sums"]["items"]))
    size = _with_total(ledger.by_language([cell[2] for cell in window["seen"]]))
    rows: list[dict[str, object]] = []
    for name, values in window["sums"].items():
        if name == "items":
            continue
        unit = "nats" if name == "loss" else ""
        for language, value in _with_total(ledger.by_language(values)).items():
            count = int(items[language])
            if not count:
                continue
            rows.append(_row(name, language, value / count, group=group, count=count, unit=unit))
            if name == "loss" and set(window["sums"]) == {"items", "loss"} and size[language]:
                bits = value / math.log(2) / size[language]
                rows.append(
                    _row("training_bits_per_byte", language, bits, group=group, count=count, unit="bits")
                )
    return rows


def _machine_rows(ledger: Ledger, windows: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Speed, use, memory, energy and money of the whole run, killed and continued or not."""
    if not windows or not ledger.facts:
        return []
    whole: dict[str, Any] = {"seen": ledger.seen.tolist()}
    whole["seconds"] = math.fsum(window["seconds"] for window in windows)
    whole["memory_bytes"] = max(window["memory_bytes"] for window in windows)
    if all("joules" in window for window in windows):
        whole["joules"] = math.fsum(window["joules"] for window in windows)
    units = {"seconds": "s", "memory_bytes": "bytes", "energy_watt_hours": "Wh", "mfu": "share"}
    values = speed.figures(whole, ledger.facts)
    return [_row(name, "", value, unit=units.get(name, "")) for name, value in values.items()]


def _with_total(values: Mapping[str, float]) -> dict[str, float]:
    return {**values, "": math.fsum(values.values())}


def _row(
    measure: str, language: str, value: float, *, group: str = "", count: int | None = None, unit: str = ""
) -> dict[str, object]:
    return {
        "step": "",
        "measure": measure,
        "benchmark": "",
        "language": language,
        "other_language": "",
        "group": group,
        "value": float(value),
        "low": None,
        "high": None,
        "count": count,
        "unit": unit,
    }


def facts_of(stage: str, ledger: Ledger, inputs: Sequence[Input]) -> dict[str, object]:
    """What the model card says about the training."""
    return {
        "made_by": f"panlect {stage}",
        "tokens_seen": int(ledger.seen[:, 0].sum()),
        "steps": ledger.rows[-1]["step"] if ledger.rows else 0,
        "inputs": [each.name for each in inputs],
        "languages": list(ledger.languages),
    }
