"""Perplexity: how surprising a text is to a model of its language's clean text.

`Characters` is trained here, from a few hundred kilobytes of the user's clean text: a character
n-gram model with interpolated absolute discounting (Ney, Essen & Kneser 1994), which needs no words
and therefore no tokenizer, in any script. Its perplexity is per character. `Arpa` reads word models
in the ARPA format, and `Kenlm` binary ones where that package is installed; theirs is per word, as
in CCNet and ROOTS: 10 ** (-sum of log10 P / number of tokens with line ends). The two cannot be
compared.
"""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from panlect.errors import DataError
from panlect.text.needs import needs
from panlect.text.scripts import code_points

ORDER = 6
DISCOUNT = 0.75
SLOTS = 1 << 22
"""Size of the table of hashed n-grams; a million characters of text fill about a third of it."""
_FORMAT = 1


class Model(Protocol):
    """Anything that gives perplexities."""

    def perplexities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one perplexity per text; NaN for a text without anything to score."""


class Characters:
    """Hashed counts of character n-grams of orders 1 to 6.

    Attributes:
        counts: how often each n-gram was seen, by slot.
        totals: how often each context was followed by something.
        kinds: by how many different characters each context was followed.
        alphabet: how many different characters were seen.
    """

    def __init__(self, counts: Any, totals: Any, kinds: Any, alphabet: int) -> None:
        self.counts, self.totals, self.kinds, self.alphabet = counts, totals, kinds, alphabet

    @classmethod
    def train(cls, texts: Sequence[str]) -> "Characters":
        """Count the n-grams of clean text.

        Raises:
            DataError: there is no text.
        """
        from panlect.text.perplexity_kernel import count_ngrams

        codes, starts = _joined(texts)
        if not len(codes):
            raise DataError("a perplexity model needs some text", where="seed")
        counts, totals, kinds = (np.zeros(SLOTS, dtype=np.uint32) for _ in range(3))
        count_ngrams(codes, starts, ORDER, (counts, totals, kinds))
        return cls(counts, totals, kinds, len(np.unique(codes)))

    def perplexities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the perplexity per character."""
        from panlect.text.perplexity_kernel import surprise

        codes, starts = _joined(texts)
        tables = (self.counts, self.totals, self.kinds)
        nats = surprise(codes, starts, (ORDER, DISCOUNT, self.alphabet), tables)
        lengths = np.diff(starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(lengths > 0, np.exp(nats / np.maximum(lengths, 1)), np.nan))

    def save(self, path: Path) -> None:
        """Write the model as an npz file without pickled objects."""
        facts = json.dumps({"format": _FORMAT, "order": ORDER, "alphabet": self.alphabet}).encode()
        arrays = {"counts": self.counts, "totals": self.totals, "kinds": self.kinds}
        np.savez_compressed(path, facts=np.frombuffer(facts, np.uint8), **arrays)

    @classmethod
    def load(cls, path: Path) -> "Characters":
        """Read a model that `save` wrote.

        Raises:
            DataError: it is not one.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                facts = json.loads(arrays["facts"].tobytes())
                if (facts["format"], facts["order"]) != (_FORMAT, ORDER):
                    raise KeyError("format")
                return cls(arrays["counts"], arrays["totals"], arrays["kinds"], facts["alphabet"])
        except (OSError, ValueError, KeyError) as error:
            raise DataError("this is no perplexity model of ours", where=str(path)) from error


def _joined(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    plain = [normalised(text) for text in texts]
    starts = np.zeros(len(plain) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in plain], out=starts[1:])
    return code_points("".join(plain)), starts


_DIGIT = re.compile(r"\d")


def normalised(text: str) -> str:
    """Return what is scored: NFC, lower case, every digit 0, white space one space."""
    text = _DIGIT.sub("0", unicodedata.normalize("NFC", text).lower())
    return " ".join(text.split())


class Arpa:
    """A word n-gram model in the ARPA format."""

    def __init__(self, path: Path) -> None:
        self.probabilities: dict[tuple[str, ...], float] = {}
        self.backoffs: dict[tuple[str, ...], float] = {}
        self.order = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            section = re.fullmatch(r"\\(\d+)-grams:", line.strip())
            if section:
                self.order = int(section[1])
            elif self.order and "\t" in line:
                probability, words, *backoff = line.split("\t")
                gram = tuple(words.split(" "))
                self.probabilities[gram] = float(probability)
                self.backoffs[gram] = float(backoff[0]) if backoff else 0.0
        if not self.order:
            raise DataError("this is no ARPA model", where=str(path), expected=r"sections such as \1-grams:")

    def score(self, sentence: str) -> float:
        """Return log10 of the probability of a sentence with its end."""
        words = ["<s>", *sentence.split(), "</s>"]
        words = [word if (word,) in self.probabilities else "<unk>" for word in words]
        return sum(self._word(words[max(0, at - self.order + 1) : at + 1]) for at in range(1, len(words)))

    def _word(self, gram: Sequence[str]) -> float:
        found = self.probabilities.get(tuple(gram))
        if found is not None or len(gram) == 1:
            return -99.0 if found is None else found
        return self.backoffs.get(tuple(gram[:-1]), 0.0) + self._word(gram[1:])

    def perplexities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the perplexity per word, line by line as CCNet does."""
        return np.array([line_perplexity(text, self.score) for text in texts])


def line_perplexity(text: str, score: Any) -> float:
    """Combine the lines of a text: 10 ** (-sum of log10 P / (words + line ends)), to one decimal."""
    lines = [line for line in (normalised(line) for line in text.split("\n")) if line]
    tokens = sum(len(line.split()) + 1 for line in lines)
    return round(10.0 ** (-sum(score(line) for line in lines) / tokens), 1) if tokens else math.nan


class Kenlm:
    """A binary KenLM model, by the package kenlm."""

    def __init__(self, path: Path) -> None:
        self._model = needs("kenlm", "a binary KenLM model", extra="kenlm").Model(str(path))

    def perplexities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the perplexity per word, line by line as CCNet does."""
        return np.array([line_perplexity(text, self._model.score) for text in texts])


def load(path: Path) -> Model:
    """Return a file's model: clean text to learn from (``.txt``), ``.npz``, ``.arpa`` or a KenLM binary."""
    if path.suffix == ".txt":
        return Characters.train(path.read_text(encoding="utf-8").split("\n"))
    if path.suffix == ".npz":
        return Characters.load(path)
    return Arpa(path) if path.suffix == ".arpa" else Kenlm(path)
