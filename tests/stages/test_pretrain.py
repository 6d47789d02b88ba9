"""`pretrain` on small text: every planned token seen, killed runs end like undisturbed ones, plain models."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from panlect.draft import draft
from panlect.errors import ConfigError, DataError, ModelError
from panlect.folder import External, Folder
from panlect.model import speed, tokenizer_training
from panlect.model.load import weights_hash
from panlect.stages.mix import MixConfig, mix
from panlect.stages.pretrain import PretrainConfig, pretrain
from tiny_model import SENTENCES, SHAPE

CODES = ("eng_Latn", "swh_Latn", "tha_Thai", "khm_Khmr", "urd_Arab", "nqo_Nkoo", "chr_Cher", "fra_Latn")
FAST: dict[str, Any] = {
    "model": SHAPE, "batch_tokens": 400, "micro_tokens": 10**6, "sequence_tokens": 64, "precision": "fp32",
    "log_steps": 2, "learning_rate": 5e-3, "threads": 1,
}  # fmt: skip


def documents(repeats: int = 6) -> pl.DataFrame:
    rows = [
        {"id": f"{code}{i}", "text": f"{text} {i}", "language": code, "source": "test", "licence": "CC0-1.0"}
        for i in range(repeats)
        for code, text in zip(CODES, SENTENCES, strict=True)
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a folder of documents, a mixture over it, and a tokenizer."""
    root = tmp_path_factory.mktemp("road")
    torch.set_num_threads(1)
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), root / "tokenizer")
    with draft(root / "text", "curate", 1, MixConfig(), []) as work:
        work.write("document", documents())
    mix(
        [Folder.open(root / "text")],
        root / "mixture",
        MixConfig(method="temperature", epochs=2.5, max_epochs=None),
    )
    return root


def road(place: Path) -> list[Folder | External]:
    return [External(str(place / "tokenizer")), Folder.open(place / "mixture")]


def value(folder: Folder, measure: str, language: str = "", group: str = "") -> float:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == language) & (pl.col("group") == group)
    )
    assert rows.height == 1
    return float(rows["value"][0])


def test_the_whole_mixture_is_read(place: Path, tmp_path: Path) -> None:
    folder = pretrain(road(place), tmp_path / "base", PretrainConfig(**FAST))
    tokenizer = AutoTokenizerOf(folder)
    for code in CODES:
        assert value(folder, "tokens_planned", code) == value(folder, "tokens_seen", code) > 0
    # By hand: the Thai sentence with its number, begin and end, times the draws that the schedule makes.
    from panlect.model.corpus import open_mixture

    mixture = open_mixture(Folder.open(place / "mixture"))
    expected = sum(
        len(tokenizer.encode(mixture.text(draw).text)) + 2
        for draw in mixture.schedule
        if mixture.components[draw.component].language == "tha_Thai"
    )
    assert value(folder, "tokens_seen", "tha_Thai") == expected
    losses = folder.numbers().filter((pl.col("measure") == "loss") & (pl.col("language") == ""))
    curve = losses.filter(pl.col("group") != "").sort("group")
    assert curve.height > 2
    assert value(folder, "loss") < 0.9 * float(curve["value"].max())
    network = AutoModelForCausalLM.from_pretrained(folder.model_path)
    assert sum(p.numel() for p in network.parameters()) < 50_000
    assert not (folder.path / "scratch").exists()


def AutoTokenizerOf(folder: Folder) -> Any:  # noqa: N802
    from tokenizers import Tokenizer

    assert folder.model_path is not None
    tokenizer = Tokenizer.from_file(str(folder.model_path / "tokenizer.json"))
    tokenizer.encode_special_tokens = True

    class Plain:
        def encode(self, text: str) -> list[int]:
            return list(tokenizer.encode(text, add_special_tokens=False).ids)

    return Plain()


def test_same_seed_same_weights(place: Path, tmp_path: Path) -> None:
    hashes = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        config = PretrainConfig(**FAST, seed=seed, budget_tokens=1500)
        folder = pretrain(road(place), tmp_path / name, config)
        assert folder.model_path is not None
        hashes[name] = weights_hash(folder.model_path)
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_continued_from_a_model(place: Path, tmp_path: Path) -> None:
    config = PretrainConfig(**FAST, budget_tokens=1500)
    first = pretrain(road(place), tmp_path / "first", config)
    second = pretrain([first, Folder.open(place / "mixture")], tmp_path / "second", config)
    assert value(second, "loss") < value(first, "loss")


def test_plain_documents_and_budget(place: Path, tmp_path: Path) -> None:
    inputs = [External(str(place / "tokenizer")), Folder.open(place / "text")]
    folder = pretrain(inputs, tmp_path / "base", PretrainConfig(**FAST, budget_tokens=2000))
    seen = sum(value(folder, "tokens_seen", code) for code in CODES)
    longest = 60
    assert 2000 <= seen < 2000 + longest


def test_a_budget_beyond_the_mixture(place: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="less than the budget"):
        pretrain(road(place), tmp_path / "base", PretrainConfig(**FAST, budget_tokens=10**6))
    assert not (tmp_path / "base").exists()


def test_inputs_that_do_not_fit(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="one tokenizer"):
        pretrain([Folder.open(place / "mixture")], tmp_path / "base", PretrainConfig(**FAST))
    with pytest.raises(ConfigError, match="more than one mixture"):
        mixture = Folder.open(place / "mixture")
        pretrain([*road(place), mixture], tmp_path / "base", PretrainConfig(**FAST))


@pytest.mark.parametrize(
    ("architecture", "objective"),
    [
        ("xlm-roberta", "masked"),
        ("xlm-roberta", "tlm"),
        ("mbart", "infill"),
        ("t5", "mixed"),
        ("mbart", "translate"),
    ],
)
def test_new_encoders_and_encoder_decoders(
    place: Path, tmp_path: Path, architecture: str, objective: str
) -> None:
    shape = SHAPE.model_copy(update={"architecture": architecture})
    if objective in ("tlm", "translate"):
        rows = documents(3)
        pairs = pl.DataFrame(
            {
                "id": rows["id"], "source_text": rows["text"], "target_text": rows["text"].reverse(),
                "source_language": rows["language"], "target_language": rows["language"].reverse(),
                "source": rows["source"], "licence": rows["licence"],
            }
        )  # fmt: skip
        pairs = pairs.filter(
            ~pl.any_horizontal(pl.col("source_language", "target_language").is_in(["fra_Latn", "chr_Cher"]))
        )
        with draft(tmp_path / "pairs", "curate", 1, MixConfig(), []) as work:
            work.write("pair", pairs)
        data = Folder.open(tmp_path / "pairs")
    else:
        data = Folder.open(place / "mixture")
    config = PretrainConfig(**(FAST | {"model": shape}), objective=objective, epochs=6)  # type: ignore[arg-type]
    folder = pretrain([External(str(place / "tokenizer")), data], tmp_path / "base", config)
    numbers = folder.numbers()
    curve = numbers.filter(
        (pl.col("measure") == "loss") & (pl.col("language") == "") & (pl.col("group") != "")
    )
    assert curve["value"][-1] < curve["value"][0]
    for measure in ("tokens_planned", "tokens_seen"):
        assert numbers.filter((pl.col("measure") == measure) & (pl.col("language") == "tha_Thai")).height == 1
    again = pretrain([folder, data], tmp_path / "more", config)
    more = again.numbers().filter((pl.col("measure") == "loss") & (pl.col("language") == ""))
    assert more["value"][0] < curve["value"][0]


def test_a_decoder_cannot_undo_noise(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be built"):
        pretrain(road(place), tmp_path / "base", PretrainConfig(**FAST, objective="masked"))


SCRIPT = """
import json, sys
from pathlib import Path
from panlect.folder import External, Folder
from panlect.stages.pretrain import PretrainConfig, pretrain
place, out, settings = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
config = PretrainConfig.model_validate_json(settings)
pretrain([External(str(place / "tokenizer")), Folder.open(place / "mixture")], out, config)
"""


def start(place: Path, out: Path, config: PretrainConfig) -> "subprocess.Popen[bytes]":
    """Run the stage in a process of its own; what it says on stderr is kept beside its folder."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(place), str(out), config.model_dump_json()]
    with (out.parent / "stderr.txt").open("wb") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)


FACTS = {"devices": 1, "flops_per_token": 1, "peak_flops": 1, "price_per_hour": 1}


def numbers_without_names(folder: Folder) -> pl.DataFrame:
    """What was measured, but for what the clock and the machine say."""
    ends = set(speed.figures({"seen": [[1, 1, 1]], "seconds": 1, "memory_bytes": 1, "joules": 1}, FACTS))
    numbers = folder.numbers().filter(~pl.col("measure").is_in(ends))
    return numbers.drop("step").sort("measure", "language", "group")


def kill_and_compare(place: Path, tmp_path: Path, kills: int) -> None:
    config = PretrainConfig(**FAST, checkpoint_seconds=0)
    whole = pretrain(road(place), tmp_path / "whole", config)
    out = tmp_path / "killed"
    checkpoints = tmp_path / "killed.partial" / "scratch" / "checkpoints"
    draws, done = random.Random(7), 0
    for _ in range(kills):
        process = start(place, out, config)
        newest = max(checkpoints.glob("step-*"), default=None)
        while process.poll() is None and max(checkpoints.glob("step-*"), default=None) == newest:
            time.sleep(0.002)
        # Checkpoints are written all the time: a random moment often falls into the writing of one.
        time.sleep(draws.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        done += process.wait() == -signal.SIGKILL
    assert done > 0
    assert not out.exists()
    process = start(place, out, config)
    assert process.wait() == 0, (tmp_path / "stderr.txt").read_text()
    again = Folder.open(out)
    assert whole.model_path is not None
    assert again.model_path is not None
    assert weights_hash(whole.model_path) == weights_hash(again.model_path)
    assert numbers_without_names(whole).equals(numbers_without_names(again))
    assert "continuing after step" in (out / "log.txt").read_text()


def test_killed_and_started_again(place: Path, tmp_path: Path) -> None:
    kill_and_compare(place, tmp_path, kills=1)


@pytest.mark.slow
def test_killed_twenty_times(place: Path, tmp_path: Path) -> None:
    for repeat in range(4):
        kill_and_compare(place, tmp_path / str(repeat), kills=5)
