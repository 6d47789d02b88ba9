"""From texts to mixes: runs the chosen method of `panlect.model.initialise` on what the user has.

Every method needs something: FOCUS new text, WECHSEL text on both sides and a dictionary, alignment parallel
sentences. What is missing is an error that says so; a piece that a method knows nothing of falls back to its
sub-pieces, and that is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from panlect.errors import DataError
from panlect.model import initialise
from panlect.model.initialise import Method, Mix, Words
from panlect.model.tokenizer_training import encode_texts
from panlect.model.vocabulary_extension import Extension

MAX_WORDS = 20000


@dataclass(frozen=True)
class Evidence:
    """What first vectors can be derived from.

    Attributes:
        new_texts: in the new languages.
        old_texts: in a language that the model knows.
        pairs: (known language, new language): sentences or single words.
    """

    new_texts: Sequence[str]
    old_texts: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()


def mixes(
    method: Method, old: Tokenizer, extension: Extension, evidence: Evidence, *, seed: int = 0
) -> tuple[dict[int, Mix], dict[int, Mix]]:
    """Mixes by new id for the method, and the sub-piece mixes to fall back to.

    Raises:
        DataError: the method needs texts or pairs that are not there.
    """
    new_ids = [piece.id for piece in extension.pieces]
    fallback = initialise.subpieces({piece.id: piece.replaces for piece in extension.pieces})
    if method in ("random", "mean"):
        return {}, {}
    if method == "subpieces":
        return fallback, fallback
    if method == "focus":
        sequences = list(encode_texts(extension.tokenizer, evidence.new_texts))
        found = initialise.focus(sequences, new_ids, first_new=min(new_ids), seed=seed)
    elif method == "alignment":
        found = _aligned(old, extension, evidence, new_ids)
    else:
        found = _wechsel(old, extension, evidence, new_ids, seed)
    return found, fallback


def _aligned(
    old: Tokenizer, extension: Extension, evidence: Evidence, new_ids: Sequence[int]
) -> dict[int, Mix]:
    if not evidence.pairs:
        raise _missing("alignment", "pairs of sentences with one side in a language that the model knows")
    known, new = zip(*evidence.pairs, strict=True)
    sides = zip(encode_texts(old, known), encode_texts(extension.tokenizer, new), strict=True)
    return initialise.alignment(sides, new_ids)


def _wechsel(
    old: Tokenizer, extension: Extension, evidence: Evidence, new_ids: Sequence[int], seed: int
) -> dict[int, Mix]:
    entries = [pair for pair in evidence.pairs if all(len(side.split()) == 1 for side in pair)]
    if not entries or not evidence.old_texts:
        raise _missing("wechsel", "text in a language that the model knows, and pairs of single words")
    source, source_rows = _words(old, evidence.old_texts, seed)
    target, target_rows = _words(extension.tokenizer, evidence.new_texts, seed)
    dictionary = []
    for known, new in entries:
        left = next((source_rows[form] for form in _forms(known) if form in source_rows), None)
        right = next((target_rows[form] for form in _forms(new) if form in target_rows), None)
        if left is not None and right is not None:
            dictionary.append((left, right))
    if not dictionary:
        raise _missing("wechsel", "a dictionary whose words occur in the texts")
    return initialise.wechsel(source, target, dictionary, new_ids)


def _forms(word: str) -> tuple[str, ...]:
    return (word, word.lower(), word.title())


def _words(tokenizer: Tokenizer, texts: Sequence[str], seed: int) -> tuple[Words, dict[str, int]]:
    """The commonest words with vectors from their neighbours; each tokenised as inside of a text."""
    counts = Counter(word for text in texts for word in text.split())
    common = [word for word, _ in counts.most_common(MAX_WORDS)]
    row = {word: number for number, word in enumerate(common)}
    sequences = [[row[word] for word in text.split() if word in row] for text in texts]
    vectors, _ = initialise.static_space(sequences, len(common), seed=seed)
    ids = list(encode_texts(tokenizer, [" " + word for word in common]))
    return Words(np.asarray(vectors), [counts[word] for word in common], ids), row


def _missing(method: str, needed: str) -> DataError:
    return DataError(
        f"'{method}' has nothing to work from",
        where="initialise",
        expected=needed,
        fix="add it, or use subpieces",
    )
