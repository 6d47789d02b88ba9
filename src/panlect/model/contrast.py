"""Pull parallel sentences together inside the model: InfoNCE on the pooled states of one block.

Internal-state alignment (Pan et al. 2021; Li et al. 2024, "Improving in-context learning of multilingual
generative language models with cross-lingual alignment"): the mean hidden state of a sentence at a chosen
block should be nearer to that of its translation than to those of all other sentences of the batch. The
language-modelling loss of the same sentences is descended along with it, so that the model goes on speaking.

Shapes: P pairs, S = 2P sentences, N tokens that carry a loss, C model width.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
import torch
from torch import Tensor

from panlect.errors import ConfigError, DataError
from panlect.model.forward import plain_head, token_logprobs
from panlect.model.loop import Objective, Terms
from panlect.model.losses import info_nce
from panlect.model.packing import Text, Tokens, tokenise
from panlect.model.preference import PairBatch
from panlect.model.score import blocks_of


def read(frame: pl.DataFrame, tokenizer: Any) -> Tokens:
    """Tokenise parallel sentences, source and target in turn; a pair is counted under its target language.

    Raises:
        DataError: there are no pairs.
    """
    if frame.is_empty():
        raise DataError("there are no pairs", where="pair")
    texts: list[Text] = []
    columns = ("source_text", "target_text", "source_language", "target_language")
    for source, target, source_language, target_language in frame.select(columns).iter_rows():
        for text in (source, target):
            texts.append(Text(text, target_language, source_language))
    return tokenise(tokenizer, texts, specials=True)


def distinct(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs that can teach, and pairs whose two sides are the same text (with the `reason`)."""
    same = frame["source_text"].str.strip_chars() == frame["target_text"].str.strip_chars()
    return frame.filter(~same), frame.filter(same).with_columns(
        pl.lit("both sides are the same text").alias("reason")
    )


def pool(hidden_NC: Tensor, sequence_N: Tensor, sentences: int) -> Tensor:
    """Mean over the tokens of each sentence, scaled to length one: (S, C)."""
    sums = torch.zeros(sentences, hidden_NC.shape[1], dtype=torch.float32, device=hidden_NC.device)
    sums = sums.index_add(0, sequence_N, hidden_NC.float())
    return torch.nn.functional.normalize(sums, dim=1)


def objective(network: Any, layer: int, temperature: float, language_weight: float) -> Objective:
    """InfoNCE at the output of block `layer`, plus `language_weight` times the pairs' mean token loss.

    Raises:
        ConfigError: the model has no such block.
    """
    blocks: Sequence[Any] = blocks_of(network)
    if not -len(blocks) <= layer < len(blocks):
        raise ConfigError(f"the model has {len(blocks)} blocks, none is {layer}", where="layer")
    head_VC = plain_head(network)
    kept: list[Tensor] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        kept.append(output[0] if isinstance(output, tuple) else output)

    def contrast(network: Any, batch: PairBatch) -> Terms:
        handle = blocks[layer].register_forward_hook(keep)
        try:
            losses_N = -token_logprobs(network, batch.rows, head_VC)
        finally:
            handle.remove()
        states_NC = kept.pop().flatten(0, 1)[batch.rows.select_N]
        pooled_SC = pool(states_NC, batch.sequence_N, len(batch.tokens_S))
        cosines_PP = pooled_SC[::2] @ pooled_SC[1::2].T
        sources, targets = batch.keys_S[::2], batch.keys_S[1::2]
        same_PP = (sources[:, None] == sources) | (targets[:, None] == targets)
        contrast_P = info_nce(cosines_PP, temperature, same_PP)
        sums = torch.zeros_like(batch.tokens_S).index_add(0, batch.sequence_N, losses_N.double())
        language_P = (sums[::2] + sums[1::2]) / (batch.tokens_S[::2] + batch.tokens_S[1::2])
        losses_P = contrast_P + language_weight * language_P
        others = same_PP & ~torch.eye(len(same_PP), dtype=torch.bool, device=same_PP.device)
        ranked_PP = cosines_PP.detach().masked_fill(others, -2.0)
        found = ranked_PP.argmax(1) == torch.arange(len(ranked_PP), device=ranked_PP.device)
        values = {
            "loss": losses_P.detach(),
            "contrast": contrast_P.detach(),
            "token_loss": language_P.detach(),
            "retrieval_accuracy": found.double(),
        }
        return Terms(losses_P.sum(), batch.cells_P, values)

    return contrast
