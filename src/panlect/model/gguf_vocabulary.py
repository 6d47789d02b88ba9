"""Whether a vocabulary survives the way into a GGUF file, and whether llama.cpp can cut words as it needs.

With the package `gguf` (llama.cpp's own) the vocabulary and merges of byte-level BPE are written as
llama.cpp's conversion does, read again, and a tokenizer built from what was read must split every text as
before. Special tokens keep their ids and kind.

What cannot be checked without llama.cpp itself: its own code for patterns and merging. But it is known what
it can do: it has a fixed list of word patterns and takes no others, and it does not normalise. So a tokenizer
with another pattern, or with NFC, splits some texts otherwise there, and that is said.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from panlect.model.tokenizer_reading import TIKTOKEN_PATTERN
from panlect.model.tokenizer_training import encode_texts
from panlect.model.word_units import GPT2_PATTERN

PATTERNS = {
    GPT2_PATTERN: "gpt-2",
    TIKTOKEN_PATTERN: "llama-bpe",
    TIKTOKEN_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}"): "qwen2",
    r" ?[^(\s|[.,!?…。，、।۔،])]+": "bloom",
}
"""Word patterns of the families that can be extended, and how llama.cpp calls them."""
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5


def checkable(engine: Tokenizer) -> bool:
    """Whether the package is here and the tokenizer is byte-level BPE.

    SentencePiece models are written with the scores of their .model file, which an extended tokenizer.json
    does not have.
    """
    facts = json.loads(engine.to_str())
    levels = json.dumps([facts["pre_tokenizer"], facts["decoder"]])
    return find_spec("gguf") is not None and facts["model"]["type"] == "BPE" and '"ByteLevel"' in levels


def differences(engine: Tokenizer, texts: Sequence[str]) -> list[str]:
    """What is no longer the same after the way through a GGUF file; empty when all is well."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vocabulary.gguf"
        facts = json.loads(engine.to_str())
        _write(path, facts, engine)
        tokens, kinds, merges = _read(path)
    problems = []
    vocabulary = engine.get_vocab(with_added_tokens=True)
    if moved := sum(tokens[number] != piece for piece, number in vocabulary.items()):
        problems.append(f"{moved} pieces have another id in GGUF")
    special = {token["id"] for token in facts["added_tokens"] if token["special"]}
    if lost := sum((kinds[number] == _CONTROL) != (number in special) for number in vocabulary.values()):
        problems.append(f"{lost} special tokens are none in GGUF, or the other way round")
    used = {piece: number for number, piece in enumerate(tokens) if kinds[number] != _UNUSED}
    facts["model"] |= {"vocab": used, "merges": merges}
    again = Tokenizer.from_str(json.dumps(facts, ensure_ascii=False))
    both = zip(encode_texts(engine, texts), encode_texts(again, texts), strict=True)
    if wrong := sum(before != after for before, after in both):
        problems.append(f"{wrong} of {len(texts)} texts are split otherwise from GGUF")
    return problems


def not_in_llama_cpp(engine: Tokenizer) -> list[str]:
    """What llama.cpp cannot do as this tokenizer does it."""
    facts = json.loads(engine.to_str())
    found = []
    if facts["normalizer"] is not None:
        found.append(f"llama.cpp does not normalise ({facts['normalizer']['type']} here)")
    if _pattern(facts["pre_tokenizer"] or {}) not in PATTERNS:
        found.append("llama.cpp does not know its word pattern")
    return found


def _pattern(pre_tokenizer: Any) -> str | None:
    parts = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if len(parts) == 1 and parts[0].get("type") == "ByteLevel" and parts[0].get("use_regex", True):
        return GPT2_PATTERN
    splits = [part["pattern"].get("Regex") for part in parts if part["type"] == "Split"]
    return splits[0] if len(splits) == 1 and len(parts) == 2 else None


def _write(path: Path, facts: Any, engine: Tokenizer) -> None:
    """As llama.cpp's conversion: a list of tokens by id, their kinds, and merges as two parts and a space."""
    import gguf

    vocabulary = engine.get_vocab(with_added_tokens=True)
    added = {token["id"]: token["special"] for token in facts["added_tokens"]}
    by_id = {number: piece for piece, number in vocabulary.items()}
    tokens, kinds = [], []
    for number in range(max(by_id) + 1):
        tokens.append(by_id.get(number, f"[PAD{number}]"))
        kind = _NORMAL if number in by_id else _UNUSED
        if number in added:
            kind = _CONTROL if added[number] else _USER_DEFINED
        kinds.append(kind)
    merges = facts["model"]["merges"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PATTERNS.get(_pattern(facts["pre_tokenizer"] or {}) or "", "default"))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def _read(path: Path) -> tuple[list[str], list[int], list[str]]:
    import gguf

    fields = gguf.GGUFReader(path).fields
    tokens, kinds, merges = (
        fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "token_type", "merges")
    )
    return tokens, kinds, merges
