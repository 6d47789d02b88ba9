from pathlib import Path

import polars as pl
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from panlect.config import Config, check
from panlect.draft import draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder
from panlect.model import load, tokenizer_training
from panlect.stages.trim import TrimConfig, trim
from panlect.world import cldr
from tiny_model import SHAPE

ENGLISH, HINDI = (list(cldr.names(locale).values())[:300] for locale in ("en", "hi"))


class Nothing(Config):
    """No settings."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> External:
    path = tmp_path_factory.mktemp("model") / "base"
    tokenizer_training.save(tokenizer_training.train(ENGLISH + HINDI, 700), path)
    load.save(load.build(load.load_tokenizer(path), SHAPE, seed=1), path, facts={"languages": ["eng_Latn"]})
    return External(str(path))


@pytest.fixture
def text(tmp_path: Path) -> Folder:
    rows = [("h" + str(n), name, "hin_Deva") for n, name in enumerate(HINDI)]
    rows += [("e" + str(n), name, "eng_Latn") for n, name in enumerate(ENGLISH)]
    frame = pl.DataFrame(rows, schema=["id", "text", "language"], orient="row")
    with draft(tmp_path / "text", "text", 1, Nothing(), []) as work:
        work.write("document", frame.with_columns(source=pl.lit("CLDR"), licence=pl.lit("Unicode")))
    return work.folder


def config(**values: object) -> TrimConfig:
    return check(TrimConfig, values, where="test")


def value(folder: Folder, measure: str, group: str = "") -> float:
    rows = folder.numbers().filter((pl.col("measure") == measure) & (pl.col("group") == group))
    return rows["value"].item()


def test_a_model_loses_what_hindi_never_uses_and_nothing_else(
    tmp_path: Path, model: External, text: Folder
) -> None:
    made = trim([model, text], tmp_path / "made", config(languages=["hi"], scripts=[]))
    size = value(made, "vocabulary", "after")
    assert size < 0.8 * value(made, "vocabulary", "before") == 0.8 * 700
    assert value(made, "output_difference") <= 1e-5
    assert value(made, "parameters_saved") == (700 - size) * SHAPE.hidden_size
    assert made.model_path
    opened = AutoTokenizer.from_pretrained(made.model_path)
    old = AutoTokenizer.from_pretrained(model.location)
    assert len(opened) == size == AutoModelForCausalLM.from_pretrained(made.model_path).config.vocab_size
    for name in HINDI:
        pieces = old.convert_ids_to_tokens(old(name)["input_ids"])
        assert opened.convert_ids_to_tokens(opened(name)["input_ids"]) == pieces
    messages = [{"role": "user", "content": "भारत"}]
    for settings in ({}, {"add_generation_prompt": True}):
        assert opened.apply_chat_template(messages, tokenize=False, **settings) == old.apply_chat_template(
            messages, tokenize=False, **settings
        )


def test_latin_stays_by_default_and_min_count_drops_more(
    tmp_path: Path, model: External, text: Folder
) -> None:
    latin = trim([model, text], tmp_path / "latin", config(languages=["hi"]))
    rare = trim([model, text], tmp_path / "rare", config(languages=["hi"], scripts=[], min_count=3))
    none = trim([model, text], tmp_path / "none", config(languages=["hi"], scripts=[]))
    assert value(latin, "vocabulary", "after") > value(none, "vocabulary", "after")
    assert value(rare, "vocabulary", "after") < value(none, "vocabulary", "after")


def test_clear_errors(tmp_path: Path, model: External, text: Folder) -> None:
    with pytest.raises(ConfigError, match="no text of tha_Thai"):
        trim([model, text], tmp_path / "made", config(languages=["th"]))
    with pytest.raises(DataError, match="no text to go by"):
        trim([model], tmp_path / "made", config())
