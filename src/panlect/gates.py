"""Gates: conditions on a run's numbers that decide its exit code.

gates:
  - {measure: accuracy, language: eng_Latn, step: aligned, versus: base, drop_at_most: 0.01}
  - {measure: off_target, step: aligned, at_most: 0.02}
  - {measure: accuracy, group: held_out, step: chat, language: "*", at_least: 0.5, languages_at_least: 90}
"""

from typing import Self

import polars as pl
from pydantic import model_validator

from panlect.config import Config


class Gate(Config):
    """One condition on the numbers; a run whose gates do not all hold ends with exit code 1.

    The columns select measurements; exactly one bound judges them.
    """

    measure: str
    """The measure, such as accuracy or off_target."""
    step: str
    """The evaluated step whose number is judged."""
    benchmark: str = ""
    """Only this benchmark; empty for any."""
    language: str = ""
    """One language's code; empty for the mean over languages; `*` for every language by itself."""
    group: str = ""
    """The slice, such as held_out; empty for the whole."""
    versus: str = ""
    """With `drop_at_most`: the step to compare with."""
    at_least: float | None = None
    """The value must not be smaller."""
    at_most: float | None = None
    """The value must not be larger."""
    drop_at_most: float | None = None
    """The value may be smaller than that of `versus` by this much."""
    languages_at_least: int | None = None
    """With `language: "*"`: so many languages must meet the bound (all of them when not given)."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        bounds = [self.at_least, self.at_most, self.drop_at_most]
        if sum(bound is not None for bound in bounds) != 1:
            raise ValueError("give exactly one of at_least, at_most, drop_at_most")
        if (self.drop_at_most is not None) != bool(self.versus):
            raise ValueError("drop_at_most and versus belong together")
        if self.languages_at_least is not None and self.language != "*":
            raise ValueError('languages_at_least needs language: "*"')
        return self


class Verdict(Config):
    """What a gate found."""

    gate: Gate
    """The gate."""
    holds: bool
    """Whether its condition is met."""
    value: float | None
    """The judged value: the measurement, the difference, or the number of languages that meet the bound."""
    sentence: str
    """The condition and the value, for people."""


def judge(gate: Gate, numbers: pl.DataFrame) -> Verdict:
    """Judge one gate on the numbers of a run. A number that was not measured fails the gate."""
    found = _select(gate, gate.step, numbers)
    if found.is_empty():
        return Verdict(gate=gate, holds=False, value=None, sentence=f"{_subject(gate)}: not measured")
    if gate.drop_at_most is not None:
        return _judge_drop(gate, found, _select(gate, gate.versus, numbers))
    bound, sign = (gate.at_least, "≥") if gate.at_least is not None else (gate.at_most, "≤")
    assert bound is not None
    met = found["value"] >= bound if sign == "≥" else found["value"] <= bound
    if gate.language == "*":
        needed = found.height if gate.languages_at_least is None else gate.languages_at_least
        counted = f"in {int(met.sum())} of {found.height} languages (needed {needed})"
        sentence = f"{_subject(gate)} {sign} {bound:g} {counted}"
        return Verdict(gate=gate, holds=met.sum() >= needed, value=float(met.sum()), sentence=sentence)
    if found.height > 1:
        return Verdict(
            gate=gate, holds=False, value=None, sentence=f"{_subject(gate)}: {found.height} numbers match"
        )
    value = float(found["value"][0])
    return Verdict(
        gate=gate,
        holds=bool(met[0]),
        value=value,
        sentence=f"{_subject(gate)} = {value:.4g} (needed {sign} {bound:g})",
    )


def _judge_drop(gate: Gate, found: pl.DataFrame, before: pl.DataFrame) -> Verdict:
    keys = ["benchmark", "language", "other_language", "group"]
    both = found.join(before, on=keys, suffix="_before")
    if both.is_empty() or both.height < found.height:
        return Verdict(
            gate=gate, holds=False, value=None, sentence=f"{_subject(gate)}: '{gate.versus}' not measured"
        )
    worst = float((both["value_before"] - both["value"]).max())  # type: ignore[arg-type]  # numeric column
    assert gate.drop_at_most is not None
    moved = f"fell by {worst:.4g}" if worst >= 0 else f"rose by {-worst:.4g}"
    sentence = f"{_subject(gate)} {moved} from {gate.versus} (may fall by {gate.drop_at_most:g})"
    return Verdict(gate=gate, holds=worst <= gate.drop_at_most, value=worst, sentence=sentence)


def _subject(gate: Gate) -> str:
    parts = [gate.measure, gate.group, gate.language if gate.language != "*" else "", "at", gate.step]
    return " ".join(part for part in parts if part)


def _select(gate: Gate, step: str, numbers: pl.DataFrame) -> pl.DataFrame:
    wanted = (
        (pl.col("step") == step)
        & (pl.col("measure") == gate.measure)
        & (pl.col("group") == gate.group)
        & (pl.col("other_language") == "")
        & pl.col("value").is_not_null()
    )
    if gate.benchmark:
        wanted &= pl.col("benchmark") == gate.benchmark
    wanted &= pl.col("language") != "" if gate.language == "*" else pl.col("language") == gate.language
    return numbers.filter(wanted)
