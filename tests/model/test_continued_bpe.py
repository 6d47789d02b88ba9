import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, trainers

from panlect.model.continued_bpe import Start, continue_bpe

LETTERS = "abcde"
WORDS = st.dictionaries(
    st.text(alphabet=LETTERS, min_size=1, max_size=9), st.integers(1, 9), min_size=1, max_size=25
)


def learn(words: dict[str, int], pieces: int, **settings: object) -> tuple[list[str], list[list[int]]]:
    ordered = sorted(words)
    sequences = [[LETTERS.index(letter) for letter in word] for word in ordered]
    merges = continue_bpe(
        Start(sequences, [words[word] for word in ordered], dict(enumerate(LETTERS)), len(LETTERS)),
        allowed=settings.pop("allowed", lambda _: True),
        pieces=pieces,
        **settings,
    )
    names = dict(enumerate(LETTERS))
    for merge in merges:
        names[merge.union] = names[merge.left] + names[merge.right]
    return [names[merge.union] for merge in merges], sequences


def test_a_case_worked_by_hand() -> None:
    """ab 3 times, then abc; `cd` is seen once and stays apart."""
    pieces, sequences = learn({"abc": 2, "ab": 1, "cd": 1}, 5)
    assert pieces == ["ab", "abc"]
    assert sequences == [[5], [6], [2, 3]]


@given(WORDS, st.integers(1, 12))
def test_counts_stay_right_whatever_is_merged(words: dict[str, int], pieces: int) -> None:
    """Each step takes a most frequent pair, counted anew from the words (overlaps as the library counts them)."""
    ordered = sorted(words)
    sequences = [[LETTERS.index(letter) for letter in word] for word in ordered]
    merges = continue_bpe(
        Start(sequences, [words[w] for w in ordered], dict(enumerate(LETTERS)), len(LETTERS)),
        allowed=lambda _: True,
        pieces=pieces,
    )
    replay = [[LETTERS.index(letter) for letter in word] for word in ordered]
    for merge in merges:
        counts: dict[tuple[int, int], int] = {}
        for word, row in zip(ordered, replay, strict=True):
            for pair in pairwise(row):
                counts[pair] = counts.get(pair, 0) + words[word]
        assert counts[merge.left, merge.right] == merge.seen == max(counts.values())
        for row in replay:
            at = 0
            while at < len(row) - 1:
                if (row[at], row[at + 1]) == (merge.left, merge.right):
                    row[at : at + 2] = [merge.union]
                at += 1
    assert replay == sequences


def test_it_compresses_as_well_as_the_library() -> None:
    words = {
        "banana": 7,
        "bandana": 5,
        "ananas": 6,
        "cabana": 3,
        "abracadabra": 2,
        "dance": 4,
        "ace": 9,
        "bad": 8,
    }
    letters = sorted(set("".join(words)))
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=len(letters) + 8, min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator([word for word, count in words.items() for _ in range(count)], trainer)
    library = sum(len(tokenizer.encode(word).ids) * count for word, count in words.items())
    ordered = sorted(words)
    sequences = [[letters.index(letter) for letter in word] for word in ordered]
    continue_bpe(
        Start(sequences, [words[w] for w in ordered], dict(enumerate(letters)), len(letters)),
        allowed=lambda _: True,
        pieces=8,
    )
    ours = sum(len(row) * words[word] for word, row in zip(ordered, sequences, strict=True))
    assert len(json.loads(tokenizer.to_str())["model"]["merges"]) == 8
    assert abs(ours - library) <= 2, "equal but for ties"


def test_what_is_not_allowed_is_passed_over_and_built_upon_nowhere() -> None:
    pieces, _ = learn({"abab": 5, "abc": 4, "bcd": 3}, 9, allowed=lambda piece: piece != "ab")
    assert "ab" not in pieces
    assert "bc" in pieces
    assert "abc" in pieces, "by way of bc"


def test_the_order_of_words_does_not_matter_and_rare_pairs_stay() -> None:
    words = {"abc": 3, "cab": 3, "bca": 3, "de": 1}
    assert learn(words, 9)[0] == learn(dict(reversed(words.items())), 9)[0]
    assert "de" not in learn(words, 9)[0]
    assert "de" in learn(words, 9, min_count=1)[0]
