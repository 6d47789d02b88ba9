"""A mixture whose languages' shares are learned while the model trains: MultiDDS (Wang et al. 2020).

The run is cut into rounds of some steps. After each, every language gets a reward: how well its gradient
agrees with those on held-out text (`gradient_rewards`). The scorer turns rewards into the shares of the next
round (`panlect.mixture.learned`); each round is one more phase of a schedule over the languages' texts, so
what was read is known afterwards and a killed run reads the same again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panlect.draft import Draft
from panlect.errors import DataError
from panlect.mixture.learned import LanguageScorer, next_quotas
from panlect.mixture.schedule import Schedule
from panlect.model.gradient_rewards import look_ahead_rewards, stable_rewards
from panlect.model.loop import Objective, to_device
from panlect.model.packing import Batch, Ints, Plan, groups
from panlect.model.parallel import Ranks


class Settings(Protocol):
    """The settings `learned_shares` of `pretrain`, which documents each."""

    @property
    def every_steps(self) -> int: ...  # noqa: D102
    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def average(self) -> str: ...  # noqa: D102
    @property
    def learning_rate(self) -> float: ...  # noqa: D102
    @property
    def inner_steps(self) -> int: ...  # noqa: D102
    @property
    def least(self) -> float: ...  # noqa: D102
    @property
    def reward_tokens(self) -> int: ...  # noqa: D102


@dataclass
class LivePlan:
    """`Work` for the loop whose rounds are made one after the other.

    Args:
        planned_order: what would be read with fixed shares. It gives the first shares, the texts of each
            language, the length of the run, and the texts that are held out: the development text.
        objective: whose gradients are compared.
        settings: how shares are learned.
        serves: languages whose held-out text counts; empty for all.
        seed: of the order of texts and of those that rewards are taken on.
    """

    planned_order: Plan
    objective: Objective
    settings: Settings
    serves: tuple[str, ...]
    seed: int
    rounds: list[list[int]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        tokens, order = self.planned_order.tokens, self.planned_order.order
        self.languages, self.components = tokens.languages, tokens.components
        drawn = np.unique(order)
        self.pools = [drawn[tokens.language[drawn] == code] for code in range(len(self.languages))]
        self.development = [self._batch(texts) for texts in self._development()]
        size = np.bincount(tokens.language[order], tokens.lengths[order], minlength=len(self.languages))
        # A language without texts has no share to learn; a floor for it would draw from nothing.
        self.learnt = [code for code, pool in enumerate(self.pools) if len(pool)]
        floor = self.settings.least / len(self.learnt)
        self.scorer = LanguageScorer.at(
            size[self.learnt] / size.sum(),
            learning_rate=self.settings.learning_rate,
            inner_steps=self.settings.inner_steps,
            floor_share=floor,
        )
        self._now: tuple[int, Plan] | None = None
        self._open_round()

    def _development(self) -> list[Ints]:
        tokens, held = self.planned_order.tokens, self.planned_order.held_out
        wanted = [self.languages.index(name) for name in self.serves if name in self.languages]
        codes = wanted if self.serves else range(len(self.languages))
        found = [held[tokens.language[held] == code] for code in codes]
        found = [texts for texts in found if len(texts)]
        if not found:
            raise DataError(
                "there is no held-out text to learn shares by", where="learned_shares",
                expected="ten texts or more of a language, and held_out.texts_per_language",
            )  # fmt: skip
        return found

    def __len__(self) -> int:
        return len(self.planned_order)

    def planned(self) -> NDArray[np.float64]:
        """Tokens, characters, bytes per cell, as if the rounds to come were like those that are known."""
        draws = np.concatenate([self._draws(number) for number in range(len(self.rounds))])
        steps = sum(self._steps_of(number) for number in range(len(self.rounds)))
        return self.planned_order.tokens.counted(draws) * (len(self) / steps)

    def batches(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of an optimiser step."""
        number, within = divmod(step, self.settings.every_steps)
        if self._now is None or self._now[0] != number:
            self._now = (number, self._round(number))
        plan = self._now[1]
        return plan.batches(min(within, len(plan) - 1))

    def held_out_batches(self) -> Iterator[Batch]:
        """Yield batches of the texts that no step draws, each once."""
        return self.planned_order.held_out_batches()

    # ------------------------------------------------------------------------------ rounds
    def _steps_of(self, number: int) -> int:
        return min(self.settings.every_steps, len(self) - number * self.settings.every_steps)

    def _open_round(self) -> None:
        """Decide how often each language is drawn in the next round; shares are of tokens."""
        lengths = self.planned_order.tokens.lengths
        mean = np.array([lengths[self.pools[code]].mean() for code in self.learnt])
        weights = self.scorer.shares / mean
        wanted_tokens = self._steps_of(len(self.rounds)) * self.planned_order.batch_tokens
        draws = max(1, round(wanted_tokens * float(weights.sum())))
        names = [self.languages[code] for code in self.learnt]
        quotas = np.zeros(len(self.languages), np.int64)
        quotas[self.learnt] = next_quotas(
            weights / weights.sum(), names, [(name, 1.0) for name in names], draws
        )
        self.rounds.append(quotas.tolist())

    def _draws(self, number: int) -> Ints:
        """Text numbers of a round."""
        sizes = [len(pool) for pool in self.pools]
        schedule = Schedule(self.languages, sizes, self.rounds[: number + 1], seed=self.seed)
        found = schedule.draws(sum(map(sum, self.rounds[:number])), len(schedule))
        texts = [self.pools[code][row] for code, row in zip(found.components, found.rows, strict=True)]
        return np.array(texts, np.int64)

    def _round(self, number: int) -> Plan:
        """A round's draws, cut into as many steps as it has, of about equal tokens."""
        laid, draws = self.planned_order, self._draws(number)
        total = int(laid.tokens.lengths_of(draws).sum())
        step_tokens = -(-total // self._steps_of(number))
        return Plan(
            laid.tokens,
            draws,
            laid.row_tokens,
            step_tokens,
            laid.micro_tokens,
            laid.pad_id,
            packed=laid.packed,
        )

    # ------------------------------------------------------------------------------ learning
    def learn(self, step: int, network: Any, among: Ranks) -> None:
        """After the last step of a round: rewards, shares, the next round."""
        if step % self.settings.every_steps or step >= len(self):
            return
        network.eval()
        # All processes hold the same weights; one of them decides.
        rewards = among.gather(self._rewards(step, network).tolist())[0]
        network.train()
        entropy = self.scorer.update(rewards)
        self.history.append(
            {"step": step, "rewards": rewards, "shares": self.scorer.shares.tolist(), "entropy": entropy}
        )
        self._open_round()

    def _rewards(self, step: int, network: Any) -> NDArray[np.float64]:
        parameters = [each for each in network.parameters() if each.requires_grad]

        def loss(batch: Batch) -> Tensor:
            moved = to_device(batch, parameters[0].device)
            return self.objective(network, moved).total / batch.weight

        training = []
        for code in self.learnt:
            pool = self.pools[code]
            random = np.random.default_rng([self.seed, step, code])
            training.append(self._batch(random.permutation(pool)))
        with torch.enable_grad():
            if self.settings.method == "multidds":
                return look_ahead_rewards(loss, training, self.development, parameters)
            average = self.settings.average
            return stable_rewards(loss, training, self.development, parameters, average=average)

    def _batch(self, texts: Ints) -> Batch:
        """The first texts, up to `reward_tokens`, as one batch."""
        laid = self.planned_order
        first, last = groups(laid.tokens.lengths_of(texts), self.settings.reward_tokens)[0]
        size = int(laid.tokens.lengths_of(texts[first:last]).sum())
        room = size * laid.row_tokens  # one pass, however the rows turn out
        (batch,) = Plan(
            laid.tokens, texts[first:last], laid.row_tokens, size, room, laid.pad_id, packed=laid.packed
        ).batches(0)
        return batch

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep."""
        return {"rounds": self.rounds, "history": self.history, "scorer": self.scorer.to_dict()}

    def resume(self, state: dict[str, Any]) -> None:
        """Return to a checkpoint's state."""
        self.rounds, self.history = state["rounds"], state["history"]
        self.scorer = LanguageScorer.from_dict(state["scorer"])
        self._now = None

    def report(self, draft: Draft) -> None:
        """Shares and rewards of each round as numbers, and in words where they ended."""
        for each in self.history:
            group = f"step {each['step']}"
            draft.number("share_entropy", each["entropy"], group=group, unit="nats")
            for code, share, reward in zip(self.learnt, each["shares"], each["rewards"], strict=True):
                named = {"language": self.languages[code], "group": group}
                draft.number("sampled_share", share, unit="share", **named)
                draft.number("gradient_reward", reward, **named)
        if self.history:
            last = dict(zip(self.learnt, self.history[-1]["shares"], strict=True))
            most, entropy = max(last, key=lambda code: last[code]), self.history[-1]["entropy"]
            draft.log(
                f"{len(self.history)} updates of the shares: most {self.languages[most]} ({last[most]:.1%}), "
                f"entropy {entropy:.3f} of at most {np.log(len(last)):.3f} nats"
            )
