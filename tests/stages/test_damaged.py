"""A damaged file among the inputs is set aside and counted; the run goes on with the rest."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect.draft import draft
from panlect.errors import FolderError
from panlect.folder import External, Folder
from panlect.model import tokenizer_training
from panlect.stages.mix import MixConfig, mix
from panlect.stages.pretrain import PretrainConfig, pretrain
from tiny_model import SENTENCES, SHAPE

SETTINGS: dict[str, Any] = {
    "model": SHAPE, "batch_tokens": 400, "sequence_tokens": 64, "precision": "fp32", "threads": 1,
}  # fmt: skip


def documents(first: int, count: int) -> pl.DataFrame:
    rows = [
        {
            "id": f"{i}",
            "text": f"{SENTENCES[i % 8]} {i}",
            "language": "swh_Latn",
            "source": "s",
            "licence": "CC0-1.0",
        }
        for i in range(first, first + count)
    ]
    return pl.DataFrame(rows)


@pytest.fixture
def tokenizer(tmp_path: Path) -> External:
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), tmp_path / "tokenizer")
    return External(str(tmp_path / "tokenizer"))


def seen(folder: Folder, measure: str = "tokens_seen") -> float:
    rows = folder.numbers().filter((pl.col("measure") == measure) & (pl.col("language") == "swh_Latn"))
    return float(rows["value"][0])


def spoil(file: Path) -> None:
    """Overwrite the middle of a file; its size stays."""
    content = bytearray(file.read_bytes())
    half = len(content) // 2
    content[4:half] = bytes(half - 4)
    file.write_bytes(content)


def test_a_cut_off_shard_is_set_aside_and_counted(tokenizer: External, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for number in range(3):
        documents(10 * number, 10).write_parquet(shards / f"{number}.parquet")
    two = External(str(shards / "[02].parquet"))
    expected = pretrain([tokenizer, two], tmp_path / "two", PretrainConfig(**SETTINGS))
    middle = shards / "1.parquet"
    middle.write_bytes(middle.read_bytes()[:-100])
    found = pretrain(
        [tokenizer, External(str(shards / "*.parquet"))], tmp_path / "out", PretrainConfig(**SETTINGS)
    )
    assert seen(found) == seen(expected) == seen(found, "tokens_planned")
    (lost,) = found.dropped().to_dicts()
    assert lost["file"] == str(middle)
    assert "cut off" in lost["reason"]
    assert found.manifest["counts"]["file"]["und_Zyyy"]["dropped_rows"] == 1
    assert f"set aside: {lost['reason']}" in (found.path / "log.txt").read_text()


def test_a_mixture_goes_on_without_a_damaged_shard(tokenizer: External, tmp_path: Path) -> None:
    with draft(tmp_path / "text", "curate", 1, MixConfig(), []) as work:
        for number in range(4):
            work.write("document", documents(10 * number, 10), shard=number)
    mix([work.folder], tmp_path / "mixture", MixConfig(method="proportional"))
    road = [tokenizer, Folder.open(tmp_path / "mixture")]
    whole = pretrain(road, tmp_path / "whole", PretrainConfig(**SETTINGS))
    spoil(tmp_path / "text" / "data" / "document-00002.parquet")
    part = pretrain(road, tmp_path / "part", PretrainConfig(**SETTINGS))
    assert seen(part) == pytest.approx(0.75 * seen(whole), rel=0.05)
    assert part.dropped().height == 1


def test_nothing_readable_is_an_error(tokenizer: External, tmp_path: Path) -> None:
    (tmp_path / "only.parquet").write_bytes(b"PAR1")
    with pytest.raises(FolderError, match="no input holds a table"):
        pretrain(
            [tokenizer, External(str(tmp_path / "only.parquet"))],
            tmp_path / "out",
            PretrainConfig(**SETTINGS),
        )
