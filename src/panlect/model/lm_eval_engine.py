"""lm-evaluation-harness on our scoring: every task it has, and ours in its format.

`SharedPrefixLM` is the harness's Hugging Face back-end with one method replaced: requests that share a
context go through the model together (`shared_prefix`). Prompts, tokens, filters and metrics remain the
harness's own, so its scores remain its scores. The harness is optional: `pip install lm_eval`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from panlect.errors import ModelError
from panlect.model.score import Part
from panlect.model.shared_prefix import score_parts

Request = tuple[tuple[str, str], list[int], list[int]]


def harness(module: str = "") -> Any:
    """A module of the harness.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module(f"lm_eval.{module}" if module else "lm_eval")
    except ImportError as error:
        raise ModelError(
            f"lm-evaluation-harness is not installed ({error})", where="lm-eval", fix="pip install lm_eval"
        ) from error


def engine(location: str, *, batch_tokens: int = 8192, **options: Any) -> Any:
    """The harness's model for a directory or Hub id, scoring with shared contexts."""
    huggingface = harness("models.huggingface")

    class SharedPrefixLM(huggingface.HFLM):  # type: ignore[misc, name-defined]
        """The harness's Hugging Face model with contexts shared."""

        def _loglikelihood_tokens(
            self, requests: Sequence[Request], disable_tqdm: bool = False, override_bs: int | None = None
        ) -> list[tuple[float, bool]]:
            return score_requests(self.model, requests, self.max_length, batch_tokens)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return SharedPrefixLM(pretrained=location, **({"batch_size": 1, "device": device} | options))


def score_requests(
    network: Any, requests: Sequence[Request], limit: int, batch_tokens: int
) -> list[tuple[float, bool]]:
    """Log-probability of each request, in order, and whether it is greedy."""
    parts = []
    for _, context, continuation in requests:
        # As the harness does: the model sees at most `limit` tokens before the last, cut on the left.
        ids = (list(context) + list(continuation))[-(limit + 1) :]
        parts.append(Part(ids, len(ids) - len(continuation), 0, False))
    found = score_parts(network, parts, batch_tokens=batch_tokens)
    return [(score.logprob, score.greedy) for score in found]


def evaluate_task(
    location: str, names: Sequence[str], *, limit: int = 0, include: Path | None = None, **options: Any
) -> Mapping[str, Mapping[str, float]]:
    """Run tasks of the harness; returns its numbers by task: `acc,none`, `acc_stderr,none`, ….

    Args:
        location: a model directory or Hub id.
        names: tasks the harness knows, or that `include` defines.
        limit: documents per task; 0 for all.
        include: a directory with task files of one's own; then the harness's 14,000 are not indexed.
        options: passed to the harness's model.
    """
    evaluator, tasks = harness("evaluator"), harness("tasks")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    manager = tasks.TaskManager(
        include_path=str(include) if include else None, include_defaults=include is None
    )
    found = evaluator.simple_evaluate(
        model=engine(location, **options),
        tasks=list(names),
        limit=limit or None,
        task_manager=manager,
        bootstrap_iters=0,
    )
    sizes = {name: each["effective"] for name, each in found["n-samples"].items()}
    return {name: {**values, "count": sizes.get(name, 0)} for name, values in found["results"].items()}
