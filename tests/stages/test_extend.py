import json
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from panlect.cli import main
from panlect.config import Config, check
from panlect.draft import draft
from panlect.errors import ConfigError, DataError, ModelError
from panlect.folder import External, Folder, resolve
from panlect.model import load, tokenizer_training
from panlect.stages.extend import ExtendConfig, extend
from panlect.world import cldr
from tiny_model import SHAPE

NAMES = {
    "eng_Latn": list(cldr.names("en").values())[:400],
    "hin_Deva": list(cldr.names("hi").values())[:400],
    "tha_Thai": list(cldr.names("th").values())[:400],
}


class Nothing(Config):
    """No settings."""


def config(**values: object) -> ExtendConfig:
    return check(ExtendConfig, {"add": 120, **values}, where="test")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> External:
    """A tiny model that knows English names only."""
    path = tmp_path_factory.mktemp("model") / "base"
    tokenizer_training.save(tokenizer_training.train(NAMES["eng_Latn"] * 2, 450), path)
    built = load.build(load.load_tokenizer(path), SHAPE, seed=1)
    load.save(built, path, facts={"languages": ["eng_Latn"]})
    return External(str(path))


@pytest.fixture
def text(tmp_path: Path) -> Folder:
    rows = [(f"{code}-{n}", name, code) for code, names in NAMES.items() for n, name in enumerate(names)]
    frame = pl.DataFrame(rows, schema=["id", "text", "language"], orient="row")
    english = cldr.names("en")
    common = [(english[key], name) for key, name in cldr.names("hi").items() if key in english][:300]
    pairs = pl.DataFrame(common, schema=["source_text", "target_text"], orient="row").with_row_index("id")
    with draft(tmp_path / "text", "text", 1, Nothing(), []) as work:
        work.write("document", frame.with_columns(source=pl.lit("CLDR"), licence=pl.lit("Unicode")))
        work.write(
            "pair",
            pairs.with_columns(
                pl.col("id").cast(pl.String),
                source_language=pl.lit("eng_Latn"),
                target_language=pl.lit("hin_Deva"),
                source=pl.lit("CLDR"),
                licence=pl.lit("Unicode"),
            ),
        )
    return work.folder


def value(folder: Folder, measure: str, group: str, language: str = "") -> float:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("group") == group) & (pl.col("language") == language)
    )
    return rows["value"].item()


@pytest.mark.parametrize("method", ["subpieces", "focus", "alignment", "random"])
def test_a_model_is_extended_and_works_in_plain_transformers(
    tmp_path: Path, model: External, text: Folder, method: str
) -> None:
    made = extend([model, text], tmp_path / "made", config(initialise=method))
    path = made.model_path
    assert path
    old, new = AutoTokenizer.from_pretrained(model.location), AutoTokenizer.from_pretrained(path)
    for line in NAMES["eng_Latn"]:
        assert new(line)["input_ids"] == old(line)["input_ids"]
    for line in NAMES["tha_Thai"][:50] + NAMES["hin_Deva"][:50]:
        assert new.decode(new(line)["input_ids"]) == line
    assert new.chat_template == old.chat_template
    assert value(made, "fertility", "after", "tha_Thai") < 0.75 * value(
        made, "fertility", "before", "tha_Thai"
    )
    assert value(made, "changed_lines", "protected") == 0
    assert value(made, "changed_lines", "unseen") == 0, "no text in old scripts can change"
    before = AutoModelForCausalLM.from_pretrained(model.location).get_input_embeddings().weight
    after = AutoModelForCausalLM.from_pretrained(path).get_input_embeddings().weight
    assert torch.equal(after[: len(old)], before[: len(old)])
    facts = json.loads((path / "vocabulary.json").read_text())
    assert facts["first_new_id"] == len(old)
    assert len(facts["pieces"]) == made.manifest["notes"]["pieces"] == 120
    assert facts["rows"][method] > 0


def test_a_tokenizer_alone(tmp_path: Path, text: Folder, model: External) -> None:
    tokenizer_training.save(tokenizer_training.train(NAMES["eng_Latn"], 400), tmp_path / "tokenizer")
    made = extend([External(str(tmp_path / "tokenizer")), text], tmp_path / "made", config(protect="letters"))
    assert made.model_path
    assert not (made.model_path / "config.json").exists()
    assert value(made, "changed_lines", "unseen") == 0, "letters protect unseen text, too"


def test_the_warm_up_leaves_old_rows_alone(tmp_path: Path, model: External, text: Folder) -> None:
    made = extend(
        [model, text], tmp_path / "made", config(warm_up_steps=20, sequence_tokens=32, warm_up_rate=0.01)
    )
    assert value(made, "loss", "warm_up_end") < value(made, "loss", "warm_up_start")
    before = AutoModelForCausalLM.from_pretrained(model.location).get_input_embeddings().weight
    after = AutoModelForCausalLM.from_pretrained(made.model_path).get_input_embeddings().weight
    size = json.loads((made.model_path / "vocabulary.json").read_text())["first_new_id"]
    assert torch.equal(after[:size], before[:size])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["extend-letters", "extend-language"])
def test_the_recipes_run_to_the_end(tmp_path: Path, model: External, name: str) -> None:
    files = {"new": ("hin_Deva", "tha_Thai"), "old": ("eng_Latn",)}
    inputs = []
    for part, codes in files.items():
        # Rows long enough for the warm-up, which needs one full sequence.
        rows = [
            {"text": ", ".join(NAMES[code][n : n + 8]), "language": code}
            for code in codes
            for n in range(0, 400, 4)
        ]
        path = tmp_path / f"{part}.jsonl"
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
        inputs += ["--set", f"steps.{part}.from=[{path}]"]
    first = "extended" if name == "extend-letters" else "trimmed"
    inputs += ["--set", f"steps.{first}.from=[{model.location}, new, old]", "--set", "steps.extended.add=100"]
    inputs += ["--set", "steps.extended.warm_up_steps=5"]
    if name == "extend-language":
        inputs += [
            "--set",
            f"steps.before.from=[{model.location}, new, old]",
            "--set",
            "steps.adapted.threads=1",
        ]
        inputs += ["--set", "steps.mixture.budget_tokens=3000", "--set", "steps.adapted.sequence_tokens=64"]
    recipe = Path(__file__).parents[2] / "recipes" / f"{name}.yaml"
    assert main(["run", str(recipe), "--out", str(tmp_path / "run"), *inputs]) == 0
    extended = resolve(str(tmp_path / "run" / "extended"))
    assert isinstance(extended, Folder)
    assert value(extended, "changed_lines", "protected") == 0
    assert value(extended, "loss", "warm_up_end") < value(extended, "loss", "warm_up_start")
    fertility = extended.numbers().filter(
        (pl.col("measure") == "fertility") & (pl.col("language") == "hin_Deva")
    )
    before, after = (
        fertility.filter(pl.col("group") == group)["value"].item() for group in ("before", "after")
    )
    assert after < 0.6 * before
    if name == "extend-language":
        assert (
            AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "adapted" / "model").config.vocab_size
            > 450
        )


def test_a_tokenizer_with_more_ids_than_its_model_has_rows_is_refused(
    tmp_path: Path, model: External, text: Folder
) -> None:
    path = Path(model.location)
    larger = tmp_path / "larger"
    tokenizer_training.save(tokenizer_training.train(NAMES["eng_Latn"], 600), larger)
    for file in path.iterdir():
        if not (larger / file.name).exists():
            (larger / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"the tokenizer has 600 ids, the model rows for 4\d\d"):
        extend([External(str(larger)), text], tmp_path / "made", config())


def test_clear_errors(tmp_path: Path, model: External, text: Folder) -> None:
    with pytest.raises(ConfigError, match="no text of deu_Latn"):
        extend([model, text], tmp_path / "made", config(languages=["de"]))
    with pytest.raises(DataError, match="no text in a new language"):
        extend([model, text], tmp_path / "made", config(keep=["en", "hi", "th"]))
    with pytest.raises(DataError, match="'wechsel' has nothing to work from"):
        extend(
            [model, text],
            tmp_path / "made",
            config(languages=["th"], keep=["en", "hi"], initialise="wechsel"),
        )
    with pytest.raises(ModelError, match="expected one tokenizer"):
        extend([text], tmp_path / "made", config())
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "config.json").write_text(
        '{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'
    )
    with pytest.raises(ModelError, match="tokenizer"):
        extend([External(str(tmp_path / "slow")), text], tmp_path / "made", config())
    assert not (tmp_path / "made").exists()
