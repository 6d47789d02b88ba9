import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from panlect.benchmarks import benchmark
from panlect.benchmarks.export import export
from panlect.benchmarks.files import row
from panlect.errors import ConfigError

ROWS = [
    row("xcopa", "1", "tha_Thai", choices=["ก", "ข"], gold=1, premise="ฉันกิน", question="cause", code="th"),
    row(
        "xcopa",
        "1",
        "ekk_Latn",
        choices=["A.", "B."],
        gold=0,
        premise="Ma söön.",
        question="effect",
        code="et",
    ),
]


def test_tasks_hold_our_prompts(tmp_path: Path) -> None:
    names = export(benchmark("xcopa").variant("corrected"), ROWS, tmp_path)
    assert names == ["panlect_xcopa_ekk_Latn", "panlect_xcopa_tha_Thai"]
    task = json.loads((tmp_path / f"{names[1]}.yaml").read_text())
    assert task["target_delimiter"] == ""
    assert task["output_type"] == "multiple_choice"
    doc = json.loads((tmp_path / f"{names[1]}.jsonl").read_text())
    assert (doc["context"], doc["choices"], doc["gold"]) == ("ฉันกินเพราะ", ["ก", "ข"], 1)


def test_contexts_and_numbers(tmp_path: Path) -> None:
    rows = [row("xwinograd", "1", "eng_Latn", choices=["a", "b"], gold=0, before="x ", after=" z.")]
    export(benchmark("xwinograd"), rows, tmp_path)
    task = json.loads((tmp_path / "panlect_xwinograd_eng_Latn.yaml").read_text())
    assert (task["doc_to_text"], task["doc_to_target"], task["doc_to_choice"]) == (
        "gold", "continuation", "contexts",
    )  # fmt: skip
    rows = [row("mgsm", "1", "tha_Thai", answer="5", question="?", code="th")]
    export(benchmark("mgsm"), rows, tmp_path)
    task = json.loads((tmp_path / "panlect_mgsm_tha_Thai.yaml").read_text())
    assert task["generation_kwargs"]["until"][0] == "โจทย์:"
    with pytest.raises(ConfigError, match="dialogues"):
        export(benchmark("xsafety"), [row("xsafety", "1", "eng_Latn", prompt="?")], tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("model")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate([*alphabet, "<e>"])}, merges=[]))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<e>", bos_token="<e>", pad_token="<e>"
    ).save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=300,
        max_position_embeddings=8192, bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    for parameter in network.parameters():
        parameter.data.mul_(3)
    network.save_pretrained(path)
    return str(path)


def _scores(task: str, include: Path, model: Any) -> Any:
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(include), include_defaults=False)
    found = simple_evaluate(
        model=model, tasks=[task], task_manager=manager, bootstrap_iters=0, log_samples=True
    )
    return {
        sample["doc"]["id"]: [float(r[0]) for r in sample["filtered_resps"]]
        for sample in found["samples"][task]
    }


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm_eval is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["xcopa", "xwinograd", "belebele"])
def test_the_harness_gives_the_same_scores(name: str, tmp_path: Path, model: str, real_data: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    from panlect.benchmarks import catalog
    from panlect.benchmarks.engines import Local, Tools, in_order
    from panlect.model.lm_eval_engine import engine
    from panlect.model.load import load
    from panlect.model.shared_prefix import stream_choices

    folders = {"belebele": "seahelm/nlu/belebele_mcqa"}
    named = {name: str(real_data / folders[name])} if name in folders else {}
    rows = catalog.read(name, catalog.Places(named, str(real_data)), ()).rows
    rows = [each for each in rows if not each["group"]][:: len(rows) // 12]
    found = benchmark(name)
    asks = [ask for each in rows if (ask := found.ask(each)) is not None]
    ours = in_order(
        Local(load(model), Tools(None, stream_choices, None), chats=False, begin=False).choose(asks)
    )
    expected = {each["id"]: answer.scores for each, answer in zip(rows, ours, strict=True)}
    for task in export(found, rows, tmp_path):
        reference = _scores(task, tmp_path, HFLM(pretrained=model, batch_size=1, device="cpu"))
        shared = _scores(task, tmp_path, engine(model, device="cpu"))
        for identifier, scores in reference.items():
            assert shared[identifier] == pytest.approx(scores, rel=1e-6, abs=1e-4)
            assert list(expected[identifier]) == pytest.approx(scores, rel=1e-6, abs=1e-4)
