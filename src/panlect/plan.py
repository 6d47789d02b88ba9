"""What `panlect plan` and `panlect run --dry-run` show: every step, its state, and what it will take.

Nothing is written. An estimate comes from the stage itself: its function ``estimate``, which for training
runs it for some seconds, once the step's inputs are finished.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from panlect.config import Config
from panlect.folder import resolve
from panlect.run import Planned

FIGURES = ("tokens", "steps", "parameters", "seconds", "memory_bytes", "cost")


def describe(steps: Sequence[Planned]) -> list[dict[str, Any]]:
    """Return one JSON-ready object per step."""
    places = {planned.step.name: planned for planned in steps}
    return [
        {
            "step": planned.step.name,
            "stage": planned.stage.name,
            "from": list(planned.step.inputs),
            "finished": planned.finished,
            "fingerprint": planned.fingerprint,
            "waits_for": _unfinished(planned, places),
            "estimate": dict(_estimate(planned, places)),
            "config": planned.config.model_dump(mode="json"),
        }
        for planned in steps
    ]


def _by_settings(config: Config) -> dict[str, float]:
    """What settings say before there are inputs: tokens of a budget, or of so many steps of training."""
    step_tokens, steps = getattr(config, "batch_tokens", 0), getattr(config, "steps", 0)
    tokens = getattr(config, "budget_tokens", 0) or steps * step_tokens
    return {"tokens": tokens, "steps": math.ceil(tokens / step_tokens)} if tokens else {}


def _unfinished(planned: Planned, places: Mapping[str, Planned]) -> list[str]:
    return [name for name in planned.step.inputs if name in places and not places[name].finished]


def _estimate(planned: Planned, places: Mapping[str, Planned]) -> Mapping[str, float]:
    if planned.finished or planned.stage.estimate is None:
        return {}
    if _unfinished(planned, places):
        return _by_settings(planned.config)
    names = planned.step.inputs
    inputs = [resolve(places[name].out if name in places else name) for name in names]
    return planned.stage.estimate(inputs, planned.config)


def show(steps: Sequence[Planned], *, as_json: bool) -> None:
    """Print the plan on stdout."""
    rows = describe(steps)
    if as_json:
        print(json.dumps({"steps": rows}, ensure_ascii=False))
        return
    shown = [name for name in FIGURES if any(name in row["estimate"] for row in rows)]
    table = Table("step", "stage", Column("state", no_wrap=True), box=SIMPLE, padding=0, pad_edge=False)
    for name in shown:
        table.add_column(name.removesuffix("_bytes"), justify="right")
    for row in rows:
        figures = [_figure(name, row["estimate"].get(name)) for name in shown]
        state = "finished" if row["finished"] else "to do"
        if row["waits_for"]:
            state = f"waits for {', '.join(row['waits_for'])}"
        table.add_row(row["step"], row["stage"], state, *figures)
    Console().print(table)


def table_of(estimate: Mapping[str, float]) -> Table:
    """One line per figure."""
    table = Table(show_header=False)
    for name, value in estimate.items():
        table.add_row(name.replace("_", " "), _figure(name, value))
    return table


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "memory_bytes":
        return f"{value / 2**30:.2f} GiB"
    if name == "seconds":
        return f"{value:,.0f} s" if value < 600 else f"{value / 3600:,.1f} h"
    return f"{value:,.2f}" if name == "cost" else f"{value:,.0f}"
