"""Quality: what is measured on a text, and the bounds that published corpora set on it.

`measure` gives the numbers, `bounds` the published parameters (`quality.csv`), `judge` the first bound that a
text breaks, `learn` bounds from the text itself. A text is never judged by a number that is not
defined for it (NaN): a language without a list has no stop words; where words are cut by script, a text in
which nothing occurs twice has no top n-gram, one line no share of lines that end in an ellipsis, and a
whole sentence (`fragment_words`) may be as short as it likes.

| set | source |
|---|---|
| `roots` | Laurençon et al. 2022, the ROOTS corpus; parameters of its OSCAR part by language |
| `gopher_repetition`, `gopher_quality` | Rae et al. 2021, table A1 and section A.1.1 |
| `fineweb` | Penedo et al. 2024 |
| `fineweb2` | Penedo et al. 2025; languages without a row have the English repetition bounds |
| `mc4` | Xue et al. 2021: three lines of 200 characters |
| `panlect` | our default: only what is wrong in every language; `learn` gives the rest per language |
"""

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panlect.text.characters import kinds, lower_case
from panlect.text.scripts import batches, code_points

Floats = NDArray[np.float64]

MEASURES = (
    "characters",
    "words",
    "solid_words",
    "mean_word_length",
    "longest_word",
    "alphabetic_word_ratio",
    "distinct_stop_words",
    "stop_word_ratio",
    "special_ratio",
    "digit_ratio",
    "hash_ratio",
    "ellipsis_ratio",
    "bullet_line_ratio",
    "ellipsis_line_ratio",
    "lines",
    "terminal_line_ratio",
    "short_line_ratio",
    "repeated_characters_in_lines",
    "newline_ratio",
    "third_longest_line",
    "repeated_line_ratio",
    "repeated_line_characters",
    "repeated_paragraph_ratio",
    "repeated_paragraph_characters",
    "top_2_gram",
    "top_3_gram",
    "top_4_gram",
    "repeated_5_grams",
    "repeated_6_grams",
    "repeated_7_grams",
    "repeated_8_grams",
    "repeated_9_grams",
    "repeated_10_grams",
    "word_repetition",
    "character_repetition",
    "fragment_words",
    "fragment_line_ratio",
    "word_entropy_bits",
)
"""The columns of `measure`, in order."""

EXTRA = ("identification_score", "perplexity", "flagged_ratio")
"""Measures that need a model or a list; `judge_all` and `learn` take them as further columns."""
COLUMNS = MEASURES + EXTRA


class Bound(NamedTuple):
    """A measure must be at least `low` and at most `high`."""

    measure: str
    low: float = -np.inf
    high: float = np.inf


class Verdict(NamedTuple):
    """The bound that a text breaks."""

    measure: str
    value: float
    threshold: float


class Measuring(NamedTuple):
    """How words and repetitions are counted."""

    words: Literal["script", "spaces"] = "script"
    """`script`: without punctuation, and a character is a word where the script has no spaces;
    `spaces`: whatever stands between white space, as datatrove does without a tokenizer."""
    character_n: int = 10
    """n of `character_repetition` (10 in ROOTS; 3 for Chinese)."""
    word_n: int = 5
    """n of `word_repetition`."""
    punctuation: frozenset[str] = frozenset()
    terminal: frozenset[str] = frozenset()


def measure(
    texts: Sequence[str],
    how: Measuring = Measuring(),  # noqa: B008 - an immutable tuple
    *,
    languages: Sequence[str] = (),
    stop_words: Mapping[str, Sequence[str]] | None = None,
) -> Floats:
    """Measure texts.

    Args:
        texts: the texts.
        how: how words are cut.
        languages: the language of each text; needed for stop words only.
        stop_words: lists by language; a language without one has NaN for both stop-word measures.

    Returns:
        texts × `MEASURES`.
    """
    from panlect.text.quality_batch import measure_batch

    (hashes, places, numbers), has_list = _hashed_lists(
        how, tuple(languages) or ("",) * len(texts), stop_words or {}
    )
    bits = kinds(how.punctuation, how.terminal)
    sizes = (how.words == "script", how.character_n, how.word_n)
    values = np.full((len(texts), len(MEASURES)), np.nan)
    for mine, codes, starts in batches(texts):
        lists = (hashes, places, numbers[mine])
        measure_batch((codes, starts), bits, lower_case(), lists, sizes, values[mine])
    values[~has_list, MEASURES.index("distinct_stop_words")] = np.nan
    return np.asarray(values)


def _hashed_lists(
    how: Measuring, languages: Sequence[str], stop_words: Mapping[str, Sequence[str]]
) -> tuple[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]:
    names = sorted(set(languages))
    hashes = [np.unique(word_hashes(tuple(stop_words.get(name, ())), how)) for name in names]
    starts = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in hashes], out=starts[1:])
    position = {name: number for number, name in enumerate(names)}
    numbers = np.array([position[language] for language in languages], dtype=np.int64)
    joined = np.concatenate([np.zeros(0, dtype=np.uint64), *hashes])
    has_list = np.array([bool(stop_words.get(language)) for language in languages], dtype=bool)
    return (joined, starts, numbers), has_list


@lru_cache(maxsize=512)
def word_hashes(words: tuple[str, ...], how: Measuring) -> NDArray[np.uint64]:
    """Return the hashes that these words have inside texts."""
    from panlect.text.quality_kernel import split

    found = []
    for word in words:
        codes = code_points(word)
        out = (
            np.empty(len(codes), np.uint64),
            np.empty(len(codes), np.int64),
            np.empty(len(codes), np.int64),
        )
        count = split(codes, kinds(how.punctuation, how.terminal), lower_case(), how.words == "script", out)
        found += [int(value) for value in out[0][:count][:1]]
    return np.array(found, dtype=np.uint64)


@lru_cache(maxsize=4096)
def bounds(names: tuple[str, ...], language: str) -> tuple[Bound, ...]:
    """Return the bounds of the named sets: a language's own row where there is one, else the default."""
    found: dict[tuple[str, str], Bound] = {}
    for name, of, each in _published():
        if name in names and of in ("*", language[:3]):
            found[name, each.measure] = each
    return tuple(found.values())


@lru_cache(maxsize=1)
def _published() -> tuple[tuple[str, str, Bound], ...]:
    text = (files("panlect.text") / "quality.csv").read_text(encoding="utf-8")
    rows = []
    for row in csv.DictReader(text.splitlines()):
        low, high = float(row["low"] or -np.inf), float(row["high"] or np.inf)
        rows.append((row["set"], row["language"], Bound(row["measure"], low, high)))
    return tuple(rows)


def sets() -> tuple[str, ...]:
    """Return the names of the published sets."""
    return tuple(dict.fromkeys(name for name, _, _ in _published()))


def judge(values: Mapping[str, float], limits: Sequence[Bound]) -> Verdict | None:
    """Return the first bound that is broken, or None; a measure that is NaN or absent breaks none."""
    for bound in limits:
        value = values.get(bound.measure, np.nan)
        if value < bound.low:
            return Verdict(bound.measure, float(value), bound.low)
        if value > bound.high:
            return Verdict(bound.measure, float(value), bound.high)
    return None


def judge_all(values: Floats, limits: Sequence[Bound]) -> list[Verdict | None]:
    """Judge many texts of one language by the columns of `measure`, or by all `COLUMNS`."""
    verdicts: list[Verdict | None] = [None] * len(values)
    undecided = np.ones(len(values), dtype=bool)
    for bound in limits:
        if COLUMNS.index(bound.measure) >= values.shape[1]:
            continue
        column = values[:, COLUMNS.index(bound.measure)]
        for broken, threshold in ((column < bound.low, bound.low), (column > bound.high, bound.high)):
            for number in np.flatnonzero(broken & undecided):
                verdicts[number] = Verdict(bound.measure, float(column[number]), threshold)
                undecided[number] = False
    return verdicts


HIGHER_IS_BETTER = frozenset(
    {
        "words",
        "solid_words",
        "fragment_words",
        "word_entropy_bits",
        "alphabetic_word_ratio",
        "distinct_stop_words",
        "stop_word_ratio",
        "terminal_line_ratio",
        "third_longest_line",
        "identification_score",
    }
)
TWO_SIDED = frozenset({"mean_word_length"})


class Learning(NamedTuple):
    """How a threshold is read off a distribution (CulturaX: first quartiles, in the end percentiles)."""

    mode: Literal["percentile", "iqr"] = "percentile"
    q: float = 10.0
    """Percentile cut off: the lowest q % where higher is better, the highest q % where lower is."""
    k: float = 1.5
    """`iqr`: the cut is k times the interquartile range beyond the quartile."""
    minimum_sample: int = 500
    """With fewer texts of a language, nothing is learned for it."""


def threshold(values: Floats, direction: Literal["low", "high"], how: Learning) -> float | None:
    """Return the learned lower (or upper) bound of one measure, or None if there are too few values."""
    known = values[~np.isnan(values)]
    if len(known) < how.minimum_sample:
        return None
    if how.mode == "percentile":
        return float(np.percentile(known, how.q if direction == "low" else 100 - how.q))
    lower, upper = np.percentile(known, [25, 75])
    reach = how.k * (upper - lower)
    return float(lower - reach if direction == "low" else upper + reach)


def learn(values: Floats, measures: Sequence[str], how: Learning) -> tuple[Bound, ...]:
    """Learn bounds for one language from a sample of its texts."""
    learned = []
    for name in measures:
        column = values[:, COLUMNS.index(name)]
        two_sided, higher = name in TWO_SIDED, name in HIGHER_IS_BETTER
        low = threshold(column, "low", how) if higher or two_sided else None
        high = threshold(column, "high", how) if not higher or two_sided else None
        if low is not None or high is not None:
            learned.append(Bound(name, -np.inf if low is None else low, np.inf if high is None else high))
    return tuple(learned)
