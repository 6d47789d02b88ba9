"""A small identifier for languages that packages lack: naive Bayes over character n-grams.

Trained in seconds on a few kilobytes a language of the user's own text. A model that was only tested on
text like its seed looks far better than it is (the vocabulary of one book is easy to recognise), so
`train` wants text of another domain beside the seed and says how well the model does there.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from panlect.errors import DataError
from panlect.text.identify import Scorer, Scores, letters_of
from panlect.text.scripts import code_points

BUCKETS = 1 << 18
ORDERS = (1, 2, 3, 4, 5)
_FORMAT = 1
_ROLL = np.uint64(0xD6E8FEB86659FD93)


class Ngrams:
    """Log-probabilities of hashed character n-grams (1 to 5, with word boundaries) by language.

    Args:
        languages: canonical codes.
        table: buckets × languages, log-probabilities.
        offered: the languages that it may add to a packaged model; empty: all. The others are there so
            that a text in one of them is not taken for one of these.
    """

    def __init__(self, languages: Sequence[str], table: Scores, offered: Sequence[str] = ()) -> None:
        self.offered = tuple(offered) or tuple(languages)
        self.languages, self.table = tuple(languages), np.ascontiguousarray(table, dtype=np.float32)

    @classmethod
    def train(cls, seed: Mapping[str, Sequence[str]], *, smoothing: float = 0.05) -> "Ngrams":
        """Count the n-grams of seed text.

        Args:
            seed: texts by canonical code.
            smoothing: added to every count.

        Raises:
            DataError: fewer than two languages, or one without text.
        """
        if len(seed) < 2 or not all(any(texts) for texts in seed.values()):
            raise DataError("identification needs seed text in two languages at least", where="seed")
        languages = sorted(seed)
        table = np.full((BUCKETS, len(languages)), smoothing, dtype=np.float64)
        for column, language in enumerate(languages):
            for found in _buckets([letters_of(text) for text in seed[language]]):
                np.add.at(table[:, column], found, 1.0)
        table = np.log(table) - np.log(table.sum(axis=0, keepdims=True))
        return cls(languages, table.astype(np.float32))

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return posteriors; n-grams overlap, so their evidence counts by its root only."""
        raw = np.zeros((len(texts), len(self.languages)), dtype=np.float32)
        for number, found in enumerate(_buckets(texts)):
            if len(found):
                raw[number] = self.table[found].sum(axis=0) / np.sqrt(len(found))
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(raw / raw.sum(axis=1, keepdims=True))

    def save(self, path: Path) -> None:
        """Write the model as an npz file without pickled objects."""
        described = {"format": _FORMAT, "orders": ORDERS}
        described |= {"languages": self.languages, "offered": self.offered}
        facts = json.dumps(described).encode()
        table = self.table.astype(np.float16)
        np.savez_compressed(path, table=table, facts=np.frombuffer(facts, np.uint8))

    @classmethod
    def load(cls, path: Path) -> "Ngrams":
        """Read a model that `save` wrote.

        Raises:
            DataError: it is not one.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                facts = json.loads(arrays["facts"].tobytes())
                if facts["format"] != _FORMAT or tuple(facts["orders"]) != ORDERS:
                    raise KeyError("format")
                return cls(facts["languages"], arrays["table"].astype(np.float32), facts.get("offered", ()))
        except (OSError, ValueError, KeyError) as error:
            raise DataError("this is no identification model of ours", where=str(path)) from error


def _buckets(texts: Sequence[str]) -> list[np.ndarray]:
    """Return the hashed n-grams of each text."""
    found = []
    for text in texts:
        codes = code_points(f" {text.lower()} ").astype(np.uint64)
        parts, value = [], np.zeros(len(codes), dtype=np.uint64)
        with np.errstate(over="ignore"):
            for n in range(1, max(ORDERS) + 1):
                if len(codes) < n:
                    break
                value = (
                    value[: len(codes) - n + 1] * np.uint64(0xD6E8FEB86659FD93)
                    + codes[n - 1 :]
                    + np.uint64(n)
                )
                mixed = (value ^ (value >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
                parts.append((mixed >> np.uint64(46)).astype(np.int64))
        found.append(np.concatenate(parts))
    return found


class Extended:
    """A packaged model, and a trained one for the languages that it lacks.

    The trained model is believed where it chooses one of its extra languages with at least `least`
    probability; it must therefore be trained on their neighbours too.
    """

    def __init__(self, packaged: Scorer, trained: Ngrams, *, least: float = 0.9) -> None:
        self._packaged, self._trained, self._least = packaged, trained, least
        self.extra = tuple(code for code in trained.offered if code not in packaged.languages)
        self.languages = (*packaged.languages, *self.extra)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return posteriors over both models' languages."""
        known, own = self._packaged.scores(texts), self._trained.scores(texts)
        columns = [self._trained.languages.index(code) for code in self.extra]
        extra = own[:, columns]
        extra = np.where(extra >= self._least, extra, 0.0)
        rest = 1.0 - extra.sum(axis=1, keepdims=True)
        return np.asarray(np.concatenate([known * rest, extra], axis=1), dtype=np.float32)
