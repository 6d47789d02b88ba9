"""Score several continuations after one context with a single pass over the context.

Benchmarks with choices ask for log P(choice | context) for two to five choices, often after the same passage
or the same examples. Whatever beginnings the sequences have in common go through the model once
(`prefix_tree`). Where little is shared, or a model cannot look at a tree, `score_ids` is used instead. The
results are those of `score_ids` up to rounding.

Shapes: B rows, T new positions, P cached positions, N states, M scored tokens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache

from panlect.model.head import Head, head_of, probing, target_logprobs, trunk
from panlect.model.prefix_tree import Branch, TreeRow, grow
from panlect.model.score import Part, Score, batches, split, stream_ids

PAYS_BELOW = 0.95
"""Trees are used where they save a twentieth of the positions."""

_reads_trees: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def score_choices(
    network: Any,
    tokenizer: Any,
    questions: Sequence[Sequence[tuple[str, str]]],
    *,
    batch_tokens: int = 8192,
    begin: bool = True,
) -> list[list[Score]]:
    """Score the (context, continuation) pairs of each question; see `stream_choices`."""
    scored = stream_choices(network, tokenizer, questions, batch_tokens=batch_tokens, begin=begin)
    return [found for _, found in sorted(scored, key=itemgetter(0))]


def stream_choices(
    network: Any,
    tokenizer: Any,
    questions: Sequence[Sequence[tuple[str, str]]],
    *,
    batch_tokens: int = 8192,
    begin: bool = True,
) -> Iterator[tuple[int, list[Score]]]:
    """The scores of each question with its place, as soon as the last of its choices was scored.

    Args:
        network: a causal language model.
        tokenizer: its fast tokenizer.
        questions: the (context, continuation) pairs of each question.
        batch_tokens: positions that go through the model at once.
        begin: put the begin token before every text. Without, only an empty context gets it, because a model
            needs something to look at; that is what lm-evaluation-harness does for tokenizers that do not add
            it.
    """
    contexts = [context for pairs in questions for context, _ in pairs]
    continuations = [continuation for pairs in questions for _, continuation in pairs]
    parts = split(tokenizer, contexts, continuations)
    if not begin:
        parts = [_without_begin(tokenizer, each, text) for each, text in zip(parts, contexts, strict=True)]
    ends = np.cumsum([len(pairs) for pairs in questions])
    of = np.searchsorted(ends, range(len(parts)), side="right").tolist()
    found: list[dict[int, Score]] = [{} for _ in questions]
    yield from ((place, []) for place, pairs in enumerate(questions) if not pairs)
    for n, score in stream_parts(network, parts, batch_tokens=batch_tokens):
        mine = found[of[n]]
        mine[n] = score
        if len(mine) == len(questions[of[n]]):
            yield of[n], [mine[each] for each in sorted(mine)]


def adds_begin(tokenizer: Any) -> bool:
    """Whether the tokenizer puts its begin token before a text by itself."""
    return tokenizer.bos_token_id is not None and tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id]


def _without_begin(tokenizer: Any, part: Part, context: str) -> Part:
    written = not context or context.startswith(tokenizer.bos_token or "\0")
    if written or part.ids[0] != tokenizer.bos_token_id:
        return part
    return part._replace(ids=part.ids[1:], first=max(1, part.first - 1))


def score_parts(network: Any, parts: Sequence[Part], *, batch_tokens: int = 8192) -> list[Score]:
    """Score token sequences, sharing whatever beginnings they have in common."""
    scored = stream_parts(network, parts, batch_tokens=batch_tokens)
    return [found for _, found in sorted(scored, key=itemgetter(0))]


def stream_parts(
    network: Any, parts: Sequence[Part], *, batch_tokens: int = 8192
) -> Iterator[tuple[int, Score]]:
    """The same scores with their places, batch by batch."""
    limit = _position_limit(network)
    fits = [n for n, part in enumerate(parts) if part.first < len(part.ids) <= limit]
    branches = grow([parts[n] for n in fits], fits) if len(fits) > 1 else []
    plain_tokens = sum(len(parts[n].ids) - 1 for n in fits)
    if sum(each.tokens for each in branches) > PAYS_BELOW * plain_tokens or not reads_trees(network):
        fits, branches = [], []
    logprob, missed = np.zeros(len(parts)), np.zeros(len(parts), np.int64)
    head = head_of(network) if branches else None
    for branch in branches:
        for numbers, values, best in _branch_scores(network, head, branch, batch_tokens):
            np.add.at(logprob, numbers, values)
            np.add.at(missed, numbers, ~best)
            for n in np.unique(numbers).tolist():  # all scored tokens of a sequence stand in one row
                part = parts[n]
                tokens = len(part.ids) - part.first
                yield n, Score(float(logprob[n]), tokens, part.bytes, part.merged, not missed[n])
    apart = sorted(set(range(len(parts))) - set(fits if branches else ()))
    for place, score in stream_ids(network, [parts[n] for n in apart], batch_tokens=batch_tokens):
        yield apart[place], score


def _position_limit(network: Any) -> int:
    """Longest sequence whose every position sees all before it."""
    config = network.config.get_text_config()
    limit = int(getattr(config, "max_position_embeddings", 0) or 2**31)
    window = getattr(config, "sliding_window", None)
    return min(limit, int(window)) if window else limit


def reads_trees(network: Any) -> bool:
    """Whether a model keeps apart what stands in one row: asked of the model itself, with a few tokens.

    Recurrent models, encoder–decoders and positions built from a plain mask do not; the ALiBi of BLOOM is
    given the depths in the tree instead.
    """
    if network not in _reads_trees:
        _reads_trees[network] = _probe(network)
    return _reads_trees[network]


def _probe(network: Any) -> bool:
    if network.config.is_encoder_decoder:
        return False
    ids = [each % network.config.get_text_config().vocab_size for each in range(5, 14)]
    texts = [[*ids[:5], 3, 4], [*ids[:5], 2, 1, 0], [*ids[:6], 2]]
    (together,) = grow([Part([*text, 0], len(text), 0, False) for text in texts], range(3))
    (row,) = together.rows
    below = row._replace(ids=row.ids[3:], depths=row.depths[3:], seen=row.seen[3:, 3:], places=row.places - 3)
    with probing(network), torch.inference_mode():
        try:
            inputs = [torch.tensor([texts[n]], device=network.device) for n in row.numbers]
            alone = [trunk(network)(input_ids=each, use_cache=False).last_hidden_state for each in inputs]
            before = _read(network, row.ids[:3])
            found = [_states(network, [row], None), _states(network, [below], before)]
        except (TypeError, ValueError, RuntimeError, AttributeError):
            return False
    expected = torch.stack([each[0, -1] for each in alone]).float()
    tolerance = (1e-3 if expected.dtype == network.dtype else 5e-2) * float(expected.abs().max())
    return all(float((each.float() - expected).abs().max()) <= tolerance for each in found)


def _read(network: Any, ids: NDArray[np.int32]) -> Any:
    """Keys and values of a beginning."""
    tokens = torch.as_tensor(ids, dtype=torch.long, device=network.device)[None]
    return trunk(network)(input_ids=tokens, use_cache=True).past_key_values


@torch.inference_mode()
def _branch_scores(
    network: Any, head: Head | None, branch: Branch, batch_tokens: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]]:
    """Sequence, log-probability and whether it is the best one, of every scored token, batch by batch."""
    size = len(branch.beginning)
    before = _read(network, branch.beginning) if size else None
    lengths = [len(row.ids) for row in branch.rows]
    for places in batches(lengths, batch_tokens, network.device, size):
        rows = [branch.rows[place] for place in places]
        # Several tokens may be predicted from one place: the first of each choice.
        predicting = [np.unique(row.places, return_inverse=True) for row in rows]
        offsets = np.cumsum([0, *(len(places) for places, _ in predicting)])
        which = np.concatenate(
            [inverse + start for (_, inverse), start in zip(predicting, offsets, strict=False)]
        )
        turn = np.argsort(which, kind="stable")
        states = _states(network, rows, before, head is None, [places for places, _ in predicting])
        targets = np.concatenate([row.targets for row in rows])[turn]
        values, best = target_logprobs(
            states,
            head,
            torch.as_tensor(which[turn], device=states.device),
            torch.as_tensor(targets, dtype=torch.long, device=states.device),
        )
        yield (
            np.concatenate([row.numbers for row in rows])[turn],
            values.cpu().double().numpy(),
            best.cpu().numpy(),
        )


def _states(
    network: Any,
    rows: Sequence[TreeRow],
    before: Any,
    logits: bool = False,
    places: Sequence[NDArray[np.int64]] | None = None,
) -> Tensor:
    """Hidden states (N, C), or logits (N, V), at some places of the rows, by default at the scored ones."""
    width, size = max(len(row.ids) for row in rows), before.get_seq_length() if before is not None else 0
    ids_BT, depths_BT = np.zeros((2, len(rows), width), np.int64)
    seen_BTT = np.zeros((len(rows), width, width), np.bool_)
    seen_BTT[:, range(width), range(width)] = True  # padding sees itself: a row without any key gives NaN
    for n, row in enumerate(rows):
        own = len(row.ids)
        ids_BT[n, :own], depths_BT[n, :own], seen_BTT[n, :own, :own] = row.ids, row.depths, row.seen
    device = network.device
    positions_BT = torch.as_tensor(depths_BT, device=device)
    hidden_BTT = torch.as_tensor(~seen_BTT, device=device)
    mask = torch.zeros(len(rows), 1, width, size + width, dtype=network.dtype, device=device)
    mask[..., size:].masked_fill_(hidden_BTT[:, None], torch.finfo(network.dtype).min)
    kinds = set(getattr(network.config.get_text_config(), "layer_types", None) or ())
    inputs: dict[str, Any] = {
        "input_ids": torch.as_tensor(ids_BT, device=device),
        "position_ids": positions_BT,
        "attention_mask": dict.fromkeys(kinds, mask) if len(kinds) > 1 else mask,
        "use_cache": before is not None,
    }
    if before is not None:
        inputs["past_key_values"] = _copied(network, before, len(rows))
    places = [row.places for row in rows] if places is None else places
    batch = torch.as_tensor(np.repeat(range(len(rows)), [len(each) for each in places]), device=device)
    where = torch.as_tensor(np.concatenate(places), device=device)
    with _depths_for_alibi(network, positions_BT, size):
        if not logits:
            hidden: Tensor = trunk(network)(**inputs).last_hidden_state
            return hidden[batch, where]
        keep, columns = torch.unique(where, return_inverse=True)
        kept: Tensor = network(**inputs, logits_to_keep=keep).logits
        return kept[batch, columns]


def _copied(network: Any, before: Any, rows: int) -> Any:
    """The cache of a beginning for some rows."""
    cache = DynamicCache(config=network.config)
    for layer, states in enumerate(before.layers):
        keys, values = (each.expand(rows, -1, -1, -1) for each in (states.keys, states.values))
        cache.update(keys, values, layer)
    return cache


@contextmanager
def _depths_for_alibi(network: Any, depths_BT: Tensor, cached: int) -> Iterator[None]:
    """BLOOM counts a mask to know how far away a token is; in a tree that is the depth, not the place."""
    body = trunk(network)
    build = getattr(body, "build_alibi_tensor", None)
    if build is None:
        yield
        return
    before = torch.arange(cached, device=depths_BT.device).expand(len(depths_BT), -1)
    depths_BK = torch.cat([before, depths_BT], 1)

    def of_depths(_mask: Tensor, heads: int, dtype: torch.dtype) -> Tensor:
        line = build(torch.ones(1, 2, device=depths_BT.device), heads, dtype).view(heads, 2)
        slopes: Tensor = line[:, 1] - line[:, 0]
        bias: Tensor = slopes[None, :, None].float() * depths_BK[:, None].float()
        return bias.reshape(-1, 1, depths_BK.shape[1]).to(dtype)

    body.build_alibi_tensor = of_depths
    try:
        yield
    finally:
        del body.build_alibi_tensor
