"""What `panlect run --dry-run` shows: every step, whether it is finished, and what it will take.

Nothing is written. An estimate comes from the stage itself (its function ``estimate``), and only
when its inputs exist: a step whose input is not made yet shows what its settings alone say.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from panlect.errors import PanlectError
from panlect.folder import Input, resolve
from panlect.run import Planned

FIGURES = ("rows", "tokens", "parameters", "seconds", "memory_bytes")


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
            "estimate": {} if planned.finished else dict(_estimate(planned, places)),
            "config": planned.config.model_dump(mode="json"),
        }
        for planned in steps
    ]


def _estimate(planned: Planned, places: Mapping[str, Planned]) -> Mapping[str, float]:
    if planned.stage.estimate is None:
        return {}
    inputs: list[Input] = []
    for name in planned.step.inputs:
        try:
            inputs.append(resolve(places[name].out if name in places else name))
        except PanlectError:
            continue
    return planned.stage.estimate(inputs, planned.config)


def show(steps: Sequence[Planned], *, as_json: bool) -> None:
    """Print the plan on stdout."""
    rows = describe(steps)
    if as_json:
        print(json.dumps({"steps": rows}, ensure_ascii=False))
        return
    table = Table("step", "stage", "from", "state")
    for name in FIGURES:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        figures = [_figure(name, row["estimate"].get(name)) for name in FIGURES]
        state = "finished" if row["finished"] else "to do"
        table.add_row(row["step"], row["stage"], ", ".join(row["from"]), state, *figures)
    Console().print(table)


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "memory_bytes":
        return f"{value / 2**30:.2f} GiB"
    if name == "seconds":
        return f"{value:,.0f} s" if value < 600 else f"{value / 3600:,.1f} h"
    return f"{value:,.0f}"
