"""A running average of the weights (Polyak & Juditsky 1992), kept among the optimiser's state.

There it is saved, sharded and restored like a moment. It begins with the weights after the first step.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def update(optimiser: torch.optim.Optimizer, decay: float) -> None:
    """Move the average towards the weights: ``average = decay * average + (1 - decay) * weight``."""
    for parameter, state in optimiser.state.items():
        if "average" in state:
            state["average"].lerp_(parameter.detach(), 1 - decay)
        else:
            state["average"] = parameter.detach().clone()


def take(optimiser: torch.optim.Optimizer) -> list[tuple[Tensor, Tensor]]:
    """Put the average in place of the weights; return what is needed to put them back."""
    before = []
    with torch.no_grad():
        for parameter, state in optimiser.state.items():
            if "average" in state:
                before.append((parameter, parameter.detach().clone()))
                parameter.copy_(state["average"])
    return before


@contextmanager
def in_place(optimiser: torch.optim.Optimizer) -> Iterator[None]:
    """Look at the average, where there is one; the weights come back bit for bit."""
    before = take(optimiser)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in before:
                parameter.copy_(value)
