import pytest

from panlect.errors import ConfigError
from panlect.mixture.curriculum import MOVE_STEPS, parse, stretches

SIZES = {"clean": 100.0, "web": 1000.0}


def course(*lines: str, unit: str = "tokens", budget: float = 2000) -> list[tuple[dict[str, float], float]]:
    stages = [parse(line, where="test") for line in lines]
    return [(dict(part.shares), part.amount) for part in stretches(stages, SIZES, unit=unit, budget=budget)]


def test_stages_on_a_case_worked_by_hand() -> None:
    parts = course(
        "clean 0.8, web 0.2 until 2 epochs of clean",
        "web 90%, clean 10% until 1e3 tokens",
        "web 1 until the end",
    )
    assert parts == [
        ({"clean": 0.8, "web": 0.2}, 250.0),
        ({"web": 0.9, "clean": 0.1}, 750.0),
        ({"web": 1.0}, 1000.0),
    ]


def test_for_counts_from_the_start_of_the_stage() -> None:
    parts = course(
        "clean 0.5, web 0.5 for 100 tokens", "clean 1 for 1 epoch of clean", "clean 1 for 7 tokens"
    )
    assert [amount for _, amount in parts] == [100, 100, 7]
    until = course("clean 0.5, web 0.5 for 100 tokens", "clean 1 until 1 epoch of clean")
    assert until[-1][1] == 50, "half an epoch was read before"


def test_moving_shares_change_in_a_straight_line_and_end_at_the_right_amount() -> None:
    parts = course("clean 1 for 20 tokens", "move to web 1 until 1 epoch of clean", "web 1 until the end")
    moving = parts[1:-1]
    assert len(moving) == MOVE_STEPS
    shares = [part["clean"] for part, _ in moving]
    assert shares[0] == pytest.approx(1 - 0.5 / MOVE_STEPS)
    assert shares[-1] == pytest.approx(0.5 / MOVE_STEPS)
    assert sum(part.get("clean", 0) * amount for part, amount in parts) == pytest.approx(100)
    assert sum(amount for _, amount in parts) == pytest.approx(2000)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["clean 0.8 web 0.2"], "cannot read the stage"),
        (["clean 0.8, web until 1e9 tokens"], "cannot read the share"),
        (["clean 0.8, web 0.1 until 1e9 tokens"], "sum to 0.9"),
        (["clean 1 until 2 epochs"], "cannot read the end"),
        (["clean 1 until 2 weeks of clean"], "cannot read the end"),
        (["dirty 1 until the end"], "'dirty' is not an input"),
        (["web 1 until 2 epochs of clean"], "which it does not read"),
        (["clean 1 until 10 bytes"], "counts in bytes, the mixture in tokens"),
        (["move to clean 1 until the end"], "cannot move from anywhere"),
        (["clean 1 until 500 tokens", "web 1 until 400 tokens"], "ends before it begins"),
    ],
)
def test_wrong_lines_are_clear_errors(lines: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        course(*lines)
