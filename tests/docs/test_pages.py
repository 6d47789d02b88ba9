"""Documentation that cannot rot: its Python runs, its recipes load, its commands and links exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from panlect.cli import main
from panlect.config import parse_mapping
from panlect.recipe import parse_recipe
from panlect.run import step_config
from panlect.stages import STAGES
from panlect.verbs import DONE, VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LIGHT = {"explain", "schema", "lang", "--help", "--version"}


def blocks(page: Path, language: str) -> Iterator[str]:
    """Yield the fenced code blocks of one language."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def name(page: Path) -> str:
    """Name a page in the test's id."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for number, code in enumerate(blocks(page, "python")):
        exec(compile(code, f"{page.name} block {number}", "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_recipes_load(page: Path) -> None:
    for text in blocks(page, "yaml"):
        values = parse_mapping(text, where=page.name)
        if not isinstance(values.get("steps"), dict):
            # Settings of one stage, some of which have a setting of that name.
            continue
        recipe = parse_recipe({"name": "docs", **values}, where=page.name)
        for step in recipe.steps:
            step_config(recipe, step, where=page.name)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist_and_light_ones_run(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in [*blocks(page, "bash"), *blocks(page, "console")]:
        for line in block.replace("\\\n", " ").splitlines():
            command = shlex.split(line.removeprefix("$ "), comments=True)
            if not command or command[0] != "panlect":
                continue
            assert command[1] in {*VERBS, *STAGES, *LIGHT}, f"{page.name}: {line}"
            if command[1] in LIGHT and not {"|", ">"} & set(command):
                assert main(command[1:]) == DONE, f"{page.name}: {line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_tree_in_the_readme_is_the_real_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"^```text\n(.*?)^```", text, re.M | re.S)
    assert tree, "the README shows the tree"
    shown = set(re.findall(r"^  (\w+)(?:/|\.py)", tree.group(1), re.M))
    real = {
        path.stem for path in (ROOT / "src" / "panlect").iterdir() if path.suffix == ".py" or path.is_dir()
    }
    assert shown == {name for name in real if not name.startswith("__")}


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(docs/([\w-]+)\.md\)", text))
    assert linked == {page.stem for page in (ROOT / "docs").glob("*.md")}
