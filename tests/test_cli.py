"""The command line is a contract: exit codes, one JSON object on stdout, errors that name the place."""

import json
from pathlib import Path

import pytest

from panlect.cli import main
from panlect.folder import Folder
from panlect.stage import load
from panlect.stages import STAGES
from panlect.verbs import DONE, GATE_FAILED, VERBS, WRONG_INPUT

pytestmark = pytest.mark.usefixtures("toys")


def test_cli_and_python_make_the_same_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["letters", "--out", str(tmp_path / "one"), "--set", "letters=xyz", "--json"]
    assert main(arguments) == DONE
    shown = json.loads(capsys.readouterr().out)
    from toy_stages import LettersConfig, letters

    same = letters([], tmp_path / "two", LettersConfig(letters="xyz"))
    assert shown["fingerprint"] == same.fingerprint
    assert Folder.open(tmp_path / "one").table("document").equals(same.table("document"))


def test_config_files_apply_in_order_and_set_wins(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "letters: a\nseed: 1"), ("b.yaml", "letters: b")):
        (tmp_path / name).write_text(text)
    files = ["--config", str(tmp_path / "a.yaml"), "--config", str(tmp_path / "b.yaml")]
    assert main(["letters", "--out", str(tmp_path / "one"), *files, "--set", "seed=2"]) == DONE
    config = Folder.open(tmp_path / "one").manifest["config"]
    assert (config["letters"], config["seed"]) == ("b", 2)


def test_a_run_ends_with_the_gates_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "r.yaml"
    text = "name: r\nsteps: {a: {stage: letters}}\ngates: [{measure: tokens_seen, step: a, at_least: %s}]"
    for bound, code in ((3, DONE), (4, GATE_FAILED)):
        recipe.write_text(text % bound)
        assert main(["run", str(recipe), "--out", str(tmp_path / "run"), "--json"]) == code
        assert json.loads(capsys.readouterr().out)["holds"] is (code == DONE)


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\nsteps: {a: {stage: letters}, b: {stage: doubled, from: a}}")
    out = tmp_path / "run"
    assert main(["run", str(recipe), "--out", str(out), "--dry-run", "--json"]) == DONE
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [(step["step"], step["finished"]) for step in steps] == [("a", False), ("b", False)]
    assert not out.exists()
    assert main(["run", str(recipe), "--out", str(out)]) == DONE
    capsys.readouterr()
    assert main(["run", str(recipe), "--out", str(out), "--dry-run", "--json"]) == DONE
    assert all(step["finished"] for step in json.loads(capsys.readouterr().out)["steps"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "did you mean 'run'"),
        (["letters"], "--out"),
        (["letters", "--out", "x", "--set", "lettres=a"], "did you mean 'letters'"),
        (["doubled", "missing", "--out", "x"], "nothing is there"),
        (["doubled", "--out", "x"], "no input holds a table 'document'"),
        (["run", "missing.yaml"], "cannot read the file"),
        (["show", "missing"], "does not exist"),
        (["lang", "swahilli"], "swh_Latn"),
        (["explain", "curat"], "did you mean 'curate'"),
    ],
)
def test_mistakes_exit_with_two_and_say_what_to_do(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == WRONG_INPUT
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not any(path.suffix != ".partial" for path in tmp_path.iterdir())
    assert main([*arguments, "--json"]) == WRONG_INPUT
    assert json.loads(capsys.readouterr().out)["error"]["what"]


def test_show_prints_counts_numbers_and_drops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["letters", "--out", str(tmp_path / "one"), "--set", "languages=[eng_Latn, tha_Thai]"])
    capsys.readouterr()
    assert main(["show", str(tmp_path / "one"), "--language", "th", "--json"]) == DONE
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["counts"]["document"]) == ["tha_Thai"]
    assert [row["value"] for row in shown["numbers"]] == [3.0]
    assert main(["show", str(tmp_path / "one")]) == DONE
    assert "tha_Thai" in capsys.readouterr().out
    assert main(["show", str(tmp_path / "one"), "--dropped", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["dropped"] == []


def test_lang_shows_groups_and_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lang", "hi", "zh-Hant", "swahili", "--json"]) == DONE
    codes = [row["code"] for row in json.loads(capsys.readouterr().out)["languages"]]
    assert codes == ["hin_Deva", "cmn_Hant", "swh_Latn"]
    assert main(["lang"]) == DONE
    assert "cldr-100" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*VERBS, *STAGES])
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("name", list(STAGES))
def test_every_stage_explains_itself_and_has_a_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == DONE
    assert capsys.readouterr().out.startswith("# ")
    assert main(["schema", name]) == DONE
    assert json.loads(capsys.readouterr().out)["additionalProperties"] is False
    undocumented = [key for key, field in load(name).config.model_fields.items() if not field.description]
    assert not undocumented, f"write a sentence under {undocumented}"
