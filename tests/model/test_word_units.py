"""Words tokenised one by one come to what the library gives for whole texts, or are not used."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from panlect.model import word_units
from panlect.model.tokenizer_reading import OpenTokenizer, from_engine
from panlect.model.tokenizer_training import train
from tokenizer_families import replica

TEXTS = [
    "The quick brown fox isn't here:  12,345 times!\n\n\tEnd.",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "สวัสดีชาวโลก",
    "ہیلو\u200cدنیا cafe\u0301",
    "ߊߟߎ߫ ߌߣߌ߫ ᎣᏏᏲ",
    "👩\u200d👩\u200d👧 🇰🇪 \u0301",
    "",
    " ",
]


def opened(name: str) -> OpenTokenizer:
    engine = train(TEXTS * 3, 400) if name == "panlect" else replica(name, TEXTS * 3, 400)
    return from_engine(name, "test", engine)


@pytest.mark.parametrize("name", ["panlect", "llama-3", "qwen", "bloom", "gpt-2"])
def test_byte_level_families_are_measured_word_by_word(name: str) -> None:
    tokenizer = opened(name)
    units = tokenizer.units(TEXTS * 10)
    assert len(units.spelled) < 60, "each word is tokenised once"
    ids = tokenizer.encode(TEXTS)
    assert [units.ids_of(row) for row in range(len(TEXTS))] == ids
    assert units.lengths.tolist() == [len(row) for row in ids] * 10
    flat = [number for row in ids for number in row]
    assert units.used.sum() == 10 * len(flat)
    assert all(units.used[number] == 10 * flat.count(number) for number in flat)


@pytest.mark.parametrize("name", ["llama-2", "xlm-r"])
def test_other_families_keep_whole_texts(name: str) -> None:
    tokenizer = opened(name)
    units = tokenizer.units(TEXTS)
    assert list(units.spelled) == TEXTS
    assert list(units.ids) == tokenizer.encode(TEXTS)


PANLECT = opened("panlect")


@settings(max_examples=60)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_comes_to_the_same(texts: list[str]) -> None:
    assert [PANLECT.units(texts).ids_of(row) for row in range(len(texts))] == PANLECT.encode(texts)
    both = (
        PANLECT.changed(texts, PANLECT.units(texts)),
        PANLECT.changed(texts, word_units.whole(texts, PANLECT.encode(texts))),
    )
    assert both[0] == both[1]


def test_a_pattern_that_python_reads_otherwise_is_not_used() -> None:
    r"""In the library \h is a hexadecimal digit, in Python a space; the probe notices."""
    engine = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(r"\h+|."), behavior="isolated")
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    texts = ["deaf bead", "xyz feed"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    engine.train_from_iterator(texts * 9, trainer)
    tokenizer = from_engine("odd", "test", engine)
    assert list(tokenizer.units(texts).spelled) == texts


def test_what_else_looks_at_the_text_is_left_to_the_library() -> None:
    facts = json.loads(train(TEXTS, 400).to_str())
    assert word_units.pattern_of(facts) is not None
    added = Tokenizer.from_str(json.dumps(facts))
    added.add_tokens([AddedToken("quick")])
    assert word_units.pattern_of(json.loads(added.to_str())) is None
    lower = Tokenizer.from_str(json.dumps(facts))
    lower.normalizer = normalizers.Lowercase()
    assert word_units.pattern_of(json.loads(lower.to_str())) is None
