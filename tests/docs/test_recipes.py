"""Every recipe and configuration in the repository loads through the settings of its stages."""

from pathlib import Path

import pytest

from panlect.recipe import read_recipe
from panlect.run import step_config

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "configs").rglob("*.yaml"), *(ROOT / "recipes").rglob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_loads(file: Path) -> None:
    recipe = read_recipe(file)
    for step in recipe.steps:
        step_config(recipe, step, where=str(file))
    assert recipe.description, "say in a sentence what the recipe shows"


def test_there_are_recipes() -> None:
    assert {"demo.yaml", "demo-24.yaml"} <= {file.name for file in FILES}
