"""Batched decoding, greedy or sampled; rows that have finished leave the batch.

Prompts are sorted by length and padded on the left; the mask and the position ids are those of an unpadded
row. Every prompt draws from a random stream of its own (seed, prompt, sample), so an answer is the same alone
and in a batch, up to ties within floating-point error.

Shapes: B rows still running, T positions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from panlect.errors import ModelError


@dataclass(frozen=True)
class Generation:
    """How to decode.

    Temperature 0 is greedy. `top_p` keeps the smallest set of tokens with that much probability. `samples`
    continuations are drawn for each prompt; `stops` are texts that end one (and are cut off); `batch_tokens`
    bounds prompt and new tokens of a batch together.
    """

    new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    samples: int = 1
    batch_tokens: int = 16384
    batch_rows: int = 256
    stops: tuple[str, ...] = field(default=())


def generate(network: Any, tokenizer: Any, texts: Sequence[str], settings: Generation) -> list[str]:
    """Continue each text; with `samples` s, result ``i * s + j`` is sample j of text i.

    The end-of-text token, and any special token that the tokenizer marks as such, is cut off.
    """
    backend = tokenizer.backend_tokenizer
    prompts = [encoding.ids for encoding in backend.encode_batch(list(texts), add_special_tokens=False)]
    begin = tokenizer.bos_token_id
    if begin is not None:
        prompts = [ids if ids and ids[0] == begin else [begin, *ids] for ids in prompts]
    continuations = generate_ids(network, prompts, stop_ids(network, tokenizer), settings)
    answers = [tokenizer.decode(ids, skip_special_tokens=True) for ids in continuations]
    return [_cut(answer, settings.stops) for answer in answers]


def stop_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a text: the tokenizer's, and those of the model's generation settings."""
    found = {tokenizer.eos_token_id}
    of_model = getattr(network.generation_config, "eos_token_id", None)
    found |= set(of_model) if isinstance(of_model, list) else {of_model}
    return frozenset(token for token in found if token is not None)


def _cut(text: str, stops: Sequence[str]) -> str:
    places = [text.find(stop) for stop in stops if stop in text]
    return text[: min(places)] if places else text


def generate_ids(
    network: Any, prompts: Sequence[Sequence[int]], stops: frozenset[int], settings: Generation
) -> list[list[int]]:
    """Continue token sequences; the stop token is not part of the result.

    Raises:
        ModelError: a prompt is empty, or prompt and answer exceed the model's position limit.
    """
    limit = int(getattr(network.config, "max_position_embeddings", 0) or 2**31)
    longest = max((len(prompt) for prompt in prompts), default=0) + settings.new_tokens
    if longest > limit:
        raise ModelError(
            f"the longest prompt and its answer need {longest} positions, the model has {limit}",
            fix="shorten the prompts or new_tokens",
        )
    if not all(len(prompt) for prompt in prompts):
        raise ModelError("a prompt is empty and the tokenizer has no begin token")
    jobs = [(i, j) for i in range(len(prompts)) for j in range(settings.samples)]
    results: list[list[int]] = [[] for _ in jobs]
    order = sorted(range(len(jobs)), key=lambda k: (len(prompts[jobs[k][0]]), k))
    at = 0
    while at < len(order):
        batch = _take(order, at, [len(prompts[jobs[k][0]]) for k in order], settings)
        seeds = [settings.seed * 1_000_003 + jobs[k][0] * 1009 + jobs[k][1] for k in batch]
        for k, ids in zip(
            batch,
            _decode(network, [prompts[jobs[k][0]] for k in batch], stops, settings, seeds),
            strict=True,
        ):
            results[k] = ids
        at += len(batch)
    return results


def _take(order: Sequence[int], at: int, lengths: Sequence[int], settings: Generation) -> list[int]:
    """The next rows in order of length that fit into the batch's budget."""
    count = 1
    while (
        at + count < len(order)
        and count < settings.batch_rows
        and (count + 1) * (lengths[at + count] + settings.new_tokens) <= settings.batch_tokens
    ):
        count += 1
    return list(order[at : at + count])


@torch.inference_mode()
def _decode(
    network: Any,
    prompts: Sequence[Sequence[int]],
    stops: frozenset[int],
    settings: Generation,
    seeds: Sequence[int],
) -> list[list[int]]:
    device = network.device
    width = max(len(prompt) for prompt in prompts)
    ids_BT = torch.zeros(len(prompts), width, dtype=torch.long)
    mask_BT = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, width - len(prompt) :] = torch.tensor(prompt)
        mask_BT[row, width - len(prompt) :] = 1
    ids_BT, mask_BT = ids_BT.to(device), mask_BT.to(device)
    positions_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)
    padded = not bool(mask_BT.all())
    cache = DynamicCache(config=network.config)
    draws = [torch.Generator().manual_seed(seed) for seed in seeds] if settings.temperature > 0 else []
    rows = list(range(len(prompts)))
    running = set(rows)
    results: list[list[int]] = [[] for _ in prompts]
    for step in range(settings.new_tokens):
        logits_BV = network(
            input_ids=ids_BT,
            attention_mask=mask_BT if padded else None,
            position_ids=positions_BT,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        next_B = _choose(logits_BV, settings, [draws[row] for row in rows] if draws else [])
        for row, token in zip(rows, next_B.tolist(), strict=True):
            if token in stops:
                running.discard(row)
            elif row in running:
                results[row].append(token)
        if not running or step + 1 == settings.new_tokens:
            break
        # Copying the cache costs about a step: only worth it when a good part of the rows has finished.
        if len(running) <= 0.75 * len(rows):
            keep = torch.tensor([b for b, row in enumerate(rows) if row in running], device=device)
            cache.batch_select_indices(keep)
            next_B, mask_BT, positions_BT = next_B[keep], mask_BT[keep], positions_BT[keep]
            rows = [row for row in rows if row in running]
        ids_BT = next_B[:, None]
        positions_BT = positions_BT[:, -1:] + 1
        mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(mask_BT), 1)], 1)
    return results


def _choose(logits_BV: Tensor, settings: Generation, draws: Sequence[torch.Generator]) -> Tensor:
    if settings.temperature == 0:
        return logits_BV.argmax(-1)
    scores_BV = logits_BV.float() / settings.temperature
    if settings.top_p < 1:
        ordered, index = scores_BV.sort(-1, descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        scores_BV = torch.empty_like(scores_BV).scatter_(
            -1, index, ordered.masked_fill(before >= settings.top_p, float("-inf"))
        )
    # Gumbel-max with a stream per row: argmax(score + noise) is a sample of softmax(score).
    uniform = torch.stack([torch.rand(scores_BV.shape[-1], generator=draw) for draw in draws])
    noise = -torch.log(-torch.log(uniform.clamp(min=1e-20).to(scores_BV.device)))
    return (scores_BV + noise).argmax(-1)
