"""A cap that holds: what a request can cost at most is set aside before it is sent.

Tokens are counted by the server; before it answers, nothing is known but a bound. A token is at least one
byte of UTF-8, so a request of b bytes has at most b tokens of prompt, and `max_tokens` of answer per choice.
"""

from __future__ import annotations

import threading
from typing import NamedTuple


class Usage(NamedTuple):
    """Tokens of prompt and answer."""

    prompt: int
    answer: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.answer


class Budget:
    """Tokens and money that are spent, and those that are set aside for requests under way.

    Args:
        tokens: the most tokens, 0 for no limit.
        cost: the most money, 0 for no limit.
        prices: cost of a million tokens of prompt and of answer.
        spent: what was used before.
    """

    def __init__(self, tokens: int, cost: float, prices: tuple[float, float], spent: Usage) -> None:
        self.tokens, self.cost, self.prices, self.spent = tokens, cost, prices, spent
        self._aside: list[Usage] = []
        self._changed = threading.Condition()

    def price(self, usage: Usage) -> float:
        """What these tokens cost."""
        return (usage.prompt * self.prices[0] + usage.answer * self.prices[1]) / 1e6

    def set_aside(self, most: Usage) -> bool:
        """Wait until the request fits; False if it does not fit even when nothing is under way."""
        with self._changed:
            while not self._fits([*self._aside, most]):
                if not self._aside:
                    return False
                self._changed.wait()
            self._aside.append(most)
            return True

    def settle(self, most: Usage, used: Usage) -> None:
        """Replace what was set aside by what was used."""
        with self._changed:
            self._aside.remove(most)
            self.spent = Usage(self.spent.prompt + used.prompt, self.spent.answer + used.answer)
            self._changed.notify_all()

    def _fits(self, aside: list[Usage]) -> bool:
        total = Usage(
            self.spent.prompt + sum(each.prompt for each in aside),
            self.spent.answer + sum(each.answer for each in aside),
        )
        return (not self.tokens or total.total <= self.tokens) and (
            not self.cost or self.price(total) <= self.cost
        )
