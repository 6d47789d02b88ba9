"""How a tokenizer treats a language: pure arithmetic on counts of tokens, words, characters and bytes.

* fertility: tokens per word (Acs 2019; Rust et al. 2021). Words are runs between white space; in scripts that
  do not separate words, characters are counted instead, and the unit says so.
* premium: tokens of a language over tokens of another on the same parallel text (Petrov et al. 2023,
  "Language model tokenizers introduce unfairness between languages"); languages with more than 10 % unknown
  tokens are left out there and here, because an unknown token is short and means nothing.
* Gini coefficient of the tokens that languages need for the same text (Foroutan et al. 2025 use it for
  parity).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

UNSPACED_SCRIPTS = frozenset(
    "Bopo Hani Hans Hant Hira Hrkt Jpan Kana Khmr Lana Laoo Mymr Talu Tavt Thai Tibt Yiii".split()  # noqa: SIM905
)
"""ISO 15924 codes of scripts written without spaces between words. Tibetan marks syllables, not words."""
UNKNOWN_LIMIT_SHARE = 0.1
"""Above this share of unknown tokens a premium is not reported (Petrov et al. 2023)."""
_SPACE = re.compile(r"\s+")


class Counts(NamedTuple):
    """What a text of one language comes to under one tokenizer."""

    sentences: int
    tokens: int
    words: int
    characters: int
    bytes: int
    unknown: int = 0
    fallback: int = 0


def is_spaced(script: str) -> bool:
    """Whether the script separates words by white space.

    >>> is_spaced("Latn"), is_spaced("Thai")
    (True, False)
    """
    return script not in UNSPACED_SCRIPTS


def count_words(text: str, script: str) -> int:
    """Words of the text; where the script does not separate words, characters that are not white space.

    >>> count_words("habari ya asubuhi", "Latn"), count_words("สวัสดี ครับ", "Thai")
    (3, 10)
    """
    return len(text.split()) if is_spaced(script) else len(_SPACE.sub("", text))


def word_unit(script: str) -> str:
    """The unit of `fertility` in this script."""
    return "tokens per word" if is_spaced(script) else "tokens per character"


def fertility(counts: Counts) -> float:
    """Tokens per word (or per character: `word_unit`); NaN without words."""
    return counts.tokens / counts.words if counts.words else math.nan


def bytes_per_token(counts: Counts) -> float:
    """UTF-8 bytes per token: compression."""
    return counts.bytes / counts.tokens if counts.tokens else math.nan


def characters_per_token(counts: Counts) -> float:
    """Unicode code points per token."""
    return counts.characters / counts.tokens if counts.tokens else math.nan


def unknown_share(counts: Counts) -> float:
    """Share of tokens that are the unknown token."""
    return counts.unknown / counts.tokens if counts.tokens else 0.0


def fallback_share(counts: Counts) -> float:
    """Share of tokens that hold less than a whole character."""
    return counts.fallback / counts.tokens if counts.tokens else 0.0


def premium(counts: Counts, reference: Counts) -> float:
    """Tokens over the reference language's tokens on the same text; NaN above the limit of unknown tokens.

    >>> premium(Counts(9, 300, 0, 0, 0), Counts(9, 100, 0, 0, 0))
    3.0
    """
    if max(unknown_share(counts), unknown_share(reference)) > UNKNOWN_LIMIT_SHARE or not reference.tokens:
        return math.nan
    return counts.tokens / reference.tokens


def sentence_premium(tokens: Sequence[int], reference_tokens: Sequence[int]) -> float:
    """Mean over sentences of the ratio; long sentences do not dominate it. Sentences in the same order."""
    ratios = np.asarray(tokens, dtype=np.float64) / np.maximum(np.asarray(reference_tokens), 1)
    return float(ratios.mean()) if ratios.size else math.nan


def context_characters(context_tokens: int, counts: Counts) -> float:
    """How many characters of this language fit into a context of so many tokens."""
    return context_tokens * characters_per_token(counts)


def price(counts: Counts, price_per_million_tokens: float) -> float:
    """What a million characters of this language cost at that price per million tokens."""
    return price_per_million_tokens / characters_per_token(counts) if counts.tokens else math.nan


def gini(values: ArrayLike) -> float:
    """Gini coefficient: 0 if all are equal, towards 1 if one has everything; NaN for no or only zero values.

    >>> gini([1, 1, 1]), gini([0, 0, 0, 1])
    (0.0, 0.75)
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    array = array[~np.isnan(array)]
    if not array.size or array.sum() <= 0:
        return math.nan
    ranks = np.arange(1, array.size + 1)
    return float((2 * ranks - array.size - 1) @ array / (array.size * array.sum()))


def worst_first(scores: Mapping[str, float]) -> list[str]:
    """Names by descending score (a high premium or fertility is bad); those without a number come first."""
    return sorted(scores, key=lambda name: (not math.isnan(scores[name]), -scores[name], name))
