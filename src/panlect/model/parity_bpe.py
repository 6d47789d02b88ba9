"""Byte-pair encoding that helps the worst language at every step (Foroutan et al. 2025, "Parity-aware BPE").

Plain byte-pair encoding merges the pair that is most frequent in all text together, so languages with much
text get the pieces. Here every step asks which language needs most tokens for the same parallel sentences,
takes the pair that is most frequent in that language's training text, and merges it everywhere.

It may begin where a plain tokenizer stopped: the paper's hybrid, a common part first and then parity.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

from panlect.model.continued_bpe import Merge, NewPiece, Words
from panlect.model.vocabulary_extension import count_words, with_merges


class Parallel(NamedTuple):
    """One language's side of parallel sentences, and how much they say in all."""

    sentences: Sequence[str]
    content: float


class Language(NamedTuple):
    """One language's words as the tokenizer so far splits them.

    Attributes:
        training: where merges are looked for.
        parallel: its side of the parallel sentences, which says how badly off it is.
        content: how much those sentences say, in characters of the reference language: sides that hold
            fewer sentences are compared fairly.
    """

    training: Words
    parallel: Words
    content: float


class _Contest:
    """All languages, each with its pairs in order of frequency."""

    def __init__(self, languages: Mapping[str, Language], spelling: Mapping[int, str]) -> None:
        self.languages, self.names = languages, dict(spelling)
        self.heaps: dict[str, list[tuple[int, str, tuple[int, int]]]] = {}
        for code, language in languages.items():
            self.heaps[code] = [(-n, self._union(pair), pair) for pair, n in language.training.pairs.items()]
            heapq.heapify(self.heaps[code])

    def _union(self, pair: tuple[int, int]) -> str:
        return self.names[pair[0]] + self.names[pair[1]]

    def worst_first(self) -> Iterator[str]:
        """Codes by tokens for the same content, most first; ties by code."""
        cost = {code: each.parallel.tokens / each.content for code, each in self.languages.items()}
        return iter(sorted(cost, key=lambda code: (-cost[code], code)))

    def best_pair(self, code: str, min_count: int) -> tuple[tuple[int, int], int] | None:
        """The language's most frequent pair and its count, or None if none is frequent enough."""
        heap, pairs = self.heaps[code], self.languages[code].training.pairs
        while heap:
            negative, _, pair = heap[0]
            count = pairs.get(pair, 0)
            if count == -negative:
                return (pair, count) if count >= min_count else None
            heapq.heappop(heap)
            if count >= min_count:
                heapq.heappush(heap, (-count, self._union(pair), pair))
        return None

    def merge(self, pair: tuple[int, int], union: int) -> None:
        self.names[union] = self._union(pair)
        for code, language in self.languages.items():
            language.parallel.merge(pair, union)
            for grown in language.training.merge(pair, union):
                entry = (-language.training.pairs[grown], self._union(grown), grown)
                heapq.heappush(self.heaps[code], entry)


def learn(
    languages: Mapping[str, Language],
    spelling: Mapping[int, str],
    *,
    first_id: int,
    pieces: int,
    min_count: int = 2,
) -> tuple[list[Merge], dict[str, int]]:
    """Learn merges until there are `pieces` new pieces or no language has a frequent pair left.

    A language without one passes its turn to the next worst.

    Args:
        languages: by code; their words are changed in place.
        spelling: of every id that occurs in the words.
        first_id: of the first new piece.
        pieces: how many new ids.
        min_count: a pair must be so frequent in the language whose turn it is.

    Returns:
        The merges in the order in which they must be applied, and how many turns each language had.
    """
    contest = _Contest(languages, spelling)
    ids = {piece: number for number, piece in spelling.items()}
    merges: list[Merge] = []
    turns: Counter[str] = Counter()
    last = first_id + pieces
    next_id = first_id
    while next_id < last:
        for code in contest.worst_first():
            if found := contest.best_pair(code, min_count):
                break
        else:
            break
        pair, count = found
        union = contest.names[pair[0]] + contest.names[pair[1]]
        if union not in ids:
            ids[union] = next_id
            next_id += 1
        merges.append(Merge(*pair, ids[union], count))
        turns[code] += 1
        contest.merge(pair, ids[union])
    return merges, dict(turns)


def train(
    start: Tokenizer,
    texts: Mapping[str, Sequence[str]],
    parallel: Mapping[str, Parallel],
    pieces: int,
    *,
    min_count: int = 2,
) -> tuple[Tokenizer, dict[str, int]]:
    """Add `pieces` pieces to a byte-level tokenizer, each for the language that is worst off by then.

    Args:
        start: the common part, or a tokenizer of bytes alone; not changed.
        texts: to learn from, by language.
        parallel: sentences that say the same in every language. Languages without them get no turns, and
            languages without texts none either.
        pieces: how many.
        min_count: rarer pairs are not merged.
    """
    languages = {
        code: Language(
            _split(start, count_words(start, texts[code])),
            _split(start, count_words(start, parallel[code].sentences)),
            parallel[code].content,
        )
        for code in sorted(set(texts) & set(parallel))
    }
    vocabulary = start.get_vocab(with_added_tokens=True)
    spelling = {number: piece for piece, number in vocabulary.items()}
    merges, turns = learn(languages, spelling, first_id=max(spelling) + 1, pieces=pieces, min_count=min_count)
    new = []
    for merge in merges:
        if merge.union not in spelling:
            spelling[merge.union] = spelling[merge.left] + spelling[merge.right]
            new.append(NewPiece(merge.union, spelling[merge.union], (merge.left, merge.right), merge.seen))
    return with_merges(start.to_str(), new, merges, spelling), turns


def _split(tokenizer: Tokenizer, words: Mapping[str, int]) -> Words:
    """Words as the tokenizer splits them now."""
    model, ordered = tokenizer.model, sorted(words)
    sequences = [[token.id for token in model.tokenize(word)] for word in ordered]
    return Words(sequences, [words[word] for word in ordered])
