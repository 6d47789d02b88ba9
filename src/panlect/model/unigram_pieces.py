"""New pieces for a Unigram model: which of many candidates are kept, and their scores. No torch here.

A Unigram piece does not need the pieces that it was merged from, so more candidates are learned than there
is room for, the text is split by the best path through all of them, and what shortens the text least is
dropped, in steps (the pruning of Kudo 2018, with saved tokens for likelihood).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

from panlect.model.continued_bpe import NewPiece

CANDIDATES = 2.5
"""So many times the wanted pieces are learned."""
ROUNDS = 3
_LITERAL = "\ue000number "
_QUOTED = re.compile(f'"{_LITERAL}([^"]*)"')
_BELOW_ZERO = -1e-3


def read(text: str) -> Any:
    """A tokenizer.json in which decimal numbers stay as they are written."""
    return json.loads(text, parse_float=lambda literal: _LITERAL + literal)


def opened(facts: Any) -> Tokenizer:
    """The tokenizer of what `read` gave, changed or not."""
    return Tokenizer.from_str(_QUOTED.sub(r"\1", json.dumps(facts, ensure_ascii=False)))


def chosen(text: str, candidates: Sequence[NewPiece], words: Counter[str], wanted: int) -> list[NewPiece]:
    """The `wanted` candidates that save most tokens on these words, numbered anew; `seen` is their use.

    Args:
        text: of the old tokenizer.json.
        candidates: ids from the first new one on, without gaps.
        words: of the new text and how often they occur.
        wanted: how many to keep. Pieces of one letter are kept before all others: without them the letter
            is unknown.
    """
    first = candidates[0].id
    kept = list(candidates)
    for number in range(1, ROUNDS + 1):
        used = _used(with_pieces(text, kept), words)
        size = max(wanted, round(len(candidates) * (wanted / len(candidates)) ** (number / ROUNDS)))
        saved = {each: (len(each.piece) > 1, -used[each.id] * (len(each.replaces) - 1)) for each in kept}
        best = sorted(kept, key=lambda each: (*saved[each], each.piece))[:size]
        kept = [
            each._replace(id=first + place, seen=used[each.id])
            for place, each in enumerate(sorted(best, key=lambda each: each.id))
        ]
    return kept


def _used(tokenizer: Tokenizer, words: Counter[str]) -> Counter[int]:
    used: Counter[int] = Counter()
    model = tokenizer.model
    for word, count in words.items():
        for token in model.tokenize(word):
            used[token.id] += count
    return used


def with_pieces(text: str, pieces: Sequence[NewPiece]) -> Tokenizer:
    """The old model with these pieces at its end, which is where their ids are.

    Positions are ids, so added tokens and gaps before them are filled in.
    """
    facts = read(text)
    vocabulary = facts["model"]["vocab"]
    scores = [_number(score) for _, score in vocabulary]
    least = min(scores)
    added = {token["id"]: token["content"] for token in facts["added_tokens"]}
    for number in range(len(vocabulary), pieces[0].id):
        vocabulary.append([added.get(number, f"<unused {number}>"), least])
    vocabulary += [[each.piece, score] for each, score in _scored(pieces, scores, least)]
    return opened(facts)


def _scored(pieces: Sequence[NewPiece], old: Sequence[float], least: float) -> list[tuple[NewPiece, float]]:
    """Log shares of use, but always better than the old pieces that the new one replaces."""
    total = max(sum(piece.seen for piece in pieces), 2)
    scored = []
    for piece in pieces:
        score = max(math.log(max(piece.seen, 1) / total), least)
        if all(number < len(old) for number in piece.replaces):
            score = max(score, sum(old[number] for number in piece.replaces) - _BELOW_ZERO)
        scored.append((piece, min(score, _BELOW_ZERO)))
    return scored


def _number(value: str | float) -> float:
    return float(value.removeprefix(_LITERAL)) if isinstance(value, str) else float(value)
