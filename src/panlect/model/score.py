"""Log-probabilities of continuations, the same alone and in any batch.

Context and continuation are tokenised together, because a tokenizer may merge across their border; the
continuation's tokens are those that follow the context's own. Where the context's tokens are not a prefix of
the joint ones, the border lies inside a token: the tokens from the first difference on are scored, and the
result says so (`Score.merged`).

Shapes: B rows, T positions, C model width, N scored tokens.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.model.head import Head, head_of, target_logprobs, trunk

CPU_TOKENS = 2048
"""A CPU gains nothing from more positions at once, but leaves its cache."""
CPU_PADDING, DEVICE_PADDING = 64, 512
"""A pass costs about as much as this many positions more in another one: measured on CPUs, else estimated."""


class Score(NamedTuple):
    """How likely a continuation is.

    `logprob` is in nats, summed over `tokens` tokens; `bytes` are the continuation's UTF-8 bytes; `merged`
    says that the tokenizer merged across the border; `greedy` that every token was the most likely one.
    """

    logprob: float
    tokens: int
    bytes: int
    merged: bool
    greedy: bool

    @property
    def bits_per_byte(self) -> float:
        """``-log2 p`` divided by the bytes of the continuation."""
        return -self.logprob / (np.log(2) * self.bytes) if self.bytes else float("nan")


class Part(NamedTuple):
    """Token ids of context and continuation; where scoring starts; bytes of the continuation."""

    ids: list[int]
    first: int
    bytes: int
    merged: bool


def score(
    network: Any,
    tokenizer: Any,
    contexts: Sequence[str],
    continuations: Sequence[str],
    *,
    batch_tokens: int = 8192,
    window_tokens: int | None = None,
) -> list[Score]:
    """Score each continuation after its context; with an empty one, the whole text after the begin token.

    Args:
        network: a causal language model.
        tokenizer: its fast tokenizer.
        contexts: what comes before; rendered dialogues bring their own special tokens.
        continuations: what is scored.
        batch_tokens: positions that go through the model at once.
        window_tokens: longest input; a longer one loses the left part of its context, never scored tokens,
            which are scored in windows that overlap by half. Default: the model's position limit.
    """
    parts = split(tokenizer, contexts, continuations)
    return score_ids(network, parts, batch_tokens=batch_tokens, window_tokens=window_tokens)


def split(tokenizer: Any, contexts: Sequence[str], continuations: Sequence[str]) -> list[Part]:
    """Tokenise context and continuation jointly and find where the continuation starts."""
    backend = tokenizer.backend_tokenizer
    joint = [context + continuation for context, continuation in zip(contexts, continuations, strict=True)]
    alone = {context: i for i, context in enumerate(dict.fromkeys(contexts))}
    context_ids = [e.ids for e in backend.encode_batch(list(alone), add_special_tokens=False)]
    joint_ids = [e.ids for e in backend.encode_batch(joint, add_special_tokens=False)]
    begin = tokenizer.bos_token_id
    parts = []
    for context, continuation, ids in zip(contexts, continuations, joint_ids, strict=True):
        before = context_ids[alone[context]]
        common = 0
        while common < min(len(before), len(ids)) and before[common] == ids[common]:
            common += 1
        # Without any context a model needs one token to look at.
        needs_begin = begin is not None and (not ids or ids[0] != begin)
        shift = int(needs_begin)
        parts.append(
            Part(
                [begin] * shift + ids,
                max(1, common + shift),
                len(continuation.encode()),
                common < len(before),
            )
        )
    return parts


def score_ids(
    network: Any, parts: Sequence[Part], *, batch_tokens: int = 8192, window_tokens: int | None = None
) -> list[Score]:
    """Score token sequences whose continuation starts at `Part.first`."""
    scored = stream_ids(network, parts, batch_tokens=batch_tokens, window_tokens=window_tokens)
    return [found for _, found in sorted(scored, key=itemgetter(0))]


def stream_ids(
    network: Any, parts: Sequence[Part], *, batch_tokens: int = 8192, window_tokens: int | None = None
) -> Iterator[tuple[int, Score]]:
    """The same scores with their places, each as soon as its last token was scored."""
    limit = window_tokens or int(getattr(network.config, "max_position_embeddings", 0) or 2**31)
    windows = [(i, ids, first) for i, part in enumerate(parts) for ids, first in _windows(part, limit)]
    waiting = Counter(i for i, _, _ in windows)
    for i, part in enumerate(parts):
        if not waiting[i]:
            yield i, Score(0.0, 0, part.bytes, part.merged, True)
    if not windows:
        return
    logprob, greedy = np.zeros(len(parts)), np.ones(len(parts), np.bool_)
    tokens = np.zeros(len(parts), np.int64)
    head = head_of(network)
    for rows in batches([len(ids) for _, ids, _ in windows], batch_tokens, network.device):
        chosen = [windows[i] for i in rows]
        for (i, ids, first), (values, best) in zip(chosen, _score_batch(network, head, chosen), strict=True):
            logprob[i] += float(values.sum(dtype=np.float64))
            tokens[i] += len(ids) - first
            greedy[i] &= best
            waiting[i] -= 1
            if not waiting[i]:
                part = parts[i]
                yield i, Score(float(logprob[i]), int(tokens[i]), part.bytes, part.merged, bool(greedy[i]))


def _windows(part: Part, limit: int) -> Iterator[tuple[list[int], int]]:
    """Cut one sequence into inputs of at most `limit` tokens; each token from `first` on is scored once."""
    start = part.first
    while start < len(part.ids):
        # The first window takes as much context as fits; later ones half a window.
        stop = min(len(part.ids), limit if start < limit else start + limit // 2)
        left = max(0, stop - limit)
        yield part.ids[left:stop], start - left
        start = stop


def batches(
    lengths: Sequence[int], batch_tokens: int, device: torch.device, cached_tokens: int = 0
) -> Iterator[list[int]]:
    """Places of like lengths, longest first.

    A batch has at most `batch_tokens` positions, those of padding and of a cache (`cached_tokens` a row)
    included, and ends where its padding would cost more than another pass.
    """
    on_cpu = device.type == "cpu"
    most = min(batch_tokens, CPU_TOKENS) if on_cpu else batch_tokens
    allowed = CPU_PADDING if on_cpu else DEVICE_PADDING
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batch: list[int] = []
    padding = 0
    for place in order:
        longest = lengths[batch[0]] if batch else 0
        padding += longest - lengths[place]
        if batch and (padding > allowed or (len(batch) + 1) * (cached_tokens + longest) > most):
            yield batch
            batch, padding = [], 0
        batch.append(place)
    if batch:
        yield batch


@torch.inference_mode()
def _score_batch(
    network: Any, head: Head | None, rows: Sequence[tuple[int, list[int], int]]
) -> list[tuple[NDArray[np.float32], bool]]:
    device = network.device
    width = max(len(ids) for _, ids, _ in rows) - 1  # nobody asks what follows the last token
    ids_BT = torch.zeros(len(rows), width, dtype=torch.long)
    mask_BT = torch.zeros(len(rows), width, dtype=torch.long)
    for r, (_, ids, _) in enumerate(rows):
        ids_BT[r, : len(ids) - 1] = torch.tensor(ids[:-1])
        mask_BT[r, : len(ids) - 1] = 1
    # Padding is on the right: positions are those of an unpadded row, and causal attention never sees it.
    inputs = {"input_ids": ids_BT.to(device), "use_cache": False}
    if not bool(mask_BT.all()):
        inputs["attention_mask"] = mask_BT.to(device)
    select = torch.cat(
        [torch.arange(first - 1, len(ids) - 1) + r * width for r, (_, ids, first) in enumerate(rows)]
    ).to(device)
    targets = torch.cat([torch.tensor(ids[first:]) for _, ids, first in rows]).to(device)
    states = network(**inputs).logits if head is None else trunk(network)(**inputs).last_hidden_state
    in_turn = torch.arange(len(targets), device=device)
    values, best = target_logprobs(states.flatten(0, 1)[select], head, in_turn, targets)
    ends = np.cumsum([len(ids) - first for _, ids, first in rows])
    return [
        (part, bool(hits.all()))
        for part, hits in zip(
            np.split(values.cpu().numpy(), ends[:-1]), np.split(best.cpu().numpy(), ends[:-1]), strict=True
        )
    ]


@torch.inference_mode()
def hidden(network: Any, tokenizer: Any, texts: Sequence[str], layers: Sequence[int]) -> list[Tensor]:
    """Outputs of chosen blocks (0 is the first), one (layers, tokens, width) tensor a text, in fp32."""
    blocks = blocks_of(network)
    kept: dict[int, Tensor] = {}

    def keep(layer: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            kept[layer] = (output[0] if isinstance(output, tuple) else output).float()

        return hook

    handles = [blocks[layer].register_forward_hook(keep(layer)) for layer in layers]
    found = []
    try:
        for text in texts:
            ids = torch.tensor([tokenizer(text).input_ids], device=network.device)
            trunk(network)(input_ids=ids, use_cache=False)
            found.append(torch.stack([kept[layer][0].cpu() for layer in layers]))
    finally:
        for handle in handles:
            handle.remove()
    return found


def blocks_of(network: Any) -> Any:
    """The list of transformer blocks, whatever the family calls it."""
    body = trunk(network)
    for name in ("layers", "h", "block"):
        if hasattr(body, name):
            return getattr(body, name)
    for inner in ("decoder", "encoder", "transformer"):
        if hasattr(body, inner):
            return blocks_of_body(getattr(body, inner))
    raise AttributeError(f"no list of blocks in {type(body).__name__}")


def blocks_of_body(body: Any) -> Any:
    """The list of blocks of an encoder or decoder."""
    for name in ("layers", "layer", "h", "block"):
        if hasattr(body, name):
            return getattr(body, name)
    raise AttributeError(f"no list of blocks in {type(body).__name__}")
