"""Gates judge exactly the selected numbers; what was not measured fails."""

import polars as pl
import pytest

from panlect import tables
from panlect.config import check
from panlect.errors import ConfigError
from panlect.gates import Gate, judge

ROWS = [
    ("base", "accuracy", "eng_Latn", 0.95),
    ("chat", "accuracy", "eng_Latn", 0.93),
    ("chat", "accuracy", "swh_Latn", 0.60),
    ("chat", "accuracy", "tha_Thai", 0.40),
    ("chat", "accuracy", "", 0.643),
    ("chat", "rankc", "eng_Latn", None),
]


def numbers() -> pl.DataFrame:
    names = tables.SCHEMAS["numbers"]
    rows = [
        {name: "" for name, dtype in names.items() if dtype == pl.String}
        | {"step": step, "measure": measure, "language": language, "value": value, "group": "held_out"}
        for step, measure, language, value in ROWS
    ]
    return pl.DataFrame(rows, schema_overrides={"value": pl.Float64})


def gate(**columns: object) -> Gate:
    return check(Gate, {"measure": "accuracy", "step": "chat", "group": "held_out", **columns}, where="gates")


@pytest.mark.parametrize(
    ("columns", "holds", "value"),
    [
        ({"at_least": 0.6}, True, 0.643),
        ({"at_least": 0.7}, False, 0.643),
        ({"at_most": 0.643}, True, 0.643),
        ({"language": "tha_Thai", "at_least": 0.5}, False, 0.4),
        ({"language": "*", "at_least": 0.5}, False, 2),
        ({"language": "*", "at_least": 0.5, "languages_at_least": 2}, True, 2),
        ({"language": "eng_Latn", "versus": "base", "drop_at_most": 0.05}, True, 0.02),
        ({"language": "eng_Latn", "versus": "base", "drop_at_most": 0.01}, False, 0.02),
        ({"language": "swh_Latn", "versus": "base", "drop_at_most": 0.5}, False, None),
        ({"group": "seen", "at_least": 0.0}, False, None),
        ({"measure": "rankc", "language": "eng_Latn", "at_least": 0.0}, False, None),
    ],
)
def test_verdicts(columns: dict[str, object], holds: bool, value: float | None) -> None:
    verdict = judge(gate(**columns), numbers())
    assert verdict.holds is holds
    assert verdict.value == pytest.approx(value)
    assert verdict.sentence


def test_a_gate_says_whether_a_number_fell_or_rose() -> None:
    fell = gate(language="eng_Latn", versus="base", drop_at_most=0.05)
    assert "at chat fell by 0.02 from base (may fall by 0.05)" in judge(fell, numbers()).sentence
    rose = gate(language="eng_Latn", step="base", versus="chat", drop_at_most=0)
    verdict = judge(rose, numbers())
    assert "at base rose by 0.02 from chat (may fall by 0)" in verdict.sentence
    assert verdict.holds


def test_an_ambiguous_gate_fails() -> None:
    doubled = pl.concat([numbers(), numbers()])
    verdict = judge(gate(at_least=0.0), doubled)
    assert not verdict.holds
    assert "2 numbers match" in verdict.sentence


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"at_least": 1, "at_most": 2},
        {"drop_at_most": 0.1},
        {"versus": "base", "at_most": 1},
        {"at_least": 1, "languages_at_least": 3},
    ],
)
def test_a_gate_has_exactly_one_bound(columns: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        gate(**columns)
