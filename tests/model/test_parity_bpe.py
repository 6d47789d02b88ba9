"""Merges go to the language that is worst off; the tokenizer that results splits as the learner saw it."""

from tokenizers import Tokenizer

from panlect.model import parity_bpe
from panlect.model.continued_bpe import Words
from panlect.model.parity_bpe import Language, Parallel
from panlect.model.tokenizer_training import encode_texts, train

SPELLING = dict(enumerate("abcdxyz"))


def words(*texts: str) -> Words:
    return Words([["abcdxyz".index(letter) for letter in text] for text in texts], [1] * len(texts))


def test_a_case_worked_by_hand() -> None:
    """Left has 9 times the text. It needs 4 tokens, right 6: right's pairs come first until it needs 3.

    Merges: xy (right: 6 -> 4, a tie, and `left` comes first), ab (left: 4 -> 3), then right's xyz (4 -> 2).
    """
    languages = {
        "left": Language(words(*["abab"] * 9), words("abac"), 1.0),
        "right": Language(words("xyz", "xyz"), words("xyz", "xyz"), 1.0),
    }
    merges, turns = parity_bpe.learn(languages, SPELLING, first_id=7, pieces=3)
    names = dict(SPELLING)
    for merge in merges:
        names[merge.union] = names[merge.left] + names[merge.right]
    assert [names[merge.union] for merge in merges] == ["xy", "ab", "xyz"]
    assert turns == {"right": 2, "left": 1}
    assert {code: each.parallel.tokens for code, each in languages.items()} == {"left": 3, "right": 2}


def test_more_content_makes_the_same_tokens_cheaper() -> None:
    """Twice as much said in 6 tokens is less than 4 tokens for once."""
    languages = {
        "left": Language(words(*["abab"] * 9), words("abac"), 1.0),
        "right": Language(words("xyz", "xyz"), words("xyz", "xyz"), 2.0),
    }
    _, turns = parity_bpe.learn(languages, SPELLING, first_id=7, pieces=1)
    assert turns == {"left": 1}


def test_who_has_no_frequent_pair_passes_the_turn_on() -> None:
    languages = {
        "left": Language(words("abab", "abab"), words("a"), 1.0),
        "right": Language(words("xyz"), words("xyz"), 1.0),
    }
    merges, turns = parity_bpe.learn(languages, SPELLING, first_id=7, pieces=9, min_count=2)
    assert turns == {"left": 2}
    assert len(merges) == 2


ENGLISH = ["the river and the other rivers of the land"] * 40
THAI = ["แม่น้ำสายนี้และแม่น้ำสายอื่นของแผ่นดิน"] * 2


def premium(tokenizer: Tokenizer) -> float:
    english, thai = encode_texts(tokenizer, [ENGLISH[0], THAI[0]])
    return len(thai) / len(english)


def test_a_small_language_is_not_forgotten_and_the_state_is_the_tokenizers() -> None:
    texts = {"eng_Latn": ENGLISH, "tha_Thai": THAI}
    parallel = {code: Parallel(rows[:1], len(ENGLISH[0])) for code, rows in texts.items()}
    plain = train([*ENGLISH, *THAI], 290)
    start = train([*ENGLISH, *THAI], 262)
    made, turns = parity_bpe.train(start, texts, parallel, 28)
    assert made.get_vocab_size() == plain.get_vocab_size() == 290
    assert premium(made) < 0.8 * premium(plain)
    assert turns["tha_Thai"] > turns["eng_Latn"]
    again, _ = parity_bpe.train(start, texts, parallel, 28)
    assert again.to_str() == made.to_str()


def test_the_hybrid_keeps_the_common_part() -> None:
    texts = {"eng_Latn": ENGLISH, "tha_Thai": THAI}
    parallel = {code: Parallel(rows[:1], 1.0) for code, rows in texts.items()}
    start = train([*ENGLISH, *THAI], 275)
    made, _ = parity_bpe.train(start, texts, parallel, 10)
    before, after = start.get_vocab(), made.get_vocab()
    assert {piece: after[piece] for piece in before} == before
    assert len(after) == 285
    assert made.decode(made.encode(THAI[0]).ids) == THAI[0]
