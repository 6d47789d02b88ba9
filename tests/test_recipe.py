"""Recipes: structure checked with places, order kept, overrides by key path."""

from pathlib import Path
from typing import Any

import pytest

from panlect.errors import ConfigError
from panlect.recipe import parse_recipe, read_recipe

GOOD = """
name: two
languages: [eng_Latn]
steps:
  first:  {stage: letters, letters: xy}
  second: {stage: doubled, from: [first, "data/*.jsonl"]}
gates:
  - {measure: tokens_seen, step: first, at_least: 2}
"""


def write(path: Path, text: str) -> Path:
    (path / "recipe.yaml").write_text(text, encoding="utf-8")
    return path / "recipe.yaml"


def test_steps_keep_their_order_and_settings(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, GOOD))
    assert [(step.name, step.stage, step.inputs, step.settings) for step in recipe.steps] == [
        ("first", "letters", (), {"letters": "xy"}),
        ("second", "doubled", ("first", "data/*.jsonl"), {}),
    ]
    assert recipe.languages == ("eng_Latn",)


def test_overrides_reach_any_key(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    recipe = read_recipe(file, [(["steps", "first", "letters"], "z"), (["seed"], 3)])
    assert recipe.steps[0].settings["letters"] == "z"
    assert recipe.seed == 3
    with pytest.raises(ConfigError, match="no key 'frist'") as caught:
        read_recipe(file, [(["steps", "frist", "letters"], "z")])
    assert "first" in caught.value.fix


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("from: [first,", "from: [second,", "this step itself"),
        ("letters: xy", "letters: xy, from: [second]", "a later step; move it before 'first'"),
        ("stage: letters, ", "", "a mapping with the key 'stage'"),
        ("  first:", "  First!:", "lower-case"),
        ("step: first", "step: frist", "did you mean 'first'"),
        ("name: two", "nam: two", "did you mean 'name'"),
        ("at_least: 2", "at_leest: 2", "did you mean 'at_least'"),
        (", at_least: 2", "", "exactly one of"),
        ("from: [first,", "from: [3,", "list of steps"),
    ],
)
def test_mistakes_name_their_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        read_recipe(write(tmp_path, GOOD.replace(old, new)))
    assert message in str(caught.value)
    assert "recipe.yaml" in str(caught.value)


def test_a_recipe_needs_steps() -> None:
    for values in ({"name": "x"}, {"name": "x", "steps": []}, {"name": "x", "steps": {}}):
        with pytest.raises(ConfigError, match="needs steps"):
            parse_recipe(values, where="x")


STUDY: dict[str, Any] = {
    "name": "study",
    "seeds": [101, 102],
    "steps": {
        "world": {"stage": "world"},
        "arm": {"stage": "mix", "from": ["world", "text.txt"], "alpha": 0.5},
        "board": {"stage": "leaderboard", "from": ["arm", "text.txt"], "once": True},
    },
    "gates": [
        {"measure": "accuracy", "step": "arm", "versus": "world", "drop_at_most": 0.1},
        {"measure": "accuracy", "step": "board", "at_least": 0.1},
    ],
}


def test_seeds_repeat_every_step_its_inputs_and_its_gates() -> None:
    recipe = parse_recipe(STUDY, where="s.yaml")
    assert [(step.name, step.inputs, step.seed) for step in recipe.steps] == [
        ("world-101", (), 101),
        ("arm-101", ("world-101", "text.txt"), 101),
        ("world-102", (), 102),
        ("arm-102", ("world-102", "text.txt"), 102),
        ("board", ("arm-101", "arm-102", "text.txt"), None),
    ]
    assert [step.settings for step in recipe.steps if step.stage == "mix"] == [{"alpha": 0.5}] * 2
    assert [(gate.step, gate.versus) for gate in recipe.gates] == [
        ("arm-101", "world-101"),
        ("arm-102", "world-102"),
        ("board", ""),
    ]


def test_what_needs_no_seed_is_made_once_for_all_of_them() -> None:
    shared = {
        "text": {"stage": "curate", "from": ["text.txt"], "once": True},
        "pieces": {"stage": "tokenizer", "from": ["text"], "once": True},
        "base": {"stage": "pretrain", "from": ["pieces", "text"]},
    }
    board = {"board": {"stage": "leaderboard", "from": ["base", "text"], "once": True}}
    recipe = parse_recipe({**STUDY, "steps": shared | board, "gates": []}, where="s.yaml")
    assert [(step.name, step.inputs, step.seed) for step in recipe.steps] == [
        ("text", ("text.txt",), None),
        ("pieces", ("text",), None),
        ("base-101", ("pieces", "text"), 101),
        ("base-102", ("pieces", "text"), 102),
        ("board", ("base-101", "base-102", "text"), None),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 1}, "no `seed`"),
        ({"seeds": [1, 2]}, "from 100 on"),
        ({"seeds": [101, 101]}, "different"),
        ({"steps": STUDY["steps"] | {"late": {"stage": "mix", "from": ["board"]}}}, "waits for the steps"),
        ({"steps": STUDY["steps"] | {"late": {"stage": "mix", "once": 1}}}, "true or false"),
    ],
)
def test_seeds_that_cannot_be_used_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_recipe(STUDY | change, where="s.yaml")


def test_included_recipes_bring_their_steps_first(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.yaml").write_text(
        "name: a\nseed: 5\nsteps:\n  first: {stage: letters, letters: xy}\n  a: {stage: doubled, from: [first]}\n"
    )
    (tmp_path / "parts/b.yaml").write_text(
        "name: b\nsteps:\n  first: {stage: letters, letters: xy}\n  b: {stage: doubled, from: [first]}\n"
    )
    both = "name: both\ninclude: [parts/*.yaml]\nseeds: [101, 102]\nsteps:\n  c: {stage: doubled, from: [a, b]}\n"
    recipe = read_recipe(write(tmp_path, both), [(["steps", "first", "letters"], "z")])
    assert [step.name for step in recipe.steps][:4] == ["first-101", "a-101", "b-101", "c-101"]
    assert recipe.steps[3].inputs == ("a-101", "b-101")
    assert recipe.name == "both"
    assert {step.settings.get("letters") for step in recipe.steps} == {"z", None}
    (tmp_path / "parts/b.yaml").write_text("name: b\nsteps:\n  first: {stage: letters, letters: yx}\n")
    with pytest.raises(ConfigError, match="another step 'first'"):
        read_recipe(write(tmp_path, both))
    with pytest.raises(ConfigError, match="no recipe is called"):
        read_recipe(write(tmp_path, both.replace("parts/*", "other")))
    with pytest.raises(ConfigError, match="includes itself"):
        read_recipe(write(tmp_path, both.replace("parts/*", "recipe")))


def test_gates_may_name_models_that_no_step_makes() -> None:
    """`from: [org/base, org/chat]` and an endpoint: their numbers carry their own names."""
    endpoint = {"url": "http://127.0.0.1:8000/v1", "model": "org/served", "cache": "c.jsonl"}
    recipe = {
        "name": "two",
        "steps": {
            "scores": {"stage": "evaluate", "from": ["org/base", "models/chat/"], "endpoint": endpoint}
        },
        "gates": [
            {"measure": "accuracy", "step": "chat", "versus": "base", "drop_at_most": 0.01},
            {"measure": "off_target", "step": "org_served", "at_most": 0.02},
        ],
    }
    assert [gate.step for gate in parse_recipe(recipe, where="r.yaml").gates] == ["chat", "org_served"]
    with pytest.raises(ConfigError, match="'cha'"):
        parse_recipe(
            {**recipe, "gates": [{"measure": "accuracy", "step": "cha", "at_most": 1}]}, where="r.yaml"
        )
