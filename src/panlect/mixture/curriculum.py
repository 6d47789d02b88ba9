"""A small grammar for mixtures that change on the way.

    clean 0.8, web 0.2 until 2 epochs of clean
    move to clean 0.3, web 0.7 until 1e9 tokens
    web 1 until the end

Each line is a stage. Names are inputs; within an input, languages are mixed by the method of the mixture.
`until` counts from the start of training, `for` from the start of the stage; the end is the mixture's budget.
`move to` changes the shares in a straight line from those of the stage before. (OpusTrainer, Bogoychev et al.
2023, has stages with `until`; BigTranslate and PolyLM change proportions on the way.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from panlect.errors import ConfigError

MOVE_STEPS = 16
"""A moving stage is cut into this many parts of constant shares."""
_LINE = re.compile(r"^(?P<move>move to )?(?P<shares>.+?) (?P<from>until|for) (?P<end>.+)$")
_SHARE = re.compile(r"^(?P<name>\S+) (?P<share>\d*\.?\d+)(?P<percent>%)?$")
_END = re.compile(
    r"^(?P<amount>[\d_.]+(?:e\d+)?) (?P<unit>epochs?|tokens|bytes|documents)(?: of (?P<name>\S+))?$"
)
EXPECTED = "for example: clean 0.8, web 0.2 until 2 epochs of clean"


@dataclass(frozen=True)
class Stage:
    """One line: its shares, and when it ends. `unit` is `end`, `epochs` or the unit of the sizes."""

    shares: Mapping[str, float]
    moving: bool
    amount: float
    unit: str
    of: str
    from_start: bool


@dataclass(frozen=True)
class Stretch:
    """A part of training with constant shares; `amount` is its length in the unit of the sizes."""

    shares: Mapping[str, float]
    amount: float


def parse(line: str, *, where: str) -> Stage:
    """Read one line of the grammar.

    Raises:
        ConfigError: it is not such a line, or its shares do not sum to 1.
    """
    text = " ".join(line.split())
    found = _LINE.match(text)
    if not found:
        raise ConfigError(f"cannot read the stage '{line}'", where=where, expected=EXPECTED)
    shares: dict[str, float] = {}
    for part in found["shares"].split(", "):
        share = _SHARE.match(part)
        if not share or share["name"] in shares:
            raise ConfigError(f"cannot read the share '{part}'", where=where, expected="a name and a number")
        shares[share["name"]] = float(share["share"]) / (100 if share["percent"] else 1)
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigError(f"the shares sum to {sum(shares.values()):g}", where=where, expected="1")
    amount, unit, of = _end(found["end"], where)
    return Stage(shares, bool(found["move"]), amount, unit, of, found["from"] == "until")


def _end(text: str, where: str) -> tuple[float, str, str]:
    if text in ("the end", "end"):
        return 0.0, "end", ""
    found = _END.match(text)
    unit = found["unit"].removesuffix("s") + "s" if found else ""
    if not found or (unit == "epochs") != bool(found["name"]):
        raise ConfigError(
            f"cannot read the end '{text}'", where=where, expected="2 epochs of NAME, 1e9 tokens, or the end"
        )
    return float(found["amount"].replace("_", "")), unit, found["name"] or ""


def stretches(
    stages: Sequence[Stage], sizes: Mapping[str, float], *, unit: str, budget: float
) -> list[Stretch]:
    """The whole course as stretches of constant shares.

    Args:
        stages: in order.
        sizes: of each input, in `unit`.
        unit: the unit of sizes, of the budget, and of the stages' ends.
        budget: where the end is.

    Raises:
        ConfigError: a stage names an unknown input or another unit, or ends before it begins.
    """
    course: list[Stretch] = []
    read = dict.fromkeys(sizes, 0.0)
    before: Mapping[str, float] = {}
    for number, stage in enumerate(stages):
        where = f"curriculum[{number}]"
        _check(stage, before, sizes, unit=unit, where=where)
        parts = _parts(stage, before)
        mean = {name: sum(part.get(name, 0.0) for part in parts) / len(parts) for name in sizes}
        amount = _amount(stage, mean, sizes, read, budget)
        if not amount > 0:
            raise ConfigError(
                "the stage ends before it begins", where=where, fix="its end was reached earlier"
            )
        course += [Stretch(part, amount / len(parts)) for part in parts]
        read = {name: value + amount * mean[name] for name, value in read.items()}
        before = stage.shares
    return course


def _check(
    stage: Stage, before: Mapping[str, float], sizes: Mapping[str, float], *, unit: str, where: str
) -> None:
    names = [*stage.shares, *([stage.of] if stage.of else [])]
    if unknown := [name for name in names if name not in sizes]:
        raise ConfigError(
            f"'{unknown[0]}' is not an input", where=where, expected=f"one of: {', '.join(sorted(sizes))}"
        )
    if stage.unit not in ("end", "epochs", unit):
        raise ConfigError(
            f"the stage counts in {stage.unit}, the mixture in {unit}",
            where=where,
            fix=f"set unit: {stage.unit}",
        )
    if stage.of and not stage.shares.get(stage.of, 0.0) + (
        before.get(stage.of, 0.0) if stage.moving else 0.0
    ):
        raise ConfigError(f"the stage waits for '{stage.of}', which it does not read", where=where)
    if stage.moving and not before:
        raise ConfigError("the first stage cannot move from anywhere", where=where, fix="drop 'move to'")


def _parts(stage: Stage, before: Mapping[str, float]) -> list[dict[str, float]]:
    if not stage.moving:
        return [dict(stage.shares)]
    names = sorted({*before, *stage.shares})
    steps = [(step + 0.5) / MOVE_STEPS for step in range(MOVE_STEPS)]
    return [
        {name: (1 - step) * before.get(name, 0.0) + step * stage.shares.get(name, 0.0) for name in names}
        for step in steps
    ]


def _amount(
    stage: Stage,
    mean: Mapping[str, float],
    sizes: Mapping[str, float],
    read: Mapping[str, float],
    budget: float,
) -> float:
    done = sum(read.values()) if stage.from_start else 0.0
    if stage.unit == "end":
        return budget - sum(read.values())
    if stage.unit == "epochs":
        wanted = stage.amount * sizes[stage.of] - (read[stage.of] if stage.from_start else 0.0)
        return wanted / mean[stage.of]
    return stage.amount - done
