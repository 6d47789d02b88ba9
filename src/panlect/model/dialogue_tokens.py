"""Dialogues as tokens, with a loss on what the assistant wrote, weighted by language and origin."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from panlect.config import nearest
from panlect.errors import DataError
from panlect.model.corpus_tokens import shuffled_epochs, within_budget
from panlect.model.dialogue import render
from panlect.model.packing import Ints, Text, Tokens, tokenise


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


def order(tokens: Tokens, epochs: float, budget_tokens: int, seed: int) -> Ints:
    """In which order dialogues are read, each epoch in its own."""
    chosen = shuffled_epochs(len(tokens), epochs, seed)
    return within_budget(tokens, chosen, budget_tokens, repeat=True, seed=seed)
