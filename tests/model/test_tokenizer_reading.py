"""Tokenizers of every format, rebuilt in one engine, split text as their own libraries do."""

import base64
import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from panlect.errors import ModelError
from panlect.folder import External
from panlect.model import sentencepiece_file as spm_file
from panlect.model import tokenizer_reading as reading
from panlect.model import tokenizer_training as training

TEXTS = [
    "The quick brown fox jumps over the lazy dog, twice in 2026.",
    "Habari ya asubuhi, karibu sana nyumbani kwetu leo.",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "สวัสดีชาวโลก ยินดีต้อนรับ",
    "សួស្តីពិភពលោក",
    "ہیلو دنیا، خوش آمدید",
    "ߊߟߎ߫ ߌߣߌ߫ ߛߐ߰ߡߊ߫",
    "ᎣᏏᏲ ᎡᎶᎯ",
    "👩‍👩‍👧 emoji 🇰🇪",
]
ODD = ["", " ", "  two  spaces ", "Café ﬁ ½ e\u0301", "tab\tx", "▁a", "<s> </s> <unk>"]


def write_spm(path: Path, pieces: list[tuple[str, float, int]], algorithm: int, fallback: bool) -> None:
    """A .model file by hand, as the protocol buffer that SentencePiece would write."""
    import struct

    def field(number: int, data: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(data)) + data

    def varint(value: int) -> bytes:
        low = value & 0x7F
        return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)

    data = b"".join(
        field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind]))
        for text, score, kind in pieces
    )
    trainer = b"\x18" + bytes([algorithm]) + (varint(35 << 3) + b"\x01" if fallback else b"")
    path.write_bytes(data + field(2, trainer) + field(3, field(1, b"identity") + b"\x20\x00"))


SPECIAL = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
BYTES = [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]


def test_a_sentencepiece_bpe_model_by_hand(tmp_path: Path) -> None:
    pieces = [
        ("ab", -1.0, 1),
        ("▁ab", -2.0, 1),
        ("bc", -3.0, 1),
        ("▁", -4.0, 1),
        ("a", -5.0, 1),
        ("b", -6.0, 1),
    ]
    write_spm(tmp_path / "m.model", [*SPECIAL, *BYTES, *pieces, ("c", -7.0, 1)], algorithm=2, fallback=True)
    opened = reading.open_tokenizer(External(str(tmp_path / "m.model")))
    assert opened.kind == "sentencepiece"
    first = 3 + 256
    [ids] = opened.encode(["abc bc é"])
    assert ids == [first + 1, first + 6, first + 3, first + 2, first + 3, 3 + 0xC3, 3 + 0xA9]
    assert opened.decode([ids]) == ["abc bc é"]
    assert opened.surfaces[first + 1] == b" ab"
    assert opened.is_partial[3 + 0xC3]
    assert not opened.is_partial[first]
    assert opened.marks_word_starts_itself


def test_sentencepiece_itself_agrees(tmp_path: Path) -> None:
    library = pytest.importorskip("sentencepiece", reason="the reference library is not installed")
    for algorithm, fallback in (("bpe", True), ("bpe", False), ("unigram", True), ("unigram", False)):
        for rule in ("nmt_nfkc", "identity"):
            written = io.BytesIO()
            library.SentencePieceTrainer.train(
                sentence_iterator=iter(TEXTS * 20),
                model_writer=written,
                vocab_size=480,
                model_type=algorithm,
                byte_fallback=fallback,
                normalization_rule_name=rule,
                remove_extra_whitespaces=rule != "identity",
                hard_vocab_limit=False,
                minloglevel=2,
            )
            (tmp_path / "m.model").write_bytes(written.getvalue())
            reference = library.SentencePieceProcessor(model_proto=written.getvalue())
            opened = reading.open_tokenizer(External(str(tmp_path / "m.model")))
            assert opened.encode(TEXTS + ODD) == [reference.encode(text) for text in TEXTS + ODD]


def tiktoken_file(path: Path) -> dict[bytes, int]:
    trained = training.train(TEXTS * 3, 420, normalisation="none")
    pieces = sorted(json.loads(trained.to_str())["model"]["vocab"].items(), key=lambda item: item[1])
    tokens = [reading.surface(piece, byte_level=True) for piece, _ in pieces if not piece.startswith("<|")]
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % n for n, t in enumerate(tokens)))
    return {token: number for number, token in enumerate(tokens)}


def slow_tiktoken(word: bytes, ranks: dict[bytes, int]) -> list[int]:
    """tiktoken's algorithm in five lines: always merge the adjacent pair of lowest rank."""
    parts = [bytes([byte]) for byte in word]
    while True:
        found = [(ranks[a + b], n) for n, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]
        if not found:
            return [ranks[part] for part in parts]
        _, at = min(found)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def test_a_tiktoken_file_splits_words_by_rank(tmp_path: Path) -> None:
    ranks = tiktoken_file(tmp_path / "t.tiktoken")
    opened = reading.open_tokenizer(External(str(tmp_path / "t.tiktoken")))
    words = [word for text in TEXTS for word in text.split()]
    expected = [slow_tiktoken(word.encode(), ranks) for word in words if word.isalpha()]
    assert opened.encode([word for word in words if word.isalpha()]) == expected
    assert opened.decode(opened.encode(TEXTS + ODD)) == TEXTS + ODD


def test_tiktoken_itself_agrees(tmp_path: Path) -> None:
    library = pytest.importorskip("tiktoken", reason="the reference library is not installed")
    ranks = tiktoken_file(tmp_path / "t.tiktoken")
    reference = library.Encoding(
        "t", pat_str=reading.TIKTOKEN_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )
    opened = reading.open_tokenizer(External(str(tmp_path / "t.tiktoken")))
    assert opened.encode(TEXTS + ODD) == [reference.encode(text) for text in TEXTS + ODD]


def test_a_directory_a_bare_file_and_a_name(tmp_path: Path) -> None:
    training.save(training.train(TEXTS * 3, 400), tmp_path / "mine")
    for location in ("mine", "mine/tokenizer.json"):
        opened = reading.open_tokenizer(External(str(tmp_path / location)))
        assert (opened.name, opened.size, opened.unknown) == ("mine", 400, -1)
        assert reading.is_tokenizer(External(str(tmp_path / location)))
        assert opened.encode(["<|end|>"]) != [[2]], "text is data"


def test_surfaces_say_what_each_id_stands_for(tmp_path: Path) -> None:
    opened = reading.from_engine("x", "test", training.train(TEXTS, 420, normalisation="none"))
    for text in TEXTS:
        [ids] = opened.encode([text])
        assert b"".join(opened.surfaces[number] for number in ids) == text.encode()
    assert abs(sum(opened.scripts.values()) - 1) < 1e-9
    assert ord("a") in opened.single_characters
    assert ord("ᎣᏏᏲ"[0]) not in opened.single_characters


def test_unknown_tokens_are_found() -> None:
    engine = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    opened = reading.from_engine("x", "test", engine)
    assert opened.unknown == 0
    assert opened.encode(["a b"]) == [[1, 0]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.json", b"{}", "cannot be read"),
        ("bad.model", b"\x0a\xff", "not a SentencePiece model"),
        ("bad.model", b"", "it has no pieces"),
        ("bad.tiktoken", b"IQ== 0\nnonsense\n", "bad.tiktoken:2"),
        ("bad.txt", b"text", "holds no tokenizer"),
    ],
)
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        reading.open_tokenizer(External(str(tmp_path / name)))


def test_a_directory_without_a_tokenizer_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert not reading.is_tokenizer(External(str(tmp_path)))
    with pytest.raises(ModelError, match=r"expected: tokenizer\.json"):
        reading.open_tokenizer(External(str(tmp_path)))


def test_splits_that_sentencepiece_did_not_learn_are_merges_too() -> None:
    model = spm_file.SentencePiece(
        pieces=[("<unk>", 0.0, 2), ("a", -3.0, 1), ("aa", -1.0, 1), ("aaa", -2.0, 1)]
    )
    assert spm_file.merges_of_scores(model) == [("a", "a"), ("a", "aa"), ("aa", "a")]
