"""Reads a SentencePiece `.model` file and rebuilds it in `tokenizers`, without the SentencePiece library.

The file is a protocol buffer (message ModelProto of sentencepiece_model.proto). Only the few fields that
decide how text is split are read: pieces with score and type, the algorithm, and the normaliser.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers

from panlect.errors import ModelError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
SPACE_MARK = "\u2581"
NO_TEXT = "\U0010ffff"
"""A noncharacter: it occurs in no text."""


@dataclass
class SentencePiece:
    """What a `.model` file says. `pieces` are (text, score, type) in the order of their ids."""

    pieces: list[tuple[str, float, int]] = field(default_factory=list)
    algorithm: Literal["unigram", "bpe"] = "unigram"
    byte_fallback: bool = False
    character_map: bytes = b""
    dummy_prefix: bool = True
    remove_extra_spaces: bool = True

    @property
    def unknown(self) -> int:
        """Id of the unknown piece."""
        return next((number for number, piece in enumerate(self.pieces) if piece[2] == UNKNOWN), 0)


def read(path: Path) -> Tokenizer:
    """Open a `.model` file as a `tokenizers.Tokenizer`.

    Raises:
        ModelError: the file is not one, or its algorithm is neither BPE nor Unigram.
    """
    try:
        return engine(parse(path.read_bytes()))
    except (IndexError, UnicodeDecodeError, OSError, ValueError) as error:
        raise ModelError(
            f"not a SentencePiece model ({error})", where=str(path), expected="a .model file of SentencePiece"
        ) from error


def parse(data: bytes) -> SentencePiece:
    """Read the fields that matter. Field numbers are those of sentencepiece_model.proto."""
    found = SentencePiece()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            found.pieces.append(_piece(value))
        elif number == 2 and isinstance(value, bytes):
            trainer = dict(_fields(value))
            kind = trainer.get(3, 1)
            if kind not in (1, 2):
                raise ValueError("its algorithm is neither Unigram nor BPE")
            found.algorithm = "unigram" if kind == 1 else "bpe"
            found.byte_fallback = bool(trainer.get(35, 0))
        elif number == 3 and isinstance(value, bytes):
            normaliser = dict(_fields(value))
            character_map = normaliser.get(2, b"")
            found.character_map = character_map if isinstance(character_map, bytes) else b""
            found.dummy_prefix = bool(normaliser.get(3, 1))
            found.remove_extra_spaces = bool(normaliser.get(4, 1))
    if not found.pieces:
        raise ValueError("it has no pieces")
    return found


def _piece(data: bytes) -> tuple[str, float, int]:
    fields = dict(_fields(data))
    text, score, kind = fields.get(1, b""), fields.get(2, b"\0\0\0\0"), fields.get(3, NORMAL)
    if not isinstance(text, bytes) or not isinstance(score, bytes) or not isinstance(kind, int):
        raise ValueError("a piece has fields of another type")
    return text.decode(), struct.unpack("<f", score)[0], kind


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a protocol buffer message: number and value (an integer, or the raw bytes)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(data, at)
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            value, at = data[at : at + width], at + width
        elif wire == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError("it is not a protocol buffer")
        if at > len(data):
            raise ValueError("it is cut off")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def engine(model: SentencePiece) -> Tokenizer:
    """Rebuild the model; the result splits text as SentencePiece does."""
    vocabulary = {text: number for number, (text, _, _) in enumerate(model.pieces)}
    if model.algorithm == "bpe":
        unknown = model.pieces[model.unknown][0]
        made = Tokenizer(
            models.BPE(
                vocab=vocabulary,
                merges=merges_of_scores(model),
                unk_token=unknown,
                fuse_unk=True,
                byte_fallback=model.byte_fallback,
            )
        )
    else:
        # Control pieces never stand for text that spells their name, so here they get a name no text has.
        pieces = [
            (text if kind in (NORMAL, USER_DEFINED, BYTE) else NO_TEXT + text, score)
            for text, score, kind in model.pieces
        ]
        made = Tokenizer(models.Unigram(pieces, unk_id=model.unknown, byte_fallback=model.byte_fallback))
    _dress(made, model)
    # Pieces that the model's maker defined are cut out of the text first. (Added tokens are matched before
    # spaces are marked, so those with a space mark stay with the algorithm.)
    whole = [text for text, _, kind in model.pieces if kind == USER_DEFINED and SPACE_MARK not in text]
    made.add_tokens([AddedToken(text, normalized=False) for text in whole])
    return made


def _dress(made: Tokenizer, model: SentencePiece) -> None:
    steps: list[normalizers.Normalizer] = []
    if model.character_map:
        steps.append(normalizers.Precompiled(model.character_map))
    if model.remove_extra_spaces:
        steps += [normalizers.Strip(left=True, right=True), normalizers.Replace(Regex(" {2,}"), " ")]
    if model.dummy_prefix:
        steps.append(normalizers.Prepend(SPACE_MARK))
    made.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE_MARK)])
    # As in Llama's converted tokenizer: Metaspace would not add a prefix to a text that begins with a space.
    undo: list[decoders.Decoder] = [
        decoders.Replace(SPACE_MARK, " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
    ]
    made.decoder = decoders.Sequence([*undo, decoders.Strip(" ", 1, 0)] if model.dummy_prefix else undo)


def merges_of_scores(model: SentencePiece) -> list[tuple[str, str]]:
    """SentencePiece BPE merges the pair whose union has the best score; as a list of merges, best first.

    Every split of a piece into two pieces is a merge: SentencePiece does not say which one it learned.
    """
    rank = {
        text: (-score, number)
        for number, (text, score, kind) in enumerate(model.pieces)
        if kind in (NORMAL, USER_DEFINED)
    }
    ids = {text: number for number, (text, _, _) in enumerate(model.pieces)}
    merges = []
    for text, order in rank.items():
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if left in rank and right in rank:
                merges.append((order[0], order[1], ids[left], ids[right], left, right))
    return [(left, right) for *_, left, right in sorted(merges)]
