"""Numbers about several languages at once, worked out by hand."""

import math
from typing import Any

import pytest

from panlect.benchmarks import benchmark
from panlect.benchmarks.answers import answer_rows, numbers_of_answers
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.files import row
from panlect.measure.interval import wilson


def number(numbers: list[dict[str, Any]], measure: str, **columns: str) -> dict[str, Any]:
    wanted = {"measure": measure, "language": "", "other_language": "", "group": ""} | columns
    found = [n for n in numbers if all(n[k] == v for k, v in wanted.items())]
    assert len(found) == 1, (wanted, found)
    return found[0]


def numbers_for(
    name: str, rows: list[dict[str, Any]], answers: list[Answer], **job: str
) -> list[dict[str, Any]]:
    found = benchmark(name)
    jobs = []
    for each in rows:
        asked = found.ask(each)
        assert asked is not None
        jobs.append(Job(each, asked, **job))
    table = answer_rows("m", {name: found}, rows, jobs, answers)
    return numbers_of_answers(table, pivot="eng_Latn", seed=0)


def belebele(item: str, language: str, gold: int) -> dict[str, Any]:
    return row(
        "belebele",
        item,
        language,
        choices=["w", "xx", "y", "z"],
        gold=gold,
        passage="p",
        question="q",
        group="",
    )


def choosing(place: int, sure: float = 2.0) -> Answer:
    return Answer(scores=tuple(0.0 if n == place else -sure for n in range(4)), tokens=(1,) * 4)


def test_choice_accuracy_consistency_and_calibration() -> None:
    golds = [0, 1, 2, 3]
    rows = [
        belebele(str(n), code, gold)
        for code in ("eng_Latn", "khm_Khmr", "urd_Arab")
        for n, gold in enumerate(golds)
    ]
    chosen = [0, 1, 2, 3, 0, 1, 3, 0, 0, 2, 3, 0]
    numbers = numbers_for("belebele", rows, [choosing(place) for place in chosen])
    assert number(numbers, "accuracy", language="eng_Latn")["value"] == 1
    assert number(numbers, "accuracy", language="khm_Khmr")["value"] == 0.5
    assert number(numbers, "accuracy", language="urd_Arab")["value"] == 0.25
    assert number(numbers, "accuracy")["value"] == pytest.approx(7 / 12)
    assert number(numbers, "chance")["value"] == 0.25
    assert number(numbers, "gap")["value"] == 0.75
    assert number(numbers, "democratisation")["value"] == pytest.approx(100 * 7 / 12)
    # Pairs agree: en-km 2 of 4, en-ur 1 of 4, km-ur 3 of 4; all three: 1 of 4.
    pairs = number(numbers, "consistency")
    assert pairs["value"] == pytest.approx((2 + 1 + 3) / 12)
    assert number(numbers, "consistency", group="subsets=3")["value"] == 0.25
    accuracy, consistency = 7 / 12, 0.5
    assert number(numbers, "ac3")["value"] == pytest.approx(
        2 * accuracy * consistency / (accuracy + consistency)
    )
    confidence = 1 / (1 + 3 * 2.718281828**-2)
    assert number(numbers, "confidence")["value"] == pytest.approx(confidence)
    # One bin: |accuracy - confidence|.
    assert number(numbers, "calibration_error", language="khm_Khmr")["value"] == pytest.approx(
        confidence - 0.5
    )


def test_choices_in_different_order_make_no_consistency() -> None:
    rows = [belebele("1", "eng_Latn", 0), belebele("1", "khm_Khmr", 2)]
    numbers = numbers_for("belebele", rows, [choosing(0), choosing(2)])
    assert not [n for n in numbers if n["measure"] in ("consistency", "ac3")]


def test_bmlama_ranks_with_chance() -> None:
    rows = [
        row("bmlama", "1", code, choices=["a", "b", "c"], gold=2, template="x <mask>")
        for code in ("eng_Latn", "khm_Khmr")
    ]
    answers = [
        Answer(scores=(-3.0, -4.0, -6.0), tokens=(1, 2, 6)),
        Answer(scores=(-1.0, -2.0, -4.0), tokens=(1, 4, 3)),
    ]
    # Means: -3, -2, -1 ranks c b a; -1, -0.5, -1.33 ranks b a c.
    numbers = numbers_for("bmlama", rows, answers)
    assert number(numbers, "accuracy", language="eng_Latn")["value"] == 1
    assert number(numbers, "accuracy", language="khm_Khmr")["value"] == 0
    # Top-1 differ; top-2 {c, b} and {b, a} share one; top-3 all: .244728 / 2 + .090031.
    pair = number(numbers, "rankc", language="eng_Latn", other_language="khm_Khmr")
    assert pair["value"] == pytest.approx(0.244728 / 2 + 0.090031, abs=1e-5)
    assert number(numbers, "chance", unit="rankc")["value"] == pytest.approx(0.474930, abs=1e-5)


def test_a_variant_is_a_benchmark_of_another_name() -> None:
    rows = [belebele("1", "eng_Latn", 0)]
    numbers = numbers_for("belebele", rows, [choosing(0)], variant="corrected")
    assert {n["benchmark"] for n in numbers} == {"belebele:corrected"}


def test_against_the_pivot_in_any_benchmark() -> None:
    """80 items; English right on 60, Khmer on 40 of those, Urdu (asked half of them) on none."""
    rows, chosen = [], []
    for n in range(80):
        for code, right in (("eng_Latn", n < 60), ("khm_Khmr", n < 40), ("urd_Arab", False)):
            if code != "urd_Arab" or n % 2:
                rows.append(belebele(str(n), code, n % 4))
                chosen.append(n % 4 if right else (n + 1) % 4)
    numbers = numbers_for("belebele", rows, [choosing(place) for place in chosen])
    against = {"other_language": "eng_Latn"}
    overlap = number(numbers, "correct_overlap", language="khm_Khmr", **against)
    assert (overlap["value"], overlap["count"]) == (pytest.approx(40 / 60), 80)
    assert 0.5 < overlap["low"] < 40 / 60 < overlap["high"] < 0.8
    # Chance is 1/4: (1/2 - 1/4) / (3/4 - 1/4), and below it nothing.
    rescaled = number(numbers, "rescaled_accuracy", language="khm_Khmr", **against)
    assert (rescaled["value"], rescaled["count"]) == (0.5, 80)
    assert 0.2 < rescaled["low"] < 0.5 < rescaled["high"] < 0.8
    urdu = number(numbers, "rescaled_accuracy", language="urd_Arab", **against)
    assert (urdu["value"], urdu["count"]) == (0, 40)
    assert number(numbers, "transfer_gap")["value"] == pytest.approx(0.75 - (0.5 + 0) / 2)
    for measure in ("gap", "worst_mean", "democratisation", "transfer_gap", "consistency", "ac3"):
        found = number(numbers, measure)
        assert found["low"] < found["value"] < found["high"], measure
    calibration = number(numbers, "calibration_error", language="khm_Khmr")
    assert calibration["low"] < calibration["value"] < calibration["high"]
    sure = 1 / (1 + 3 * math.exp(-2))
    others = (1 - sure) / 3
    wrong = (1 - others) ** 2 + sure**2 + 2 * others**2
    assert number(numbers, "brier", language="urd_Arab")["value"] == pytest.approx(wrong)


def test_a_pivot_that_guesses_measures_nobody() -> None:
    rows = [belebele(str(n), code, n % 4) for code in ("eng_Latn", "khm_Khmr") for n in range(40)]
    numbers = numbers_for("belebele", rows, [choosing(0) for _ in rows])
    assert not [each for each in numbers if each["measure"] == "rescaled_accuracy"]


def test_answers_that_are_all_wrong_are_no_certainty() -> None:
    rows = [belebele(str(n), code, 0) for code in ("eng_Latn", "khm_Khmr") for n in range(10)]
    numbers = numbers_for("belebele", rows, [choosing(1) for _ in rows])
    found = number(numbers, "accuracy")
    assert (found["value"], found["count"]) == (0, 20)
    assert found["high"] == pytest.approx(wilson(0, 10).high)  # ten items, not twenty answers


def test_what_always_choosing_one_label_gets() -> None:
    golds = {"deu_Latn": [0, 0, 0, 1], "zho_Hans": [1, 1, 0, 1]}
    rows = [
        row("pawsx", str(n), code, choices=["different", "same"], gold=gold, first="a", second="b", code="de")
        for code, of in golds.items()
        for n, gold in enumerate(of)
    ]
    answers = [Answer(scores=(-1.0, -2.0), tokens=(1, 1)) for _ in rows]
    numbers = numbers_for("pawsx", rows, answers)
    assert number(numbers, "constant", language="zho_Hans")["value"] == 0.75
    assert number(numbers, "accuracy", language="zho_Hans")["value"] == 0.25
    assert number(numbers, "constant")["value"] == 0.75


def test_failures_that_did_not_happen_are_numbers_too() -> None:
    """Or a gate "off-target at most 2 %" fails where nothing is off target."""
    row_of = row("mgsm", "1", "swh_Latn", answer="4", question="?", code="sw")
    numbers = numbers_for("mgsm", [row_of], [Answer(text="Jibu ni 4")])
    for measure in ("malformed", "empty"):
        found = number(numbers, measure, language="swh_Latn")
        assert (found["value"], found["count"], found["low"]) == (0, 1, 0)
        assert found["high"] == pytest.approx(wilson(0, 1).high)
        assert number(numbers, measure)["value"] == 0
    assert not [each for each in numbers if each["measure"] in ("off_target", "failed", "undetermined")]


def test_a_mean_over_one_language_is_that_of_the_language() -> None:
    rows = [belebele(str(n), "khm_Khmr", 0) for n in range(5)]
    numbers = numbers_for("belebele", rows, [choosing(int(n == 0)) for n in range(5)])
    whole, one = number(numbers, "accuracy"), number(numbers, "accuracy", language="khm_Khmr")
    assert whole | {"language": "khm_Khmr"} == one
    assert one["low"] == pytest.approx(wilson(4, 5).low)
