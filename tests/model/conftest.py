"""A tokenizer trained in the test process and a two-layer model around it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from panlect.model import load, tokenizer_training
from tiny_model import SENTENCES, SHAPE


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The bits of a sum depend on the number of threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a byte-level BPE tokenizer of 400 pieces and its chat template."""
    path = tmp_path_factory.mktemp("tokenizer")
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), path)
    return path


@pytest.fixture(scope="session")
def tokenizer(tokenizer_dir: Path) -> Any:
    """The tokenizer as transformers opens it."""
    return load.load_tokenizer(tokenizer_dir)


@pytest.fixture
def model(tokenizer: Any) -> load.Model:
    """A fresh random model."""
    return load.build(tokenizer, SHAPE, seed=1)


@pytest.fixture(scope="session")
def model_dir(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved random model."""
    path = tmp_path_factory.mktemp("model")
    load.save(load.build(tokenizer, SHAPE, seed=1), path, facts={"languages": ["swh_Latn"]})
    assert json.loads((path / "config.json").read_text())["tie_word_embeddings"] is True
    return path
