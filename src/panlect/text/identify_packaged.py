"""Models for identification that packages bring, or that the user has as a file.

| name | model | remarks |
|---|---|---|
| ``langid`` | the 130 languages of the package py3langid | default; its tables, our compiled loop |
| ``cld2`` | Compact Language Detector 2, package pycld2 | 80 languages, very fast |
| ``both`` | these two, averaged | |
| ``heliport`` | 220 languages, package heliport | GPL 3, 0.9 GB |
| ``wide`` | ``both``, and ``heliport`` where it is not sure | |
| a file | fastText (``lid.176.ftz``, GlotLID, OpenLID), our reader and loop | up to 2,000 languages |
"""

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from panlect.errors import ConfigError
from panlect.text.fasttext_file import read
from panlect.text.identify import UNDETERMINED, Scorer, Scores, canonical
from panlect.text.identify_heliport import Heliport, Widened
from panlect.text.needs import needs

NAMES = ("wide", "both", "langid", "cld2", "heliport")


def widest() -> str:
    """Return the name of the best model that the installed packages allow: `wide`, or `both`."""
    return "wide" if importlib.util.find_spec("heliport") else "both"


@lru_cache(maxsize=4)
def load(name: str) -> Scorer:
    """Return the model of that name, or that a fastText file holds.

    Raises:
        ConfigError: it is neither a name nor a file, or its package is not installed.
    """
    if name == "both":
        return Both(load("langid"), load("cld2"))
    if name == "wide":
        both = Both(load("langid"), load("cld2"))
        return Widened(both, both.known, load("heliport"))
    if name == "langid":
        return Langid()
    if name == "cld2":
        return Cld2()
    if name == "heliport":
        return Heliport()
    if Path(name).suffix in (".bin", ".ftz") and Path(name).is_file():
        return FastText(name)
    if Path(name).suffix == ".npz" and Path(name).is_file():
        from panlect.text.identify_ngrams import Ngrams

        return Ngrams.load(Path(name))
    if "+" in name:
        packaged, _, trained = name.partition("+")
        from panlect.text.identify_ngrams import Extended, Ngrams

        return Extended(load(packaged), Ngrams.load(Path(trained)))
    raise ConfigError(
        f"there is no identifier '{name}'",
        where="identifier",
        expected=f"{', '.join(NAMES)}, a fastText file, a trained model (.npz), or both+model.npz",
    )


class Langid:
    """The naive Bayes model of py3langid: byte n-grams found by an automaton, log-damped counts.

    The tables are the package's; the loop over bytes is compiled, about five times as fast.
    """

    def __init__(self) -> None:
        langid = needs("py3langid.langid", "identification with langid")
        model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        labels = list(model.nb_classes)
        self.languages = tuple(dict.fromkeys(canonical(labels)))
        self._fold = np.array([self.languages.index(code) for code in canonical(labels)])
        self._next = np.asarray(model.tk_nextmove)
        self._row = np.asarray(model.tk_row).astype(np.int32)
        self._output = np.asarray(model.tk_output).astype(np.int32)
        self._table = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)
        self._prior = np.asarray(model.nb_pc, dtype=np.float32)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return posteriors, at the package's temperature: the square root of the bytes."""
        from panlect.text.identify_kernel import automaton_scores

        data, starts = _joined(texts)
        raw = automaton_scores(data, starts, (self._next, self._row, self._output), self._table)
        raw += self._prior
        raw /= np.sqrt(np.maximum(np.diff(starts), 1)).astype(np.float32)[:, None]
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
        folded = np.zeros((len(texts), len(self.languages)), dtype=np.float32)
        np.add.at(folded.T, self._fold, raw.T)
        return np.asarray(folded / folded.sum(axis=1, keepdims=True))


def _joined(texts: Sequence[str]) -> tuple[Any, Any]:
    import unicodedata

    encoded = [unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass") for text in texts]
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), starts


class Cld2:
    """Compact Language Detector 2: at most three languages per text, with percentages."""

    def __init__(self) -> None:
        self._cld2 = needs("pycld2", "identification with cld2")
        # It lists more languages than it has tables for.
        has_table = set(self._cld2.DETECTED_LANGUAGES)
        labels = [code for name, code in self._cld2.LANGUAGES if name in has_table]
        known = [
            (label, code)
            for label, code in zip(labels, canonical(labels), strict=True)
            if code != UNDETERMINED
        ]
        self.languages = tuple(dict.fromkeys(code for _, code in known))
        self._column = {label: self.languages.index(code) for label, code in known}

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return each text's percentages as probabilities; what is left is spread over all languages."""
        scores = np.full((len(texts), len(self.languages)), 1e-6, dtype=np.float32)
        for number, text in enumerate(texts):
            try:
                _, _, details = self._cld2.detect(text, bestEffort=True)
            except self._cld2.error:  # control characters and noncharacters
                details = ()
            for _, code, percent, _ in details:
                if code in self._column:
                    scores[number, self._column[code]] += percent / 100
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


class Both:
    """Two models' probabilities: for each language the mean over the models that know it.

    A model that does not know a language is sure of a wrong one; its silence must not count against
    the other's answer.
    """

    def __init__(self, first: Scorer, second: Scorer) -> None:
        self._models = (first, second)
        self.languages = tuple(dict.fromkeys([*first.languages, *second.languages]))
        self._columns = [np.array([self.languages.index(code) for code in m.languages]) for m in self._models]
        self.known = np.bincount(np.concatenate(self._columns), minlength=len(self.languages))

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the means, scaled to sum to 1."""
        scores = np.zeros((len(texts), len(self.languages)), dtype=np.float32)
        for model, columns in zip(self._models, self._columns, strict=True):
            scores[:, columns] += model.scores(texts)
        scores /= self.known
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)


class FastText:
    """A fastText model file, with labels in whichever scheme; its package is not needed."""

    def __init__(self, path: str) -> None:
        needs("numba", "a fastText model file")
        self._model = read(path)
        codes = canonical(self._model.labels)
        self.languages = tuple(dict.fromkeys(codes))
        self._fold = np.array([self.languages.index(code) for code in codes])

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the probabilities of all labels (before restricting to a script's languages)."""
        folded = np.zeros((len(self.languages), len(texts)), dtype=np.float32)
        np.add.at(folded, self._fold, self._model.probabilities(texts).T)
        return np.asarray((folded / np.maximum(folded.sum(axis=0), 1e-30)).T)
