"""MAPO: of a model's answers in another language, prefer those that lead to its right answers in the pivot.

The score of an answer y_x is the mean, over the model's right answers y_p to the same question in the pivot
language, of 1 / CE(y_p | y_x), where CE is the cross-entropy per *real* token under a translation model (She
et al. 2024, arXiv 2401.06838). The published code divides by the padded length, so that a score depends on
the batch; here the scorer returns token means, and a test proves that a long neighbour changes nothing. The
chosen answer must be right; the rejected one is any other with a lower score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from panlect.rating.samples import Row, Samples, distinct, is_right, pair

CrossEntropy = Callable[[Sequence[str], Sequence[str], str, str], Sequence[float]]
"""From sources, targets and their languages to nats per target token."""
_MARKS = re.compile(r"<<[^<>]*>>|####.*\Z", re.S)


def stripped(text: str) -> str:
    """The reasoning alone: no calculator marks, nothing from the line of the final answer on."""
    return _MARKS.sub("", text).strip()


def scores(answers: Sequence[str], references: Sequence[str], losses: Sequence[float]) -> NDArray[np.float64]:
    """Mean of 1 / CE over references, for each answer; `losses` are [answers, references], row by row."""
    matrix = np.array(losses, dtype=np.float64).reshape(len(answers), len(references))
    return np.asarray((1 / np.maximum(matrix, 1e-6)).mean(axis=1))


def by_alignment(
    found: Sequence[Samples], cross_entropy: CrossEntropy, *, pivot: str, pairs_per_prompt: int = 0
) -> Iterator[Row]:
    """Pairs of answers to the same question.

    Args:
        found: samples in the pivot language and in others, joined by their `item`.
        cross_entropy: scores translations.
        pivot: the language whose right answers are the references.
        pairs_per_prompt: the pairs with the largest difference; 0 takes all.
    """
    references = {
        samples.item: right
        for samples in found
        if samples.languages[1] == pivot and samples.item
        if (right := [text for text in distinct(samples.texts) if is_right(text, samples.gold)])
    }
    for samples in found:
        known = references.get(samples.item, [])
        answers = distinct(samples.texts)
        if samples.languages[1] == pivot or not known or len(answers) < 2:
            continue
        sources = [stripped(answer) or answer for answer in answers for _ in known]
        targets = [stripped(reference) or reference for reference in known] * len(answers)
        rated = scores(answers, known, cross_entropy(sources, targets, samples.languages[1], pivot))
        yield from _pairs(samples, answers, rated, pairs_per_prompt)


def _pairs(samples: Samples, answers: Sequence[str], rated: NDArray[np.float64], most: int) -> Iterator[Row]:
    order = sorted(range(len(answers)), key=lambda place: -rated[place])
    both = [
        (better, worse)
        for better in order
        if is_right(answers[better], samples.gold)
        for worse in order
        if rated[better] > rated[worse]
    ]
    both.sort(key=lambda places: rated[places[1]] - rated[places[0]])
    for better, worse in both[: most or None]:
        reason = "less_aligned" if is_right(answers[worse], samples.gold) else "wrong_fact"
        if made := pair(samples, answers[better], answers[worse], reason):
            yield made | {"margin": f"{rated[better] - rated[worse]:.6g}"}
