"""Vocabularies survive GGUF; what llama.cpp cannot do is said."""

import json

import pytest
from tokenizers import Tokenizer

from panlect.model import gguf_vocabulary, tokenizer_training
from panlect.model.vocabulary_extension import Limits, extend
from panlect.world import cldr
from tokenizer_families import replica

pytest.importorskip("gguf")
ENGLISH, HINDI, THAI = (list(cldr.names(code).values()) for code in ("en", "hi", "th"))
PROBE = [*ENGLISH[:50], *HINDI[:50], *THAI[:50], "ᎣᏏᏲ 👩\u200d👧 cafe\u0301 ߊߟߎ߫", "<|endoftext|>  12,345\n"]


@pytest.mark.parametrize("name", ["llama-3", "qwen", "bloom", "gpt-2"])
def test_extended_families_survive_the_way_through_gguf(name: str) -> None:
    old = replica(name, ENGLISH, 600)
    assert gguf_vocabulary.not_in_llama_cpp(old) == (
        ["llama.cpp does not normalise (NFC here)"] if name == "qwen" else []
    )
    for widen in (False, True):
        made = extend(old, [*HINDI, *THAI], ENGLISH, Limits(150, widen_words=widen)).tokenizer
        assert gguf_vocabulary.checkable(made)
        assert gguf_vocabulary.differences(made, PROBE) == []
        said = gguf_vocabulary.not_in_llama_cpp(made)
        # BLOOM's words never end at marks, so there is nothing to widen.
        assert ("llama.cpp does not know its word pattern" in said) == (widen and name != "bloom")


def test_what_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tokenizer_training.train([*ENGLISH, *HINDI], 700)
    assert gguf_vocabulary.differences(tokenizer, PROBE) == []
    assert len(gguf_vocabulary.not_in_llama_cpp(tokenizer)) == 2
    read = gguf_vocabulary._read

    def damaged(path: object) -> tuple[list[str], list[int], list[str]]:
        tokens, kinds, merges = read(path)
        return [*tokens[:5], tokens[6], tokens[5], *tokens[7:]], [1] * len(kinds), merges[:-100]

    monkeypatch.setattr(gguf_vocabulary, "_read", damaged)
    problems = gguf_vocabulary.differences(tokenizer, ENGLISH)
    assert problems[0] == "2 pieces have another id in GGUF"
    assert problems[1] == "6 special tokens are none in GGUF, or the other way round"
    assert "texts are split otherwise from GGUF" in problems[2]


def test_sentencepiece_models_are_not_checked() -> None:
    assert not gguf_vocabulary.checkable(replica("llama-2", ENGLISH, 700))
    assert not gguf_vocabulary.checkable(replica("xlm-r", ENGLISH, 300))


def test_ids_that_are_not_in_use_are_filled() -> None:
    facts = json.loads(replica("gpt-2", ENGLISH, 400).to_str())
    facts["added_tokens"][0]["id"] = 405
    facts["model"]["vocab"].pop("<|endoftext|>", None)
    facts["model"]["vocab"]["<|endoftext|>"] = 405
    assert gguf_vocabulary.differences(Tokenizer.from_str(json.dumps(facts)), PROBE) == []
