"""How fast a small model learns on one core: this loop, a bare PyTorch loop, and TRL's SFTTrainer.

    python bench/train.py [--start-up] [--steps 40] [--rounds 3] [--arms ours bare trl-bfd ...] [--json FILE]

A 5 M-parameter Llama (8,192 pieces) reads the embedded world's short documents in 24 languages, 2,048 tokens
a step, bf16. Every arm runs in a process of its own, on the same documents in the same order. `bare` is what
one writes by hand over the very same packed batches (so its losses must be ours); TRL packs for itself, with
everything that costs it time turned off. Counted are real tokens a second, padding never; the median of
windows of five steps in the second half of a run, then over the rounds, in which all arms take turns.
Of ours also: the ledger's share of the time, and what a checkpoint costs to write and to read, in steps.
Needs `pip install trl`. With PRECISION=fp32 in the environment all arms compute in that.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

PRECISION = os.environ.get("PRECISION", "bf16")
ROW, BATCH, VOCABULARY, SEED, WINDOW = 256, 2048, 8192, 0, 5
SHAPE = {
    "hidden_size": 256, "intermediate_size": 704, "layers": 4, "heads": 4, "key_value_heads": 4,
    "position_limit": 512,
}  # fmt: skip
SHARES = ("ledger_share", "save_steps", "restore_steps")
ARMS = ("ours", "ours-compiled", "bare", "bare-compiled", "trl-bfd", "trl-wrapped", "trl-bfd-compiled")


def prepare(place: Path, steps: int) -> tuple[Any, Any]:
    """Return the model of an arm, always the same one, and its plan of batches."""
    from panlect.folder import Folder, resolve
    from panlect.model import corpus_tokens, load, packing, tokenizer_training
    from panlect.stages.pretrain import ModelShape
    from panlect.stages.world import WorldConfig, world

    if not (place / "world" / "manifest.json").is_file():
        world([], place / "world", WorldConfig(languages="cldr-24", territories=16))
        texts = Folder.open(place / "world").table("document")["text"].to_list()
        tokenizer_training.save(tokenizer_training.train(texts, VOCABULARY), place / "tokenizer")
    tokenizer = load.load_tokenizer(place / "tokenizer")
    model = load.build(tokenizer, ModelShape(**SHAPE), seed=SEED)
    tokens, order = corpus_tokens.read(
        [resolve(place / "world")], tokenizer, corpus_tokens.Amount((steps + 1) * BATCH, 1.0, SEED)
    )
    return model, packing.Plan(tokens, order, ROW, BATCH, BATCH, pad_id=0)


def ours(place: Path, steps: int, *, compiled: bool) -> dict[str, Any]:
    from dataclasses import replace

    from panlect.model import ledger, loop, objectives
    from panlect.model.settings import Machine, TrainingConfig

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from training_desk import Desk

    model, plan = prepare(place, steps)
    plan = replace(plan, order=plan.order[: plan.steps[steps - 1][1]])
    config = TrainingConfig(
        learning_rate=1e-3, schedule="constant", warmup_share=0, weight_decay=0.0, batch_tokens=BATCH,
        micro_tokens=BATCH, sequence_tokens=ROW, precision=PRECISION, log_steps=WINDOW, compile=compiled,
        threads=1, checkpoint_seconds=10**9, machine=Machine(peak_flops=2e11),
    )  # fmt: skip
    scratch = Path(tempfile.mkdtemp())
    spent = dict.fromkeys(("add", "close_window"), 0.0)
    for name in spent:
        timed(ledger.Ledger, name, spent)
    done = loop.train(model.network, plan, objectives.language_model(model.network), config, Desk(scratch))
    rates = [sum(cell[0] for cell in row["seen"]) / row["seconds"] for row in done.rows]
    losses = [sum(row["sums"]["loss"]) / sum(row["sums"]["items"]) for row in done.rows]
    seconds = sum(row["seconds"] for row in done.rows)
    step = statistics.median(row["seconds"] for row in done.rows) / WINDOW
    costs = {
        f"{name}_steps": value / step for name, value in checkpoint_seconds(model.network, config).items()
    }
    return {"rates": rates, "losses": losses, "ledger_share": sum(spent.values()) / seconds, **costs}


def timed(owner: Any, name: str, spent: dict[str, float]) -> None:
    """Let a method count the seconds that it takes."""
    inner = getattr(owner, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            spent[name] += time.perf_counter() - started

    setattr(owner, name, outer)


def checkpoint_seconds(network: Any, config: Any) -> dict[str, float]:
    """Seconds to write a checkpoint and to continue from one, with all moments there."""
    import torch

    from panlect.model import checkpoint, loop

    network.train().requires_grad_(True)
    optimiser = loop.make_optimiser(network, config)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    found = {}
    place = Path(tempfile.mkdtemp())
    for name, act in (
        ("save", lambda: checkpoint.save(place, 1, network, optimiser, {})),
        ("restore", lambda: checkpoint.restore(place, network, optimiser)),
    ):
        started = time.perf_counter()
        act()
        found[name] = time.perf_counter() - started
    return found


def bare(place: Path, steps: int, *, compiled: bool) -> dict[str, Any]:
    """What one would write by hand; attention as in ours, because it is the faster of the two there."""
    import torch
    from torch.nn.functional import cross_entropy

    from panlect.model.attention import choose_attention, packed_mask

    model, plan = prepare(place, steps)
    network = model.network
    choose_attention(network, half=PRECISION == "bf16", row_tokens=ROW)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0, fused=True
    )
    network.train()
    if compiled:
        for layer in network.model.layers:
            layer.compile()
    rates, losses, tokens, items, total = [], [], 0, 0, 0.0
    started = time.monotonic()
    for step in range(steps):
        batches = list(plan.batches(step))
        weight = sum(len(each.targets_N) for each in batches)
        for each in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=PRECISION == "bf16"):
                mask = packed_mask(network, each.segments_BT)
                logits = network(
                    input_ids=each.ids_BT,
                    position_ids=each.positions_BT,
                    attention_mask=mask,
                    use_cache=False,
                ).logits
                loss = cross_entropy(
                    logits.flatten(0, 1)[each.select_N].float(), each.targets_N, reduction="sum"
                )
            (loss / weight).backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        tokens += int(sum(each.seen[:, 0].sum() for each in batches))
        items += weight
        if (step + 1) % WINDOW == 0:
            now = time.monotonic()
            rates.append(tokens / (now - started))
            losses.append(total / items)
            started, tokens, items, total = now, 0, 0, 0.0
    return {"rates": rates, "losses": losses}


def trl(place: Path, steps: int, *, strategy: str, compiled: bool) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    model, plan = prepare(place, steps)
    texts, order = plan.tokens, plan.order
    rows = [texts.ids[texts.offsets[t] : texts.offsets[t + 1]].tolist() for t in order]
    config = SFTConfig(
        output_dir=tempfile.mkdtemp(), max_steps=steps, per_device_train_batch_size=BATCH // ROW,
        max_length=ROW, packing=True, packing_strategy=strategy, bf16=PRECISION == "bf16",
        gradient_checkpointing=False, use_cpu=True,
        learning_rate=1e-3, lr_scheduler_type="constant", weight_decay=0.0, adam_beta2=0.95,
        optim="adamw_torch_fused", logging_steps=WINDOW, save_strategy="no", report_to="none",
        disable_tqdm=True, torch_compile=compiled, dataloader_num_workers=0, seed=SEED, eos_token=None,
    )  # fmt: skip
    seen: list[tuple[float, int]] = [(time.monotonic(), 0)]
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, _: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step % WINDOW == 0:
                seen.append((time.monotonic(), trainer.real))

        def on_log(self, _: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
            if logs and "loss" in logs:
                losses.append(float(logs["loss"]))

    class Counting(SFTTrainer):
        real = 0

        def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
            labels = inputs.get("labels", inputs["input_ids"])
            self.real += int((labels != -100).sum())
            return super().training_step(model, inputs, *rest, **named)

    torch.set_num_threads(1)
    trainer = Counting(
        model=model.network, args=config, train_dataset=Dataset.from_dict({"input_ids": rows}),
        processing_class=model.tokenizer, callbacks=[Clock()],
    )  # fmt: skip
    seen[0] = (time.monotonic(), 0)
    trainer.train()
    pairs = itertools.pairwise(seen)
    return {"rates": [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs], "losses": losses}


def seconds_to_next_step(place: Path, out: Path) -> tuple[float, float]:
    """Of the clock and of the processor, from the command to the next step in the ledger; then a kill."""
    ledger = out.with_name(out.name + ".partial") / "scratch" / "ledger.jsonl"
    before = ledger.read_text().count("\n") if ledger.is_file() else 0
    shape = json.dumps(SHAPE).replace('"', "")
    words = ["pretrain", str(place / "tokenizer"), str(place / "world"), "--out", str(out)]
    for setting in (
        f"model={shape}", f"batch_tokens={BATCH}", f"micro_tokens={BATCH}", f"sequence_tokens={ROW}",
        "threads=1", "log_steps=1", "checkpoint_seconds=0", "epochs=3",
    ):  # fmt: skip
        words += ["--set", setting]
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "panlect", *words], stderr=subprocess.DEVNULL)
    while not ledger.is_file() or ledger.read_text().count("\n") <= before:
        assert process.poll() is None, "it ended before its first step"
        time.sleep(0.02)
    used = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    found = time.monotonic() - started, sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
    time.sleep(2)  # so that a checkpoint is there to continue from
    process.kill()
    process.wait()
    return found


def start_up(place: Path, rounds: int) -> None:
    """Print how long the first step takes to come, in a new run and in one that was killed."""
    for number in range(rounds):
        out = Path(tempfile.mkdtemp()) / "run"
        new, continued = (seconds_to_next_step(place, out) for _ in range(2))
        for name, (clock, processor) in (("new", new), ("killed before", continued)):
            print(
                f"{number + 1}, {name}: step after {clock:.1f} s ({processor:.1f} s of processor)",
                flush=True,
            )


def one(arm: str, place: Path, steps: int) -> dict[str, Any]:
    compiled = arm.endswith("-compiled")
    name = arm.removesuffix("-compiled")
    if name == "ours":
        return ours(place, steps, compiled=compiled)
    if name == "bare":
        return bare(place, steps, compiled=compiled)
    return trl(place, steps, strategy=name.removeprefix("trl-"), compiled=compiled)


def in_a_process(arm: str, options: argparse.Namespace) -> dict[str, Any] | None:
    """Run one arm once, by itself; None if it failed."""
    words = [__file__, "--one", "--arms", arm, "--steps", str(options.steps), "--place", str(options.place)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        print(f"{arm:<18} failed: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
        return None
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    warm = result["rates"][len(result["rates"]) // 2 :]
    result["tokens_per_second"] = statistics.median(warm)
    print(f"{arm:<18} {result['tokens_per_second']:8.0f} tokens/s", flush=True)
    return result


def compare(found: dict[str, list[dict[str, Any]]]) -> None:
    """Medians over the rounds, beside the bare loop of the same form and the best of TRL."""
    speed = {
        arm: statistics.median(one["tokens_per_second"] for one in rounds) for arm, rounds in found.items()
    }
    best = max((value for arm, value in speed.items() if arm.startswith("trl")), default=0.0)
    for arm, value in speed.items():
        rounds = found[arm]
        line = f"{arm:<18} {value:8.0f} tokens/s   last loss {rounds[0]['losses'][-1]:.4f}"
        beside = arm.replace("ours", "bare")
        if beside != arm and beside in found:
            pairs = zip(rounds[0]["losses"], found[beside][0]["losses"], strict=True)
            best_of = [fastest(found[each]) for each in (arm, beside)]
            ratio = statistics.median(a / b for a, b in zip(*best_of, strict=True))
            line += f"   {value / speed[beside]:.3f} of {beside} ({ratio:.3f} by fastest rounds)"
            line += f", losses within {max(abs(a - b) for a, b in pairs):.5f}"
        if arm.startswith("ours") and best:
            line += f"   {value / best:.2f} of TRL's best"
        print(line + "".join(f"   {name} {rounds[0][name]:.4f}" for name in SHARES if name in rounds[0]))


def fastest(rounds: list[dict[str, Any]]) -> list[float]:
    """Speed in each window of the second half, in its fastest round: what else runs here only slows."""
    windows = zip(*(one["rates"] for one in rounds), strict=True)
    rates = [max(window) for window in windows]
    return rates[len(rates) // 2 :]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3, help="how often each arm runs, in turn")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--place", type=Path, default=Path(__file__).parent / "out" / "train")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--start-up", action="store_true", help="only measure the time to the first step")
    parser.add_argument("--one", action="store_true", help="run the first arm in this process")
    options = parser.parse_args()
    if options.one:
        print("RESULT " + json.dumps(one(options.arms[0], options.place, options.steps)))
        return
    options.place.mkdir(parents=True, exist_ok=True)
    prepare(options.place, options.steps)
    if options.start_up:
        return start_up(options.place, options.rounds)
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.rounds):
        for arm in options.arms:
            if result := in_a_process(arm, options):
                found.setdefault(arm, []).append(result)
    compare(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
