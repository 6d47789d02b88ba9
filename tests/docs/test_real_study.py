"""The study on real text goes through every step on a made-up parallel file."""

from pathlib import Path

import polars as pl
import pytest

from panlect.config import read_yaml
from panlect.recipe import parse_recipe
from panlect.run import run

STUDY = Path(__file__).parents[2] / "recipes/studies/real.yaml"
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
WORDS = {
    "eng_Latn": ("the {} red houses stand by the {} rivers of the north", NUMBERS),
    "deu_Latn": ("die {} roten Häuser stehen an den {} Flüssen im Norden", ("eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht")),
    "rus_Cyrl": ("те {} красных домов стоят у {} северных рек", ("один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь")),
    "afr_Latn": ("die {} rooi huise staan langs die {} riviere van die noorde", ("een", "twee", "drie", "vier", "vyf", "ses", "sewe", "agt")),
    "tam_Taml": ("அந்த {} சிவப்பு வீடுகள் {} வடக்கு ஆறுகளின் அருகில் உள்ளன", ("ஒன்று", "இரண்டு", "மூன்று", "நான்கு", "ஐந்து", "ஆறு", "ஏழு", "எட்டு")),
}  # fmt: skip
SMALL = {
    "tokenizer": {"vocabulary": 400},
    "base": {"model": {"hidden_size": 32, "intermediate_size": 64, "layers": 1, "heads": 2, "key_value_heads": 2, "position_limit": 512}},
}  # fmt: skip


def corpus(path: Path) -> Path:
    """Two aligned sources of 32 sentences in five languages, three of them in `cldr-30`."""
    lines = []
    for source, first in (("flores_dev", 0), ("ntrex", 4)):
        for language, (sentence, names) in WORDS.items():
            pairs = [(a, b) for a in range(first, first + 4) for b in range(8)]
            lines += [f"{language}\t{source}\t{sentence.format(names[a], names[b])}." for a, b in pairs]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory):
    """The study with one seed, a hundred tokens for each arm, and every step there is."""
    directory = tmp_path_factory.mktemp("study")
    values = read_yaml(STUDY) | {"seeds": [501]}
    for name, step in values["steps"].items():
        step |= SMALL.get(name, {})
        if "budget_tokens" in step:
            step["budget_tokens"] = 1024
        if "budget_bytes" in step:
            step["budget_bytes"] = 8000
        if step["stage"] == "prefer":
            step["steps"] = 1
        if step["stage"] == "rank":
            step |= {"prompts_per_language": 2, "answer_tokens": 8}
    text = values["steps"]["text"]
    text |= {"from": [str(corpus(directory / "corpus.tsv"))], "held_out_share": 0.2}
    text["aligned"] = [{"source": source, "rows": 32} for source in ("flores_dev", "ntrex")]
    return run(parse_recipe(values, where=STUDY.name), directory / "run", where=STUDY.name)


def test_every_arm_is_measured_in_every_language(outcome) -> None:
    numbers = outcome.numbers.filter(
        pl.col("benchmark").str.starts_with("held_out_translation"), measure="choice_accuracy"
    )
    arms = {"base", "instruct-100-501", "xllms-100-501", "chosen-100-501", "aligned-501", "chosen-501"}
    for arm in arms:
        asked = set(numbers.filter(step=arm, group="from eng_Latn")["language"])
        assert asked == {*WORDS, ""} - {"eng_Latn"}, arm


def test_only_the_left_out_languages_are_in_the_feedback_that_is_for_them(outcome) -> None:
    left_out = set(outcome.folders["feedback-70-501"].table("preference")["answer_language"])
    assert left_out == {"afr_Latn", "tam_Taml"}
    instructed = set(outcome.folders["feedback-30-501"].table("preference")["answer_language"])
    assert instructed == {"deu_Latn", "rus_Cyrl"}


def test_there_is_a_leaderboard(outcome) -> None:
    page = (outcome.folders["leaderboard"].path / "leaderboard.html").read_text(encoding="utf-8")
    assert "aligned" in page
