"""`contrast`: translations come nearer to each other than to other sentences; the model goes on speaking."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from panlect.draft import draft
from panlect.errors import ConfigError
from panlect.folder import External, Folder
from panlect.model import contrast as aligning
from panlect.model import load, preference, tokenizer_training
from panlect.stages.contrast import ContrastConfig, contrast
from tiny_model import SENTENCES, SHAPE

FAST: dict[str, Any] = {
    "batch_tokens": 80, "micro_tokens": 10**6, "sequence_tokens": 64, "precision": "fp32", "log_steps": 1,
    "learning_rate": 3e-3, "threads": 1, "warmup_share": 0.0,
}  # fmt: skip
PAIRS = [
    ("lake one", "ziwa moja"), ("a big house", "nyumba kubwa"), ("water", "maji"), ("the road north", "njia"),
    ("fish", "samaki"), ("same", "same "),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model and six pairs, one of which has the same text on both sides."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("contrast")
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), root / "tokenizer")
    load.save(load.build(load.load_tokenizer(root / "tokenizer"), SHAPE, seed=1), root / "model", facts={})
    rows = [
        {
            "id": str(i), "source_text": source, "target_text": target, "source_language": "eng_Latn",
            "target_language": "swh_Latn", "source": "test", "licence": "CC0-1.0",
        }
        for i, (source, target) in enumerate(PAIRS)
    ]  # fmt: skip
    with draft(root / "pairs", "curate", 1, ContrastConfig(), []) as work:
        work.write("pair", pl.DataFrame(rows))
    return root


def run(place: Path, out: Path, **settings: Any) -> Folder:
    inputs = [External(str(place / "model")), Folder.open(place / "pairs")]
    return contrast(inputs, out, ContrastConfig(**(FAST | settings)))


def curve(folder: Folder, measure: str) -> list[float]:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == "") & (pl.col("group") != "")
    )
    order = rows["group"].str.strip_prefix("step ").cast(pl.Int64).arg_sort()
    return rows["value"].gather(order).to_list()


@pytest.mark.parametrize("layer", [0, -1])
def test_translations_come_together(place: Path, tmp_path: Path, layer: int) -> None:
    folder = run(place, tmp_path / "aligned", layer=layer, steps=25)
    contrasts, spoken = curve(folder, "contrast"), curve(folder, "token_loss")
    assert contrasts[0] > 0.5
    assert contrasts[-1] < 0.3 * contrasts[0]
    assert spoken[-1] < spoken[0]
    assert curve(folder, "retrieval_accuracy")[-1] == 1.0
    losses = curve(folder, "loss")
    assert losses == pytest.approx([a + b for a, b in zip(contrasts, spoken, strict=True)], rel=1e-6)


def test_pairs_that_cannot_teach_are_set_aside(place: Path, tmp_path: Path) -> None:
    folder = run(place, tmp_path / "aligned", steps=1)
    assert folder.dropped()["source_text"].to_list() == ["same"]
    counts = folder.numbers().filter((pl.col("measure") == "contrast") & (pl.col("language") == "swh_Latn"))
    assert set(counts["count"]) == {5}


def test_only_blocks_up_to_the_layer_move_without_the_language_loss(place: Path, tmp_path: Path) -> None:
    folder = run(place, tmp_path / "aligned", layer=0, steps=3, language_weight=0.0, weight_decay=0.0)
    assert folder.model_path is not None
    before, after = load.load(place / "model").network, load.load(folder.model_path).network
    changed = {name for name, p in after.named_parameters() if not torch.equal(p, before.get_parameter(name))}
    assert any(name.startswith("model.layers.0.") for name in changed)
    assert not any(name.startswith(("model.layers.1.", "model.norm")) for name in changed)


def test_pooled_states_are_those_of_the_sentence_alone(place: Path) -> None:
    """By hand: the mean of a block's output over a sentence's tokens (the last one aside), length one."""
    model = load.load(place / "model")
    frame = Folder.open(place / "pairs").table("pair")[:5]
    texts = aligning.read(frame, model.tokenizer)
    plan = preference.plan(texts, model, ContrastConfig(**FAST), epochs=1, steps=0)
    batch = plan.batch(np.arange(5))
    objective = aligning.objective(model.network, 0, 0.1, 0.0)
    with torch.no_grad():
        got = objective(model.network, batch).values["contrast"]
    alone = []
    for i in range(10):
        ids = torch.from_numpy(texts.ids[texts.offsets[i] : texts.offsets[i + 1]].astype(np.int64))
        with torch.no_grad():
            state = model.network(ids[None], output_hidden_states=True).hidden_states[1][0, :-1].mean(0)
        alone.append(state / state.norm())
    cosines = torch.stack(alone[::2]) @ torch.stack(alone[1::2]).T / 0.1
    truth = torch.arange(5)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (
        cross_entropy(cosines, truth, reduction="none") + cross_entropy(cosines.T, truth, reduction="none")
    ) / 2
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_a_block_that_is_not_there(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has 2 blocks"):
        run(place, tmp_path / "aligned", layer=2)


def test_a_sentence_drawn_twice_is_no_negative_of_itself(place: Path) -> None:
    model = load.load(place / "model")
    texts = aligning.read(Folder.open(place / "pairs").table("pair")[:5], model.tokenizer)
    plan = preference.plan(texts, model, ContrastConfig(**FAST), epochs=1, steps=0)
    objective = aligning.objective(model.network, 0, 0.1, 0.0)
    with torch.no_grad():
        once = objective(model.network, plan.batch(np.arange(5))).values["contrast"]
        twice = objective(model.network, plan.batch(np.array([0, 1, 2, 3, 4, 2]))).values["contrast"]
    torch.testing.assert_close(twice[[2, 5]], once[[2, 2]], atol=1e-4, rtol=1e-4)
