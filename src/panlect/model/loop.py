"""The one training loop, shared by `pretrain`, `instruct`, `prefer`: flat, to be read from top to bottom.

What differs between the stages comes from outside: `work` says which batches make up each optimiser step, and
`objective` turns a batch into a loss. The loop knows learning rates, accumulation, clipping, the ledger and
checkpoints. The mean of a step is over the loss weights of *all* its micro-batches, so cutting a step into
parts changes nothing but memory (the usual mean of means over-weights short batches).

Where torchrun started several processes, each makes its share of a step's passes (`parallel`); all of them
walk through this function together. A run that was killed and started again ends with the same weights, bit
for bit, on the same machine with the same number of threads and processes.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.draft import Draft
from panlect.errors import ModelError
from panlect.folder import PARTIAL
from panlect.model import averaging, checkpoint, parallel
from panlect.model.attention import choose_attention
from panlect.model.held_out import Watch
from panlect.model.ledger import Ledger
from panlect.model.memory import keep_freed_memory, shortage_explained
from panlect.model.settings import TrainingConfig
from panlect.model.speed import Meter, figures
from panlect.model.trackers import Trackers


class Weighted(Protocol):
    """The least that a batch tells the loop: its share of the mean, and what it holds."""

    @property
    def weight(self) -> float:
        """Sum of the loss weights."""

    @property
    def seen(self) -> NDArray[np.float64]:
        """Tokens, characters, bytes per cell: (cells, 3)."""


class Work(Protocol):
    """All batches of a run, by optimiser step; the same step always gives the same batches."""

    @property
    def languages(self) -> Sequence[str]:
        """Names, in the order of their codes."""

    @property
    def components(self) -> Sequence[str]:
        """Names, in the order of their codes."""

    def __len__(self) -> int:
        """Optimiser steps."""

    def batches(self, step: int) -> Iterator[Any]:
        """The micro-batches of a step, each `Weighted`."""

    def planned(self) -> NDArray[np.float64]:
        """What all steps together will have seen: (cells, 3)."""


@runtime_checkable
class Learning(Protocol):
    """Work that decides while the model trains what is read next."""

    def learn(self, step: int, network: Any, among: parallel.Ranks) -> None:
        """Called after every step, with the model as it then is; it must be left as it was."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep, as plain values."""

    def resume(self, state: dict[str, Any]) -> None:
        """Return to a checkpoint's state."""


class Terms(NamedTuple):
    """What an objective makes of a batch: the sum to descend, and per-item values for the ledger."""

    total: Tensor
    cells_N: Tensor
    values: dict[str, Tensor]


Objective = Callable[[Any, Any], Terms]


def train(network: Any, work: Work, objective: Objective, settings: TrainingConfig, draft: Draft) -> Ledger:
    """Train in place and return the ledger. Of several processes, only rank 0's network is whole afterwards.

    Args:
        network: a Hugging Face model; parameters that do not require gradients stay as they are.
        work: batches by step.
        objective: loss of a batch.
        settings: learning rate, schedule, precision, checkpoints.
        draft: where checkpoints and progress go.

    Raises:
        ModelError: the loss or the gradient is no longer a number.
        FolderError: a checkpoint cannot be written.
    """
    # ------------------------------------------------------------------ set up, the same on every start
    keep_freed_memory()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    among = parallel.join(settings.parallel)
    device = among.device
    torch.manual_seed(settings.seed + among.rank)
    network.to(device)
    half = use_bf16(settings.precision, device)
    attention = network.config._attn_implementation
    choose_attention(network, half=half, row_tokens=settings.sequence_tokens)
    if settings.activation_checkpointing:
        network.activation_checkpointing_enable()
    network.train()
    meter = Meter(network, settings.machine, among, row_tokens=settings.sequence_tokens, half=half)
    plain = parallel.skeleton(network) if among.sharded else None
    if settings.compile:
        for block in parallel.blocks(network):
            block.compile()  # one compilation serves all blocks, and losses keep their own kernels
    forward = parallel.spread(network, objective, among, half=half)
    optimiser = make_optimiser(network, settings)
    trained = [p for group in optimiser.param_groups for p in group["params"]]
    ledger = Ledger(draft.scratch / "ledger.jsonl", work.languages, work.components, among)
    ledger.facts = meter.facts
    watch = Watch(work, settings.held_out, ledger, among)

    # ------------------------------------------------------------------ continue where a killed run was
    checkpoints, best = draft.scratch / "checkpoints", draft.scratch / "best"
    state = checkpoint.restore(checkpoints, network, optimiser, among)
    ledger.resume(state["ledger"] if state else None, device)
    start = state["step"] if state else 0
    if state:
        draft.log(f"continuing after step {start} of {len(work)}")
        watch.resume(state["watch"])
        if isinstance(work, Learning):
            work.resume(state["work"])
    checkpoint.forget(best, after=start, among=among)
    name = draft.scratch.parent.name.removesuffix(PARTIAL)
    trackers = Trackers(settings.track, draft.scratch / "tracking", name, start, among)

    saved_seconds = time.monotonic()
    with draft.progress(len(work), "steps", "training") as bar:
        bar.advance(start)
        for step in range(start, len(work)):
            if watch.over:
                break
            # ---------------------------------------------------------- one optimiser step
            passes = parallel.deal(list(work.batches(step)), among)
            # Where nothing carries a loss there is no gradient; dividing by nothing would make it NaN.
            weight = among.sum(math.fsum(batch.weight for batch, counts in passes if counts)) or 1.0
            rate = learning_rate(step, len(work), settings)
            totals = []
            with shortage_explained(step, settings):
                for number, (batch, counts) in enumerate(passes, start=1):
                    batch = to_device(batch, device)
                    with parallel.reducing(forward, among, last=number == len(passes)):
                        with torch.autocast(device.type, torch.bfloat16, enabled=half):
                            terms = forward(batch)
                        # Gradients are averaged over the processes, hence the factor.
                        (terms.total * (among.count if counts else 0) / weight).backward()
                    totals.append(terms.total.detach())
                    if counts:
                        ledger.add(terms.cells_N, terms.values, batch.seen)
                norm = parallel.number(torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm))
                if not math.isfinite(norm):
                    raise not_a_number(step, norm, totals, ledger)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                optimiser.step()
                optimiser.zero_grad()
            if settings.average_decay:
                averaging.update(optimiser, settings.average_decay)

            # ---------------------------------------------------------- write down what happened
            done = step + 1
            last = done == len(work)
            if watch.due(done, len(work)):
                with averaging.in_place(optimiser), torch.autocast(device.type, torch.bfloat16, enabled=half):
                    if watch.look(done, lambda batch: forward(to_device(batch, device)), network):
                        checkpoint.save(best, done, network, optimiser, {}, among)
                last = last or watch.over
                trackers.log(done, by_language("held_out_loss", ledger.looks[-1]["held_out"]))
            if last or done % settings.log_steps == 0:
                means = ledger.close_window(done, rate=rate, norm=norm, **meter.window())
                row = ledger.entries[-1]
                bar.advance(0, **{name: f"{value:.3f}" for name, value in means.items()})
                losses = by_language("loss", ledger.means(row, "loss"))
                speed = figures(row, ledger.facts)
                trackers.log(done, {**means, "rate": rate, "norm": norm, **losses, **speed})
            bar.advance(1)

            # ---------------------------------------------------------- let the work choose what to read next
            if isinstance(work, Learning):
                work.learn(done, network, among)

            # ---------------------------------------------------------- be ready to be killed
            due = last or time.monotonic() - saved_seconds >= settings.checkpoint_seconds
            if among.gather(due)[0]:
                facts = {"ledger": ledger.state(), "watch": watch.state()}
                if isinstance(work, Learning):
                    facts["work"] = work.state()
                checkpoint.save(checkpoints, done, network, optimiser, facts, among)
                saved_seconds = time.monotonic()

    # ------------------------------------------------------------------ the weights that are kept
    if settings.held_out.choose:
        chosen = checkpoint.restore(best, network, optimiser, among)
        assert chosen is not None, "the first look at held-out texts is always the best so far"
        draft.log(f"keeping the weights after step {chosen['step']}: held-out loss {watch.best:.4f}")
    else:
        averaging.take(optimiser)
    trackers.close()
    if plain is not None:
        parallel.unshard(network, plain, among)
    if settings.activation_checkpointing:
        network.activation_checkpointing_disable()
    for block in parallel.blocks(network):
        block._compiled_call_impl = None
    network.eval()
    network.set_attn_implementation(attention)
    return ledger


def by_language(name: str, values: Mapping[str, float]) -> dict[str, float]:
    """Names for a tracker, which groups by what is before the slash."""
    return {f"{name}/{language}": value for language, value in values.items()}


def to_device(batch: Any, device: torch.device) -> Any:
    """Move the tensors of a named tuple, and of those inside it; what is no tensor stays."""
    if device.type == "cpu":
        return batch
    moved = []
    for item in batch:
        if isinstance(item, Tensor):
            item = item.to(device, non_blocking=True)
        elif isinstance(item, tuple) and hasattr(item, "_fields"):
            item = to_device(item, device)
        moved.append(item)
    return type(batch)(*moved)


def make_optimiser(network: Any, settings: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that decays matrices only: no norm, no bias, nothing masked."""
    trained = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() >= 2 and not getattr(p, "masked", False)]
    kept = {id(p) for p in decayed}
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if id(p) not in kept], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=True,
    )


def learning_rate(step: int, steps: int, settings: TrainingConfig) -> float:
    """Learning rate of a step, counted from 0.

    Cosine: Loshchilov & Hutter 2017. Warm-up–stable–decay: Hu et al. 2024 (MiniCPM), with a linear tail.
    """
    warmup = math.ceil(settings.warmup_share * steps)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    floor = settings.final_rate_share
    if settings.schedule == "cosine":
        done = (step - warmup + 1) / max(1, steps - warmup)
        share = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
    elif settings.schedule == "wsd":
        tail = max(1, math.ceil(settings.decay_share * steps))
        share = 1 - (1 - floor) * max(0.0, (step + 1 - (steps - tail)) / tail)
    else:
        share = 1.0
    return settings.learning_rate * share


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether matrix products run in bf16: `auto` says yes where the processor computes it natively."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type == "cpu":
        capability = torch.cpu.get_capabilities()
        return bool(capability.get("avx512_bf16") or capability.get("amx_bf16"))
    return False


def not_a_number(step: int, norm: float, totals: Sequence[Tensor], ledger: Ledger) -> ModelError:
    """Explain a loss or gradient that is NaN or infinite: which step and pass, which languages."""
    languages = ledger.bad_languages()
    passes = [number for number, total in enumerate(totals, start=1) if not math.isfinite(float(total))]
    where = f"the loss of {', '.join(languages)}" if languages else f"the gradient (norm {norm})"
    batch = f", pass {passes[0]} of {len(totals)}" if passes else ""
    return ModelError(
        f"{where} is no longer a number at step {step + 1}; nothing was updated by this step",
        where=f"training, step {step + 1}{batch}",
        fix="lower learning_rate, raise warmup_share, or look at the texts of these languages; "
        "the last checkpoint is kept",
    )
