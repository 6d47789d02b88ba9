"""Opens any tokenizer for measuring: Hugging Face files and directories, SentencePiece, tiktoken. No torch.

All formats end in one engine, the Rust library `tokenizers`, so they are measured alike and fast:
SentencePiece and tiktoken files are read here and rebuilt (their own libraries are not needed). Only a slow
tokenizer written in Python stays what it is.

Text is data for all of them: special tokens written in it are not recognised.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from panlect.errors import ModelError
from panlect.folder import Folder, Input
from panlect.model import sentencepiece_file, word_units
from panlect.model.word_units import Units
from panlect.text.scripts import main_scripts

BYTE_PIECE_LENGTH = len("<0x00>")
TIKTOKEN_PATTERN = (
    # cl100k_base, the pattern of GPT-4 and Llama 3; a tiktoken file holds the ranks, but not its pattern
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPACE_MARK = "\u2581"
PROBE_TEXTS = 20
"""So many texts of each language are tokenised by the library, too, to see that words come to the same."""
CACHED_WORDS = 2**16
SMALLEST_VOCABULARY = 10
"""Of settings without a vocabulary file transformers makes a tokenizer that knows next to nothing."""


@dataclass(frozen=True)
class OpenTokenizer:
    """A tokenizer that can be measured.

    Attributes:
        name: how numbers name it.
        kind: the format it was read from.
        size: number of ids.
        unknown: id of the unknown token, or -1.
    """

    name: str
    kind: str
    size: int
    unknown: int
    _encode: Callable[[Sequence[str]], list[list[int]]]
    _decode: Callable[[Sequence[list[int]]], list[str]]
    _piece: Callable[[int], str | None]
    _is_byte_level: bool
    _decodes_bytes: bool = False
    _words: word_units.Words | None = None

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without special tokens."""
        return self._encode(texts)

    def decode(self, ids: Sequence[list[int]]) -> list[str]:
        """The text of each list of ids."""
        return self._decode(ids)

    def units(self, texts: Sequence[str]) -> Units:
        """The texts as rows of words that are tokenised once each; whole texts where that is not the same."""
        found = self._words and word_units.in_words(texts, self._words)
        probe = texts[:PROBE_TEXTS]
        if found and [found.ids_of(row) for row in range(len(probe))] == self.encode(probe):
            return found
        return word_units.whole(texts, self.encode(texts))

    def changed(self, texts: Sequence[str], units: Units) -> list[tuple[str, str]]:
        """(what comes back, text) of every text that does not come back as it was."""
        rows = list(range(len(texts)))
        if self._decodes_bytes:
            # The decoder does no more than this; asking it takes ten times as long.
            surfaces = self.surfaces
            spelled = [
                b"".join([surfaces[number] for number in ids]) == unit.encode("utf-8", "surrogatepass")
                for unit, ids in zip(units.spelled, units.ids, strict=True)
            ]
            bad = {number for number, whole in enumerate(spelled) if not whole}
            rows = [
                row
                for row, text in enumerate(texts)
                if units.texts[row] != text or not bad.isdisjoint(units.rows[row])
            ]
        backs = self.decode([units.ids_of(row) for row in rows])
        return [(back, texts[row]) for back, row in zip(backs, rows, strict=True) if back != texts[row]]

    @cached_property
    def surfaces(self) -> list[bytes]:
        """The bytes that each id stands for; empty where an id is not in use."""
        return [surface(self._piece(number), byte_level=self._is_byte_level) for number in range(self.size)]

    @cached_property
    def is_partial(self) -> NDArray[np.bool_]:
        """By id: whether it holds less than a whole character."""
        return np.array([not _is_whole(found) for found in self.surfaces])

    @cached_property
    def single_characters(self) -> NDArray[np.int64]:
        """Code points that are a piece of their own, with or without a space before them."""
        texts = {found.decode().removeprefix(" ") for found in self.surfaces if _is_whole(found)}
        return np.array(sorted(ord(text) for text in texts if len(text) == 1), dtype=np.int64)

    @cached_property
    def scripts(self) -> dict[str, float]:
        """Share of the ids by the script that most of their letters are in; `Zyyy` for signs and digits."""
        texts = [found.decode() if _is_whole(found) else "" for found in self.surfaces]
        found = Counter(script for script, _, _ in main_scripts(texts))
        return {script: count / self.size for script, count in found.most_common()}

    @cached_property
    def marks_word_starts_itself(self) -> bool:
        """Whether a word at the start of a text gets a space (SentencePiece's dummy prefix)."""
        first = self.encode(["a"])[0]
        return bool(first) and self.surfaces[first[0]].startswith(b" ")


def open_tokenizer(each: Input) -> OpenTokenizer:
    """Open what an input holds.

    Raises:
        ModelError: there is no tokenizer, or it cannot be read.
    """
    if isinstance(each, Folder):
        if each.model_path is None:
            raise _nothing(each.name, str(each.path))
        return _from_directory(each.name, each.model_path)
    path = Path(each.location)
    if path.is_dir():
        return _from_directory(each.name, path)
    if path.suffix == ".json":
        # A bare file is named after its directory: they are all called tokenizer.json.
        name = path.absolute().parent.name if path.name == "tokenizer.json" else each.name
        return from_engine(name, "tokenizer.json", _engine(path))
    if path.suffix == ".model":
        return from_engine(each.name, "sentencepiece", sentencepiece_file.read(path))
    if path.suffix == ".tiktoken":
        return from_engine(each.name, "tiktoken", read_tiktoken(path))
    if path.exists():
        raise _nothing(each.name, str(path))
    return _from_transformers(each.name, each.location)


def is_tokenizer(each: Input) -> bool:
    """Whether the input holds a tokenizer, going by its files (a hub id is believed)."""
    path = each.model_path if isinstance(each, Folder) else Path(each.location)
    if path is None:
        return False
    if path.is_dir():
        return any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")) or bool(
            _single_files(path)
        )
    if path.suffix == ".json" and path.is_file() and not path.name.endswith("tokenizer.json"):
        with path.open("rb") as file:  # other .json files are texts
            return b'"added_tokens"' in file.read(4096)
    return path.suffix in {".model", ".tiktoken", ".json"} or not path.exists()


def _single_files(path: Path) -> list[Path]:
    return sorted([*path.glob("*.tiktoken"), *path.glob("*.model")])


def _from_directory(name: str, path: Path) -> OpenTokenizer:
    if (path / "tokenizer.json").is_file():
        return from_engine(name, "tokenizer.json", _engine(path / "tokenizer.json"))
    for file in _single_files(path):
        tiktoken = file.suffix == ".tiktoken"
        return from_engine(
            name,
            "tiktoken" if tiktoken else "sentencepiece",
            read_tiktoken(file) if tiktoken else sentencepiece_file.read(file),
        )
    if (path / "tokenizer_config.json").is_file():
        return _from_transformers(name, str(path))
    raise _nothing(name, str(path))


def _nothing(name: str, where: str) -> ModelError:
    return ModelError(
        f"'{name}' holds no tokenizer",
        where=where,
        expected="tokenizer.json, a SentencePiece .model, a .tiktoken file, or a Hugging Face directory",
        fix="copy the tokenizer's files beside the model; of a slow tokenizer only: load it in transformers"
        " and save it again",
    )


def _engine(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises plain Exception
        raise ModelError(f"the tokenizer cannot be read ({error})", where=str(path)) from error


def engine_of(location: str) -> Tokenizer:
    """The `tokenizers.Tokenizer` of a model directory or hub id, to be changed and saved again.

    Raises:
        ModelError: there is only a slow tokenizer.
    """
    path = Path(location)
    if (path / "tokenizer.json").is_file():
        return _engine(path / "tokenizer.json")
    found = getattr(_in_transformers(path.name, location), "backend_tokenizer", None)
    if not isinstance(found, Tokenizer):
        raise _nothing(path.name, location)
    return found


def from_engine(name: str, kind: str, engine: Tokenizer) -> OpenTokenizer:
    """Wrap a `tokenizers.Tokenizer` for measuring. Truncation and padding are switched off."""
    engine.no_truncation()
    engine.no_padding()
    engine.encode_special_tokens = True
    facts = json.loads(engine.to_str())
    return OpenTokenizer(
        name=name,
        kind=kind,
        size=max(engine.get_vocab(with_added_tokens=True).values()) + 1,
        unknown=_unknown(engine, facts["model"]),
        _encode=lambda texts: [
            found.ids for found in engine.encode_batch_fast(list(texts), add_special_tokens=False)
        ],
        _decode=lambda ids: list(engine.decode_batch(list(ids), skip_special_tokens=False)),
        _piece=engine.id_to_token,
        _is_byte_level='"ByteLevel"' in json.dumps(facts["decoder"] or facts["pre_tokenizer"]),
        _decodes_bytes=(facts["decoder"] or {}).get("type") == "ByteLevel",
        _words=_words(engine, facts),
    )


def _words(engine: Tokenizer, facts: dict[str, Any]) -> word_units.Words | None:
    found = word_units.pattern_of(facts)
    if found is None:
        return None
    model = engine.model

    @lru_cache(CACHED_WORDS)
    def ids(word: str) -> list[int]:
        return [token.id for token in model.tokenize(spell(word.encode("utf-8", "surrogatepass")))]

    return word_units.Words(*found, ids)


def _unknown(engine: Tokenizer, model: dict[str, Any]) -> int:
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    found = engine.token_to_id(model["unk_token"]) if model.get("unk_token") else None
    return -1 if found is None else int(found)


def _in_transformers(name: str, location: str) -> Any:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(location)
    except (OSError, ValueError, ImportError) as error:
        if Path(location).is_dir():
            raise _nothing(name, location) from error
        raise ModelError(f"transformers cannot open the tokenizer ({error})", where=location) from error
    if len(found) - len(found.added_tokens_decoder) < SMALLEST_VOCABULARY:
        raise _nothing(name, location)
    return found


def _from_transformers(name: str, location: str) -> OpenTokenizer:
    found = _in_transformers(name, location)
    if engine := getattr(found, "backend_tokenizer", None):
        return from_engine(name, "transformers", engine)

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [found.encode(text, add_special_tokens=False, split_special_tokens=True) for text in texts]

    unknown = found.unk_token_id
    return OpenTokenizer(
        name=name,
        kind="slow",
        size=len(found),
        unknown=-1 if unknown is None else unknown,
        _encode=encode,
        _decode=lambda ids: [found.decode(one) for one in ids],
        _piece=found.convert_ids_to_tokens,
        _is_byte_level=False,
    )


def byte_characters() -> dict[int, str]:
    """GPT-2's table from bytes to printable characters, in which byte-level vocabularies are written."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


_CHARACTERS = byte_characters()
_BYTES = {character: byte for byte, character in _CHARACTERS.items()}


def surface(piece: str | None, *, byte_level: bool) -> bytes:
    r"""The bytes that a vocabulary entry stands for.

    >>> surface("Ġthe", byte_level=True), surface("▁the", byte_level=False)
    (b' the', b' the')
    >>> surface("<0xE0>", byte_level=False)
    b'\xe0'
    """
    if piece is None:
        return b""
    if byte_level and all(character in _BYTES for character in piece):
        return bytes(_BYTES[character] for character in piece)
    if len(piece) == BYTE_PIECE_LENGTH and piece.startswith("<0x") and piece.endswith(">"):
        try:
            return bytes([int(piece[3:5], 16)])
        except ValueError:
            return piece.encode()
    return piece.replace(SPACE_MARK, " ").encode()


def spell(raw: bytes) -> str:
    """Bytes in the spelling of a byte-level vocabulary."""
    return raw.decode("latin-1").translate(_CHARACTERS)


def _is_whole(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_tiktoken(path: Path, *, pattern: str = TIKTOKEN_PATTERN) -> Tokenizer:
    """Rebuild a tokenizer from a .tiktoken file: lines of a base64 token and its rank.

    Raises:
        ModelError: a line is not of that form.
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ModelError(
                "not a line of a tiktoken file",
                where=f"{path}:{number}",
                expected="a base64 token and a rank",
            ) from error
    merges = merges_of_ranks(ranks)
    vocabulary = {spell(token): rank for token, rank in ranks.items()}
    # tiktoken looks a whole word up before it merges; so must this.
    engine = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    return engine


def merges_of_ranks(ranks: dict[bytes, int]) -> list[tuple[str, str]]:
    """The merges that a tiktoken vocabulary implies: each token's two parts before it becomes whole."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1 and len(parts := _split(token, ranks, below=rank)) == 2:
            merges.append((spell(parts[0]), spell(parts[1])))
    return merges


def _split(token: bytes, ranks: dict[bytes, int], *, below: int) -> list[bytes]:
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 1:
        found = [(ranks.get(left + right, below), at) for at, (left, right) in enumerate(pairwise(parts))]
        rank, at = min(found)
        if rank >= below:
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
