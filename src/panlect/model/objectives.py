"""Objectives that the loop can descend: a batch in, `Terms` out. The formulas are in `losses`."""

from typing import Any

from panlect.model.forward import plain_head, token_losses
from panlect.model.loop import Objective, Terms
from panlect.model.packing import Batch


def language_model(network: Any) -> Objective:
    """Next-token prediction at the positions that carry a loss."""
    head_VC = plain_head(network)

    def objective(network: Any, batch: Batch) -> Terms:
        total, losses_N = token_losses(network, batch, head_VC)
        return Terms(total, batch.cells_N, {"loss": losses_N})

    return objective
