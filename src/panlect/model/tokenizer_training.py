r"""Trains a tokenizer (byte-level BPE or Unigram) and saves it as a directory that `AutoTokenizer` opens.

No torch here; training is the Rust library `tokenizers`.

Decisions:

* Text is data. A special token written inside a text is split like any other text: encode corpora with
  `encode_texts`, or with `split_special_tokens=True` in transformers.
* Words are found by a pattern in the manner of GPT-4's, with one change: combining marks (\p{M}) and the
  joiners U+200C and U+200D belong to the word. GPT-2's pattern cuts Devanagari, Thai or Khmer words at
  every vowel sign.
* Numbers are split into single digits of any script, so that numbers of all lengths look alike.
* Unicode is brought to NFC by default, so that two spellings of the same characters give the same tokens;
  decoding returns NFC. With `none` every string comes back exactly.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from panlect.errors import ConfigError, DataError

Algorithm = Literal["bpe", "unigram"]
Normalisation = Literal["nfc", "none"]

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
SETTINGS_FILES = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
)
SPECIAL_TOKENS = (PAD, BEGIN, END, *ROLES)
WORD_PATTERN = (
    # a word, with one sign or space before it
    r"[^\r\n\p{L}\p{M}\p{N}\x{200C}\x{200D}]?[\p{L}\p{M}\x{200C}\x{200D}]+"
    r"|\p{N}"  # a digit
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"  # signs and emoji
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
  {%- if message['role'] == 'assistant' -%}
    {{- '<|assistant|>' -}}
    {%- generation -%}{{- message['content'] + eos_token -}}{%- endgeneration -%}
  {%- elif message['role'] in ('system', 'user') -%}
    {{- '<|' + message['role'] + '|>' + message['content'] + eos_token -}}
  {%- else -%}
    {{- raise_exception('roles are system, user and assistant, not ' + message['role']) -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""


def smallest_vocabulary(special_tokens: Sequence[str] = ()) -> int:
    """Ids that every tokenizer has: bytes and special tokens."""
    return 256 + len(SPECIAL_TOKENS) + len(special_tokens)


def train(
    texts: Iterable[str],
    vocabulary: int,
    *,
    algorithm: Algorithm = "bpe",
    normalisation: Normalisation = "nfc",
    special_tokens: Sequence[str] = (),
    min_count: int = 2,
) -> Tokenizer:
    """Train on texts; the result has exactly `vocabulary` ids unless the texts hold fewer pieces.

    Raises:
        ConfigError: the vocabulary is too small for the 256 bytes and the special tokens.
        DataError: there is no text.
    """
    marks = [*SPECIAL_TOKENS, *special_tokens]
    if wrong := sorted(
        mark for mark in set(marks) if marks.count(mark) > 1 or mark.strip().isalnum() or not mark
    ):
        raise ConfigError(
            f"{', '.join(map(repr, wrong))} cannot be a special token",
            where="special_tokens",
            expected="each once, not one of the built-in ones, and not a word of ordinary text",
            fix="write it between signs, such as <|name|>",
        )
    needed = smallest_vocabulary(special_tokens)
    if vocabulary < needed:
        raise ConfigError(
            f"a vocabulary of {vocabulary} is too small",
            where="vocabulary",
            expected=f"at least {needed}: 256 bytes and {len(marks)} special tokens",
        )
    tokenizer = _empty(algorithm, normalisation)
    added = [AddedToken(mark, special=True, normalized=False) for mark in marks]
    tokenizer.train_from_iterator(_some(texts), _trainer(algorithm, vocabulary, added, min_count))
    return tokenizer if algorithm == "bpe" else _rounded(tokenizer)


def _rounded(tokenizer: Tokenizer) -> Tokenizer:
    """A Unigram model whose scores do not depend on the order of a hash table.

    The trainer sums floats in that order, so the last digits differ between runs; and the bytes that it had
    to add get the lowest score and a ten-thousandth more each. Scores are rounded, those bytes made equal.
    """
    facts = json.loads(tokenizer.to_str())
    marks = len(facts["added_tokens"])  # special tokens keep their ids, which are the first
    vocabulary = facts["model"]["vocab"]
    least = min(score for _, score in vocabulary[marks:])
    pieces = [
        (piece, round(least if len(piece) == 1 and score < least + 0.03 else score, 6))
        for piece, score in vocabulary[marks:]
    ]
    ordered = sorted(pieces, key=lambda piece: (-piece[1], piece[0]))
    facts["model"]["vocab"] = [(piece, 0.0) for piece, _ in vocabulary[:marks]] + ordered
    return Tokenizer.from_str(json.dumps(facts, ensure_ascii=False))


def _empty(algorithm: Algorithm, normalisation: Normalisation) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE() if algorithm == "bpe" else models.Unigram())
    if normalisation == "nfc":
        tokenizer.normalizer = normalizers.NFC()
    # Both algorithms work on bytes, so no text is ever unknown.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _trainer(algorithm: Algorithm, vocabulary: int, marks: list[Any], min_count: int) -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if algorithm == "bpe":
        return trainers.BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=min_count,
            special_tokens=marks,
            initial_alphabet=alphabet,
            show_progress=False,
        )
    return trainers.UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=marks,
        initial_alphabet=alphabet,
        # The default of a million candidates costs minutes; the paper's tenfold overshoot is enough (Kudo
        # 2018).
        seed_size=10 * vocabulary,  # type: ignore[call-arg]  # missing in the library's stub
        # In bytes here, not characters: 16 would end a Khmer piece after five.
        max_piece_length=32,
        show_progress=False,
    )


def _some(texts: Iterable[str]) -> Iterator[str]:
    empty = True
    for text in texts:
        empty = empty and not text.strip()
        yield text
    if empty:
        raise DataError(
            "there is no text to train a tokenizer on",
            where="inputs",
            expected="documents that are not empty",
        )


def save(
    tokenizer: Tokenizer, path: Path, *, chat_template: str = CHAT_TEMPLATE, context_tokens: int = 0
) -> None:
    """Write a directory that `AutoTokenizer` opens, chat template included.

    Raises:
        ConfigError: the chat template names a special token that the tokenizer does not have.
    """
    check_chat_template(chat_template, tokenizer)
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    facts: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
        # Without this, transformers would feed token_type_ids to models that have none.
        "model_input_names": ["input_ids", "attention_mask"],
    }
    if context_tokens:
        facts["model_max_length"] = context_tokens
    text = json.dumps(facts, ensure_ascii=False, indent=2)
    (path / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
    (path / "chat_template.jinja").write_text(chat_template, encoding="utf-8")


def save_beside(tokenizer: Tokenizer, path: Path, origin: str) -> None:
    """Write a changed tokenizer with the settings of its origin.

    The vocabulary files of slow tokenizers (.model, vocab.json, merges.txt) would contradict tokenizer.json
    and stay behind.
    """
    path.mkdir(parents=True, exist_ok=True)
    directory = Path(origin)
    if directory.is_dir():
        for name in SETTINGS_FILES:
            if (directory / name).is_file():
                shutil.copy(directory / name, path / name)
    else:
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(origin).save_pretrained(path)
    tokenizer.encode_special_tokens = False
    tokenizer.save(str(path / "tokenizer.json"))


def forget_numbers(path: Path) -> None:
    """Take the ids of special tokens out of tokenizer_config.json after they moved."""
    file = path / "tokenizer_config.json"
    if file.is_file():
        facts = json.loads(file.read_text(encoding="utf-8"))
        facts.pop("added_tokens_decoder", None)
        file.write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (path / "added_tokens.json").unlink(missing_ok=True)


def check_chat_template(template: str, tokenizer: Tokenizer) -> None:
    """Refuse a template that writes a mark such as <|user|> for which the tokenizer has no id.

    The mark would be split into ordinary pieces and the model would never see a role.
    """
    marks = set(re.findall(r"<\|[^|{}'\"\s]+\|>|<(?:start|end)_of_turn>", template))
    if missing := sorted(mark for mark in marks if tokenizer.token_to_id(mark) is None):
        raise ConfigError(
            f"the chat template names {', '.join(missing)}, which the tokenizer does not have",
            where="chat_template",
            expected="special tokens of the tokenizer",
            fix="add them as special_tokens, or change the template",
        )


def encode_texts(tokenizer: Tokenizer, texts: Iterable[str], *, batch: int = 1000) -> Iterator[list[int]]:
    """Ids of each text, taken as data: special tokens written in it are split like other text."""
    before = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = True
    try:
        texts = iter(texts)
        while chunk := list(islice(texts, batch)):
            yield from (found.ids for found in tokenizer.encode_batch_fast(chunk, add_special_tokens=False))
    finally:
        tokenizer.encode_special_tokens = before
