"""The compiled loop over a batch of texts; see `quality_kernel` for what each number is."""

from typing import Any

import numpy as np

from panlect.text.quality_kernel import (
    character_measures,
    character_repetition,
    jit,
    next_grams,
    repeated_grams,
    split,
    top_gram,
    word_entropy_bits,
    word_measures,
    word_repetition,
)
from panlect.text.quality_lines import (
    bullet_measures,
    ends_a_sentence,
    fragment_lines,
    line_measures,
    repeated_parts,
)

FEWEST_LINES, FEWEST_WORDS = 5, 50
"""Of fewer lines no share of fragments is told, of fewer words no entropy."""


@jit  # type: ignore[untyped-decorator]
def _repetition(codes: Any, kinds: Any, words: Any, by_character: bool, table: Any, out: Any) -> Any:
    """20-23 repeated lines and paragraphs, 24-26 top 2- to 4-grams, 27-32 repeated 5- to 10-grams.

    Any two of five words cover two fifths of a sentence although nothing repeats: with `by_character`, an
    n-gram that occurs once is not a top one and the measure is not defined (datatrove counts it).
    """
    keys, stamps, counts, stamp = table
    hashes, _, _, count = words
    size = len(codes)
    parts, repeated, characters = repeated_parts(codes, 1, (keys, stamps, counts, stamp))
    out[20], out[21] = repeated / parts, characters / size if size else 0.0
    first, last = 0, size
    while first < last and kinds[codes[first]] & 1:
        first += 1
    while last > first and kinds[codes[last - 1]] & 1:
        last -= 1
    parts, repeated, characters = repeated_parts(codes[first:last], 2, (keys, stamps, counts, stamp + 1))
    out[22], out[23] = repeated / parts, characters / size if size else 0.0
    stamp += 2
    grams = hashes[:count].copy()
    for n in range(2, 11):
        next_grams(grams, hashes, n, count)
        if n <= 4:
            covered, times = top_gram(grams, words, n, (keys, stamps, counts, stamp))
            repeats = times > 1 or not by_character
            out[22 + n] = (covered / size if size else 0.0) if repeats else np.nan
        else:
            out[22 + n] = (
                repeated_grams(grams, words, n, (keys, stamps, counts, stamp)) / size if size else 0.0
            )
        stamp += 1
    return stamp


@jit  # type: ignore[untyped-decorator]
def _word_grams(hashes: Any, count: Any, n: Any) -> Any:
    grams = hashes[:count].copy()
    for each in range(2, n + 1):
        next_grams(grams, hashes, each, count)
    return grams


@jit  # type: ignore[untyped-decorator]
def _slots(length: Any) -> Any:
    slots = 16
    while slots < 2 * (length + 2):
        slots *= 2
    return slots


@jit  # type: ignore[untyped-decorator]
def measure_batch(texts: Any, kinds: Any, lower: Any, lists: Any, sizes: Any, out: Any) -> None:
    """Measure every text.

    Args:
        texts: (code points of all texts, where each begins and the last one ends).
        kinds: bits per code point.
        lower: lower-case form per code point.
        lists: (hashes of stop words by language, sorted; where each language begins; language of each text).
        sizes: (words are cut by character, n of character repetition, n of word repetition; 0: not asked).
        out: what to write to: texts × measures, NaN; it stays NaN where a measure is not defined.
    """
    codes, starts = texts
    stops, stop_starts, language = lists
    by_character, character_n, word_n = sizes
    longest = 0
    for text in range(len(starts) - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    all_slots = _slots(longest)
    all_keys, all_stamps = np.empty(all_slots, dtype=np.uint64), np.zeros(all_slots, dtype=np.int64)
    all_counts, stamp = np.empty(all_slots, dtype=np.int64), 1
    hashes = np.empty(longest + 1, dtype=np.uint64)
    firsts, lasts = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    for text in range(len(starts) - 1):
        mine = codes[starts[text] : starts[text + 1]]
        slots = _slots(len(mine))  # a short text's table stays in the cache
        keys, stamps, counts = all_keys[:slots], all_stamps[:slots], all_counts[:slots]
        row = out[text]
        own = stops[stop_starts[language[text]] : stop_starts[language[text] + 1]]
        count = split(mine, kinds, lower, by_character, (hashes, firsts, lasts))
        words = (hashes, firsts, lasts, count)
        word_measures(mine, kinds, words, own, row)
        character_measures(mine, kinds, count, row)
        bullet_measures(mine, kinds, row)
        line_measures(mine, kinds, count, (keys, stamps, counts, stamp), row)
        if by_character and row[14] <= 1:
            row[13] = np.nan
        row[35] = np.nan if ends_a_sentence(mine, kinds) else count
        table = (keys, stamps, counts, stamp + 1)
        stamp = _repetition(mine, kinds, words, by_character, table, row)
        if word_n:
            grams = _word_grams(hashes, count, word_n)
            row[33] = word_repetition(grams, count - word_n + 1, (keys, stamps, counts, stamp))
        if character_n:
            row[34] = character_repetition(mine, character_n, (keys, stamps, counts, stamp + 1))
        lines, fragments = fragment_lines(mine, kinds, words)
        if lines >= FEWEST_LINES:
            row[36] = fragments / lines
        if count >= FEWEST_WORDS:
            row[37] = word_entropy_bits(words, (keys, stamps, counts, stamp + 2))
        stamp += 3
