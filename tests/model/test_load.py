"""Saved models are plain Hugging Face directories; unsafe and broken ones are refused with a reason."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from panlect.errors import ModelError
from panlect.model import load
from tiny_model import SENTENCES, SHAPE


def test_plain_transformers_opens_it_with_equal_logits(model_dir: Path) -> None:
    ours = load.load(model_dir)
    network = AutoModelForCausalLM.from_pretrained(model_dir)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    ids = torch.tensor([tokenizer.encode(SENTENCES[2])])
    with torch.no_grad():
        assert torch.equal(network(ids).logits, ours.network(ids).logits)
    assert tokenizer.chat_template == ours.tokenizer.chat_template
    assert (model_dir / "model.safetensors").is_file()


def test_build_is_decided_by_its_seed(tokenizer: Any, tmp_path: Path) -> None:
    hashes = []
    for number, seed in enumerate((3, 3, 4)):
        torch.manual_seed(number)
        load.save(load.build(tokenizer, SHAPE, seed=seed), tmp_path / str(number), facts={})
        hashes.append(load.weights_hash(tmp_path / str(number)))
    assert hashes[0] == hashes[1] != hashes[2]


def test_weights_hash_does_not_depend_on_shards(model: load.Model, tmp_path: Path) -> None:
    model.network.save_pretrained(tmp_path / "one")
    model.network.save_pretrained(tmp_path / "many", max_shard_size="20KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 1
    assert load.weights_hash(tmp_path / "one") == load.weights_hash(tmp_path / "many")
    with torch.no_grad():
        next(model.network.parameters())[0, 0] += 1e-6
    model.network.save_pretrained(tmp_path / "other")
    assert load.weights_hash(tmp_path / "one") != load.weights_hash(tmp_path / "other")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickles_are_refused(model_dir: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(model_dir, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    (tmp_path / "m" / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelError, match="pickle") as error:
        load.load(tmp_path / "m")
    assert "save_pretrained" in error.value.fix


def test_code_in_the_directory_is_not_run(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "m")
    (tmp_path / "m" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    config = json.loads((model_dir / "config.json").read_text())
    config |= {
        "auto_map": {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.C"},
        "model_type": "evil",
    }
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        load.load(tmp_path / "m")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (["tokenizer.json", "tokenizer_config.json"], "tokenizer"),
        (["model.safetensors"], "no weights"),
        (["config.json"], "cannot be opened"),
    ],
)
def test_missing_files(model_dir: Path, tmp_path: Path, missing: list[str], message: str) -> None:
    shutil.copytree(model_dir, tmp_path / "m")
    for name in missing:
        (tmp_path / "m" / name).unlink()
    with pytest.raises(ModelError, match=message):
        load.load(tmp_path / "m")


def test_truncated_weights(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "m")
    data = (model_dir / "model.safetensors").read_bytes()
    (tmp_path / "m" / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="cannot be opened"):
        load.load(tmp_path / "m")


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such directory"):
        load.load(tmp_path / "nothing")


def test_card_says_what_it_is(model_dir: Path) -> None:
    text = (model_dir / "README.md").read_text()
    assert 'language: ["swh"]' in text
    assert "| parameters |" in text


def test_hidden_states_are_those_of_the_blocks(model: load.Model) -> None:
    (states,) = model.hidden([SENTENCES[0]], layers=[0, 1])
    ids = torch.tensor([model.tokenizer(SENTENCES[0]).input_ids])
    with torch.no_grad():
        out = model.network(ids, output_hidden_states=True)
        # The model's own last entry is normed already; the block's output is not.
        torch.testing.assert_close(states[0], out.hidden_states[1][0])
        torch.testing.assert_close(model.network.model.norm(states[1]), out.hidden_states[2][0])
        torch.testing.assert_close(model.network.lm_head(model.network.model.norm(states[1])), out.logits[0])
