"""The model's side of a vocabulary: new rows in the tables, a warm-up of only those, trimming, checks.

`panlect.model.vocabulary_extension` says which pieces are new, `panlect.model.initialise` what their first
vectors are mixed from; here they are written. Old rows are never touched.

Shapes: V rows of a table, D its width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from panlect.errors import ModelError
from panlect.model import gguf_vocabulary
from panlect.model.initialise import Method, Mix
from panlect.model.tokenizer_training import encode_texts

MULTIPLE = 64
"""Tables are padded to a multiple of this many rows, as matrix units like it."""


@dataclass(frozen=True)
class Written:
    """How many new rows were filled how: by the method, or a fallback where it knew nothing."""

    rows: int
    padding: int
    by_method: Mapping[str, int]


def open_network(location: str) -> Any:
    """Open a model of any kind with a vocabulary: causal, masked, or encoder-decoder. Safetensors only.

    Raises:
        ModelError: it cannot be opened.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # bars over a second of reading
    try:
        names = " ".join(AutoConfig.from_pretrained(location).architectures or ())
        kind = AutoModelForCausalLM
        if "MaskedLM" in names:
            kind = AutoModelForMaskedLM
        elif "ConditionalGeneration" in names:
            kind = AutoModelForSeq2SeqLM
        return kind.from_pretrained(location, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the model cannot be opened ({error})", where=location, expected="a Hugging Face directory"
        ) from error


def tables(network: Any) -> list[nn.Parameter]:
    """The input table, and the output table unless it is the same."""
    found = [network.get_input_embeddings().weight]
    output = network.get_output_embeddings()
    if output is not None and output.weight is not found[0]:
        found.append(output.weight)
    return found


def check_rows(network: Any, ids: int, *, where: str) -> None:
    """Refuse a model whose tables have no row for some of a tokenizer's ids.

    Raises:
        ModelError: they do not belong together.
    """
    rows = tables(network)[0].shape[0]
    if rows < ids:
        raise ModelError(
            f"the tokenizer has {ids} ids, the model rows for {rows}: they do not belong together",
            where=where,
            expected="a model and its own tokenizer",
            fix="put the tokenizer beside the model that was trained with it",
        )


def add_rows(
    network: Any,
    new_ids: Sequence[int],
    mixes: Mapping[int, Mix],
    fallback: Mapping[int, Mix],
    *,
    method: Method,
    seed: int = 0,
) -> Written:
    """Make room for the new ids and fill their rows in both tables (once, if they are one).

    Args:
        network: changed in place; old rows stay bit for bit.
        new_ids: all at or above the old vocabulary. They may fall into rows that the model had as padding.
        mixes: of the method, by new id.
        fallback: for ids that the method has no mix for (the sub-pieces).
        method: `random` draws from a normal with the mean and deviation of each column; `mean` takes the
            mean.
        seed: of `random`.
    """
    old_rows = tables(network)[0].shape[0]
    first = min(new_ids)
    rows = max(old_rows, math.ceil((max(new_ids) + 1) / MULTIPLE) * MULTIPLE)
    before = [table.detach()[:first].clone() for table in tables(network)]
    network.resize_token_embeddings(rows, mean_resizing=False)
    used: dict[str, int] = {}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for table, old_VD in zip(tables(network), before, strict=True):
            table[first:] = old_VD.mean(dim=0)
            used = _fill(table, old_VD, new_ids, (mixes, fallback), method=method, generator=generator)
        _fill_bias(network, first, new_ids, mixes, fallback)
    return Written(rows=len(new_ids), padding=rows - max(new_ids) - 1, by_method=used)


def _fill(
    table: Tensor,
    old_VD: Tensor,
    new_ids: Sequence[int],
    choices: tuple[Mapping[int, Mix], Mapping[int, Mix]],
    *,
    method: Method,
    generator: torch.Generator,
) -> dict[str, int]:
    used: dict[str, int] = {}
    mean_D, deviation_D = old_VD.mean(dim=0), old_VD.std(dim=0)
    for new in new_ids:
        name, row_D = "mean", mean_D
        if method == "random":
            name = "random"
            row_D = mean_D + deviation_D * torch.randn(
                old_VD.shape[1], generator=generator, dtype=old_VD.dtype
            )
        elif method != "mean":
            name, mix = (method, choices[0][new]) if new in choices[0] else ("subpieces", choices[1].get(new))
            if mix is None:
                name = "mean"
            else:
                weights = torch.tensor(mix.weights, dtype=old_VD.dtype)
                row_D = weights @ old_VD[torch.tensor(mix.ids)]
        table[new] = row_D
        used[name] = used.get(name, 0) + 1
    return used


def _fill_bias(
    network: Any,
    first: int,
    new_ids: Sequence[int],
    mixes: Mapping[int, Mix],
    fallback: Mapping[int, Mix],
) -> None:
    """Masked models have a bias per entry: mixed like the rows, or new entries start too likely."""
    output = network.get_output_embeddings()
    bias = getattr(output, "bias", None)
    if bias is None:
        return
    old = bias.detach()[:first].clone()
    bias[first:] = old.mean()
    for new in new_ids:
        mix = mixes.get(new) or fallback.get(new)
        if mix:
            bias[new] = torch.tensor(mix.weights, dtype=old.dtype) @ old[torch.tensor(mix.ids)]


@contextmanager
def only_new_rows(network: Any, first_new: int) -> Iterator[list[nn.Parameter]]:
    """While the block runs, only rows from `first_new` on can learn; yields what the optimiser is given.

    Old rows get a gradient of exactly 0. Use an optimiser without weight decay: then they stay bit for bit.
    """
    was = {parameter: parameter.requires_grad for parameter in network.parameters()}
    for parameter in was:
        parameter.requires_grad_(False)
    found = tables(network)

    def without_old(gradient_VD: Tensor) -> Tensor:
        masked = gradient_VD.clone()
        masked[:first_new] = 0
        return masked

    hooks = []
    for table in found:
        table.requires_grad_(True)
        hooks.append(table.register_hook(without_old))  # type: ignore[no-untyped-call]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
        for parameter, learns in was.items():
            parameter.requires_grad_(learns)


def warm_up(
    network: Any, rows_BT: Tensor, first_new: int, *, steps: int, batch: int = 8, learning_rate: float = 1e-3
) -> list[float]:
    """Train only the new rows on packed rows of ids, in order, over and over; returns the losses."""
    losses = []
    network.train()
    with only_new_rows(network, first_new) as parameters:
        optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
        for step in range(steps):
            places = torch.arange(step * batch, (step + 1) * batch) % len(rows_BT)
            ids_BT = rows_BT[places]
            loss = network(input_ids=ids_BT, labels=ids_BT).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    network.eval()
    return losses


def packed(sequences: Sequence[Sequence[int]], length: int, end: int) -> Tensor:
    """Ids of all sequences one after the other, each closed by `end`, cut into rows of `length`."""
    flat = [number for sequence in sequences for number in (*sequence, end)]
    rows = len(flat) // length
    if not rows:
        raise ModelError(
            "the text is shorter than one row", where="warm_up", fix="give more text or shorter rows"
        )
    return torch.tensor(flat[: rows * length]).reshape(rows, length)


def keep_rows(network: Any, kept: Sequence[int]) -> int:
    """Drop all rows but these, in this order; returns how many parameters that saved.

    Special ids in the configuration are renumbered. Outputs for the kept ids are unchanged.
    """
    before = sum(parameter.numel() for parameter in network.parameters())
    index = torch.tensor(list(kept))
    parts = [table.detach()[index].clone() for table in tables(network)]
    output = network.get_output_embeddings()
    bias = getattr(output, "bias", None)
    kept_bias = None if bias is None else bias.detach()[index].clone()
    network.resize_token_embeddings(len(kept), mean_resizing=False)
    with torch.no_grad():
        for table, part in zip(tables(network), parts, strict=True):
            table.copy_(part)
        if kept_bias is not None:
            network.get_output_embeddings().bias.copy_(kept_bias)
    renumber(network, {old: new for new, old in enumerate(kept)})
    return int(before - sum(parameter.numel() for parameter in network.parameters()))


def renumber(network: Any, numbers: Mapping[int, int]) -> None:
    """Write new numbers for the special ids of the configurations."""
    for settings in (network.config, getattr(network, "generation_config", None)):
        if settings is None:
            continue
        for name in (
            "bos_token_id",
            "eos_token_id",
            "pad_token_id",
            "decoder_start_token_id",
            "unk_token_id",
        ):
            value = getattr(settings, name, None)
            if isinstance(value, int):
                setattr(settings, name, numbers.get(value))
            elif isinstance(value, list):
                setattr(settings, name, [numbers[each] for each in value if each in numbers])


def logits(network: Any, tokenizer: Any, texts: Sequence[str]) -> list[Tensor]:
    """Outputs (tokens, vocabulary) for each text, in fp32."""
    network.eval()
    found = []
    with torch.no_grad():
        for ids in encode_texts(tokenizer, texts):
            if ids:
                found.append(network(input_ids=torch.tensor([ids[:256]])).logits[0].float())
    return found


@dataclass(frozen=True)
class Verified:
    """What `verify` found.

    Attributes:
        lines: how many texts were compared.
        loss: of one pass, in nats per token; not a number without a model.
        problems: empty when all is well.
        elsewhere: what llama.cpp would do otherwise, however it is converted.
    """

    lines: int
    loss: float
    problems: tuple[str, ...]
    elsewhere: tuple[str, ...]


def verify(directory: Path, texts: Sequence[str], *, with_model: bool) -> Verified:
    """Open a saved directory in plain transformers and check that it works.

    Checks: `AutoTokenizer` and `tokenizers` split every text alike, and so does the vocabulary after the way
    through a GGUF file (byte-level BPE, with the package `gguf`); every id has a row; one forward and one
    backward pass give finite numbers.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    problems = []
    opened = AutoTokenizer.from_pretrained(str(directory))
    engine = Tokenizer.from_file(str(directory / "tokenizer.json"))
    engine.encode_special_tokens = True
    expected = [found.ids for found in engine.encode_batch(list(texts), add_special_tokens=False)]
    settings = {"add_special_tokens": False, "split_special_tokens": True}
    given = [opened(text, **settings)["input_ids"] for text in texts]
    if wrong := sum(left != right for left, right in zip(expected, given, strict=True)):
        problems.append(f"transformers splits {wrong} of {len(texts)} texts otherwise than tokenizers")
    elsewhere: list[str] = []
    if gguf_vocabulary.checkable(engine):
        problems += gguf_vocabulary.differences(engine, texts)
        elsewhere = gguf_vocabulary.not_in_llama_cpp(engine)
    loss = math.nan
    if with_model:
        network = open_network(str(directory))
        rows = tables(network)[0].shape[0]
        highest = max(engine.get_vocab(with_added_tokens=True).values())
        if highest >= rows:
            problems.append(f"id {highest} has no row: the table has {rows}")
        longest = max(expected, key=len)[:256]
        loss = _pass(network, torch.tensor([longest]), problems)
    return Verified(len(texts), loss, tuple(problems), tuple(elsewhere))


def _pass(network: Any, ids_BT: Tensor, problems: list[str]) -> float:
    network.train()
    result = network(input_ids=ids_BT, labels=ids_BT).loss
    result.backward()
    gradients = [parameter.grad for parameter in tables(network)]
    if not math.isfinite(float(result.detach())):
        problems.append("the loss is not a number")
    if any(gradient is None or not torch.isfinite(gradient).all() for gradient in gradients):
        problems.append("a gradient of the embedding tables is missing or not finite")
    return float(result.detach())
