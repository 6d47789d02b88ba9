"""Preference pairs of a model's own errors: typed, judged by names, none that teaches nothing."""

import polars as pl
import pytest

from panlect.errors import DataError
from panlect.stages.feedback import FeedbackConfig, _errors, _frame, _names, _prompts, _select, feedback
from panlect.stages.pretrain import ModelShape, PretrainConfig, pretrain
from panlect.stages.tokenizer import TokenizerConfig, tokenizer
from panlect.stages.world import WorldConfig, world


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    settings = WorldConfig(
        languages=("eng_Latn", "fra_Latn", "tha_Thai", "urd_Arab", "nqo_Nkoo"), territories=8
    )
    return world([], tmp_path_factory.mktemp("feedback") / "world", settings)


@pytest.fixture(scope="module")
def untrained(built, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    vocabulary = tokenizer([built], out / "vocabulary", TokenizerConfig(vocabulary=600))
    shape = ModelShape(hidden_size=16, intermediate_size=32, layers=1, heads=2, key_value_heads=2)
    return pretrain(
        [vocabulary, built], out / "base", PretrainConfig(model=shape, budget_tokens=2000, threads=1)
    )


def pair(
    chosen,
    rejected,
    *,
    identifier="a",
    prompt="→français Senegal ¤",
    language="fra_Latn",
    reason="wrong_fact",
):
    return {
        "id": identifier,
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "prompt_language": language,
        "answer_language": language,
        "reason": reason,
        "source": "s",
        "licence": "l",
    }


def test_each_kind_of_error_gets_its_reason(built):
    prompts = _prompts([built], built.table("preference"), FeedbackConfig())
    lexicon = _names(prompts, [built])
    row = next(r for r in prompts if r["answer_language"] == "tha_Thai" and r["id"].startswith("continent"))
    right = row["chosen"][0]["content"]
    names = {
        language: set(
            built.table("question").filter(answer_language=language, relation="continent")["answer"]
        )
        for language in ("tha_Thai", "urd_Arab")
    }
    own = right.rpartition(" ")[2]
    other = next(name for name in sorted(names["tha_Thai"]) if name != own)
    urdu = sorted(names["urd_Arab"])[0]
    answers = [[right, f"→ไทย {other}", f"→ไทย {urdu}", "→ไทย ก" + own, ""]]
    pairs, verdicts = _errors([row], answers, lexicon)
    assert [made["reason"] for made in pairs] == ["wrong_fact", "wrong_language", "malformed", "malformed"]
    assert verdicts["tha_Thai"] == {"correct": 1, "wrong": 0, "off_target": 0, "malformed": 0, "empty": 0}
    assert [made["rejected"][0]["content"] for made in pairs][:2] == [f"→ไทย {other}", f"→ไทย {urdu}"]
    assert all(made["chosen"] == row["chosen"] for made in pairs)


def test_pairs_that_teach_nothing_are_set_aside_with_the_reason():
    good = "→English Senegal ¤ CFA Franc→français franc CFA"
    errors = [
        {**pair(good, rejected, identifier=str(n)), "origin": "model"}
        for n, rejected in enumerate([
            "→français euro",
            "→français Euro",
            "→français Franc CFA",
            "→français franc CFAA",
            "",
            "→français dollar",
            "→français yen",
        ])
    ]  # fmt: skip
    kept, dropped = _select(errors, [], FeedbackConfig(pairs_per_language=2))
    assert {row["id"] for row in kept} == {"0", "5"}
    assert {row["id"]: row["dropped_because"] for row in dropped} == {
        "1": "the same error has been seen",
        "2": "both answers are the same but for case and signs",
        "3": "the answers are nearly the same",
        "4": "the answer is empty",
        "6": "the language has its pairs",
    }
    assert set(_frame(dropped, reason_of_drop=True)["reason"]) == {row["dropped_because"] for row in dropped}


def test_the_models_own_errors_come_before_constructed_pairs():
    errors = [{**pair("→a b", f"→a {n}", identifier=f"m{n}"), "origin": "model"} for n in range(3)]
    constructed = [pair("→a b", f"→a c{n}", identifier=f"c{n}") for n in range(9)]
    kept, _ = _select(errors, constructed, FeedbackConfig(pairs_per_language=8, constructed_per_language=4))
    assert [row["origin"] for row in kept].count("model") == 3
    assert [row["origin"] for row in kept].count("constructed") == 4


def test_pairs_for_some_reasons_only():
    errors = [
        {**pair("→a b", f"→a {reason}", identifier=reason, reason=reason), "origin": "model"}
        for reason in ("wrong_language", "wrong_fact", "malformed")
    ]
    kept, dropped = _select(errors, [], FeedbackConfig(reasons=("wrong_language", "malformed")))
    assert {row["id"] for row in kept} == {"wrong_language", "malformed"}
    assert [row["dropped_because"] for row in dropped] == ["pairs for this reason are not wanted"]


def test_a_model_that_knows_nothing_errs_everywhere(built, untrained, tmp_path):
    settings = FeedbackConfig(prompts_per_language=4, samples=1, answer_tokens=12, constructed_per_language=2)
    made = feedback([untrained, built], tmp_path / "pairs", settings)
    again = feedback([untrained, built], tmp_path / "again", settings)
    table = made.table("preference")
    assert table.equals(again.table("preference"))
    assert set(table["answer_language"]) == set(built.manifest["notes"]["languages"])
    assert set(table["reason"]) <= {"wrong_language", "wrong_fact", "malformed"}
    assert table.filter(origin="model").height > 10
    assert table.filter(origin="constructed")["answer_language"].value_counts()["count"].max() <= 2
    prompts = {(row["prompt"][0]["content"], row["answer_language"]) for row in table.to_dicts()}
    assert made.table("dialogue").height == len(prompts)
    numbers = made.numbers().filter(measure="pairs")
    per_language = numbers.filter(pl.col("language") != "")["value"].sum()
    assert per_language == numbers.filter(language="")["value"].sum() == table.height
    lengths = [[len(row[side][0]["content"]) for row in table.to_dicts()] for side in ("chosen", "rejected")]
    longer, shorter = (sum(a > b for a, b in zip(*pair, strict=True)) for pair in (lengths, lengths[::-1]))
    shown = made.numbers().filter(measure="length_bias")["value"].item()
    assert shown == pytest.approx((longer + (table.height - longer - shorter) / 2) / table.height)


def test_no_pair_is_about_a_held_out_fact(built, untrained, tmp_path):
    """Feedback in a language may only be about what that language was told."""
    made = feedback([untrained, built], tmp_path / "pairs", FeedbackConfig(dialogues=True, answer_tokens=8))
    held = built.table("question").filter("held_out")
    asked = set(held["prompt"])
    prompts = {row[0]["content"] for row in made.table("preference")["prompt"].to_list()}
    assert prompts
    assert not prompts & asked


def test_pairs_are_only_in_the_languages_asked_for(built, untrained, tmp_path):
    config = FeedbackConfig(
        languages=("th", "fra_Latn"), answer_tokens=4, pairs_per_language=99, constructed_per_language=99
    )
    pairs = feedback([untrained, built], tmp_path / "feedback", config).table("preference")
    assert set(pairs["answer_language"]) == {"fra_Latn", "tha_Thai"}
    assert "eng_Latn" in set(pairs["prompt_language"]), "asked in another language, answered in these"


def test_no_prompt_with_an_answer_is_an_error(built):
    with pytest.raises(DataError, match="no prompt"):
        _prompts([built], built.table("preference").head(0), FeedbackConfig())
