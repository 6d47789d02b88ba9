"""Texts to rows of fixed length, several documents to a row, none of which sees another.

A batch is drawn document by document in the order of the schedule until it holds enough tokens, then laid
into rows by best fit (Ding et al. 2024, "Fewer truncations improve language modeling"). A document is cut
only if it is longer than a row, and then its continuation is a piece of its own, with the last token seen
once more as context. So every token is predicted exactly once, except the first of each document.

Shapes: B rows, T positions of a row, N positions that carry a loss.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect import ranks

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts, end to end in flat arrays: text i is ``[offsets[i]:offsets[i + 1]]``.

    Per token: its id, whether it carries a loss. Per text: language and component (indices into `languages`
    and `components`), loss weight, characters and UTF-8 bytes.
    """

    ids: NDArray[np.int32]
    trained: NDArray[np.bool_]
    offsets: Ints
    language: NDArray[np.int32]
    component: NDArray[np.int32]
    weight: NDArray[np.float32]
    characters: Ints
    bytes: Ints
    languages: tuple[str, ...]
    components: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Tokens of each text."""
        return np.diff(self.offsets)

    def lengths_of(self, texts: Ints) -> Ints:
        """Tokens of some of the texts, without a pass over all of them."""
        lengths: Ints = self.offsets[texts + 1] - self.offsets[texts]
        return lengths

    def cells(self, texts: Ints) -> Ints:
        """The (language, component) cell of each of the texts: language-major, as the ledger counts."""
        return self.language[texts].astype(np.int64) * len(self.components) + self.component[texts]

    def among(self, languages: Iterable[str]) -> "Tokens":
        """The same texts, with room for languages that none of them is in."""
        names = tuple(sorted({*self.languages, *languages}))
        places = np.array([names.index(name) for name in self.languages], np.int32)
        return replace(self, languages=names, language=places[self.language])

    def counted(self, texts: Ints, shares: NDArray[np.float64] | float = 1.0) -> NDArray[np.float64]:
        """Tokens, characters and bytes of such shares of the texts, per cell: (cells, 3)."""
        cells, size = self.cells(texts), len(self.languages) * len(self.components)
        counts = (self.lengths_of(texts), self.characters[texts], self.bytes[texts])
        return np.stack([np.bincount(cells, weights=c * shares, minlength=size) for c in counts], 1)


def groups(sizes: Ints, limit: int) -> list[tuple[int, int]]:
    """Cut a sequence of sizes into runs ``[start, stop)``; each ends with the item that fills it."""
    total = np.cumsum(sizes)
    filled = np.concatenate([[0], total[:-1]]) // limit if len(total) else total
    starts = np.flatnonzero(np.diff(filled, prepend=-1)).tolist()
    return list(zip(starts, [*starts[1:], len(sizes)], strict=False))


class Text(NamedTuple):
    """One text to tokenise, with the character spans that carry a loss (None: all of it)."""

    text: str
    language: str
    component: str = ""
    weight: float = 1.0
    trained: tuple[tuple[int, int], ...] | None = None


def tokenise(tokenizer: Any, texts: Sequence[Text], *, specials: bool, data: bool | None = None) -> Tokens:
    """Tokenise many texts at once with the Rust tokenizer.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        texts: what to encode; a token carries a loss if its first character lies in a trained span.
        specials: add the tokenizer's begin and end tokens.
        data: take a special token written in a text apart like any other characters; by default as
            `specials`: a rendered dialogue, whose template writes them, has neither.
    """
    if specials:
        begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    else:
        begin = end = None
    languages = tuple(sorted({text.language for text in texts}))
    components = tuple(sorted({text.component for text in texts}))
    backend = tokenizer.backend_tokenizer
    before = backend.encode_special_tokens
    backend.encode_special_tokens = specials if data is None else data
    ids: list[NDArray[np.int32]] = []
    trained: list[NDArray[np.bool_]] = []
    for start in range(0, len(texts), 4096):
        part = texts[start : start + 4096]
        for text, encoding in zip(
            part, backend.encode_batch([text.text for text in part], add_special_tokens=False), strict=True
        ):
            row, mask = _ids_and_mask(text, encoding, begin, end)
            ids.append(row)
            trained.append(mask)
    backend.encode_special_tokens = before
    return Tokens(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        trained=np.concatenate(trained) if trained else np.zeros(0, np.bool_),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int64),
        language=_codes([text.language for text in texts], languages),
        component=_codes([text.component for text in texts], components),
        weight=np.array([text.weight for text in texts], np.float32),
        characters=np.array([len(text.text) for text in texts], np.int64),
        bytes=np.array([len(text.text.encode()) for text in texts], np.int64),
        languages=languages,
        components=components,
    )


def _ids_and_mask(
    text: Text, encoding: Any, begin: int | None, end: int | None
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    mask = np.ones(len(encoding.ids), np.bool_)
    if text.trained is not None:
        starts = np.array([first for first, _ in encoding.offsets], np.int64)
        mask[:] = False
        for first, last in text.trained:
            mask |= (starts >= first) & (starts < last)
    before, after = [] if begin is None else [begin], [] if end is None else [end]
    everything = text.trained is None
    ids = np.array([*before, *encoding.ids, *after], np.int32)
    return ids, np.concatenate([[everything] * len(before), mask, [everything] * len(after)]).astype(np.bool_)


def _codes(values: Sequence[str], names: Sequence[str]) -> NDArray[np.int32]:
    index = {name: code for code, name in enumerate(names)}
    return np.array([index[value] for value in values], np.int32)


class Batch(NamedTuple):
    """Packed rows. `select_N` are the flat positions whose *next* token is predicted; the rest follow it.

    `segments_BT` numbers the documents of a row (-1 is padding); `texts_N` says which text a token is of, and
    `cells_N` its (language, component) cell; `seen` counts what the rows hold per cell: tokens, characters,
    bytes. Where `packed` is off, every row holds one piece, and the model gets a plain padding mask.
    """

    ids_BT: Tensor
    positions_BT: Tensor
    segments_BT: Tensor
    select_N: Tensor
    targets_N: Tensor
    weights_N: Tensor
    cells_N: Tensor
    texts_N: Tensor
    seen: NDArray[np.float64]
    packed: bool

    @property
    def weight(self) -> float:
        """Sum of the loss weights: what the batch counts for in the mean of an optimiser step."""
        return float(self.weights_N.sum())


@dataclass(frozen=True)
class Plan:
    """Which piece of which text goes where: the whole run, known before its first step.

    `order` are text indices as the schedule draws them; `packed` allows several in a row; `steps[i]` are the
    first draw of optimiser step i and the one after its last. `held_out` are texts that no step draws.
    """

    tokens: Tokens
    order: Ints
    row_tokens: int
    batch_tokens: int
    micro_tokens: int
    pad_id: int
    packed: bool = True
    held_out: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    steps: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", groups(self.tokens.lengths[self.order], self.batch_tokens))

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the texts, in the order of their codes."""
        return self.tokens.languages

    @property
    def components(self) -> tuple[str, ...]:
        """Components of the texts, in the order of their codes."""
        return self.tokens.components

    def planned(self) -> NDArray[np.float64]:
        """Tokens, characters and bytes that the run will see, per (language, component) cell: (cells, 3)."""
        return self.tokens.counted(self.order)

    def batches(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of an optimiser step."""
        return self._laid_out(self.order[slice(*self.steps[step])])

    def held_out_batches(self) -> Iterator[Batch]:
        """Yield batches of the texts that no step draws, each once."""
        return self._laid_out(self.held_out)

    def _laid_out(self, texts: Ints) -> Iterator[Batch]:
        pieces = pieces_of(self.tokens, texts, self.row_tokens)
        lengths = [piece.stop - piece.start for piece in pieces]
        tokens = pass_tokens(self.micro_tokens, self.batch_tokens)
        for rows in arrange(lengths, self.row_tokens, tokens, packed=self.packed):
            chosen = [[pieces[i] for i in row] for row in rows]
            yield lay_out(self.tokens, chosen, self.pad_id, packed=self.packed)


def pass_tokens(micro_tokens: int, batch_tokens: int) -> int:
    """Tokens of one pass: few enough that each of several processes gets one."""
    return micro_tokens if ranks.count() == 1 else min(micro_tokens, -(-batch_tokens // ranks.count()))


class Piece(NamedTuple):
    """Tokens ``[start, stop)`` of the flat array, of one text; the first `context` were seen before."""

    text: int
    start: int
    stop: int
    context: int


def pieces_of(tokens: Tokens, texts: Ints, row_tokens: int) -> list[Piece]:
    """Cut texts into pieces that fit a row; every token is in one piece, or one more time as context."""
    pieces = []
    for text in texts.tolist():
        start, end = int(tokens.offsets[text]), int(tokens.offsets[text + 1])
        at, context = start, 0
        while at < end:
            stop = min(end, at - context + row_tokens)
            pieces.append(Piece(text, at - context, stop, context))
            at, context = stop, 1
    return pieces


def best_fit(lengths: Sequence[int], row_tokens: int) -> list[list[int]]:
    """Lay pieces into as few rows as best-fit-decreasing finds; every length is at most `row_tokens`.

    Returns:
        for each row, the indices of its pieces; rows in the order in which they were opened.
    """
    rows: list[list[int]] = []
    by_room: list[list[int]] = [[] for _ in range(row_tokens + 1)]
    rooms = 0  # bit r is set if some row has exactly r free positions
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            row = by_room[room].pop()
            if not by_room[room]:
                rooms &= ~(1 << room)
        else:
            room, row = row_tokens, len(rows)
            rows.append([])
        rows[row].append(index)
        by_room[room - length].append(row)
        rooms |= 1 << (room - length)
    return rows


def arrange(
    lengths: Sequence[int], row_tokens: int, micro_tokens: int, *, packed: bool
) -> Iterator[list[list[int]]]:
    """Yield batches of rows of piece indices, each of at most `micro_tokens` positions if it can be.

    Packed, rows are filled by best fit; otherwise each holds one piece, longest first, so that the rows of a
    batch are of similar length.
    """
    if packed:
        rows = best_fit(lengths, row_tokens)
    else:
        rows = [[i] for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))]
    at = 0
    while at < len(rows):
        width = row_tokens if packed else lengths[rows[at][0]]
        count = max(1, micro_tokens // width)
        yield rows[at : at + count]
        at += count


def lay_out(tokens: Tokens, rows: Sequence[Sequence[Piece]], pad_id: int, *, packed: bool = True) -> Batch:
    """Build one batch from rows of pieces; the width is that of the fullest row."""
    width = max(sum(piece.stop - piece.start for piece in row) for row in rows)
    ids = np.full((len(rows), width), pad_id, np.int64)
    positions = np.zeros((len(rows), width), np.int64)
    segments = np.full((len(rows), width), -1, np.int64)
    select, targets, weights, texts = [], [], [], []
    drawn, new = [], []
    for r, row in enumerate(rows):
        at = 0
        for s, piece in enumerate(row):
            length = piece.stop - piece.start
            ids[r, at : at + length] = tokens.ids[piece.start : piece.stop]
            positions[r, at : at + length] = np.arange(length)
            segments[r, at : at + length] = s
            carries = np.flatnonzero(tokens.trained[piece.start + 1 : piece.stop])
            select.append(r * width + at + carries)
            targets.append(tokens.ids[piece.start + 1 + carries])
            weights.append(np.full(len(carries), tokens.weight[piece.text], np.float32))
            texts.append(np.full(len(carries), piece.text))
            drawn.append(piece.text)
            new.append(length - piece.context)
            at += length
    texts_N, drawn_texts = np.concatenate(texts).astype(np.int64), np.array(drawn, np.int64)
    return Batch(
        ids_BT=torch.from_numpy(ids),
        positions_BT=torch.from_numpy(positions),
        segments_BT=torch.from_numpy(segments),
        select_N=torch.from_numpy(np.concatenate(select).astype(np.int64)),
        targets_N=torch.from_numpy(np.concatenate(targets).astype(np.int64)),
        weights_N=torch.from_numpy(np.concatenate(weights)),
        cells_N=torch.from_numpy(tokens.cells(texts_N)),
        texts_N=torch.from_numpy(texts_N),
        seen=tokens.counted(drawn_texts, np.array(new) / tokens.lengths_of(drawn_texts)),
        packed=packed,
    )
