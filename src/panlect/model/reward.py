"""Reward models: a decoder with one output, which says how good a whole dialogue is.

What is saved is a plain `AutoModelForSequenceClassification` directory. The reward is read at the last token
that is no padding, as transformers does, in training and afterwards.

Shapes: P pairs, S = 2P dialogues, B rows, T positions, C model width.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification

from panlect.errors import ModelError
from panlect.model.dialogue import Message, render
from panlect.model.forward import hidden_states
from panlect.model.load import Model
from panlect.model.loop import Objective, Terms
from panlect.model.losses import bradley_terry
from panlect.model.preference import PairBatch


def scalar_model(model: Model, *, seed: int) -> Model:
    """The decoder's blocks under a new scalar head; a model that has one stays as it is.

    Raises:
        ModelError: the architecture has no form with a head at the last token.
    """
    network = model.network
    if is_reward_model(network):
        return model
    config = copy.deepcopy(network.config)
    config.num_labels = 1
    # transformers finds the last token by what is no padding.
    pad = model.tokenizer.pad_token_id
    config.pad_token_id = model.tokenizer.eos_token_id if pad is None else pad
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            made = AutoModelForSequenceClassification.from_config(config)
        except ValueError as error:
            raise _no_head(network, model.name) from error
    if config.is_encoder_decoder or not is_reward_model(made):
        raise _no_head(network, model.name)
    made.base_model.load_state_dict(network.base_model.state_dict())
    return replace(model, network=made.to(network.device).eval())


def is_reward_model(network: Any) -> bool:
    """Whether a network gives one number to a text, read at its last token."""
    return isinstance(getattr(network, "score", None), torch.nn.Linear) and network.score.out_features == 1


def _no_head(network: Any, name: str) -> ModelError:
    return ModelError(
        f"transformers has no reward model of the architecture {type(network).__name__}",
        where=name,
        expected="a decoder such as Llama, Qwen, Mistral, Gemma, BLOOM or GPT-2",
    )


def last_places(batch: PairBatch, pad_id: int) -> Tensor:
    """The flat position of each dialogue's last token that is no padding: (S,)."""
    rows = batch.rows
    segments_BT = rows.segments_BT
    count = int(segments_BT.max()) + 1
    first_B1 = torch.arange(len(segments_BT), device=segments_BT.device)[:, None] * count
    keys_BT = first_B1 + segments_BT
    real = ((segments_BT >= 0) & (rows.ids_BT != pad_id)).flatten()
    places = torch.arange(real.numel(), device=real.device)
    last = torch.zeros(len(segments_BT) * count, dtype=torch.long, device=real.device)
    last.scatter_reduce_(0, keys_BT.flatten()[real], places[real], "amax")
    key_S = torch.zeros(len(batch.tokens_S), dtype=torch.long, device=real.device)
    key_S[batch.sequence_N] = keys_BT.flatten()[rows.select_N]
    return last[key_S]


def pair_rewards(network: Any, batch: PairBatch) -> Tensor:
    """Reward of each dialogue, chosen and rejected in turn: (S,), in fp32."""
    rows = batch.rows._replace(select_N=last_places(batch, network.config.pad_token_id))
    hidden_SC = hidden_states(network, rows)
    with torch.autocast(hidden_SC.device.type, enabled=False):
        return network.score(hidden_SC.float())[:, 0]  # type: ignore[no-any-return]


def objective(margin: float, centre_weight: float) -> Objective:
    """Bradley–Terry on pairs; the ledger gets accuracy, margin and the rewards of both answers."""

    def rate(network: Any, batch: PairBatch) -> Terms:
        rewards_S = pair_rewards(network, batch)
        chosen, rejected = rewards_S[::2], rewards_S[1::2]
        losses_P = bradley_terry(chosen, rejected, margin, centre_weight)
        values = {
            "loss": losses_P,
            "margin": chosen - rejected,
            "preference_accuracy": (chosen > rejected).double(),
            "chosen_reward": chosen,
            "rejected_reward": rejected,
        }
        return Terms(losses_P.sum(), batch.cells_P, {name: value.detach() for name, value in values.items()})

    return rate


@torch.no_grad()
def rewards(
    model: Model, dialogues: Sequence[Sequence[Message]], *, batch_tokens: int = 16384
) -> NDArray[np.float64]:
    """Reward of each dialogue, the same alone and in any batch."""
    texts = [one.text for one in render(model.tokenizer, dialogues)]
    encoded = model.tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    ids = [encoding.ids for encoding in encoded]
    found = np.zeros(len(ids))
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    while order:
        width = len(ids[order[0]])
        part, order = order[: max(1, batch_tokens // width)], order[max(1, batch_tokens // width) :]
        ids_BT = torch.full((len(part), width), model.network.config.pad_token_id)
        mask_BT = torch.zeros(len(part), width, dtype=torch.long)
        for row, i in enumerate(part):
            ids_BT[row, : len(ids[i])] = torch.tensor(ids[i])
            mask_BT[row, : len(ids[i])] = 1
        out = model.network(
            input_ids=ids_BT.to(model.device), attention_mask=mask_BT.to(model.device), use_cache=False
        )
        found[part] = out.logits[:, 0].float().cpu().numpy()
    return found


def apart(locations: Sequence[str]) -> tuple[str, str | None]:
    """Of one or two models, the one that answers and the one that rates.

    Raises:
        ModelError: there is not exactly one that answers, or more than one that rates.
    """
    rates = {place: _rates(AutoConfig.from_pretrained(place, trust_remote_code=False)) for place in locations}
    answering = [place for place in locations if not rates[place]]
    rating = [place for place in locations if rates[place]]
    if len(answering) != 1 or len(rating) > 1:
        raise ModelError(
            f"{len(answering)} models that answer and {len(rating)} that rate",
            where=", ".join(locations) or "no models",
            expected="one that answers and at most one that rates",
        )
    return answering[0], rating[0] if rating else None


def is_reward_directory(location: str) -> bool:
    """Whether the model at a place is one that rates; a place without a model is none."""
    try:
        return _rates(AutoConfig.from_pretrained(location, trust_remote_code=False))
    except (OSError, ValueError):  # opening it will say what is wrong
        return False


def _rates(config: Any) -> bool:
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or ())
