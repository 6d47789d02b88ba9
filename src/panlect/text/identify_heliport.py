"""The package heliport: 220 languages, many of which neither py3langid nor CLD2 knows.

Its licence is the GPL 3 and its tables take 0.9 GB of memory, so it is an extra of its own and is asked only
about texts of which the smaller models are not sure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panlect.text.identify import UNDETERMINED, Scorer, Scores, canonical
from panlect.text.needs import needs

SURE_SHARE = 0.7
"""From this probability on, the smaller models' answer stands."""


class Heliport:
    """One answer per text, or none where heliport's own threshold for that language says so."""

    def __init__(self) -> None:
        self._model = needs("heliport", "identification with heliport", extra="heliport").Identifier()
        labels = sorted(self._model.get_confidence_all())
        known = [pair for pair in zip(labels, canonical(labels), strict=True) if pair[1] != UNDETERMINED]
        self.languages = tuple(dict.fromkeys(code for _, code in known))
        self._column = {label: self.languages.index(code) for label, code in known}

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return nearly all of the probability on the answer; without one it is spread over all languages."""
        scores = np.full((len(texts), len(self.languages)), 1e-6, dtype=np.float32)
        for number, text in enumerate(texts):
            # It identifies lines.
            column = self._column.get(self._model.identify(text.replace("\n", " ")))
            if column is not None:
                scores[number, column] = 1.0
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


class Widened:
    """A model, and another one that is asked where the first is not sure.

    For a language that both know, the mean counts: the first one's probability weighs as much as the number
    of models that it is a mean of.
    """

    def __init__(self, first: Scorer, weights: NDArray[Any], second: Scorer) -> None:
        self._models = (first, second)
        self.languages = tuple(dict.fromkeys([*first.languages, *second.languages]))
        self._columns = [
            np.array([self.languages.index(code) for code in m.languages]) for m in (first, second)
        ]
        self._weights = weights.astype(np.float32)
        self._known = np.zeros(len(self.languages), dtype=np.float32)
        self._known[self._columns[0]] = self._weights
        self._known[self._columns[1]] += 1

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the first model's probabilities, or the means; rows sum to 1."""
        model, wider = self._models
        first = model.scores(texts)
        scores = np.zeros((len(texts), len(self.languages)), dtype=np.float32)
        scores[:, self._columns[0]] = first
        unsure = np.flatnonzero(first.max(axis=1) < SURE_SHARE).tolist()
        if unsure:
            asked = np.zeros((len(unsure), len(self.languages)), dtype=np.float32)
            asked[:, self._columns[0]] = first[unsure] * self._weights
            asked[:, self._columns[1]] += wider.scores([texts[number] for number in unsure])
            asked /= self._known
            scores[unsure] = asked / asked.sum(axis=1, keepdims=True)
        return scores
