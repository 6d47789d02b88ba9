"""Texts of a mixture (or of plain document folders) as tokens, and the order in which they are read."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from panlect.errors import ConfigError, DataError
from panlect.folder import Folder, Input, tables
from panlect.model.corpus import SetAside, is_mixture, open_mixture
from panlect.model.packing import Ints, Text, Tokens, tokenise


class Amount(NamedTuple):
    """How much is read: up to `budget_tokens` (0: all that is planned).

    Plain documents are read `epochs` times, in an order that the seed gives; a mixture brings its own.
    """

    budget_tokens: int = 0
    epochs: float = 1.0
    seed: int = 0


def read(
    inputs: Sequence[Input],
    tokenizer: Any,
    amount: Amount,
    *,
    set_aside: SetAside | None = None,
    specials: bool = True,
) -> tuple[Tokens, Ints]:
    """Tokenise every text that will be read, once, and return the tokens with the order of reading.

    Args:
        inputs: one mixture, or folders and files with documents.
        tokenizer: a fast Hugging Face tokenizer;
        amount: how much of it.
        set_aside: is told of each damaged file, and the rest is read; by default one is an error.
        specials: enclose each text in the begin and end tokens.

    Raises:
        DataError: there are no texts, or the mixture holds fewer tokens than the budget.
        FolderError: a file is damaged.
    """
    mixtures = [each for each in inputs if isinstance(each, Folder) and is_mixture(each)]
    if len(mixtures) > 1:
        raise ConfigError("more than one mixture", where=", ".join(each.name for each in mixtures))
    if mixtures:
        texts, order = _of_mixture(mixtures[0], set_aside)
    else:
        texts = _of_documents(inputs, set_aside)
        order = shuffled_epochs(len(texts), amount.epochs, amount.seed)
    tokens = tokenise(tokenizer, texts, specials=specials, data=True)
    cut = within_budget(tokens, order, amount.budget_tokens, repeat=not mixtures, seed=amount.seed)
    return tokens, cut


def _of_mixture(folder: Folder, set_aside: SetAside | None) -> tuple[list[Text], Ints]:
    mixture = open_mixture(folder, set_aside)
    names = [component.name for component in mixture.components]
    texts: list[Text] = []
    index: dict[tuple[int, int, int], int] = {}
    order: list[int] = []
    for draw in mixture.schedule:
        if not mixture.has(draw):
            continue
        # A pair is written in two orders, which alternate by epoch; a document is always the same.
        way = draw.epoch % 2 if mixture.components[draw.component].kind == "pair" else 0
        key = (draw.component, draw.row, way)
        if key not in index:
            index[key] = len(texts)
            drawn = mixture.text(draw)
            texts.append(Text(drawn.text, drawn.language, names[draw.component]))
        order.append(index[key])
    return texts, np.array(order, np.int64)


def _of_documents(inputs: Sequence[Input], set_aside: SetAside | None) -> list[Text]:
    frame = tables(inputs, "document", set_aside=set_aside)
    if frame.is_empty():
        raise DataError("there are no documents", where=", ".join(each.name for each in inputs))
    columns = frame.select("text", "language", "source").iter_rows()
    return [Text(text, language, source or "") for text, language, source in columns]


def shuffled_epochs(count: int, epochs: float, seed: int) -> Ints:
    """All of range(count) in a new order each epoch; a fraction is the beginning of one more epoch."""
    orders = [np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(math.ceil(epochs))]
    return np.concatenate(orders)[: round(count * epochs)].astype(np.int64)


def within_budget(tokens: Tokens, order: Ints, budget_tokens: int, *, repeat: bool, seed: int) -> Ints:
    """Cut the order after the text that reaches the budget; where allowed, repeat texts to reach it."""
    if not budget_tokens:
        return order
    lengths = tokens.lengths
    if repeat:
        epochs = math.ceil(budget_tokens / max(1, int(lengths.sum())))
        order = shuffled_epochs(len(tokens), max(1, epochs), seed)
    read_tokens = np.cumsum(lengths[order])
    if len(order) == 0 or read_tokens[-1] < budget_tokens:
        raise DataError(
            f"the texts hold {int(read_tokens[-1]) if len(order) else 0:,} tokens, less than the budget",
            expected=f"{budget_tokens:,} tokens",
            fix="lower budget_tokens, or let `mix` plan more epochs",
        )
    return order[: int(np.searchsorted(read_tokens, budget_tokens)) + 1]
