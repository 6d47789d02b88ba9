"""Settings: every mistake at once with its place, YAML 1.2 types, and documentation from one source."""

import json
import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.config import Config, check, explain, nearest, parse_mapping, parse_setting, read_yaml, schema
from panlect.errors import ConfigError


class Inner(Config):
    """Inner settings."""

    depth: int = 1
    """How deep."""


class Outer(Config):
    """Outer settings."""

    learning_rate: float = 1e-3
    """The peak."""
    method: Literal["unimax", "temperature"] = "unimax"
    """The strategy."""
    languages: tuple[str, ...] = ()
    """Codes."""
    budget_tokens: int
    """How many tokens."""
    inner: Inner = Inner()
    """Nested."""
    other: Inner | None = None
    """Not there by default."""


def test_yaml_has_the_types_our_users_mean() -> None:
    text = "languages: [no, en]\nbudget_tokens: 2e9\nwarm_tokens: 2.5e6\nlearning_rate: 1e-4\nflag: true\ndate: 2024-01-01\nn: 1_000"
    assert parse_mapping(text, where="x") == {
        "languages": ["no", "en"],
        "budget_tokens": 2_000_000_000,
        "warm_tokens": 2_500_000,
        "learning_rate": 1e-4,
        "flag": True,
        "date": "2024-01-01",
        "n": 1000,
    }


def test_merge_keys_work_and_may_be_overridden() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}"
    assert parse_mapping(text, where="x")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: 1\na: 2", "given twice"),
        ("a: [1", "not YAML"),
        ("- a", "expected a mapping"),
        ("a: !!python/name:os.system", "not YAML"),
    ],
)
def test_wrong_yaml_is_named_with_its_line(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        parse_mapping(text, where="file.yaml")
    assert caught.value.where.startswith("file.yaml")


def test_a_missing_or_binary_file_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.yaml", "binary.yaml"):
        with pytest.raises(ConfigError, match="cannot read"):
            read_yaml(tmp_path / name)


def test_all_mistakes_come_at_once_with_their_places() -> None:
    wrong = {"learning_rat": 1.0, "method": "unimix", "budget_tokens": "many", "inner": {"dept": 2}}
    with pytest.raises(ConfigError) as caught:
        check(Outer, wrong, where="r.yaml:steps.mix")
    text = str(caught.value)
    assert "4 settings are wrong" in text
    assert "r.yaml:steps.mix:learning_rat: unknown key; did you mean 'learning_rate'?" in text
    assert "r.yaml:steps.mix:inner.dept: unknown key; did you mean 'depth'?" in text
    assert "r.yaml:steps.mix:method" in text
    assert "r.yaml:steps.mix:budget_tokens" in text


def test_settings_are_strict_and_frozen() -> None:
    settings = check(Outer, {"budget_tokens": 5, "languages": ["swh_Latn"]}, where="x")
    assert settings.languages == ("swh_Latn",)
    with pytest.raises(ValueError, match="frozen"):
        settings.budget_tokens = 6  # type: ignore[misc]
    for bad in ({"budget_tokens": "5"}, {"budget_tokens": 5.5}, {"budget_tokens": True}):
        with pytest.raises(ConfigError):
            check(Outer, bad, where="x")
    with pytest.raises(ConfigError):
        check(Outer, {"budget_tokens": 1, "learning_rate": float("nan")}, where="x")


def test_set_reads_yaml_values() -> None:
    assert parse_setting("steps.mix.languages=[no, en]") == (["steps", "mix", "languages"], ["no", "en"])
    assert parse_setting("text=a=b") == (["text"], "a=b")
    for bad in ("novalue", "=3"):
        with pytest.raises(ConfigError):
            parse_setting(bad)


def test_explain_is_yaml_that_loads_into_the_defaults() -> None:
    text = explain(Outer).replace("budget_tokens:  #", "budget_tokens: 7  #")
    assert "# The peak." in text
    assert "inner:\n  # How deep.\n  depth: 1  # int" in text
    assert re.search(r"other: null  # .*\n#   # How deep\.\n#   depth: 1  # int\n", text)
    assert check(Outer, parse_mapping(text, where="x"), where="x") == Outer(budget_tokens=7)


def test_schema_documents_and_forbids() -> None:
    found = schema(Outer)
    assert found["additionalProperties"] is False
    assert found["properties"]["learning_rate"]["description"] == "The peak."
    assert found["required"] == ["budget_tokens"]


def test_nearest() -> None:
    assert nearest("unimix", ["unimax", "temperature"]) == "did you mean 'unimax'?"
    assert nearest("zzz", ["b", "a"]) == "choose one of: a, b"


# YAML cannot hold control characters, line separators and code points that are no characters.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp"), exclude_characters="\ufeff"))


@given(st.dictionaries(TEXT, st.integers() | st.booleans() | TEXT, max_size=5))
def test_json_is_yaml(values: dict[str, object]) -> None:
    """What we write as JSON reads back as YAML, in any script, so manifests can be pasted into recipes."""
    assert parse_mapping(json.dumps(values, ensure_ascii=False), where="x") == values
