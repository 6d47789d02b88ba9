"""Drops vocabulary entries that texts never use; those texts are tokenised as before. No torch here.

What is kept: the pieces that the texts use, whatever those are merged from (every merge that leads to a kept
piece, down to single bytes or characters), all special tokens, all 256 bytes, and on wish whole scripts.

Why nothing changes: while a text is being split, every piece on the way is part of a piece at the end; so
all merges that took place are still there, in the same order. For Unigram, the best path is still there and
no new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from panlect.errors import DataError
from panlect.model.tokenizer_reading import from_engine, surface
from panlect.model.tokenizer_training import encode_texts
from panlect.model.vocabulary_extension import family_of
from panlect.text.scripts import script_counts


@dataclass(frozen=True)
class Trimmed:
    """The smaller tokenizer; `kept` are the old ids in the order of the new ones."""

    tokenizer: Tokenizer
    kept: tuple[int, ...]


def trim(
    tokenizer: Tokenizer, texts: Iterable[str], *, scripts: Sequence[str] = (), min_count: int = 1
) -> Trimmed:
    """Keep what the texts use at least `min_count` times, and all pieces in these scripts.

    Raises:
        DataError: there is no text.
    """
    family = family_of(tokenizer)
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    counts = np.zeros(size, dtype=np.int64)
    for ids in encode_texts(tokenizer, texts):
        np.add.at(counts, ids, 1)
    if not counts.any():
        raise DataError("there is no text to go by", where="texts")
    facts = json.loads(tokenizer.to_str())
    wanted = set(np.flatnonzero(counts >= min_count).tolist())
    wanted |= {token["id"] for token in facts["added_tokens"]}
    wanted |= _always(tokenizer, facts, scripts)
    if family == "unigram":
        return _unigram(facts, wanted)
    return _bpe(facts, wanted)


def _always(tokenizer: Tokenizer, facts: dict[str, Any], scripts: Sequence[str]) -> set[int]:
    """Bytes, the unknown token, and pieces in the chosen scripts (parts of characters serve any)."""
    opened = from_engine("", "", Tokenizer.from_str(tokenizer.to_str()))
    byte_level = family_of(tokenizer) == "byte-level bpe"
    kept = {opened.unknown} - {-1}
    for piece, number in tokenizer.get_vocab(with_added_tokens=False).items():
        raw = surface(piece, byte_level=byte_level)
        if (
            (byte_level and len(raw) == 1)
            or piece.startswith("<0x")
            or (scripts and set(script_counts(raw.decode(errors="ignore"))) <= set(scripts))
        ):
            kept.add(number)
    return kept


def _bpe(facts: dict[str, Any], wanted: set[int]) -> Trimmed:
    model = facts["model"]
    ids = model["vocab"] | {token["content"]: token["id"] for token in facts["added_tokens"]}
    merges = [tuple(each.split(" ")) if isinstance(each, str) else tuple(each) for each in model["merges"]]
    made_of: dict[int, list[tuple[int, int]]] = {}
    for left, right in merges:
        made_of.setdefault(ids[left + right], []).append((ids[left], ids[right]))
    kept = set(wanted)
    todo = list(wanted)
    while todo:
        for pair in made_of.get(todo.pop(), ()):
            todo += [part for part in pair if part not in kept]
            kept.update(pair)
    order = tuple(sorted(kept))
    number = {old: new for new, old in enumerate(order)}
    model["vocab"] = {piece: number[old] for piece, old in ids.items() if old in kept}
    model["merges"] = [
        original
        for original, (left, right) in zip(model["merges"], merges, strict=True)
        if {ids[left], ids[right], ids[left + right]} <= kept
    ]
    return _finished(facts, order, number)


def _unigram(facts: dict[str, Any], wanted: set[int]) -> Trimmed:
    model = facts["model"]
    # The cost of an unknown character is measured from the lowest score: keep one piece that has it.
    scores = [score for _, score in model["vocab"]]
    kept = wanted | {int(np.argmin(scores))}
    pieces = dict(enumerate(model["vocab"]))
    least = min(scores)
    added = {token["id"]: [token["content"], least] for token in facts["added_tokens"]}
    order = tuple(sorted(kept))
    number = {old: new for new, old in enumerate(order)}
    model["vocab"] = [pieces.get(old) or added[old] for old in order]
    if model.get("unk_id") is not None:
        model["unk_id"] = number[model["unk_id"]]
    return _finished(facts, order, number)


def _finished(facts: dict[str, Any], order: tuple[int, ...], number: dict[int, int]) -> Trimmed:
    for token in facts["added_tokens"]:
        token["id"] = number[token["id"]]
    facts["added_tokens"].sort(key=lambda token: token["id"])
    _renumber(facts.get("post_processor"), number)
    return Trimmed(Tokenizer.from_str(json.dumps(facts, ensure_ascii=False)), order)


def _renumber(node: Any, number: dict[int, int]) -> None:
    """Special ids in post-processors: `ids: [1]` of templates, `["<s>", 0]` of BERT's and RoBERTa's."""
    if isinstance(node, list):
        for each in node:
            _renumber(each, number)
    elif isinstance(node, dict):
        if isinstance(node.get("ids"), list):
            node["ids"] = [number[old] for old in node["ids"]]
        for key in ("sep", "cls"):
            if isinstance(node.get(key), list):
                node[key] = [node[key][0], number[node[key][1]]]
        for each in node.values():
            _renumber(each, number)
