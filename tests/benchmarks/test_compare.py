import numpy as np
import pytest

from panlect.benchmarks.compare import differences, pairs
from panlect.benchmarks.summary import Judged
from panlect.measure.interval import wilson

LANGUAGES = ["swh_Latn"] * 20 + ["khm_Khmr"] * 20
ITEMS = [str(n) for n in range(20)] * 2


def judged(step: str, swahili: int, khmer: int, group: str = "held_out") -> Judged:
    values = np.array([float(n < swahili) for n in range(20)] + [float(n < khmer) for n in range(20)])
    return Judged(
        step,
        "world",
        group,
        np.array(LANGUAGES, object),
        np.array(ITEMS, object),
        {"accuracy": values},
        {},
        "accuracy",
    )


def test_differences_by_hand() -> None:
    first, second = judged("base", 4, 10), judged("chat", 16, 9)
    rows = {(n["measure"], n["language"]): n for n in differences(first, second)}
    gained = rows["difference", "swh_Latn"]
    assert (gained["value"], gained["count"], gained["group"]) == (
        pytest.approx(0.6),
        20,
        "held_out, versus=base",
    )
    assert rows["p_value", "swh_Latn"]["value"] == pytest.approx(2 * 0.5**12)
    assert rows["difference", "khm_Khmr"]["value"] == pytest.approx(-0.05)
    assert rows["p_value", "khm_Khmr"]["value"] == 1
    assert rows["difference", ""]["value"] == pytest.approx(0.275)
    assert rows["difference", ""]["low"] > 0
    assert rows["languages_better", ""]["value"] == 1
    assert rows["languages_worse", ""]["value"] == 0
    assert rows["difference", ""]["step"] == "chat"


def test_what_was_forgotten_and_learnt_by_hand() -> None:
    """Swahili 4 right then 16, Khmer 10 right then 9: Khmer forgot 1 of 10, Swahili learnt 12 of 16."""
    found = list(differences(judged("base", 4, 10), judged("chat", 16, 9)))
    rows = {(n["measure"], n["language"]): n for n in found}
    got = {key: (rows[key]["value"], rows[key]["count"]) for key in rows if key[0] in ("forgotten", "learnt")}
    assert got == {
        ("forgotten", "swh_Latn"): (0, 4),
        ("forgotten", "khm_Khmr"): (pytest.approx(0.1), 10),
        ("forgotten", ""): (pytest.approx(0.05), 14),
        ("learnt", "swh_Latn"): (0.75, 16),
        ("learnt", "khm_Khmr"): (0, 10),
        ("learnt", ""): (0.375, 26),
    }
    assert rows["forgotten", "swh_Latn"]["high"] == pytest.approx(wilson(0, 4).high)
    assert rows["forgotten", ""]["group"] == "held_out, versus=base"


def test_questions_are_paired_by_language_and_item_not_by_row() -> None:
    first, second = judged("base", 4, 10), judged("chat", 4, 10)
    order = np.random.default_rng(0).permutation(40)
    shuffled = Judged(
        "chat", "world", "held_out", second.languages[order], second.items[order],
        {"accuracy": second.values["accuracy"][order]}, {}, "accuracy",
    )  # fmt: skip
    rows = {(n["measure"], n["language"]): n for n in differences(first, shuffled)}
    assert all(rows["difference", language]["value"] == 0 for language in ("", "swh_Latn", "khm_Khmr"))
    assert rows["p_value", ""]["value"] == 1


def test_every_pair_up_to_five_steps_then_only_with_the_first() -> None:
    def names(count: int) -> list[tuple[str, str]]:
        return [(a.step, b.step) for a, b in pairs([judged(f"s{n}", 1, 1) for n in range(count)])]

    assert names(3) == [("s0", "s1"), ("s0", "s2"), ("s1", "s2")]
    assert len(names(6)) == 5
    assert list(pairs([judged("a", 1, 1), judged("b", 1, 1, "seen")])) == []
