"""Noise that a model learns to undo: masked tokens, infilled spans, corrupted spans, and mixtures of them.

Everything works on token ids and a random stream; the caller gives every draw a stream of its own, so that a
resumed run makes the same noise.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Random = np.random.Generator
NO_LOSS = -1


class Example(NamedTuple):
    """What is read, and what is to be said; `targets` has `NO_LOSS` where nothing is asked.

    An encoder has no `decoder` input and its targets stand beside `source`; with a decoder they stand beside
    `decoder`, one place ahead of it. `positions` restart where a second sentence begins.
    """

    source: Ids
    decoder: Ids
    targets: Ids
    positions: Ids


Noise = Callable[[Ids, Random], Example]


def mask_tokens(
    ids: Ids, random: Random, *, mask_id: int, vocabulary: int, special: frozenset[int], share: float = 0.15
) -> Example:
    """Masked language modelling (Devlin et al. 2019, section 3.1).

    A share of the tokens is asked for; of these 80 % are shown as the mask, 10 % as a random token and 10 %
    as themselves. Special tokens are never asked for.
    """
    free = np.flatnonzero(~np.isin(ids, list(special)))
    # A fixed number per text, at least one: an independent draw per token leaves short texts without any.
    asked = random.permutation(free)[: max(1, round(share * len(free)))] if len(free) else free
    source, targets = ids.copy(), np.full(len(ids), NO_LOSS, np.int64)
    targets[asked] = ids[asked]
    fate = random.random(len(asked))
    source[asked[fate < 0.8]] = mask_id
    swapped = asked[(fate >= 0.8) & (fate < 0.9)]
    allowed = np.setdiff1d(np.arange(vocabulary), list(special))
    source[swapped] = random.choice(allowed, len(swapped))
    return Example(source, np.zeros(0, np.int64), targets, np.arange(len(ids)))


def permute_sentences(ids: Ids, random: Random, ends: frozenset[int]) -> Ids:
    """Put the sentences of a text into a random order (Lewis et al. 2020); `ends` are tokens that end one."""
    cuts = np.flatnonzero(np.isin(ids, list(ends))) + 1
    sentences = [part for part in np.split(ids, cuts) if len(part)]
    if len(sentences) < 2:
        return ids
    return np.concatenate([sentences[i] for i in random.permutation(len(sentences))])


def infill(ids: Ids, random: Random, *, mask_id: int, share: float = 0.35, mean: float = 3.5) -> Ids:
    """Text infilling (Lewis et al. 2020; Liu et al. 2020 for the share of mBART).

    Spans of Poisson length are each replaced by one mask until the share is reached; a span of length 0 is a
    mask that stands for nothing.
    """
    wanted = round(share * len(ids))
    kept = len(ids) - wanted
    lengths: list[int] = []
    while sum(lengths) < wanted:
        lengths.append(min(int(random.poisson(mean)), wanted - sum(lengths)))
    # No two spans touch, so they start behind different kept tokens (or before the first).
    while len(lengths) > kept + 1:
        lengths[-2:] = [lengths[-2] + lengths[-1]]
    slots = np.sort(random.permutation(kept + 1)[: len(lengths)])
    parts: list[Ids] = []
    at = done = 0
    for slot, length in zip(slots.tolist(), lengths, strict=True):
        parts += [ids[at : at + slot - done], np.array([mask_id], np.int64)]
        at, done = at + slot - done + length, slot
    return np.concatenate([*parts, ids[at:]]).astype(np.int64)


def span_lengths(random: Random, total: int, parts: int) -> Ids:
    """Cut `total` into `parts` positive numbers, all such cuts equally likely."""
    cuts = np.sort(random.permutation(total - 1)[: parts - 1]) + 1
    return np.diff(np.concatenate([[0], cuts, [total]])).astype(np.int64)


def corrupt_spans(
    ids: Ids, random: Random, *, sentinels: Sequence[int], share: float = 0.15, mean: float = 3.0
) -> tuple[Ids, Ids]:
    """Span corruption (Raffel et al. 2020, section 3.1.4): (what is read, what is to be said).

    Each span is shown as a sentinel of its own; the answer lists sentinel and span in turn, and closes with
    one more sentinel. Texts of one token have nothing to hide and come back whole.
    """
    if len(ids) < 2:
        return ids, np.array([sentinels[0]], np.int64)
    hidden = min(max(1, round(share * len(ids))), len(ids) - 1)
    spans = min(max(1, round(hidden / mean)), hidden, len(ids) - hidden, len(sentinels) - 1)
    hidden_lengths = span_lengths(random, hidden, spans)
    shown_lengths = span_lengths(random, len(ids) - hidden, spans)
    read: list[Ids] = []
    said: list[Ids] = []
    at = 0
    for number, (shown, length) in enumerate(zip(shown_lengths, hidden_lengths, strict=True)):
        mark = np.array([sentinels[number]], np.int64)
        read += [ids[at : at + shown], mark]
        said += [mark, ids[at + shown : at + shown + length]]
        at += int(shown + length)
    said.append(np.array([sentinels[spans]], np.int64))
    return np.concatenate(read), np.concatenate(said)


def mixed_denoiser(ids: Ids, random: Random, *, sentinels: Sequence[int]) -> tuple[Ids, Ids]:
    """One of UL2's denoisers, equally likely (Tay et al. 2023, table 1, shortened to four).

    Regular (15 %, spans of 3), extreme by share (50 %, spans of 3), extreme by length (15 %, spans of 32),
    and sequential: the rest of the text after a random place.
    """
    kind = int(random.integers(4))
    if kind == 3 and len(ids) > 1:
        cut = int(random.integers(1, len(ids)))
        mark = np.array([sentinels[0]], np.int64)
        return np.concatenate([ids[:cut], mark]), np.concatenate([mark, ids[cut:]])
    share, mean = ((0.15, 3.0), (0.5, 3.0), (0.15, 32.0), (0.15, 3.0))[kind]
    return corrupt_spans(ids, random, sentinels=sentinels, share=share, mean=mean)


def answer(source: Ids, said: Ids, start_id: int) -> Example:
    """An example for an encoder–decoder: the decoder sees `said` one place late, from its start token on."""
    decoder = np.concatenate([[start_id], said[:-1]]).astype(np.int64)
    return Example(source, decoder, said, np.arange(len(source)))
