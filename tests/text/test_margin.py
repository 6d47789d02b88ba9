"""Translations by sentence vectors: the published formula by hand, planted pairs, and a tiny encoder from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest

from panlect.config import check
from panlect.errors import ConfigError
from panlect.folder import External
from panlect.stages.curate import CurateConfig, curate
from panlect.text.margin import matches


def test_the_ratio_margin_by_hand():
    first = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    second = np.array([[1, 0], [0, 1], [0, 2]], dtype=np.float32)
    # Similarities: 1 0 0 / .6 .8 .8; means over the two nearest: .5, .8 and .8, .4, .4.
    found = matches(first, second, neighbours=2, threshold=1)
    assert [(m.first, m.second) for m in found] == [(0, 0), (1, 1)]
    assert [m.margin for m in found] == pytest.approx([1 / 0.65, 0.8 / 0.6])
    assert matches(first, second[:0]) == []
    assert matches(first, second, neighbours=2, threshold=1.4)[0].first == 0


def test_planted_pairs_are_found_among_strangers():
    random = np.random.default_rng(3)
    meaning = random.normal(size=(300, 64)).astype(np.float32)
    first = np.vstack(
        [meaning[:200] + random.normal(size=(200, 64), scale=0.4), random.normal(size=(200, 64))]
    )
    second = np.vstack(
        [random.normal(size=(100, 64)), meaning[:200] + random.normal(size=(200, 64), scale=0.4)]
    )
    # Sentences that are close to everything, which a plain cosine would take.
    second[:5] = meaning.mean(axis=0)
    found = {
        (m.first, m.second)
        for m in matches(first.astype(np.float32), second.astype(np.float32), threshold=1.3)
    }
    planted = {(n, n + 100) for n in range(200)}
    assert len(found & planted) >= 198
    assert len(found - planted) <= 2


ENGLISH = [
    "the river",
    "is",
    "very",
    "deep",
    "old",
    "our house",
    "stands",
    "near",
    "market",
    "every",
    "morning",
    "opens",
]
SWAHILI = [
    "mto huu",
    "ni",
    "sana",
    "kirefu",
    "mzee",
    "nyumba yetu",
    "inasimama",
    "karibu",
    "soko",
    "kila",
    "asubuhi",
    "hufunguliwa",
]


def tiny_encoder(path: Path) -> Path:
    """Write an encoder without layers in which a word and its translation have the same vector."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pairs = [
        (e, s)
        for english, swahili in zip(ENGLISH, SWAHILI, strict=True)
        for e, s in zip(english.split(), swahili.split(), strict=True)
    ]
    words = ["[PAD]", "[UNK]", *(e for e, _ in pairs), *(s for _, s in pairs)]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(path)
    torch.manual_seed(1)
    shape = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=0, num_attention_heads=1, intermediate_size=8
    )
    network = BertModel(shape)
    table = network.embeddings.word_embeddings.weight.data
    torch.nn.init.normal_(table)
    table[2 + len(pairs) :] = table[2 : 2 + len(pairs)]
    network.embeddings.position_embeddings.weight.data.zero_()
    network.embeddings.token_type_embeddings.weight.data.zero_()
    network.save_pretrained(path)
    return path


def test_curate_finds_translations_that_are_not_neighbours(tmp_path):
    random = np.random.default_rng(5)
    chosen = [random.permutation(12)[:7] for _ in range(12)]
    english = [" ".join(ENGLISH[n] for n in numbers) for numbers in chosen]
    swahili = [" ".join(SWAHILI[n] for n in numbers) for numbers in chosen]
    order = random.permutation(12)
    text = "\n".join([*english, *(swahili[n] for n in order)])
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": text, "language": "en"}) + "\n", encoding="utf-8")
    encoder = tiny_encoder(tmp_path / "encoder")

    def pairs(**settings: object) -> set[tuple[str, str]]:
        asked = {"unknown_licence": "keep", "incidental": {"find": True, "minimum_score": 0.5, **settings}}
        config = check(CurateConfig, asked, where="test")
        folder = curate([External(str(path))], tmp_path / f"out{len(settings)}", config)
        if "pair" not in folder.kinds:
            return set()
        return set(folder.table("pair").select("source_text", "target_text").iter_rows())

    planted = set(zip(english, swahili, strict=True))
    found = pairs(encoder=str(encoder))
    assert len(found & planted) >= 10
    assert len(found - planted) <= 1
    assert len(pairs() & planted) <= 1
    with pytest.raises(ConfigError, match="no model directory"):
        pairs(encoder=str(tmp_path))
