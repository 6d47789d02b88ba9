"""Small replicas of tokenizer families: the same algorithm, normaliser, word pattern and numbering as the originals.

They are trained in the tests on a little English, code and digits, as their originals mostly were.
"""

import json
from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
NAMES = ("llama-2", "llama-3", "qwen", "bloom", "gpt-2", "xlm-r")


def replica(name: str, texts: Sequence[str], size: int, *, letters: str = "") -> Tokenizer:
    """A tokenizer of about `size` ids in the manner of the named family; XLM-R's knows `letters` besides."""
    if name == "llama-2":
        return _llama2(texts, size)
    if name == "xlm-r":
        return _xlmr(texts, size, letters)
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama-3"))
    if name == "qwen":
        tokenizer.normalizer = normalizers.NFC()
    if name == "gpt-2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pattern = {"llama-3": LLAMA3, "qwen": QWEN, "bloom": BLOOM}[name]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    first = ["<unk>", "<s>", "</s>", "<pad>"] if name == "bloom" else []
    tokenizer.train_from_iterator(texts, _trainer(size, first))
    # GPT-2, Llama 3 and Qwen number their special tokens after the vocabulary.
    marks = {
        "llama-3": ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"],
        "qwen": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        "gpt-2": ["<|endoftext|>"],
    }
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in marks.get(name, [])])
    return tokenizer


def _trainer(size: int, marks: Sequence[str]) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(marks), initial_alphabet=ALPHABET, show_progress=False
    )


def _llama2(texts: Sequence[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # SentencePiece trains on words; Llama's converted tokenizer has no pre-tokenizer.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    marks = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=size, special_tokens=marks, limit_alphabet=150, show_progress=False),
    )
    facts = json.loads(tokenizer.to_str())
    facts["pre_tokenizer"] = None
    facts["added_tokens"] = facts["added_tokens"][:3]
    made = Tokenizer.from_str(json.dumps(facts))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return made


def _xlmr(texts: Sequence[str], size: int, letters: str) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        initial_alphabet=sorted(set(letters)),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    return tokenizer
