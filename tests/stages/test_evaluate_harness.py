"""A task of lm-evaluation-harness, with data of one's own, through the stage."""

import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest

from panlect import cli
from panlect.folder import Folder
from tiny_model import SENTENCES, SHAPE

TASK = {
    "task": "swahili_choices", "dataset_path": "json", "test_split": "test", "output_type": "multiple_choice",
    "doc_to_text": "{{premise}}", "doc_to_choice": "{{choices}}", "doc_to_target": "gold",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm_eval is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_task_of_ones_own(tmp_path: Path) -> None:
    from panlect.model import load, tokenizer_training
    from panlect.model.shared_prefix import score_choices

    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), tmp_path / "tokenizer")
    model = load.build(load.load_tokenizer(tmp_path / "tokenizer"), SHAPE, seed=1)
    for parameter in model.network.parameters():
        parameter.data.mul_(4)
    load.save(model, tmp_path / "model", facts={})
    docs = [
        {"premise": text, "choices": list(SENTENCES[:3]), "gold": n % 3} for n, text in enumerate(SENTENCES)
    ]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    task = TASK | {"dataset_kwargs": {"data_files": {"test": str(tmp_path / "docs.jsonl")}}}
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "task.yaml").write_text(json.dumps(task))
    words = ["evaluate", str(tmp_path / "model"), "--benchmarks", "lm-eval:swahili_choices"]
    words += ["--set", f"harness_tasks={tmp_path / 'tasks'}", "--out", str(tmp_path / "scores")]
    assert cli.main(words) == 0
    numbers = Folder.open(tmp_path / "scores").numbers().filter(pl.col("measure") == "lm_eval_acc").to_dicts()
    right = 0
    pairs = [[(str(doc["premise"]), f" {each}") for each in SENTENCES[:3]] for doc in docs]
    # The harness puts the begin token before a text only where the tokenizer does so by itself.
    scores = score_choices(model.network, model.tokenizer, pairs, begin=False)
    for doc, found in zip(docs, scores, strict=True):
        right += max(range(3), key=lambda n, found=found: found[n].logprob) == doc["gold"]
    assert len(numbers) == 1
    assert (numbers[0]["benchmark"], numbers[0]["count"]) == ("lm-eval:swahili_choices", len(docs))
    assert numbers[0]["value"] == pytest.approx(right / len(docs))
    assert 0 < right < len(docs)
