"""What is trained is what was named, what was named exists, and what was not trained keeps its bits."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from panlect.errors import ConfigError
from panlect.model import adapters, load, loop, objectives
from panlect.model.settings import Trained, TrainingConfig
from tiny_families import FAMILIES, plan_of, replica
from tiny_model import SHAPE
from training_desk import Desk


def train(model: load.Model, desk: Desk, trained: Trained) -> load.Model:
    config = TrainingConfig(
        precision="fp32", learning_rate=1e-2, warmup_share=0.0, batch_tokens=20, weight_decay=0.5
    )
    adapted = adapters.attach(model, trained, desk)  # type: ignore[arg-type]
    objective = objectives.language_model(adapted.network)
    loop.train(adapted.network, plan_of(adapted), objective, config, desk)  # type: ignore[arg-type]
    return adapters.detach(adapted, desk)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["lora", "dora"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "gpt_neox", "phi3", "mixtral"])
def test_adapters_are_merged_into_a_plain_model(
    family: str, method: str, tokenizer: Any, tmp_path: Path
) -> None:
    model = replica(family, tokenizer)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    kinds = type(model.network)
    desk = Desk(tmp_path)
    done = train(model, desk, Trained(method=method, rank=2, alpha=8.0))  # type: ignore[arg-type]
    assert type(done.network) is kinds
    changed = {name for name, p in done.network.named_parameters() if not torch.equal(p, before[name])}
    layers = {f"{name}.weight" for name in adapters.linear_layers(done.network)}
    assert changed == layers & set(before)
    report = desk.notes["parameters"]
    assert 0 < report["trained"] < report["all"] / 2
    # The merged model computes what the adapted one did, and is saved as such.
    load.save(done, tmp_path / "saved", facts={})
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        assert torch.equal(load.load(tmp_path / "saved").network(ids).logits, done.network(ids).logits)
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["r"] == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_all_linear_layers_are_found(family: str, tokenizer: Any) -> None:
    kinds = {name.rsplit(".", 1)[-1] for name in adapters.linear_layers(replica(family, tokenizer).network)}
    attention = {"q_proj", "query_key_value", "qkv_proj", "c_attn"}
    assert len(kinds & attention) == 1
    assert "lm_head" not in kinds
    assert "embed_out" not in kinds


class Third(torch.nn.Module):
    """Queries, keys or values: a third of what the attention's fused `W_pack` says (as in Baichuan's models)."""

    def __init__(self, attention: torch.nn.Module, place: int) -> None:
        super().__init__()
        self.owner, self.place = [attention], place

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.owner[0].W_pack(hidden).chunk(3, -1)[self.place]  # type: ignore[no-any-return, operator]


@pytest.mark.parametrize("targets", [("W_pack",), ()])
def test_a_fused_projection_gets_one_adapter(
    targets: tuple[str, ...], tokenizer: Any, tmp_path: Path
) -> None:
    model = load.build(tokenizer, SHAPE.model_copy(update={"key_value_heads": SHAPE.heads}), seed=1)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        before = model.network(ids).logits
    for layer in model.network.model.layers:
        attention = layer.self_attn
        names = ("q_proj", "k_proj", "v_proj")
        weights = torch.cat([getattr(attention, name).weight for name in names])
        attention.W_pack = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        attention.W_pack.weight = torch.nn.Parameter(weights.detach())
        for place, name in enumerate(names):
            setattr(attention, name, Third(attention, place))
    with torch.no_grad():
        torch.testing.assert_close(model.network(ids).logits, before)
    frozen = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    done = train(model, Desk(tmp_path), Trained(method="lora", rank=2, targets=targets))
    changed = {name for name, p in done.network.named_parameters() if not torch.equal(p, frozen[name])}
    fused = {name for name in frozen if name.endswith("W_pack.weight")}
    assert len(fused) == SHAPE.layers
    assert changed == fused if targets else fused < changed


def test_a_target_that_matches_nothing_is_refused(tokenizer: Any) -> None:
    network = replica("bloom", tokenizer).network
    assert len(adapters.targets(network, ["query_key_value"])) == 2
    with pytest.raises(ConfigError, match="q_proj") as error:
        adapters.targets(network, ["query_key_value", "q_proj"])
    assert "query_key_value" in error.value.expected


def test_only_and_frozen(tokenizer: Any, tmp_path: Path) -> None:
    model = replica("llama", tokenizer)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    trained = Trained(only=("model.layers.*",), frozen=("*.self_attn.*",))
    done = train(model, Desk(tmp_path), trained)
    changed = {name for name, p in done.network.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {n for n in before if n.startswith("model.layers.") and ".self_attn." not in n}


@pytest.mark.parametrize("trained", [Trained(only=("model.layer.*",)), Trained(frozen=("nothing",))])
def test_a_pattern_that_matches_nothing_is_refused(trained: Trained, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no parameter"):
        adapters.attach(replica("llama", tokenizer), trained, Desk(tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["llama", "gpt2"])  # untied and tied
def test_only_new_rows_change(family: str, tokenizer: Any, tmp_path: Path) -> None:
    """The old vocabulary keeps its bits, weight decay or not."""
    model = replica(family, tokenizer)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    embeddings = {
        name
        for name, p in model.network.named_parameters()
        if p is model.network.get_input_embeddings().weight
        or p is model.network.get_output_embeddings().weight
    }
    desk = Desk(tmp_path)
    done = train(model, desk, Trained(only=tuple(embeddings), new_rows_from=300))
    for name, parameter in done.network.named_parameters():
        assert torch.equal(parameter[:300], before[name][:300]) or name not in embeddings
        assert torch.equal(parameter, before[name]) == (name not in embeddings)
    assert desk.notes["parameters"]["trained"] == 100 * 32 * len(embeddings)


def test_a_mask_over_single_weights(tokenizer: Any, tmp_path: Path) -> None:
    model = replica("llama", tokenizer)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    name = "model.layers.1.mlp.down_proj.weight"
    mask = torch.zeros_like(before[name], dtype=torch.bool)
    mask[:, [3, 11]] = True  # two neurons
    save_file({name: mask}, tmp_path / "mask.safetensors")
    done = train(model, Desk(tmp_path), Trained(mask_file=str(tmp_path / "mask.safetensors")))
    for other, parameter in done.network.named_parameters():
        changed = parameter != before[other]
        assert not changed.any() if other != name else torch.equal(changed, mask)


def test_a_mask_that_fits_nothing(tokenizer: Any, tmp_path: Path) -> None:
    save_file({"model.norm.weight": torch.ones(3, dtype=torch.bool)}, tmp_path / "mask.safetensors")
    with pytest.raises(ConfigError, match="fits no parameter"):
        adapters.attach(
            replica("llama", tokenizer),
            Trained(mask_file=str(tmp_path / "mask.safetensors")),
            Desk(tmp_path),  # type: ignore[arg-type]
        )


def test_qlora_trains_adapters_on_four_bits_and_saves_a_plain_model(tokenizer: Any, tmp_path: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs the extra `qlora`")
    model = load.build(tokenizer, SHAPE, seed=1)
    kind, before = type(model.network), {n: p.detach().clone() for n, p in model.network.named_parameters()}
    desk = Desk(tmp_path)
    adapted = adapters.attach(model, Trained(method="qlora", rank=4, alpha=16.0), desk)  # type: ignore[arg-type]
    assert (
        desk.notes["parameters"]["all"]
        == sum(map(torch.numel, before.values())) + desk.notes["parameters"]["trained"]
    )
    held = [each for each in adapted.network.modules() if isinstance(each, bitsandbytes.nn.Linear4bit)]
    assert len(held) == 7 * SHAPE.layers
    assert all(each.weight.dtype == torch.uint8 and not each.weight.requires_grad for each in held)
    config = TrainingConfig(precision="fp32", learning_rate=1e-2, warmup_share=0.0, batch_tokens=20)
    objective = objectives.language_model(adapted.network)
    loop.train(adapted.network, plan_of(adapted), objective, config, desk)  # type: ignore[arg-type]
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        trained = adapted.network(ids).logits
    done = adapters.detach(adapted, desk)  # type: ignore[arg-type]
    assert type(done.network) is kind
    with torch.no_grad():
        torch.testing.assert_close(done.network(ids).logits, trained, atol=0.05, rtol=0.05)
    # Rounded and moved by the adapters, but near what it was; embeddings are not touched.
    for name, parameter in done.network.named_parameters():
        assert parameter.dtype == torch.float32
        if "_proj" in name:
            assert 0 < float((parameter.detach() - before[name]).norm() / before[name].norm()) < 0.5
        else:
            assert torch.equal(parameter, before[name])
    load.save(done, tmp_path / "saved", facts={})
    with torch.no_grad():
        assert torch.equal(load.load(tmp_path / "saved").network(ids).logits, done.network(ids).logits)


def test_qlora_says_what_it_needs(tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    model = load.build(tokenizer, SHAPE, seed=1)
    with pytest.raises(ConfigError, match="bitsandbytes") as error:
        adapters.attach(model, Trained(method="qlora"), Desk(tmp_path))  # type: ignore[arg-type]
    assert "panlect[qlora]" in error.value.fix
