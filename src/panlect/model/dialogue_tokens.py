"""Dialogues as tokens, with a loss on what the assistant wrote, weighted by language and origin."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from panlect.config import nearest
from panlect.errors import DataError
from panlect.model.corpus_tokens import shuffled_epochs, within_budget
from panlect.model.dialogue import render
from panlect.model.packing import Ints, Text, Tokens, tokenise

FIRST_DRAWS = 2048
Weights = tuple[Mapping[str, float], Mapping[str, float]]


def read(
    frame: pl.DataFrame,
    tokenizer: Any,
    language_weights: Mapping[str, float],
    origin_weights: Mapping[str, float],
) -> Tokens:
    """Render and tokenise dialogues; the ledger counts them under their answer language, by origin.

    Raises:
        DataError: there are no dialogues, one has no assistant turn, or a weight names nothing.
    """
    if frame.is_empty():
        raise DataError("there are no dialogues", where="dialogue")
    languages, origins = frame["answer_language"].to_list(), frame["origin"].fill_null("").to_list()
    _check_names("language_weights", language_weights, set(languages))
    _check_names("origin_weights", origin_weights, set(origins))
    rendered = render(tokenizer, frame["messages"].to_list())
    return tokenise(
        tokenizer,
        [
            Text(
                one.text,
                language,
                origin,
                language_weights.get(language, 1.0) * origin_weights.get(origin, 1.0),
                one.spans,
            )
            for one, language, origin in zip(rendered, languages, origins, strict=True)
        ],
        specials=False,
    )


def _check_names(key: str, weights: Mapping[str, float], known: set[str]) -> None:
    for name in weights:
        if name not in known:
            raise DataError(f"no dialogue has '{name}'", where=f"{key}.{name}", fix=nearest(name, known))


def read_within(
    frame: pl.DataFrame, tokenizer: Any, weights: Weights, *, budget_tokens: int, epochs: float, seed: int
) -> tuple[Tokens, Ints]:
    """Dialogues as tokens and the order of reading; no more of them are encoded than the budget takes.

    The draws are those that encoding everything gives.

    Args:
        frame: dialogues.
        tokenizer: a fast tokenizer with a chat template.
        weights: of the loss, by answer language and by origin.
        budget_tokens: stop with the draw that reaches it; 0 goes by `epochs`.
        epochs: how often each dialogue is read where there is no budget.
        seed: of the order.
    """
    drawn, count = shuffled_epochs(frame.height, 1, seed), FIRST_DRAWS
    for name, known, column in zip(
        ("language", "origin"), weights, ("answer_language", "origin"), strict=True
    ):
        _check_names(f"{name}_weights", known, set(frame[column].fill_null("").to_list()))
    while budget_tokens and count < frame.height:
        part = frame[drawn[:count]]
        tokens = read(part, tokenizer, *(_known(w, part) for w in weights))
        if int(tokens.lengths.sum()) >= budget_tokens:
            chosen = within_budget(tokens, np.arange(count), budget_tokens, repeat=False, seed=seed)
            return tokens.among(frame["answer_language"].unique().to_list()), chosen
        taken_tokens = max(1, int(tokens.lengths.sum()))
        count = max(2 * count, math.ceil(1.1 * count * budget_tokens / taken_tokens))
    tokens = read(frame, tokenizer, *weights)
    return tokens, order(tokens, epochs, budget_tokens, seed)


def _known(weights: Mapping[str, float], part: pl.DataFrame) -> dict[str, float]:
    """The weights of what occurs in a part; the whole was checked before."""
    here = {*part["answer_language"].to_list(), *part["origin"].fill_null("").to_list()}
    return {name: weight for name, weight in weights.items() if name in here}


def order(tokens: Tokens, epochs: float, budget_tokens: int, seed: int) -> Ints:
    """In which order dialogues are read, each epoch in its own."""
    chosen = shuffled_epochs(len(tokens), epochs, seed)
    return within_budget(tokens, chosen, budget_tokens, repeat=True, seed=seed)
