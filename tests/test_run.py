"""Runs: finished steps are skipped, changes propagate, failures keep what is done, gates decide."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from panlect.config import Config
from panlect.errors import ConfigError, FolderError
from panlect.recipe import parse_recipe
from panlect.run import Outcome, plan, run

pytestmark = pytest.mark.usefixtures("toys")

STEPS = {
    "first": {"stage": "letters", "letters": "xy"},
    "second": {"stage": "doubled", "from": ["first"]},
    "third": {"stage": "doubled", "from": ["second"], "times": 3},
}


def go(out: Path, steps: dict[str, object] | None = None, **top: object) -> Outcome:
    return run(
        parse_recipe({"name": "r", "steps": steps or STEPS, **top}, where="r.yaml"), out, where="r.yaml"
    )


def processes(outcome: Outcome) -> dict[str, str]:
    return {
        name: folder.manifest["finished"] + str(folder.path.stat().st_ino)
        for name, folder in outcome.folders.items()
    }


def test_a_run_makes_its_files_and_is_skipped_next_time(tmp_path: Path) -> None:
    first = go(tmp_path / "run")
    assert first.folders["third"].table("document")["text"].to_list() == ["xxxxxx", "yyyyyy"]
    assert {"first", "second", "third", "report", "report.html", "numbers.parquet", "run.json"} == {
        path.name for path in (tmp_path / "run").iterdir()
    }
    assert processes(go(tmp_path / "run")) == processes(first)


def test_a_change_reruns_its_step_and_what_follows_and_nothing_else(tmp_path: Path) -> None:
    before = processes(go(tmp_path / "run"))
    changed = STEPS | {"second": {"stage": "doubled", "from": ["first"], "times": 4}}
    after = processes(go(tmp_path / "run", changed))
    assert {name for name in before if before[name] != after[name]} == {"second", "third"}


def test_a_damaged_step_is_made_again(tmp_path: Path) -> None:
    outcome = go(tmp_path / "run")
    outcome.folders["second"].files("document")[0].unlink()
    assert go(tmp_path / "run").folders["second"].table("document").height == 2


def test_a_failed_step_keeps_the_finished_ones_and_the_run_continues(tmp_path: Path) -> None:
    failing = {"zero": {"stage": "letters"}, "bad": {"stage": "letters", "fail": True}}
    with pytest.raises(RuntimeError, match="asked to fail"):
        go(tmp_path / "run", failing)
    assert [path.name for path in (tmp_path / "run").iterdir() if (path / "manifest.json").exists()] == [
        "zero"
    ]
    mended = failing | {"bad": {"stage": "letters"}}
    assert go(tmp_path / "run", mended).folders["bad"].table("document").height == 3


def test_recipe_languages_and_seed_are_defaults(tmp_path: Path) -> None:
    steps = {"one": {"stage": "letters"}, "two": {"stage": "letters", "seed": 9, "languages": ["tha_Thai"]}}
    planned = plan(
        parse_recipe({"name": "r", "steps": steps, "seed": 5, "languages": ["swh_Latn"]}, where="r"), tmp_path
    )
    configs: Sequence[Config] = [each.config for each in planned]
    assert [(config.seed, config.languages) for config in configs] == [  # type: ignore[attr-defined]
        (5, ("swh_Latn",)),
        (9, ("tha_Thai",)),
    ]


def test_gates_decide_and_are_written_down(tmp_path: Path) -> None:
    gates = [{"measure": "tokens_seen", "step": "first", "at_least": bound} for bound in (2, 3)]
    outcome = go(tmp_path / "run", gates=gates)
    assert [verdict.holds for verdict in outcome.verdicts] == [True, False]
    assert not outcome.holds
    assert json.loads((tmp_path / "run" / "run.json").read_text())["holds"] is False


def test_a_moved_run_stays_finished(tmp_path: Path) -> None:
    before = processes(go(tmp_path / "run"))
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert processes(go(tmp_path / "elsewhere")) == before


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        ({"a": {"stage": "leters"}}, ConfigError, "did you mean 'letters'"),
        ({"a": {"stage": "letters", "leters": "x"}}, ConfigError, "r.yaml:steps.a:leters: unknown key"),
        (
            {"abc": {"stage": "letters"}, "b": {"stage": "doubled", "from": ["abd"]}},
            FolderError,
            "did you mean 'abc'",
        ),
        ({"b": {"stage": "doubled", "from": ["/nowhere/at/all"]}}, FolderError, "nothing is there"),
    ],
)
def test_mistakes_are_found_before_anything_runs(
    tmp_path: Path, steps: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        go(tmp_path / "run", steps)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(FolderError, match="other files"):
        go(tmp_path)


def test_a_recipe_sets_its_report_and_a_mistake_there_is_found_before_the_run(tmp_path: Path) -> None:
    outcome = go(tmp_path / "run", report={"title": "Two words", "worst_languages": 3})
    assert "<title>Two words" in (outcome.out / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"r\.yaml:report.*worst_languages"):
        go(tmp_path / "other", report={"worst_languges": 3})
    assert not (tmp_path / "other").exists()


def test_seeds_run_as_steps_of_their_own_with_their_own_seed(tmp_path: Path) -> None:
    steps = {"one": {"stage": "letters"}, "two": {"stage": "letters", "from": ["one"], "once": True}}
    planned = plan(parse_recipe({"name": "r", "steps": steps, "seeds": [101, 102]}, where="r"), tmp_path)
    seeds = {each.step.name: each.config.seed for each in planned}  # type: ignore[attr-defined]
    assert seeds == {"one-101": 101, "one-102": 102, "two": 0}
