import math

from panlect.measure.advice import Situation, advise


def test_a_language_that_pays_and_has_text_is_extended_as_far_as_the_text_reaches() -> None:
    advice = advise(Situation(premium=3.2, fallback_share=0.4, training_tokens=8e6))
    assert (advice.verdict, advice.pieces) == ("extend", 8000)
    assert "3.20 times" in advice.reasons[0]
    assert "40% of tokens" in advice.reasons[1]


def test_a_language_that_pays_little_is_left_alone() -> None:
    """The Norwegian case: words already come whole, new rows would only have to be learned."""
    advice = advise(Situation(premium=1.3, fallback_share=0.0, training_tokens=1e9))
    assert (advice.verdict, advice.pieces) == ("keep", 0)
    assert "1.30" in advice.reasons[0]


def test_too_little_text_is_no_reason_to_add_rows_that_stay_guesses() -> None:
    advice = advise(Situation(premium=5.0, fallback_share=0.9, training_tokens=4e5))
    assert advice.verdict == "keep"
    assert "do harm" in advice.reasons[-1]


def test_broken_characters_are_need_enough_without_parallel_text() -> None:
    assert advise(Situation(math.nan, 0.5, 1e8)).verdict == "extend"
    assert advise(Situation(math.nan, 0.0, 1e8)).verdict == "undecided"


def test_rows_that_outweigh_the_model_are_told() -> None:
    situation = Situation(3.0, 0.0, 1e9, model_parameters=1e8, width=1024, embedding_tables=2)
    advice = advise(situation)
    assert advice.pieces == 16000
    assert "32.8%" in advice.reasons[-1]
    assert "trim unused pieces first" in advice.reasons[-1]
