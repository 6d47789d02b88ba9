"""What the loop does beside descending: held-out texts, best weights, averages, estimates, trackers, shortages."""

import contextlib
import importlib.util
import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from panlect.errors import ConfigError, ModelError
from panlect.model import averaging, held_out, loop, memory, objectives, packing, parallel, speed
from panlect.model.ledger import Ledger
from panlect.model.load import Model, build
from panlect.model.settings import HeldOut, Machine, TrainingConfig
from tiny_model import SENTENCES, SHAPE
from training_desk import Desk, settings

CODES = ("eng_Latn", "swh_Latn", "tha_Thai", "khm_Khmr", "urd_Arab", "nqo_Nkoo", "chr_Cher", "und_Zyyy")


def texts_of(tokenizer: Any, copies: int = 12) -> packing.Tokens:
    """Some texts of each of eight languages, all different."""
    texts = [
        packing.Text(f"{text} {number}", code)
        for number in range(copies)
        for text, code in zip(SENTENCES, CODES, strict=True)
    ]
    return packing.tokenise(tokenizer, texts, specials=True)


def run(model: Model, path: Path, **changes: Any) -> tuple[Ledger, Desk, packing.Plan]:
    config = settings(log_steps=4, **changes)
    tokens = texts_of(model.tokenizer)
    order, held = held_out.split(tokens, np.tile(np.arange(len(tokens)), 2), config.held_out, config.seed)
    plan = packing.Plan(
        tokens, order, config.sequence_tokens, config.batch_tokens, config.micro_tokens, 0, held_out=held
    )
    desk = Desk(path)
    return loop.train(model.network, plan, objectives.language_model(model.network), config, desk), desk, plan


def weights(model: Model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


# ------------------------------------------------------------------------------ held out
def test_held_out_texts_are_never_drawn(tokenizer: Any) -> None:
    tokens = texts_of(tokenizer, 30)
    order = np.tile(np.arange(len(tokens)), 3)
    left, held = held_out.split(tokens, order, HeldOut(every_steps=1, texts_per_language=2), seed=1)
    assert not set(left.tolist()) & set(held.tolist())
    assert len(left) == len(order) - 3 * len(held)
    assert np.bincount(tokens.language[held]).tolist() == [2] * 8
    assert held_out.split(tokens, order, HeldOut(), seed=1)[0] is order
    few = held_out.split(tokens, order, HeldOut(every_steps=1, texts_per_language=99), seed=1)[1]
    assert np.bincount(tokens.language[few]).tolist() == [3] * 8  # never more than a tenth


def test_held_out_loss_is_the_mean_loss_of_those_texts(model: Model, tmp_path: Path) -> None:
    ledger, _, plan = run(model, tmp_path, held_out=HeldOut(every_steps=10**6, texts_per_language=1))
    (look,) = ledger.looks
    assert look["step"] == len(plan)
    for text in plan.held_out.tolist():
        ids = torch.tensor(plan.tokens.ids[plan.tokens.offsets[text] : plan.tokens.offsets[text + 1]])
        logits = model.network(ids[None].long()).logits[0, :-1].detach()
        loss = float(torch.nn.functional.cross_entropy(logits, ids[1:].long()))
        assert look["held_out"][plan.languages[plan.tokens.language[text]]] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("choose", ["mean", "worst", "tha_Thai"])
def test_the_best_weights_are_kept_and_patience_ends_the_run(
    tokenizer: Any, tmp_path: Path, choose: str
) -> None:
    """A model that has learned from the texts for a while gets no better by a rate that ruins it."""
    watched = {"every_steps": 1, "texts_per_language": 1, "choose": choose, "patience": 2}
    model = build(tokenizer, SHAPE, seed=1)
    run(model, tmp_path / "before", learning_rate=0.02)
    changes = {"learning_rate": 0.5, "schedule": "constant", "warmup_share": 0.0}
    ledger, desk, plan = run(model, tmp_path, held_out=HeldOut(**watched), **changes)  # type: ignore[arg-type]

    def judge(look: dict[str, Any]) -> float:
        values = list(look["held_out"].values())
        named = {"mean": sum(values) / len(values), "worst": max(values)}
        return float(named[choose] if choose in named else look["held_out"][choose])

    values = [judge(look) for look in ledger.looks]
    best = int(np.argmin(values))
    assert len(values) == best + 3 < len(plan)
    assert f"after step {best + 1}" in desk.lines[-1]
    again = Ledger(tmp_path / "again.jsonl", plan.languages, plan.components)
    watch = held_out.Watch(plan, HeldOut(every_steps=1, choose=choose), again, parallel.ALONE)
    forward = parallel.Pass(model.network, objectives.language_model(model.network))
    watch.look(1, forward, model.network)
    assert watch.best == pytest.approx(values[best], rel=1e-5)


def test_a_watched_run_resumes_to_the_same_end(tokenizer: Any, tmp_path: Path) -> None:
    watched = HeldOut(every_steps=2, texts_per_language=1, choose="worst")
    ends = []
    for stops in ([], [3, 5]):
        path = tmp_path / str(len(stops))
        for stop in [*stops, None]:
            model = build(tokenizer, SHAPE, seed=1)
            Desk.stop_after = stop
            try:
                ledger, _, _ = run(
                    model, path, held_out=watched, average_decay=0.8, checkpoint_seconds=0, learning_rate=0.05
                )
            except Desk.Stopped:
                continue
            finally:
                Desk.stop_after = None
        ends.append((weights(model), ledger.looks))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


def test_a_language_without_held_out_texts_cannot_be_watched(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no held-out text is in 'tha_Tha'") as error:
        run(model, tmp_path, held_out=HeldOut(every_steps=1, choose="tha_Tha"))
    assert "tha_Thai" in str(error.value)


# ------------------------------------------------------------------------------ averages
def test_the_average_is_what_the_formula_says(tokenizer: Any, tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    model = build(tokenizer, SHAPE, seed=1)
    Desk.after_step = lambda: seen.append(weights(model).clone())
    try:
        run(model, tmp_path, average_decay=0.9)
    finally:
        Desk.after_step = None
    average = seen[0]
    for value in seen[1:]:
        average = 0.9 * average + 0.1 * value
    torch.testing.assert_close(weights(model), average, atol=1e-6, rtol=1e-5)


def test_looking_at_the_average_changes_nothing() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimiser = torch.optim.AdamW([parameter], lr=0.1)
    for _ in range(3):
        parameter.sum().backward()
        optimiser.step()
        averaging.update(optimiser, 0.5)
    before = parameter.detach().clone()
    with averaging.in_place(optimiser):
        assert not torch.equal(parameter, before)
    assert torch.equal(parameter, before)


# --------------------------------------------------------------------- the same, cheaper
def test_activation_checkpointing_changes_nothing(tokenizer: Any, tmp_path: Path) -> None:
    ends = []
    for on in (False, True):
        model = build(tokenizer, SHAPE, seed=1)
        run(model, tmp_path / str(on), activation_checkpointing=on)
        ends.append(weights(model))
        assert not model.network.is_activation_checkpointing
    torch.testing.assert_close(ends[0], ends[1], atol=1e-6, rtol=1e-5)


# ------------------------------------------------------------------------------ estimates
def test_operations_per_token_are_those_that_torch_counts(model: Model) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.arange(4 * 64).reshape(4, 64) % 300
    model.network.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        model.network(ids, labels=ids).loss.backward()
    # Eager attention forms the whole square; half of it is needed.
    layers, width = 2, 32
    counted = counter.get_total_flops() / ids.numel() - 6 * layers * width * 64
    assert speed.flops_per_token(model.network, 64) == pytest.approx(counted, rel=0.03)


def test_figures_of_a_window() -> None:
    row = {
        "seen": [[600, 1800, 2000], [400, 1200, 1500]],
        "seconds": 2.0,
        "memory_bytes": 5.0,
        "joules": 7200.0,
    }
    facts = {"devices": 2, "flops_per_token": 1e6, "peak_flops": 1e9, "price_per_hour": 3.0}
    assert speed.figures(row, facts) == pytest.approx(
        {
            "tokens_per_second": 500.0, "characters_per_second": 1500.0, "mfu": 0.25, "memory_bytes": 5.0,
            "seconds": 2.0, "energy_watt_hours": 2.0, "cost": 3 * 2 * 2 / 3600,
        }
    )  # fmt: skip


def test_watts_become_energy(model: Model) -> None:
    meter = speed.Meter(
        model.network, Machine(watts=100, peak_flops=1e9), parallel.ALONE, row_tokens=64, half=False
    )
    window = meter.window()
    assert window["joules"] == pytest.approx(100 * window["seconds"])
    assert meter.facts["peak_flops"] == 1e9
    assert speed.peak_flops(torch.device("cpu"), half=False) > 1e8


# ------------------------------------------------------------------------------ trackers
@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="needs the extra `tracking`")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_gets_the_curves(model: Model, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    ledger, _, _ = run(
        model, tmp_path, track=("tensorboard",), held_out=HeldOut(every_steps=3, texts_per_language=1)
    )
    events = EventAccumulator(str(tmp_path / "tracking" / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {
        "loss",
        "loss/tha_Thai",
        "held_out_loss/nqo_Nkoo",
        "tokens_per_second",
        "mfu",
        "rate",
        "norm",
    } <= tags
    drawn = [(event.step, event.value) for event in events.Scalars("loss/tha_Thai")]
    told = [(row["step"], ledger.means(row, "loss")["tha_Thai"]) for row in ledger.rows]
    assert [step for step, _ in drawn] == [step for step, _ in told]
    np.testing.assert_allclose([value for _, value in drawn], [value for _, value in told], rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_trackio_gets_the_curves_of_each_step(
    tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trackio", reason="needs the extra `tracking`")
    for name in ("base", "chat"):
        ledger, _, _ = run(build(tokenizer, SHAPE, seed=1), tmp_path / name, track=("trackio",))
        told = [(row["step"], ledger.means(row, "loss")["tha_Thai"]) for row in ledger.rows]
        (database,) = (tmp_path / name / "tracking" / "trackio").glob("*.db")
        with contextlib.closing(sqlite3.connect(database)) as opened:
            rows = opened.execute("select step, metrics from metrics order by step").fetchall()
        found = [(step, json.loads(metrics)["loss/tha_Thai"]) for step, metrics in rows]
        assert found == [(step, pytest.approx(value)) for step, value in told]
    assert not capsys.readouterr().out, "stdout belongs to results"


@pytest.mark.filterwarnings("ignore")
def test_wandb_gets_the_curves_and_sends_nothing(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb", reason="needs the extra `tracking`")
    ledger, _, _ = run(model, tmp_path, track=("wandb",))
    (file,) = (tmp_path / "tracking" / "wandb").glob("offline-run-*/*.wandb")
    written = file.read_bytes()
    assert b"loss/tha_Thai" in written
    for row in ledger.rows:
        assert str(ledger.means(row, "loss")["tha_Thai"])[:9].encode() in written
    assert not capsys.readouterr().out, "stdout belongs to results"


# ------------------------------------------------------------------------------ shortages
@pytest.mark.parametrize("shortage", ["processor", "device", "python"])
def test_too_little_memory_says_what_to_change(model: Model, tmp_path: Path, shortage: str) -> None:
    objective = objectives.language_model(model.network)

    def greedy(network: Any, batch: packing.Batch) -> loop.Terms:
        if shortage == "processor":
            torch.empty(2**50)
        raise torch.OutOfMemoryError("CUDA out of memory") if shortage == "device" else MemoryError

    config = settings()
    tokens = texts_of(model.tokenizer)
    plan = packing.Plan(tokens, np.arange(len(tokens)), 100, 300, 10**6, 0)
    with pytest.raises(ModelError, match="not enough memory") as error:
        loop.train(model.network, plan, greedy, config, Desk(tmp_path))
    assert "micro_tokens: 500000" in error.value.fix
    assert "activation_checkpointing: true" in error.value.fix
    loop.train(model.network, plan, objective, config, Desk(tmp_path))  # the same command goes on


def test_other_errors_are_not_touched() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory.shortage_explained(0, TrainingConfig()):
        raise RuntimeError("shapes do not match")


def test_a_bad_number_names_step_pass_and_language(model: Model, tmp_path: Path) -> None:
    objective = objectives.language_model(model.network)
    calls = []

    def breaks(network: Any, batch: packing.Batch) -> loop.Terms:
        terms = objective(network, batch)
        calls.append(1)
        if len(calls) < 5:
            return terms
        thai = terms.cells_N == CODES_SORTED.index("tha_Thai")
        values = torch.where(thai, math.nan, terms.values["loss"])
        return loop.Terms(terms.total * values.sum(), terms.cells_N, {"loss": values})

    tokens = texts_of(model.tokenizer)
    plan = packing.Plan(tokens, np.arange(len(tokens)), 100, 300, 100, 0)
    counts = [len(list(plan.batches(step))) for step in range(3)]
    with pytest.raises(ModelError, match="tha_Thai") as error:
        loop.train(model.network, plan, breaks, settings(checkpoint_seconds=0), Desk(tmp_path))
    step = 1 + sum(sum(counts[: n + 1]) < 5 for n in range(3))
    assert error.value.where.startswith(f"training, step {step}, pass ")
    assert f"of {counts[step - 1]}" in error.value.where
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept[-1] == f"step-{step - 1:08d}"


CODES_SORTED = sorted(CODES)
