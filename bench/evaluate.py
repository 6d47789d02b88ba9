"""How fast choices are scored, against the Hugging Face back-end of lm-evaluation-harness, on equal requests.

    python bench/evaluate.py [--models llama qwen2 gemma2 bloom] [--cases xcopa0 xcopa5 passage ...]
    [--repeat 5] [--data DIR] [--start-up]

Models are random-weight replicas: times mean something, accuracies do not. Both sides get the same tokens,
one thread, CPU time, by turns; the medians are compared, and per-token differences and choices of the scores.
The harness runs at the batch size of 8, 32 and 128 that suits it best in a first run of each case (its logits
have to fit into memory). With `--data` (folders `xcopa`, `xwinograd`, `seahelm/nlu`), real questions are
asked too. With `--start-up` either side's command asks one of them, in a process of its own. Needs
`pip install lm_eval`.
"""

import argparse
import json
import os
import random
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

import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

VOCABULARY, WIDTH, LAYERS = 16000, 256, 4
LARGEST_LOGITS = 2**30  # the harness makes all logits of a batch, twice: 8 GB
SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": 704, "num_hidden_layers": LAYERS,
    "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 2048,
}  # fmt: skip
CONFIGS = {
    "llama": lambda: LlamaConfig(**SHAPE),
    "qwen2": lambda: Qwen2Config(**SHAPE),
    "gemma2": lambda: Gemma2Config(**SHAPE, head_dim=64, sliding_window=2048, query_pre_attn_scalar=64),
    "bloom": lambda: BloomConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, n_layer=LAYERS, n_head=4),
}
# questions, tokens of the examples, of the context, of each choice, choices
CASES = {
    "xcopa0": (300, 0, 14, 12, 2),
    "xcopa5": (150, 126, 14, 12, 2),
    "passage": (60, 0, 177, 9, 4),
    "letters": (60, 0, 227, 1, 4),
    "few_shot_letters": (60, 400, 60, 1, 4),
    "languages100": (200, 160, 30, 12, 2),
}
# benchmark, folder of its data, prompt, questions of each of four languages, choices
REAL = {
    "real_xcopa": ("xcopa", "xcopa", "upstream", 75, 2),
    "real_xwinograd": ("xwinograd", "xwinograd", "upstream", 75, 2),
    "real_belebele_letters": ("belebele", "seahelm/nlu", "upstream", 25, 4),
    "real_belebele_text": ("belebele", "seahelm/nlu", "corrected", 25, 4),
}


def requests_of(case: str, seed: int = 0) -> list[tuple[tuple[str, str], list[int], list[int]]]:
    """Random tokens in the shape of a benchmark; lengths vary by a third, as real ones do."""
    questions, examples, context, continuation, choices = CASES[case]
    draw = random.Random(seed)
    languages = 100 if case == "languages100" else 1
    shots = [[draw.randrange(10, VOCABULARY) for _ in range(examples)] for _ in range(languages)]
    out = []
    for question in range(questions):
        length = max(1, round(context * draw.uniform(0.67, 1.33)))
        before = [*shots[question % languages], *(draw.randrange(10, VOCABULARY) for _ in range(length))]
        for choice in range(choices):
            size = max(1, round(continuation * draw.uniform(0.67, 1.33)))
            after = [draw.randrange(10, VOCABULARY) for _ in range(size)]
            out.append(((f"question {question}", f" choice {choice}"), before, after))
    return out


def build(family: str, directory: Path) -> str:
    """A random-weight model with any tokenizer: the requests are tokens already."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    raw = Tokenizer(models.WordLevel({"<e>": 0, "a": 1}, unk_token="a"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<e>", pad_token="<e>").save_pretrained(directory)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(CONFIGS[family]()).save_pretrained(directory)
    return str(directory)


def real_requests(
    case: str, data: Path, languages: int = 4
) -> list[tuple[tuple[str, str], list[int], list[int]]]:
    """Real questions with their real prompts, tokenised by a BPE that is trained on them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from panlect.benchmarks import benchmark

    name, folder, variant, limit, _ = REAL[case]
    found = benchmark(name).variant(variant)
    rows = found.read(data / folder, ()).rows
    kept = sorted({row["language"] for row in rows})[:languages]
    asks = []
    for language in kept:
        asks += [found.ask(row) for row in rows if row["language"] == language][:limit]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    texts = [context + choice for ask in asks if ask for context, choice in ask.pairs()]
    raw.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCABULARY, show_progress=False))
    return [
        ((context, choice), raw.encode(context).ids, raw.encode(choice).ids)
        for ask in asks
        if ask
        for context, choice in ask.pairs()
    ]


def cpu_seconds(score: Any, requests: list[Any]) -> tuple[float, list[tuple[float, bool]]]:
    """CPU seconds of one run, and the scores."""
    start = time.process_time()
    found = score(list(requests))
    return time.process_time() - start, found


def compare(family: str, cases: list[str], repeat: int, data: Path | None) -> list[dict[str, Any]]:
    """One row per case."""
    from lm_eval.models.huggingface import HFLM

    from panlect.model.lm_eval_engine import engine

    def theirs(batch_size: int) -> Any:
        model = HFLM(pretrained=network, tokenizer=tokenizer, device="cpu", batch_size=batch_size)
        return lambda requests: model._loglikelihood_tokens(requests, disable_tqdm=True)

    rows = []
    with tempfile.TemporaryDirectory() as directory:
        location = build(family, Path(directory))
        opened = engine(location, device="cpu", batch_size=32, dtype="float32")
        network, tokenizer, ours = opened.model, opened.tokenizer, opened._loglikelihood_tokens
        harness = {size: theirs(size) for size in (8, 32, 128)}
        for case in cases:
            if case in REAL and data is None:
                continue
            requests = real_requests(case, data) if case in REAL else requests_of(case)  # type: ignore[arg-type]
            ours(requests[:8])
            longest = max(len(before) + len(after) for _, before, after in requests)
            first = {
                size: cpu_seconds(score, requests)[0]
                for size, score in harness.items()
                if size * longest * VOCABULARY <= LARGEST_LOGITS
            }
            size = min(first, key=lambda each: first[each])
            turns = [
                (cpu_seconds(harness[size], requests), cpu_seconds(ours, requests)) for _ in range(repeat)
            ]
            reference, scores = turns[-1][0][1], turns[-1][1][1]
            seconds = [statistics.median(turn[side][0] for turn in turns) for side in (0, 1)]
            tokens = [len(after) for _, _, after in requests]
            error = max(abs(a[0] - b[0]) / n for a, b, n in zip(scores, reference, tokens, strict=True))
            choices = (REAL | CASES)[case][-1]
            same = sum(
                _best(scores[at : at + choices]) == _best(reference[at : at + choices])
                for at in range(0, len(scores), choices)
            )
            rows.append(
                {
                    "model": family,
                    "case": case,
                    "requests": len(requests),
                    "harness_batch": size,
                    "harness_seconds": round(seconds[0], 2),
                    "ours_seconds": round(seconds[1], 2),
                    "times_faster": round(seconds[0] / seconds[1], 2),
                    "range": [round(f(a[0] / b[0] for a, b in turns), 2) for f in (min, max)],
                    "per_token_error": error,
                    "same_choices": f"{same}/{len(scores) // choices}",
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def one_question(words: list[str], answers: Path | None = None) -> dict[str, float]:
    """Seconds of the clock and of the processor, all of a command and until its first answer is stored."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    found: dict[str, float] = {}
    while answers and not any(file.stat().st_size for file in answers.glob("*.jsonl")):
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        time.sleep(0.01)
    if answers:
        found["first_answer_seconds"] = time.monotonic() - started
        used = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        found["first_answer_cpu_seconds"] = sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, errors.decode()
    found |= {"seconds": time.monotonic() - started, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    return {name: round(value, 2) for name, value in found.items()}


def start_up(data: Path, repeat: int) -> None:
    """Print how long either command takes for one question of XCOPA, by turns."""
    from panlect.benchmarks import benchmark
    from panlect.benchmarks.export import export

    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        model = build("llama", place / "model")
        found = benchmark("xcopa")
        rows = found.read(data / "xcopa", ()).rows
        language = rows[0]["language"]
        (task,) = export(found, [row for row in rows if row["language"] == language], place / "tasks")
        theirs = ["lm_eval", "--model", "hf", "--model_args", f"pretrained={model}", "--tasks", task]
        theirs += ["--include_path", str(place / "tasks"), "--device", "cpu", "--limit", "1"]
        for number in range(repeat):
            out = place / f"scores{number}"
            ours = ["panlect", "evaluate", model, "--benchmarks", "xcopa", "--languages", language]
            ours += ["--set", f"data_directory={data}", "--set", "items_per_language=1", "--out", str(out)]
            scratch = out.with_name(out.name + ".partial") / "scratch"
            print(
                json.dumps({"panlect": one_question(ours, scratch), "lm_eval": one_question(theirs)}),
                flush=True,
            )


def _best(scores: list[tuple[float, bool]]) -> int:
    return max(range(len(scores)), key=lambda place: scores[place][0])


def main() -> None:
    """Run all cases on all models and print one JSON list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(CONFIGS))
    parser.add_argument("--cases", nargs="*", default=[*CASES, *REAL])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--start-up", action="store_true")
    given = parser.parse_args()
    if given.start_up:
        start_up(given.data, given.repeat)
        return
    torch.set_num_threads(1)
    rows = [row for family in given.models for row in compare(family, given.cases, given.repeat, given.data)]
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
