"""The stage `world`: a finished folder with five tables, its chance level and its notes."""

import pytest

from panlect.errors import ConfigError
from panlect.folder import External
from panlect.stages.world import WorldConfig, world
from panlect.tables import SCHEMAS


def test_a_world_is_a_folder_with_five_tables(tmp_path):
    made = world([], tmp_path / "world", WorldConfig(languages="cldr-24", territories=8))
    assert made.kinds == {"document", "pair", "dialogue", "preference", "question"}
    assert all(list(SCHEMAS[kind]) == made.table(kind).columns[: len(SCHEMAS[kind])] for kind in made.kinds)
    chance = made.numbers().filter(measure="chance", group="held_out")["value"].item()
    assert 0.1 < chance < 0.3
    notes = made.manifest["notes"]
    assert len(notes["languages"]) == 24
    assert set(notes["held_out"]) <= {fact.partition(" = ")[0] for fact in notes["facts"]}


def test_the_same_settings_write_the_same_files(tmp_path):
    settings = WorldConfig(languages=("en", "sw", "ckb", "zh-Hant"), territories=6)
    one, other = (world([], tmp_path / name, settings) for name in ("one", "other"))
    digests = [
        {name: facts["sha256"] for name, facts in each.manifest["files"].items() if name.startswith("data")}
        for each in (one, other)
    ]
    assert digests[0] == digests[1]


def test_a_world_has_no_inputs(tmp_path):
    with pytest.raises(ConfigError, match="no inputs"):
        world([External("somewhere")], tmp_path / "world", WorldConfig())
