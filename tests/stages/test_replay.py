"""`prefer` with `replay`: other texts beside the pairs of every step, counted and weighted as promised."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from panlect.config import check
from panlect.draft import draft
from panlect.errors import ConfigError
from panlect.folder import External, Folder
from panlect.model import dialogue_tokens, load, losses, objectives, preference, replay, tokenizer_training
from panlect.model.packing import Plan
from panlect.stages.prefer import PreferConfig, prefer
from tiny_model import SENTENCES, SHAPE

FAST: dict[str, Any] = {
    "batch_tokens": 300, "micro_tokens": 120, "sequence_tokens": 64, "precision": "fp32", "log_steps": 1,
    "learning_rate": 2e-3, "threads": 1, "warmup_share": 0.0,
}  # fmt: skip


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=False)]


def pairs() -> pl.DataFrame:
    rows = [
        ("ziwa?", "Ziwa Viktoria", "Lake", "swh_Latn"),
        ("ทะเลสาบ?", "ทะเลสาบ", "the largest lake", "tha_Thai"),
    ]
    return pl.DataFrame(
        [
            {
                "id": str(i), "prompt": turns(question), "chosen": turns("", chosen)[1:],
                "rejected": turns("", rejected)[1:], "prompt_language": language, "answer_language": language,
                "reason": "wrong_language", "source": "test", "licence": "CC0-1.0",
            }
            for i, (question, chosen, rejected, language) in enumerate(rows)
        ]
    )  # fmt: skip


def dialogues() -> pl.DataFrame:
    rows = [
        ("lake?", "the lake of Africa", "eng_Latn"),
        ("ɲa?", "ߊߝߙߌߞߌ߬", "nqo_Nkoo"),
        ("big?", "kubwa", "swh_Latn"),
    ]
    return pl.DataFrame(
        [
            {
                "id": str(i), "messages": turns(question, answer), "language": language,
                "answer_language": language, "origin": "human", "source": "test", "licence": "CC0-1.0",
            }
            for i, (question, answer, language) in enumerate(rows)
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> External:
    """A saved random model."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("start")
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), root / "tokenizer")
    load.save(load.build(load.load_tokenizer(root / "tokenizer"), SHAPE, seed=1), root / "model", facts={})
    return External(str(root / "model"))


def folder(path: Path, **frames: pl.DataFrame) -> Folder:
    with draft(path, "feedback", 1, PreferConfig(), []) as work:
        for kind, frame in frames.items():
            work.write(kind, frame)
    return Folder.open(path)


def laid_out(start: External, weight: float = 2.0) -> tuple[load.Model, replay.ReplayPlan]:
    model = load.load(start.location)
    settings = PreferConfig(**FAST)
    plan = preference.plan(
        preference.read(pairs(), model.tokenizer), model, settings, epochs=1, steps=6
    )  # fmt: skip
    tokens = dialogue_tokens.read(dialogues(), model.tokenizer, {}, {})
    source = replay.Source(tokens, dialogue_tokens.order(tokens, 1.0, 0, 0), 40)
    return model, replay.ReplayPlan(plan, [source], weight, settings.micro_tokens)


def test_a_step_is_the_pairs_mean_and_the_weighted_mean_of_the_replayed_tokens(start: External) -> None:
    model, plan = laid_out(start, weight=2.0)
    formula = losses.preference_formula(PreferConfig(**FAST))
    plain = preference.objective(model.network, formula)
    both = replay.objective(model.network, plain)
    batches = list(plan.batches(0))
    weight = sum(batch.weight for batch in batches)
    found = sum(float(both(model.network, batch).total.detach()) for batch in batches) / weight
    paired = [batch for batch in batches if isinstance(batch, preference.PairBatch)]
    beside = [batch for batch in batches if isinstance(batch, replay.ReplayBatch)]
    assert paired
    assert beside
    assert weight == sum(len(batch.cells_P) for batch in paired)
    token = objectives.language_model(model.network)
    summed = [token(model.network, batch.rows) for batch in beside]
    mean_tokens = sum(float(terms.total.detach()) for terms in summed) / sum(
        len(terms.cells_N) for terms in summed
    )
    mean_pairs = sum(float(plain(model.network, batch).total.detach()) for batch in paired) / weight
    assert found == pytest.approx(mean_pairs + 2.0 * mean_tokens, rel=1e-5)


def test_each_step_reads_its_tokens_and_all_are_counted_where_they_belong(start: External) -> None:
    _, plan = laid_out(start)
    seen = sum(batch.seen for step in range(len(plan)) for batch in plan.batches(step))
    assert seen == pytest.approx(plan.planned())
    lengths = plan.sources[0].tokens.lengths
    read = [
        sum(batch.seen[:, 0].sum() for batch in plan.batches(step) if isinstance(batch, replay.ReplayBatch))
        for step in range(len(plan))
    ]
    total = 0.0
    for step, tokens in enumerate(read, 1):
        total += tokens
        assert step * 40 <= total < step * 40 + lengths.max()
    nko = plan.languages.index("nqo_Nkoo") * len(plan.components) + plan.components.index("human")
    assert plan.planned()[nko, 0] > 0
    assert sum(plan.planned()[:, 0]) == pytest.approx(plan.pairs.planned()[:, 0].sum() + sum(read))


def token_loss(location: str) -> float:
    """Mean loss of the dialogues' answers under a model."""
    model = load.load(location)
    tokens = dialogue_tokens.read(dialogues(), model.tokenizer, {}, {})
    plan = Plan(tokens, dialogue_tokens.order(tokens, 1.0, 0, 0), 64, 10**6, 10**6, 0)
    with torch.no_grad():
        terms = objectives.language_model(model.network)(model.network, next(plan.batches(0)))
    return float(terms.total.detach()) / len(terms.cells_N)


def test_replayed_dialogues_are_kept_and_their_pairs_are_not_read(start: External, tmp_path: Path) -> None:
    own = folder(tmp_path / "own", preference=pairs())
    taught = folder(tmp_path / "taught", preference=pairs(), dialogue=dialogues())
    config = PreferConfig(**FAST, steps=10)
    plain = prefer([start, own], tmp_path / "plain", config)
    kept = prefer(
        [start, own, taught], tmp_path / "kept", config.model_copy(update={"replay": {"taught": 0.4}})
    )
    assert token_loss(str(kept.model_path)) < token_loss(str(plain.model_path)) - 0.5
    numbers = kept.numbers().filter(
        (pl.col("measure") == "tokens_seen") & (pl.col("group") == "component human")
    )
    assert numbers["value"].sum() > 0
    margins = kept.numbers().filter((pl.col("measure") == "margin") & (pl.col("language") != ""))
    assert set(margins["language"]) == {"swh_Latn", "tha_Thai"}


def test_documents_are_replayed_where_there_are_no_dialogues(start: External, tmp_path: Path) -> None:
    own = folder(tmp_path / "own", preference=pairs())
    row = {"id": "0", "text": "ماحول کی جھیل", "language": "urd_Arab", "source": "urdu", "licence": "CC0-1.0"}
    texts = folder(tmp_path / "texts", document=pl.DataFrame([row]))
    config = PreferConfig(**FAST, steps=3, replay={"texts": 0.3})
    numbers = prefer([start, own, texts], tmp_path / "kept", config).numbers()
    read = numbers.filter((pl.col("measure") == "tokens_seen") & (pl.col("language") == "urd_Arab"))
    assert read["value"].item() >= 3 * 0.3 * 300


def test_what_cannot_be_replayed_is_named(start: External, tmp_path: Path) -> None:
    own = folder(tmp_path / "own", preference=pairs())
    with pytest.raises(ConfigError, match="wrld"):
        prefer([start, own], tmp_path / "out", PreferConfig(**FAST, replay={"wrld": 0.3}))


@pytest.mark.parametrize("shares", [{"a": 0.6, "b": 0.4}, {"a": 0.0}, {"a": -0.1}])
def test_shares_leave_room_for_pairs(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="leave room"):
        check(PreferConfig, {"replay": shares}, where="recipe")
