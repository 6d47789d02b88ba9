"""Batched decoding, greedy or sampled; rows that have ended leave the batch, and waiting prompts join it.

Every prompt draws from a random stream of its own (seed, prompt, sample), so an answer is the same alone
and in a batch, up to ties within floating-point error.

Shapes: B rows, V vocabulary.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from panlect.errors import ModelError
from panlect.model.decoding import Rows, can_join

KEPT_SHARE = 0.75


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
    return [text for _, text in sorted(stream(network, tokenizer, texts, settings))]


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Ids of prompts; each begins with the begin token, if there is one, once."""
    begin = tokenizer.bos_token_id
    found = [
        each.ids for each in tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
    return [ids if begin is None or ids[:1] == [begin] else [begin, *ids] for ids in found]


def stream(
    network: Any, tokenizer: Any, texts: Sequence[str], settings: Generation
) -> Iterator[tuple[int, str]]:
    """The same continuations, each as soon as it has ended, with their places."""
    prompts = encode(tokenizer, texts)

    def text_of(ids: Sequence[int]) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True))

    def has_stop(ids: Sequence[int]) -> bool:
        # No token is shorter than a byte. A few tokens may read differently alone, so all are asked as well.
        last = ids[-1 - max(len(stop.encode()) for stop in settings.stops) :]
        return _first(text_of(last), settings.stops) >= 0 and _first(text_of(ids), settings.stops) >= 0

    ended = has_stop if settings.stops else None
    for place, ids in stream_ids(network, prompts, stop_ids(network, tokenizer), settings, ended):
        text = text_of(ids)
        end = _first(text, settings.stops)
        yield place, text[:end] if end >= 0 else text


def stop_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a text: the tokenizer's, and those of the model's generation settings."""
    found = {tokenizer.eos_token_id}
    of_model = getattr(network.generation_config, "eos_token_id", None)
    found |= set(of_model) if isinstance(of_model, list) else {of_model}
    return frozenset(token for token in found if token is not None)


def _first(text: str, stops: Sequence[str]) -> int:
    """Where the first stop text begins, or -1."""
    return min((text.find(stop) for stop in stops if stop in text), default=-1)


def generate_ids(
    network: Any, prompts: Sequence[Sequence[int]], stops: frozenset[int], settings: Generation
) -> list[list[int]]:
    """Continue token sequences; the stop token is not part of the result.

    Raises:
        ModelError: a prompt is empty, or prompt and answer exceed the model's position limit.
    """
    return [ids for _, ids in sorted(stream_ids(network, prompts, stops, settings))]


@torch.inference_mode()
def stream_ids(
    network: Any,
    prompts: Sequence[Sequence[int]],
    stops: frozenset[int],
    settings: Generation,
    ended: Callable[[Sequence[int]], bool] | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Continuations, each as soon as it has ended, with their places; waiting prompts take over free rows.

    Args:
        network: a causal language model.
        prompts: token ids.
        stops: tokens that end a continuation and are not part of it.
        settings: how to decode.
        ended: whether a continuation has ended for another reason.

    Raises:
        ModelError: a prompt is empty, or prompt and answer exceed the model's position limit.
    """
    _check(network, prompts, settings)
    jobs = [(i, j) for i in range(len(prompts)) for j in range(settings.samples)]
    sizes = [len(prompts[i]) + settings.new_tokens for i, _ in jobs]
    waiting = sorted(range(len(jobs)), key=lambda k: (sizes[k], -k))  # taken from the end: long ones first
    seeds = [settings.seed * 1_000_003 + i * 1009 + j for i, j in jobs] if settings.temperature else []
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    refills = can_join(network)
    made: dict[int, list[int]] = {}
    rows: Rows | None = None
    while waiting or rows:
        if rows is None or (refills and len(rows.numbers) == len(made)):
            newcomers = _newcomers(waiting, sizes, made, settings)
            if newcomers:
                fresh = Rows.start(network, newcomers, [prompts[jobs[k][0]] for k in newcomers])
                rows = rows.joined(fresh) if rows else fresh
                made |= {k: [] for k in newcomers}
        assert rows is not None
        next_B = _choose(rows.logits_BV, settings, [draws[k] for k in rows.numbers] if draws else [])
        for k, token in zip(rows.numbers, next_B.tolist(), strict=True):
            if k in made:
                if token not in stops:
                    made[k].append(token)
                if token in stops or len(made[k]) == settings.new_tokens or (ended and ended(made[k])):
                    yield k, made.pop(k)
        # Copying the cache costs about a step: only worth it when a good part of the rows has ended.
        if len(made) <= KEPT_SHARE * len(rows.numbers):
            places = [place for place, k in enumerate(rows.numbers) if k in made]
            next_B = next_B[places]
            rows = rows.only(places) if places else None
        if rows:
            rows = rows.continued(network, next_B)


def _check(network: Any, prompts: Sequence[Sequence[int]], settings: Generation) -> None:
    limit = int(getattr(network.config, "max_position_embeddings", 0) or 2**31)
    longest = max((len(prompt) for prompt in prompts), default=0) + settings.new_tokens
    if longest > limit:
        raise ModelError(
            f"the longest prompt and its answer need {longest} positions, the model has {limit}",
            fix="shorten the prompts or new_tokens",
        )
    if not all(len(prompt) for prompt in prompts):
        raise ModelError("a prompt is empty and the tokenizer has no begin token")


def _newcomers(
    waiting: list[int], sizes: Sequence[int], running: Collection[int], settings: Generation
) -> list[int]:
    """Take the next rows that fit beside those running into the batch's budget; at least one if none runs."""
    longest = max((sizes[k] for k in running), default=0)
    taken: list[int] = []
    while waiting and len(running) + len(taken) < settings.batch_rows:
        count = len(running) + len(taken) + 1
        if count > 1 and count * max(longest, sizes[waiting[-1]]) > settings.batch_tokens:
            break
        taken.append(waiting.pop())
        longest = max(longest, sizes[taken[-1]])
    return taken


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
