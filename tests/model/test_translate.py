"""Translation models: the right language tokens, no unknown ones, and batches that change nothing."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import M2M100Config, M2M100ForConditionalGeneration, PreTrainedTokenizerFast

from panlect.errors import ModelError
from panlect.model.translate import Seq2Seq

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "a", "b", "c", "d", "e", "eng_Latn", "jpn_Jpan", "tha_Thai"]


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("nllb"))
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=WORDS[9:],
    )  # fmt: skip
    tokenizer.save_pretrained(path)
    torch.manual_seed(3)
    config = M2M100Config(
        vocab_size=len(WORDS), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=32,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, init_std=1.0,
    )  # fmt: skip
    M2M100ForConditionalGeneration(config).save_pretrained(path)
    return path


def test_languages_are_looked_up_and_unknown_ones_refused(location):
    model = Seq2Seq(location)
    assert model.code("ja") == "jpn_Jpan"
    assert model.code("English") == "eng_Latn"
    with pytest.raises(ModelError, match="no token for Swahili"):
        model.code("swh_Latn")


def test_source_and_target_tokens_are_where_the_model_expects_them(location, monkeypatch):
    model = Seq2Seq(location, new_tokens=4)
    seen = {}
    generate = model.network.generate

    def spy(**given):
        seen.update(given)
        seen["made"] = generate(**given)
        return seen["made"]

    monkeypatch.setattr(model.network, "generate", spy)
    model.generate(["a b", "c"], "en", "th")
    assert seen["input_ids"].tolist() == [[9, 6, 2, 1], [9, 4, 5, 2]]
    assert seen["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert set(seen["made"][:, 1].tolist()) == {11}


def test_batches_change_nothing_and_long_texts_are_refused(location):
    texts = ["a b c d e a b", "c", "e e e", "a " * 40]
    model = Seq2Seq(location, new_tokens=6, batch_rows=8)
    together = model.generate(texts, "en", "ja")
    alone = [model.generate([text], "en", "ja")[0] for text in texts]
    assert together == alone
    assert together[3] == ("", "too_long")
    assert {failure for _, failure in together[:3]} <= {"", "cut_off"}


def test_what_is_no_translation_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        Seq2Seq(str(tmp_path))


def test_cross_entropy_does_not_depend_on_the_neighbours(location):
    """The published MAPO code divides by the padded length: a short reference looks better beside a long one."""
    model = Seq2Seq(location)
    sources, targets = ["a b", "c", "a"], ["c d", "e " * 20, "b"]
    together = model.cross_entropy(sources, targets, "en", "ja")
    alone = [model.cross_entropy([s], [t], "en", "ja")[0] for s, t in zip(sources, targets, strict=True)]
    assert together == pytest.approx(alone, rel=1e-5)
    network, ids = model.network, torch.tensor([[9, 4, 5, 2]])
    with torch.no_grad():
        logits = network(input_ids=ids, decoder_input_ids=torch.tensor([[2, 10, 6, 7]])).logits[0]
    by_hand = -torch.log_softmax(logits, -1)[[1, 2, 3], [6, 7, 2]].mean()
    assert together[0] == pytest.approx(float(by_hand), rel=1e-5)
