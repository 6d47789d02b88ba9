"""Seeds are pooled with Student's t, the worst language is the worst, and what is absent is 0 or not measured."""

import math

import polars as pl
import pytest

from panlect import tables
from panlect.measure.interval import wilson
from panlect.report import arms
from panlect.report.naming import labels, named
from panlect.report.record import Record, read, tidy
from panlect.report.settings import ReportConfig
from panlect.report.view import Score, Slice, View, few, shown
from panlect.report.wording import interval, listed, made, measure, note, seconds, value

TEXT = ("step", "measure", "benchmark", "language", "other_language", "group", "unit")


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    empty = {**dict.fromkeys(TEXT, ""), "low": None, "high": None, "count": None}
    return pl.DataFrame([{**empty, **row} for row in rows], schema=dict(tables.SCHEMAS["numbers"]))


def view(*rows: dict[str, object], order: tuple[str, ...] = ()) -> View:
    return View(Record((), tidy(frame(*rows)), tables.empty("answer"), read([]).dropped, order))


def accuracy(step: str, language: str, number: float, **columns: object) -> dict[str, object]:
    return {
        "step": step,
        "measure": "accuracy",
        "benchmark": "world",
        "language": language,
        "value": number,
        **columns,
    }


def test_the_mean_over_three_seeds_has_a_t_interval() -> None:
    numbers = frame(
        *(accuracy(f"chat-{seed}", "", number) for seed, number in ((101, 0.5), (102, 0.6), (103, 0.7)))
    )
    pooled = arms.pool(numbers, arms.find(["chat-101", "chat-102", "chat-103"], {}))
    assert pooled["step"].to_list() == ["chat"]
    assert pooled["value"][0] == pytest.approx(0.6)
    half = 4.303 * 0.1 / math.sqrt(3)  # t(2 degrees of freedom) times the standard error of 0.5, 0.6, 0.7
    assert pooled["low"][0] == pytest.approx(0.6 - half, abs=1e-6)
    assert pooled["high"][0] == pytest.approx(0.6 + half, abs=1e-6)


def test_the_interval_of_a_share_stays_between_0_and_1() -> None:
    numbers = frame(*(accuracy(f"chat-{seed}", "", number) for seed, number in ((101, 0.9), (102, 1.0))))
    pooled = arms.pool(numbers, arms.find(["chat-101", "chat-102"], {}))
    assert pooled["high"][0] == 1.0
    assert pooled["low"][0] >= 0.0


def test_one_seed_keeps_its_own_interval() -> None:
    numbers = frame(accuracy("chat-101", "", 0.5, low=0.4, high=0.6), accuracy("base", "", 0.1))
    pooled = arms.pool(numbers, {"chat": {"chat-101": "101"}})
    assert pooled.filter(pl.col("step") == "chat").select("low", "high").row(0) == (0.4, 0.6)
    assert pooled.filter(pl.col("step") == "base").height == 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["pivot-101", "pivot-102", "control-101"], {"pivot": {"pivot-101": "101", "pivot-102": "102"}, "control": {"control-101": "101"}}),
        (["pivot-101-chat", "pivot-102-chat"], {"pivot-chat": {"pivot-101-chat": "101", "pivot-102-chat": "102"}}),
        (["chat-seed101", "chat-seed102"], {"chat": {"chat-seed101": "101", "chat-seed102": "102"}}),
        (["round-1", "round-2"], {}),
        (["base", "chat-101"], {}),
        (["llama-7b", "llama-70b"], {}),
    ],
)  # fmt: skip
def test_arms_are_read_off_the_names(steps: list[str], expected: dict[str, dict[str, str]]) -> None:
    assert arms.find(steps, {}) == expected


def test_arms_can_be_named() -> None:
    found = arms.find(["a", "b", "c"], {"first": ["a", "b"], "second": ["c", "gone"]})
    assert found == {"first": {"a": "a", "b": "b"}, "second": {"c": "c"}}


def test_the_worst_language_at_the_last_step_comes_first() -> None:
    shown_ = view(
        accuracy("base", "swh_Latn", 0.1), accuracy("base", "yor_Latn", 0.9), accuracy("base", "tha_Thai", 0.5),
        accuracy("chat", "swh_Latn", 0.8), accuracy("chat", "yor_Latn", 0.2),
    )  # fmt: skip
    part = shown_.leading
    assert part == Slice("accuracy", "world", "")
    # Thai was not measured at the last step, which is worse than any score.
    assert shown_.worst_first(part) == ["tha_Thai", "yor_Latn", "swh_Latn"]


def test_steps_follow_the_recipe_and_not_the_alphabet() -> None:
    shown_ = view(
        accuracy("aligned", "swh_Latn", 0.5), accuracy("base", "swh_Latn", 0.1), order=("base", "aligned")
    )
    assert shown_.steps == ["base", "aligned"]


def test_held_out_facts_lead() -> None:
    shown_ = view(
        accuracy("a", "swh_Latn", 0.9, group="seen"), accuracy("a", "swh_Latn", 0.1, group="held_out")
    )
    assert shown_.leading == Slice("accuracy", "world", "held_out")


def test_means_over_scripts_are_no_slices_but_give_intervals() -> None:
    shown_ = view(
        accuracy("a", "arb_Arab", 0.5, group="held_out"),
        accuracy("a", "", 0.5, group="held_out, script=Arab", low=0.4, high=0.6),
    )
    assert shown_.slices("accuracy") == [Slice("accuracy", "world", "held_out")]
    assert shown_.of_kind(Slice("accuracy", "world", "held_out"), "script") == {("a", "Arabic"): (0.4, 0.6)}


def test_a_label_that_nobody_got_is_zero_and_one_not_judged_is_absent() -> None:
    shown_ = view(
        accuracy("a", "swh_Latn", 0.5, count=10), accuracy("a", "yor_Latn", 0.5, count=10),
        accuracy("a", "swh_Latn", 0.2, measure="off_target", count=10),
    )  # fmt: skip
    found = shown_.outcome(Slice("off_target", "world", ""))
    assert found["a", "swh_Latn"].value == 0.2
    assert found["a", "yor_Latn"] == Score(0.0, None, None, 10)
    assert ("a", "tha_Thai") not in found


def test_the_chance_of_rankc_is_not_the_chance_of_accuracy() -> None:
    shown_ = view(
        {"step": "a", "measure": "chance", "benchmark": "world", "value": 0.16, "unit": "share"},
        {"step": "a", "measure": "chance", "benchmark": "world", "value": 0.3768, "unit": "rankc"},
        accuracy("a", "swh_Latn", 0.5),
    )
    assert shown_.chance(Slice("accuracy", "world", "")) == 0.16
    assert shown_.chance(Slice("rankc", "world", "")) == 0.3768
    assert shown_.chance(Slice("chrf", "world", "")) is None


def test_conductivity_belongs_to_its_own_language() -> None:
    one = {"step": "a", "measure": "conductivity", "benchmark": "world", "language": "swh_Latn", "value": 0.7}
    tidied = tidy(frame({**one, "other_language": "eng_Latn"}))
    assert tidied.select("language", "other_language", "group").row(0) == ("swh_Latn", "", "")
    two = tidy(frame({**one, "other_language": "eng_Latn"}, {**one, "other_language": "fra_Latn"}))
    assert two["group"].to_list() == ["from eng_Latn", "from fra_Latn"]


def test_nan_is_not_measured_and_a_repeated_number_counts_once() -> None:
    tidied = tidy(frame(accuracy("a", "x", math.nan), accuracy("a", "y", 0.5), accuracy("a", "y", 0.5)))
    assert tidied["language"].to_list() == ["y"]


def test_budgets_and_curves_are_no_evaluations() -> None:
    rows = frame(
        {"measure": "loss", "value": 1.0}, {"measure": "bytes_seen", "value": 1.0}, {"measure": "accuracy", "value": 1.0},
        {"measure": "margin", "value": 1.0, "group": "step 10"}, {"measure": "training_bits_per_byte", "value": 1.0},
    )  # fmt: skip
    assert rows.filter(~made())["measure"].to_list() == ["accuracy"]


def test_many_steps_are_cut_to_the_first_and_the_last() -> None:
    assert shown([str(number) for number in range(9)]) == ["0", "4", "5", "6", "7", "8"]


def test_values_are_written_by_their_kind() -> None:
    assert value(0.5869, "share") == "58.7\u00a0%"
    assert value(41.26, "points") == "41.3"
    assert value(0.98765, "bits") == "0.988"
    assert value(1234567, "count") == "1\u202f234\u202f567"
    assert value(None, "share") == value(math.nan, "share") == "–"
    assert interval(0.497, 0.667, "share") == "49.7–66.7"
    assert note(0.497, 0.667, 4800, "share") == "49.7–66.7 · n 4\u202f800"
    assert seconds(250) == "4 min 10 s"
    assert seconds(7500) == "2 h 5 min"
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert measure("wishes", "percent").kind == "points"


def test_languages_have_names_scripts_and_directions() -> None:
    arabic = named("arb_Arab")
    assert (arabic.name, arabic.own_name, arabic.script, arabic.lang, arabic.direction) == (
        "Arabic",
        "العربية",
        "Arabic",
        "ar",
        "rtl",
    )
    assert named("cmn_Hans").script == "Han, simplified"
    unknown = named("nonsense")
    assert (unknown.name, unknown.lang, unknown.direction) == ("nonsense", "und", "auto")
    assert labels(["swh_Latn", "tha_Thai"]) == {"swh_Latn": "Swahili", "tha_Thai": "Thai"}


def test_a_study_is_about_its_best_arm_and_a_run_about_its_last_step() -> None:
    rows = [
        accuracy(f"{arm}-{seed}", "swh_Latn", level + seed / 10_000)
        for arm, level in (("pivot", 0.8), ("control", 0.1))
        for seed in (101, 102)
    ]
    study = view(*rows)
    assert study.leading is not None
    assert study.final(study.leading) == "pivot"
    run = view(accuracy("a", "swh_Latn", 0.9), accuracy("b", "swh_Latn", 0.1))
    assert run.leading is not None
    assert run.final(run.leading) == "b"
    chosen = View(study.record, ReportConfig(step="control"))
    assert chosen.final(study.leading) == "control"


def test_few_steps_keep_the_first_and_the_final_one() -> None:
    steps = ["a", "b", "c", "d", "e", "f"]
    assert few(steps, "f", most=4) == ["a", "d", "e", "f"]
    assert few(steps, "b", most=3) == ["a", "b", "c"]
    assert few(steps[:2], "b", most=4) == ["a", "b"]


def tokens(step: str, language: str, number: float) -> dict[str, object]:
    return {"step": step, "measure": "tokens_seen", "language": language, "value": number, "unit": "tokens"}


def test_languages_that_a_training_left_out_are_told_apart() -> None:
    shown_ = view(
        tokens("base", "swh_Latn", 9), tokens("base", "yor_Latn", 9), tokens("chat-101", "swh_Latn", 9),
        tokens("chat-101", "yor_Latn", 0), tokens("chat-102", "swh_Latn", 7),
    )  # fmt: skip
    assert shown_.splits(["swh_Latn", "yor_Latn"]) == {"chat-101": (["swh_Latn"], ["yor_Latn"])}
    assert shown_.splits(["swh_Latn"]) == {}


def test_differences_between_arms_are_paired_by_seed() -> None:
    first, second = {"101": 0.2, "102": 0.4, "103": 0.6}, {"101": 0.5, "102": 0.8, "103": 0.8, "104": 0.0}
    found = arms.difference(first, second)
    assert found is not None
    half = 4.303 * 0.1 / math.sqrt(3)  # the differences are 0.3, 0.4, 0.2
    assert found == pytest.approx((0.3, 0.3 - half, 0.3 + half), abs=1e-6)
    assert arms.difference({"101": 0.2}, {"101": 0.5}) is None


def test_a_language_of_an_arm_has_the_interval_of_all_its_answers() -> None:
    numbers = frame(
        accuracy("chat-101", "swh_Latn", 0.5, count=10, unit="share"),
        accuracy("chat-102", "swh_Latn", 0.7, count=10, unit="share"),
    )
    pooled = arms.pool(numbers, arms.find(["chat-101", "chat-102"], {}))
    expected = wilson(12, 20)
    assert pooled.select("value", "low", "high", "count").row(0) == pytest.approx(
        (expected.value, expected.low, expected.high, 20)
    )


def test_the_final_arm_is_the_same_in_every_slice() -> None:
    rows = [
        {**accuracy(f"{arm}-{seed}", "swh_Latn", level), "measure": name}
        for name, levels in (("accuracy", (0.8, 0.1)), ("conductivity", (0.8, 2.0)))
        for arm, level in zip(("chat", "control"), levels, strict=True)
        for seed in (101, 102)
    ]
    study = view(*rows)
    assert study.final(Slice("conductivity", "world", "")) == "chat"


def test_a_gap_of_chrf_is_in_points_and_one_of_accuracy_in_per_cent() -> None:
    assert value(66.759, measure("gap", "points").kind) == "66.8"
    assert value(0.25, measure("gap", "share").kind) == "25.0\u00a0%"
    assert measure("gap", "points").lower_is_better


def test_what_a_training_records_is_no_score_of_its_model() -> None:
    names = ("contrast", "policy_loss", "divergence", "memory_bytes", "tokens_per_second", "chosen_reward")
    rows_ = [{"measure": name, "value": 1.0, "step": "chat", "language": "swh_Latn"} for name in names]
    numbers = tidy(pl.DataFrame([{**dict.fromkeys(tables.SCHEMAS["numbers"], None), **row} for row in rows_]))
    assert View(Record((), numbers, tables.empty("answer"), read([]).dropped)).leading is None


def test_sizes_and_times_choose_their_units() -> None:
    assert value(1_284_378_624, measure("memory_bytes").kind) == "1.28\u00a0GB"
    assert value(8.957, measure("seconds").kind) == "9.0 s"
