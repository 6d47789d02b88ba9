"""fastText model files (`.bin`, `.ftz`): read without its package, and asked with a compiled loop.

Every published identification model is of format version 12 (lid.176, GlotLID, OpenLID, NLLB). The
probabilities are those of the package: the same features in the same order, added up in the same precision.
Matrices that are not quantised stay on disk and are mapped, so that all workers share them.

A file is not trusted: what it says about sizes is compared with what is there before memory is taken.

Sources: Joulin et al. 2016 (arXiv 1607.01759), Joulin et al. 2016 (1612.03651) for quantised files.
"""

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from panlect.errors import DataError

MAGIC, VERSION = 793712314, 12
HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
SUPERVISED = 3
CENTROIDS = 256
MOST_BUCKETS, LONGEST_PIECE = 1 << 27, 64
"""Limits for what the length of a quantised file does not bound: buckets, dimensions per code."""
_ARGUMENTS = (
    "dim",
    "ws",
    "epoch",
    "minCount",
    "neg",
    "wordNgrams",
    "loss",
    "model",
    "bucket",
    "minn",
    "maxn",
    "lrUpdateRate",
)
_SIGMOID_STEPS, _SIGMOID_END = 512, 8

Floats = NDArray[np.float32]


class Model(NamedTuple):
    """What a file holds, as the loops want it."""

    labels: tuple[str, ...]
    """Without the prefix ``__label__``."""
    features: Any
    """`model` of `panlect.text.fasttext_kernel.hidden_states`."""
    output: Floats
    """Labels (or inner nodes of their tree) × dimensions."""
    children: NDArray[np.int64]
    """The tree of hierarchical softmax; empty for other losses."""
    loss: int

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return texts × labels.

        White space of any kind separates words; a line's end is no more than that. One-vs-all and
        negative sampling give each label a probability of its own, the others a distribution.
        """
        hidden = self.hidden(texts)
        if self.loss == HIERARCHICAL:
            from panlect.text.fasttext_kernel import tree_scores

            scores = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
            tree_scores(hidden, self.output, self.children, scores)
            return scores
        raw = hidden @ self.output.T
        if self.loss == SOFTMAX:
            raw = np.exp(raw - raw.max(axis=1, keepdims=True))
            return np.asarray(raw / raw.sum(axis=1, keepdims=True))
        return _sigmoid(raw)

    def hidden(self, texts: Sequence[str]) -> Floats:
        """Return texts × dimensions: the mean of the vectors of each text's features."""
        from panlect.text.fasttext_kernel import hidden_states

        encoded = [text.encode("utf-8", "surrogatepass") + b" </s>" for text in texts]
        starts = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in encoded], out=starts[1:])
        longest = int(np.diff(starts).max(initial=0)) + 2
        room = np.zeros(longest, dtype=np.uint8), np.zeros(longest, dtype=np.uint32)
        hidden = np.zeros((len(texts), self.output.shape[1]), dtype=np.float32)
        data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        hidden_states(data, starts, self.features, room, hidden)
        return hidden


def _sigmoid(raw: Floats) -> Floats:
    """Look the logistic function up in the steps that fastText has it in."""
    steps = np.arange(_SIGMOID_STEPS + 1) * 2 * _SIGMOID_END / _SIGMOID_STEPS - _SIGMOID_END
    table = (1.0 / (1.0 + np.exp(-steps))).astype(np.float32)
    place = (np.clip(raw, -_SIGMOID_END, _SIGMOID_END) + _SIGMOID_END) * _SIGMOID_STEPS / _SIGMOID_END / 2
    found = table[place.astype(np.int64)]
    return np.asarray(np.where(raw < -_SIGMOID_END, 0, np.where(raw > _SIGMOID_END, 1, found)), np.float32)


def read(path: str | Path) -> Model:
    """Read a model file.

    Raises:
        DataError: it is no fastText model for classification, or of another version, or damaged.
    """
    reader = _Reader(Path(path))
    try:
        return _read(reader)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        reader.damaged(str(error), error)


class _Reader:
    """Takes values off a mapped file, never more than there is."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0
        with path.open("rb") as stream:
            if not path.stat().st_size:
                self.damaged("it is empty")
            self.data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def damaged(self, why: str, cause: Exception | None = None) -> NoReturn:
        raise DataError(
            f"the model file is damaged: {why}",
            where=str(self.path),
            expected="a complete fastText file",
            fix="get the file again, and compare its size with the publisher's",
        ) from cause

    def numbers(self, layout: str) -> tuple[Any, ...]:
        size = struct.calcsize("<" + layout)
        found = struct.unpack("<" + layout, self.data[self.at : self.at + size])
        self.at += size
        return found

    def array(self, dtype: type, count: int) -> NDArray[Any]:
        """Return a mapped array."""
        size = np.dtype(dtype).itemsize * count
        if not 0 <= size <= len(self.data) - self.at:
            self.damaged(f"it ends at {len(self.data):,} bytes, within a table of {size:,}")
        found: NDArray[Any] = np.frombuffer(self.data, dtype, count, self.at)
        self.at += size
        return found

    def word(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            self.damaged("it ends within its list of words")
        found, self.at = self.data[self.at : end], end + 1
        return found


def _read(reader: _Reader) -> Model:
    magic, version = reader.numbers("ii")
    arguments = dict(zip(_ARGUMENTS, reader.numbers("12i"), strict=True))
    reader.numbers("d")
    if (magic, version, arguments["model"]) != (MAGIC, VERSION, SUPERVISED):
        raise DataError(
            "this is no fastText model for classification",
            where=str(reader.path),
            expected=f"a supervised model of format version {VERSION}",
        )
    loss, size = arguments["loss"], (arguments["bucket"], arguments["dim"])
    if loss not in (HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL) or min(size) < 0:
        reader.damaged(f"loss {loss}, {size[0]} buckets, {size[1]} dimensions")
    words, labels, counts, kept = _dictionary(reader, size[0])
    matrix, output = _matrices(reader, size[1], len(labels))
    grams = _grams(reader, (size[0], len(words), len(matrix)), kept)
    # With hierarchical softmax the last row of the output belongs to no inner node.
    rows = output[: len(labels) - 1] if loss == HIERARCHICAL else output
    tree = _tree(counts) if loss == HIERARCHICAL else np.zeros((0, 2), dtype=np.int64)
    lengths = (arguments["minn"], arguments["maxn"], arguments["wordNgrams"] if size[0] else 1)
    names = tuple(label.decode("utf-8", "replace").removeprefix("__label__") for label in labels)
    return Model(names, (_table(words), matrix, grams, lengths), np.ascontiguousarray(rows), tree, loss)


def _dictionary(
    reader: _Reader, buckets: int
) -> tuple[list[bytes], list[bytes], list[int], NDArray[np.int32] | None]:
    """Return words, labels, labels' counts, and (bucket, row) of the n-grams that a pruned model keeps."""
    entries, _, _, _, pairs = reader.numbers("iiiqq")
    words: list[bytes] = []
    labels: list[bytes] = []
    counts: list[int] = []
    for _ in range(entries):
        text = reader.word()
        count, kind = reader.numbers("qb")
        (labels if kind else words).append(text)
        if kind:
            counts.append(count)
    if not labels:
        reader.damaged("it has no labels")
    return words, labels, counts, None if pairs < 0 else reader.array(np.int32, 2 * pairs).reshape(-1, 2)


def _grams(reader: _Reader, sizes: tuple[int, int, int], pairs: NDArray[np.int32] | None) -> Any:
    """Return (buckets, words, bit by bucket, row by bucket) of the n-grams."""
    buckets, words, rows = sizes
    kept, row = np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int32)
    if pairs is None:
        if rows != words + buckets:
            reader.damaged(f"{rows:,} rows for {words:,} words and {buckets:,} buckets")
    else:
        bucket, place = pairs[:, 0], pairs[:, 1]
        within = bool(((pairs >= 0) & (pairs < [[buckets, rows - words]])).all())
        if buckets > MOST_BUCKETS or not within:
            reader.damaged(f"n-grams outside of {buckets:,} buckets and {rows:,} rows")
        flags, row = np.zeros(max(1, buckets), dtype=np.uint8), np.zeros(max(1, buckets), dtype=np.int32)
        flags[bucket], row[bucket] = 1, place
        kept = np.packbits(flags, bitorder="little")
    return np.uint64(max(1, buckets)), words, kept, row


def _matrices(reader: _Reader, dimensions: int, labels: int) -> tuple[Floats, Floats]:
    """Return features × dimensions and labels × dimensions."""
    (is_quantised,) = reader.numbers("?")
    matrix = _quantised(reader) if is_quantised else _dense(reader)
    (output_is_quantised,) = reader.numbers("?")
    output = _quantised(reader) if is_quantised and output_is_quantised else _dense(reader)
    if not dimensions == matrix.shape[1] == output.shape[1] or len(output) != labels:
        reader.damaged(f"tables of {matrix.shape} and {output.shape} for {labels} labels of {dimensions}")
    return matrix, output


def _dense(reader: _Reader) -> Floats:
    rows, columns = reader.numbers("qq")
    if min(rows, columns) < 0:
        reader.damaged(f"a table of {rows} × {columns}")
    found: Floats = reader.array(np.float32, rows * columns).reshape(rows, columns)
    return found


def _quantised(reader: _Reader) -> Floats:
    """Return a product-quantised matrix, written out."""
    has_norms, rows, columns, size = reader.numbers("?qqi")
    if rows < 1 or size % rows:
        reader.damaged(f"{size:,} codes for {rows:,} rows")
    codes = reader.array(np.uint8, size).reshape(rows, -1)
    matrix = _decoded(codes, columns, reader)
    if has_norms:
        norms = reader.array(np.uint8, rows).reshape(rows, 1)
        matrix *= _decoded(norms, 1, reader)
    matrix.flags.writeable = False  # like the mapped ones: one compiled loop for both
    return matrix


def _decoded(codes: NDArray[np.uint8], columns: int, reader: _Reader) -> Floats:
    """Put rows together from the centroids of their pieces."""
    dimensions, parts, step, _ = reader.numbers("4i")
    if (
        not 1 <= step <= LONGEST_PIECE
        or dimensions != columns
        or not parts == codes.shape[1] == -(-columns // step)
    ):
        reader.damaged(f"{codes.shape[1]} codes a row for {parts} pieces of {step} out of {dimensions}")
    centroids = reader.array(np.float32, CENTROIDS * dimensions)
    pieces = []
    for part, first in enumerate(range(0, dimensions, step)):
        width = min(step, dimensions - first)
        # The last part may be narrower; its centroids follow those of the parts before it.
        mine = centroids[CENTROIDS * first : CENTROIDS * (first + width)].reshape(CENTROIDS, width)
        pieces.append(mine[codes[:, part]])
    return np.ascontiguousarray(np.hstack(pieces))


def _table(words: list[bytes]) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64]]:
    """Return (slots of an open-addressing table, all words' bytes, where each begins and the last ends)."""
    from panlect.text.fasttext_kernel import fill_table

    slots = np.full(1 << max(4, (2 * len(words)).bit_length()), -1, dtype=np.int32)
    starts = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    letters = np.frombuffer(b"".join(words) or b"\0", dtype=np.uint8)
    fill_table(slots, letters, starts)
    return slots, letters, starts


def _tree(counts: list[int]) -> NDArray[np.int64]:
    """Return the two children of every inner node of the Huffman tree over the labels (by falling count)."""
    labels = len(counts)
    weight = np.full(2 * labels - 1, 10**15, dtype=np.int64)
    weight[:labels] = counts
    children = np.zeros((labels - 1, 2), dtype=np.int64)
    leaf, inner = labels - 1, labels
    for node in range(labels, 2 * labels - 1):
        for side in range(2):
            if leaf >= 0 and weight[leaf] < weight[inner]:
                children[node - labels, side], leaf = leaf, leaf - 1
            else:
                children[node - labels, side], inner = inner, inner + 1
        weight[node] = weight[children[node - labels]].sum()
    return children
