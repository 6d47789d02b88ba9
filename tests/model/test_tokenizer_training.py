import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from panlect.errors import ConfigError, DataError
from panlect.model import tokenizer_training as training

TEXTS = [
    "The quick brown fox jumps over the lazy dog 123 times.",
    "Habari ya asubuhi, karibu sana nyumbani.",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "สวัสดีชาวโลก ยินดีต้อนรับ",
    "សួស្តី​ពិភពលោក",
    "ہیلو دنیا، خوش آمدید",
    "ߊߟߎ߫ ߌߣߌ߫ ߛߐ߰ߡߊ߫",
    "ᎣᏏᏲ ᎡᎶᎯ",
    "👩‍👩‍👧 emoji 🇰🇪",
] * 3


@pytest.fixture(scope="module")
def trained() -> training.Tokenizer:
    return training.train(TEXTS, 420)


@pytest.fixture(scope="module")
def saved(trained: training.Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    training.save(trained, path)
    return path


def test_the_vocabulary_has_the_size_asked_for_and_training_is_deterministic(
    trained: training.Tokenizer,
) -> None:
    assert trained.get_vocab_size() == 420
    assert training.train(TEXTS, 420).to_str() == trained.to_str()


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_every_string_comes_back_in_nfc(text: str) -> None:
    tokenizer = _TRAINED
    ids = next(training.encode_texts(tokenizer, [text]))
    assert tokenizer.decode(ids, skip_special_tokens=False) == unicodedata.normalize("NFC", text)


_TRAINED = training.train(TEXTS, 420)


@pytest.mark.parametrize("text", [*TEXTS[:9], "e\u0301", "x\r\n\r\n  y\t z ", "\u200d\u0301", "<|end|>"])
@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_without_normalisation_every_string_comes_back_exactly(
    text: str, algorithm: training.Algorithm
) -> None:
    tokenizer = training.train(TEXTS, 400, algorithm=algorithm, normalisation="none")
    ids = next(training.encode_texts(tokenizer, [text]))
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_combining_marks_and_joiners_stay_in_their_word(trained: training.Tokenizer) -> None:
    words = [word for word, _ in trained.pre_tokenizer.pre_tokenize_str("नमस्ते می\u200cروم 12")]
    assert len(words) == 5, "two words, a space with them or before the digits, and single digits"


def test_special_tokens_in_text_are_text(trained: training.Tokenizer, saved: Path) -> None:
    text = "say <|end|> and <|user|>"
    special = set(training.SPECIAL_TOKENS)
    ids = next(training.encode_texts(trained, [text]))
    assert not special & {trained.id_to_token(number) for number in ids}
    assert trained.decode(ids, skip_special_tokens=False) == text
    assert trained.encode(text).ids.count(trained.token_to_id("<|end|>")) == 1, "the switch is put back"
    opened = AutoTokenizer.from_pretrained(saved)
    assert opened(text, split_special_tokens=True)["input_ids"] == ids


def test_it_opens_in_transformers_with_its_chat_template(trained: training.Tokenizer, saved: Path) -> None:
    opened = AutoTokenizer.from_pretrained(saved)
    for text in TEXTS:
        assert opened(text)["input_ids"] == trained.encode(text).ids
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Habari?"},
        {"role": "assistant", "content": "Nzuri!"},
    ]
    text = opened.apply_chat_template(messages, tokenize=False)
    assert text == "<|begin|><|system|>Be brief.<|end|><|user|>Habari?<|end|><|assistant|>Nzuri!<|end|>"
    encoded = opened.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    answer = [n for n, mine in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mine]
    assert opened.decode(answer) == "Nzuri!<|end|>"
    asked = opened.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert text.startswith(asked)


def test_an_unknown_role_is_refused(saved: Path) -> None:
    opened = AutoTokenizer.from_pretrained(saved)
    with pytest.raises(Exception, match="not tool"):
        opened.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_a_unigram_model_is_the_same_when_trained_again() -> None:
    first = training.train(TEXTS, 400, algorithm="unigram")
    assert training.train(TEXTS, 400, algorithm="unigram").to_str() == first.to_str()
    assert [first.token_to_id(mark) for mark in training.SPECIAL_TOKENS] == list(range(6))


def test_a_template_that_names_a_missing_token_is_refused(
    trained: training.Tokenizer, tmp_path: Path
) -> None:
    template = training.CHAT_TEMPLATE.replace("<|assistant|>", "<|model|>")
    with pytest.raises(ConfigError, match=r"<\|model\|>, which the tokenizer does not have"):
        training.save(trained, tmp_path / "model", chat_template=template)


def test_no_text_and_no_room_are_refused() -> None:
    with pytest.raises(DataError, match="no text"):
        training.train(["", "  "], 400)
    with pytest.raises(ConfigError, match="at least 262"):
        training.train(TEXTS, 261)


def test_one_line_is_enough(tmp_path: Path) -> None:
    tokenizer = training.train(["ᎣᏏᏲ"], 1000)
    assert tokenizer.get_vocab_size() < 1000
    training.save(tokenizer, tmp_path / "model", context_tokens=128)
    assert json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())["model_max_length"] == 128


@pytest.mark.parametrize("wrong", [("the",), ("<|pad|>",), ("<|a|>", "<|a|>"), ("",)])
def test_special_tokens_must_not_clash_with_text_or_each_other(wrong: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="cannot be a special token"):
        training.train(["the text"], 400, special_tokens=wrong)
