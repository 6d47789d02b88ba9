"""What is seen when: a deterministic order of draws with random access, computed and never stored.

A component is one body of rows (one language of one table of one folder). In each phase every component has
a quota of draws. Draw j of a component with quota q is placed at time (j + offset) / q of its phase, and
all draws are ordered by time: so every prefix holds each component in its share, to within about one draw.
Rows come in a keyed pseudo-random permutation per epoch (a balanced Feistel network with cycle walking:
Black and Rogaway 2002), so no row repeats before all rows of its component were seen, and the order of one
component does not depend on which others are mixed in.

The i-th draw depends only on the components' names and sizes, the quotas and the seed. Worker count, world
size and restarts cannot change it, and reaching it costs the same wherever it lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panlect.errors import DataError

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

GOLDEN_RATIO = 0.6180339887498949
ROUNDS = 6  # four are the textbook minimum; the small domains here profit from two more
WINDOW_DRAWS = 4096


class Draw(NamedTuple):
    """One row to be read: component, row within it, and how often the component was read before."""

    component: int
    row: int
    epoch: int


class Draws(NamedTuple):
    """Consecutive draws as three arrays of one length."""

    components: Ints
    rows: Ints
    epochs: Ints


def _mixed(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele et al. 2014): every input bit reaches every output bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _feistel(positions: Words, half_bits: Words, keys: Words) -> Words:
    mask = (np.uint64(1) << half_bits) - np.uint64(1)
    left, right = positions >> half_bits, positions & mask
    for number in range(ROUNDS):
        salt = np.uint64((number + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
        left, right = right, left ^ (_mixed(right ^ _mixed(keys + salt)) & mask)
    return (left << half_bits) | right


def permuted(positions: Ints, sizes: Ints, keys: Words) -> Ints:
    """Where each position goes under the permutation of range(size) that its key names; elementwise."""
    limits = sizes.astype(np.uint64)
    bits = np.maximum(np.ceil(np.log2(np.maximum(sizes, 2).astype(np.float64))), 2)
    half_bits = np.ceil(bits / 2).astype(np.uint64)
    places = positions.astype(np.uint64)
    outside = np.ones(len(places), dtype=bool)
    # Cycle walking: positions that leave the range are sent on until they come back. They must, as it is a
    # permutation.
    while outside.any():
        places[outside] = _feistel(places[outside], half_bits[outside], keys[outside])
        outside = places >= limits
    return places.astype(np.int64)


def _key(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest(), "big")


class _Phase:
    """The order of one phase: which component comes when, without regard to rows."""

    def __init__(self, quotas: Ints) -> None:
        self.quotas = quotas
        self.draws = int(quotas.sum())
        # A low-discrepancy offset per component, so that the small ones do not all come in the middle.
        self.offsets = np.mod((np.arange(len(quotas)) + 1) * GOLDEN_RATIO, 1.0)
        self.windows = max(1, self.draws // max(WINDOW_DRAWS, 4 * len(quotas)))

    def _times(self, occurrences: Ints) -> NDArray[np.float64]:
        return np.asarray((occurrences + self.offsets) / np.maximum(self.quotas, 1), dtype=np.float64)

    def before(self, window: int) -> Ints:
        """How often each component was drawn before the window starts."""
        if window >= self.windows:
            return self.quotas.copy()
        start = window / self.windows
        counts = np.clip(np.ceil(start * self.quotas - self.offsets).astype(np.int64), 0, self.quotas)
        # Rounding can put the estimate one off; the times themselves decide.
        while (late := (counts > 0) & (self._times(counts - 1) >= start)).any():
            counts = counts - late
        while (early := (counts < self.quotas) & (self._times(counts) < start)).any():
            counts = counts + early
        return np.asarray(counts, dtype=np.int64)

    def window_of(self, index: int) -> int:
        window = min(int(index * self.windows // self.draws), self.windows - 1)
        while int(self.before(window).sum()) > index:
            window -= 1
        while int(self.before(window + 1).sum()) <= index:
            window += 1
        return window

    def order(self, window: int) -> tuple[int, Ints, Ints]:
        """Index of the window's first draw in the phase; component and occurrence of each of its draws."""
        first, last = self.before(window), self.before(window + 1)
        counts = last - first
        components = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(components)) - np.repeat(np.cumsum(counts) - counts, counts)
        occurrences = first[components] + within
        times = (occurrences + self.offsets[components]) / self.quotas[components]
        order = np.lexsort((components, times))
        return int(first.sum()), components[order], occurrences[order]


class Schedule(Sequence[Draw]):
    """A sequence of draws; `schedule[i]`, `draws(start, stop)` and iteration agree.

    Args:
        names: one per component; they key the permutations, so they must differ.
        rows: how many rows each component has.
        phases: quotas of draws per component, one sequence per phase, in the order of the phases.
        seed: another seed gives another order of rows within each component.
    """

    def __init__(
        self, names: Sequence[str], rows: Sequence[int], phases: Sequence[Sequence[int]], *, seed: int
    ) -> None:
        if len(set(names)) != len(names) or len(names) != len(rows):
            raise DataError("a schedule needs one name and one size per component, and names that differ")
        self.names, self.seed = tuple(names), seed
        self.rows = np.asarray(rows, dtype=np.int64)
        self.quotas = np.asarray(phases, dtype=np.int64).reshape(-1, len(names))
        if (self.quotas < 0).any() or (self.rows < 0).any() or (self.quotas[:, self.rows == 0] > 0).any():
            raise DataError(
                "a schedule cannot draw from a component without rows, nor a negative number of times"
            )
        self._phases = [_Phase(quotas) for quotas in self.quotas]
        self._starts = np.concatenate(
            [[0], np.cumsum([phase.draws for phase in self._phases], dtype=np.int64)]
        )
        self._offsets = np.concatenate([np.zeros((1, len(names)), np.int64), np.cumsum(self.quotas, axis=0)])
        self._keys = np.asarray([_key(seed, name) for name in names], dtype=np.uint64)
        self._window: tuple[int, int, Draws] | None = None

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: Any) -> Any:
        """A draw for a number; a list of draws for a slice."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"draw {index} of {len(self)}")
        start, window = self._window_at(place)
        inside = place - start
        return Draw(*(int(values[inside]) for values in window))

    def __iter__(self) -> Iterator[Draw]:
        return self.iterate(0)

    def iterate(self, start: int, *, stride: int = 1) -> Iterator[Draw]:
        """Draws `start`, `start + stride`, ... to the end: what one of `stride` workers reads."""
        for index in range(start, len(self), stride):
            yield self[index]

    def draws(self, start: int, stop: int) -> Draws:
        """Draws `start` to `stop` (excluded) as arrays."""
        pieces: list[Draws] = []
        while start < min(stop, len(self)):
            first, window = self._window_at(start)
            inside = slice(start - first, min(stop - first, len(window.rows)))
            pieces.append(Draws(*(values[inside] for values in window)))
            start = first + len(window.rows)
        empty = [Draws(*(np.zeros(0, np.int64) for _ in range(3)))]
        return Draws(*(np.concatenate(values) for values in zip(*(pieces or empty), strict=True)))

    def counts(self, stop: int | None = None) -> Ints:
        """How often each component is drawn before draw `stop` (default: in the whole schedule)."""
        stop = len(self) if stop is None else min(stop, len(self))
        if stop == len(self):
            return np.asarray(self._offsets[-1])
        phase = int(np.searchsorted(self._starts, stop, side="right")) - 1
        window = self._phases[phase].window_of(stop - int(self._starts[phase]))
        before = self._phases[phase].before(window)
        first = int(self._starts[phase] + before.sum())
        inside = np.bincount(self.draws(first, stop).components, minlength=len(self.names))
        return np.asarray(self._offsets[phase] + before + inside)

    def visits(self, component: int, stop: int | None = None) -> Ints:
        """How often each row of the component is drawn before draw `stop`."""
        rows, count = int(self.rows[component]), int(self.counts(stop)[component])
        if rows == 0:
            return np.zeros(0, np.int64)
        epochs, rest = divmod(count, rows)
        visits = np.full(rows, epochs, dtype=np.int64)
        visits[self._rows(np.full(rest, component), np.arange(rest) + epochs * rows)] += 1
        return visits

    def then(self, quotas: Sequence[int]) -> Schedule:
        """This schedule with one more phase at its end; so shares learned while training are recorded."""
        return Schedule(self.names, self.rows.tolist(), [*self.quotas.tolist(), list(quotas)], seed=self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `Schedule.from_dict` gives the same schedule back."""
        return {
            "seed": self.seed,
            "names": list(self.names),
            "rows": self.rows.tolist(),
            "phases": self.quotas.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Schedule:
        """The schedule that `to_dict` described."""
        return cls(values["names"], values["rows"], values["phases"], seed=values["seed"])

    def _rows(self, components: Ints, occurrences: Ints) -> Ints:
        sizes = self.rows[components]
        epochs = (occurrences // np.maximum(sizes, 1)).astype(np.uint64)
        keys = _mixed(self._keys[components] + epochs * np.uint64(0x9E3779B97F4A7C15))
        return permuted(occurrences % np.maximum(sizes, 1), sizes, keys)

    def _window_at(self, index: int) -> tuple[int, Draws]:
        """The window that holds draw `index`: its first draw's index, and its draws. One is kept."""
        if self._window and self._window[0] <= index < self._window[1]:
            return self._window[0], self._window[2]
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        phase, start = self._phases[number], int(self._starts[number])
        first, components, occurrences = phase.order(phase.window_of(index - start))
        occurrences = occurrences + self._offsets[number][components]
        epochs = occurrences // self.rows[components]
        window = Draws(components, self._rows(components, occurrences), epochs)
        self._window = (start + first, start + first + len(components), window)
        return start + first, window
