"""How fast choices are scored, against the Hugging Face back-end of lm-evaluation-harness, on equal requests.

    python bench/evaluate.py [--models llama qwen2 gemma2 bloom] [--cases xcopa0 xcopa5 passage letters]
    [--repeat 2]

Models are random-weight replicas: times mean something, accuracies do not. Both sides get the same tokens,
one thread, CPU time; per-token differences of the scores and the choices are compared. Needs `pip install
lm_eval`.
"""

import argparse
import json
import os
import random
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
    from tokenizers import Tokenizer, models

    raw = Tokenizer(models.WordLevel({"<e>": 0, "a": 1}, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<e>", pad_token="<e>").save_pretrained(directory)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(CONFIGS[family]()).save_pretrained(directory)
    return str(directory)


def timed(score: Any, requests: list[Any], repeat: int) -> tuple[float, list[tuple[float, bool]]]:
    """Best CPU seconds of some runs, and the scores."""
    best, found = float("inf"), []
    for _ in range(repeat):
        start = time.process_time()
        found = score(list(requests))
        best = min(best, time.process_time() - start)
    return best, found


def compare(family: str, cases: list[str], repeat: int) -> list[dict[str, Any]]:
    """One row per case."""
    from lm_eval.models.huggingface import HFLM

    from panlect.model.lm_eval_engine import engine

    rows = []
    with tempfile.TemporaryDirectory() as directory:
        location = build(family, Path(directory))
        theirs = HFLM(pretrained=location, device="cpu", batch_size=32, dtype="float32")
        ours = engine(location, device="cpu", batch_size=32, dtype="float32")
        for case in cases:
            requests = requests_of(case)
            warm = requests[:8]
            theirs._loglikelihood_tokens(warm, disable_tqdm=True)
            ours._loglikelihood_tokens(warm)
            seconds, reference = timed(
                lambda r: theirs._loglikelihood_tokens(r, disable_tqdm=True), requests, repeat
            )
            our_seconds, scores = timed(ours._loglikelihood_tokens, requests, repeat)
            tokens = [len(after) for _, _, after in requests]
            error = max(abs(a[0] - b[0]) / n for a, b, n in zip(scores, reference, tokens, strict=True))
            choices = CASES[case][4]
            same = all(
                _best(scores[at : at + choices]) == _best(reference[at : at + choices])
                for at in range(0, len(scores), choices)
            )
            rows.append(
                {
                    "model": family,
                    "case": case,
                    "harness_seconds": round(seconds, 2),
                    "ours_seconds": round(our_seconds, 2),
                    "times_faster": round(seconds / our_seconds, 2),
                    "per_token_error": error,
                    "same_choices": same,
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _best(scores: list[tuple[float, bool]]) -> int:
    return max(range(len(scores)), key=lambda place: scores[place][0])


def main() -> None:
    """Run all cases on all models and print one JSON list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(CONFIGS))
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for family in given.models for row in compare(family, given.cases, given.repeat)]
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
