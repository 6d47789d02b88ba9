"""From components and wishes to quotas: how many rows of each component are read.

A component is one language of one table of one source. The budget is first divided between three parts:
parallel text, replay (sources that keep old abilities alive) and everything else. Within a part the method
divides it between languages, and within a language it goes to the components in proportion to their size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from panlect.errors import ConfigError
from panlect.mixture.shares import Floats, Ints, bounded, temperature, unimax

Unit = Literal["bytes", "tokens", "documents"]
MIXTURE_FILE = "mixture.json"
Method = Literal["proportional", "temperature", "uniform", "unimax", "fixed"]
MANY_EPOCHS = 4
"""Repetition beyond about four epochs is worth clearly less than new text (Muennighoff et al. 2023, Scaling
data-constrained language models); a plan warns from there on."""


@dataclass(frozen=True)
class Component:
    """One language of one table (`document` or `pair`) of one source, with its size."""

    source: str
    kind: str
    language: str
    rows: int
    bytes: int

    @property
    def name(self) -> str:
        """Identifies the component within a mixture."""
        return f"{self.source}/{self.kind}/{self.language}"


@dataclass(frozen=True)
class Wish:
    """How to divide one part's budget between languages. Shares, floors and caps are of the part."""

    method: Method = "unimax"
    alpha: float = 0.3
    max_epochs: float | None = MANY_EPOCHS
    shares: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)
    caps: Mapping[str, float] = field(default_factory=dict)
    allow_shortfall: bool = False


def language_amounts(languages: Sequence[str], sizes: Floats, budget: float, wish: Wish) -> Floats:
    """Divide `budget` between languages of these sizes; both in one unit.

    The amounts sum to the budget, or to less if a shortfall is allowed and needed. `max_epochs` None: no cap.
    """
    _check_names(languages, wish)
    if wish.max_epochs:
        reachable = float(
            unimax(sizes, budget, max_epochs=wish.max_epochs, shortfall=wish.allow_shortfall).sum()
        )
        budget = min(budget, reachable)
    base = _base_shares(languages, sizes, wish)
    floors = np.array([wish.shares.get(name, wish.floors.get(name, 0.0)) for name in languages])
    caps = np.array([wish.shares.get(name, wish.caps.get(name, 1.0)) for name in languages])
    epoch_caps = wish.max_epochs * sizes / budget if wish.max_epochs else np.ones(len(languages))
    if (tight := floors > epoch_caps * (1 + 1e-9)).any():
        name = languages[int(np.argmax(tight))]
        raise ConfigError(
            f"{name} cannot fill its share: that takes {budget * (floors / sizes).max():.3g} epochs of it",
            where=f"shares.{name}",
            expected=f"at most {wish.max_epochs:g} epochs",
            fix="lower the share or the budget, or raise max_epochs (null for no limit)",
        )
    return bounded(base, floors, np.minimum(caps, epoch_caps)) * budget


def _check_names(languages: Sequence[str], wish: Wish) -> None:
    for key, values in (("shares", wish.shares), ("floors", wish.floors), ("caps", wish.caps)):
        if unknown := sorted(set(values) - set(languages)):
            raise ConfigError(
                f"{', '.join(unknown)} is not in the input",
                where=f"{key}.{unknown[0]}",
                expected="one of: "
                + ", ".join(sorted(languages)[:20])
                + (" ..." if len(languages) > 20 else ""),
                fix="remove it, or add text of that language",
            )
        if any(value < 0 or value > 1 for value in values.values()):
            raise ConfigError(
                "a share must lie between 0 and 1", where=key, expected="fractions, not percent"
            )


def _base_shares(languages: Sequence[str], sizes: Floats, wish: Wish) -> Floats:
    if wish.method != "fixed":
        return temperature(sizes, {"proportional": 1.0, "temperature": wish.alpha}.get(wish.method, 0.0))
    if missing := [
        name for name, size in zip(languages, sizes, strict=True) if size and name not in wish.shares
    ]:
        raise ConfigError(
            f"{len(missing)} languages have no share: {', '.join(missing[:10])}",
            where="shares",
            expected="with method fixed, a share for every language (0 to leave one out)",
            fix="add them, or choose a method that divides the rest",
        )
    if abs(sum(wish.shares.values()) - 1) > 1e-6:
        raise ConfigError(
            f"the shares sum to {sum(wish.shares.values()):g}", where="shares", expected="a sum of 1"
        )
    shares = np.array(
        [wish.shares[name] if size else 0.0 for name, size in zip(languages, sizes, strict=True)]
    )
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def component_amounts(components: Sequence[Component], sizes: Floats, budget: float, wish: Wish) -> Floats:
    """Divide a part's budget between its components: by language first, then in proportion to size."""
    languages = sorted({component.language for component in components})
    place = {name: number for number, name in enumerate(languages)}
    index = np.array([place[component.language] for component in components], dtype=np.int64)
    totals = np.asarray(np.bincount(index, weights=sizes, minlength=len(languages)), dtype=np.float64)
    amounts = language_amounts(languages, totals, budget, wish)
    return np.asarray(amounts[index] * sizes / np.maximum(totals, 1e-300)[index], dtype=np.float64)


def documents(components: Sequence[Component], amounts: Floats, sizes: Floats) -> Ints:
    """Amounts as whole numbers of rows, by largest remainder; no language with a share gets none."""
    rows = np.array([component.rows for component in components], dtype=np.float64)
    exact = amounts / np.maximum(sizes, 1e-300) * rows
    counts = np.floor(exact).astype(np.int64)
    short = round(float(exact.sum())) - int(counts.sum())
    counts[np.argsort(-(exact - counts), kind="stable")[: max(short, 0)]] += 1
    for language in {component.language for component in components}:
        mine = [
            n for n, component in enumerate(components) if component.language == language and amounts[n] > 0
        ]
        if mine and not counts[mine].any():
            counts[max(mine, key=lambda n: exact[n])] = 1
    return counts


def phase_documents(components: Sequence[Component], phases: Sequence[Floats], sizes: Floats) -> list[Ints]:
    """Whole numbers of rows per phase; together they are `documents` of the sum, so no rounding adds up."""
    rows = np.array([component.rows for component in components], dtype=np.float64)
    total = documents(components, np.asarray(np.sum(phases, axis=0)), sizes)
    reached = np.zeros(len(components), dtype=np.int64)
    quotas = []
    exact = np.zeros(len(components))
    for number, amounts in enumerate(phases):
        exact = exact + amounts / np.maximum(sizes, 1e-300) * rows
        target = (
            total if number == len(phases) - 1 else np.minimum(np.floor(exact + 0.5).astype(np.int64), total)
        )
        quotas.append(target - reached)
        reached = target
    return quotas


def parts(
    components: Sequence[Component], *, parallel_share: float, replay: Mapping[str, float]
) -> list[tuple[str, float, list[int]]]:
    """The parts of the budget: (name, share, numbers of their components); shares sum to 1."""
    sources = {component.source for component in components}
    if unknown := sorted(set(replay) - sources):
        raise ConfigError(
            f"replay names '{unknown[0]}', which is not an input",
            where=f"replay.{unknown[0]}",
            expected=f"one of: {', '.join(sorted(sources))}",
        )
    groups: dict[str, list[int]] = {}
    for number, component in enumerate(components):
        part = (
            component.source
            if component.source in replay
            else "parallel"
            if component.kind == "pair"
            else "main"
        )
        groups.setdefault(part, []).append(number)
    shares = {**replay, "parallel": parallel_share} if parallel_share else dict(replay)
    rest = 1 - sum(shares.values())
    if min(shares.values(), default=0) < 0 or rest < -1e-9 or (rest > 1e-9) != ("main" in groups):
        raise ConfigError(
            f"parallel_share and replay leave a share of {rest:.4g} for other text, which the inputs"
            f" {'do' if 'main' in groups else 'do not'} hold",
            where="parallel_share, replay",
            expected="shares that sum to less than 1 if there is other text, to 1 if there is none",
        )
    if parallel_share and "parallel" not in groups:
        raise ConfigError(
            "there are no pairs in the inputs", where="parallel_share", expected="a table of pairs"
        )
    shares["main"] = max(rest, 0.0)
    return [
        (name, shares.get(name, 0.0), groups[name])
        for name in ("main", "parallel", *replay)
        if name in groups
    ]
