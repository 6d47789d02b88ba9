"""`tokenizer`: trains a tokenizer on a mixture (in the mixture's proportions) or on folders of documents.

The result is a directory that `AutoTokenizer` opens, with a chat template; the numbers say what each language
costs. See `panlect.model.tokenizer_training` for the decisions about words, digits and Unicode.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import ConfigError, FolderError
from panlect.folder import Folder, Input
from panlect.measure import tokenizer as measure
from panlect.model.corpus import Mixture, components_of, is_mixture, open_mixture, sampled

VERSION = 1
FEW_ROWS = 10
REFERENCE = "eng_Latn"
"""Parallel text is measured against this language's side."""
SPELLINGS = {
    "nfc": "they get the tokens of their NFC form, and decoding returns that",
    "none": "two spellings of a word get different tokens; `curate` or `normalisation: nfc` makes them one",
}


class TokenizerConfig(Config):
    """A new tokenizer."""

    vocabulary: int = Field(default=32000, ge=300)
    """Number of ids, special tokens included."""
    algorithm: Literal["bpe", "unigram"] = "bpe"
    """Byte-level byte-pair encoding, or a byte-level unigram model (slower to train)."""
    alpha: float = Field(default=0.3, ge=0, le=1)
    """Without a mixture, languages are sampled by size ** `alpha`, so that small ones get pieces."""
    sample_bytes: float = Field(default=200e6, gt=0)
    """Train on so much of the mixture, from its start (every prefix has its proportions)."""
    parity_share: float = Field(default=0, ge=0, le=1)
    """This share of the merges, the last ones, is chosen for the language that is worst off by then on
    parallel text (bpe): an input with pairs, or a directory of parallel files. Slower: sample some 10 MB."""
    parity_sentences: int = Field(default=1000, ge=1)
    """At most so many parallel sentences per language."""
    normalisation: Literal["nfc", "none"] = "nfc"
    """`nfc`: two spellings of one text get the same tokens. `none`: every string comes back exactly."""
    special_tokens: tuple[str, ...] = ()
    """Further special tokens, besides those of documents and roles."""
    chat_template: str = ""
    """The text of a Jinja template to be used instead of the built-in one."""
    min_count: int = Field(default=2, ge=1)
    """A pair that is rarer than this is not merged (bpe)."""
    measure_rows: int = Field(default=500, ge=1)
    """Rows per language that the numbers are measured on."""
    seed: int = 0
    """Of the sampling."""


def tokenizer(inputs: Sequence[Input], out: Path, config: TokenizerConfig) -> Folder:
    """Train a tokenizer and measure it per language."""
    from panlect.model import tokenizer_training as training

    with draft(out, "tokenizer", VERSION, config, inputs) as work:
        parallel = _parallel(inputs, config)
        mixture = _mixture([each for each in inputs if each not in parallel or _is_text(each)], config, work)
        read: Counter[str] = Counter()
        sample: Iterable[tuple[str, str]] = _sample(mixture, config, read)
        merges = config.vocabulary - training.smallest_vocabulary(config.special_tokens)
        for_parity = round(config.parity_share * max(merges, 0))
        if for_parity:
            sample = list(sample)
        made = training.train(
            (text for _, text in sample),
            config.vocabulary - for_parity,
            algorithm=config.algorithm,
            normalisation=config.normalisation,
            special_tokens=config.special_tokens,
            min_count=config.min_count,
        )
        if for_parity:
            made = _for_parity(made, sample, parallel, for_parity, work, config)
        training.save(made, work.model_path, chat_template=config.chat_template or training.CHAT_TEMPLATE)
        if (size := made.get_vocab_size()) < config.vocabulary:
            work.log(f"the text holds only {size} pieces, not {config.vocabulary}")
        for language, size_bytes in sorted(read.items()):
            work.number("bytes_read", float(size_bytes), language=language, unit="bytes")
        _measure(mixture, made, config, work)
        work.note(vocabulary=size, bytes_read=sum(read.values()))
    return work.folder


def _mixture(inputs: Sequence[Input], config: TokenizerConfig, work: Draft) -> Mixture:
    mixtures = [each for each in inputs if is_mixture(each)]
    if mixtures:
        mixed = [each for each in inputs if each not in mixtures[:1]]
        if mixed and not config.parity_share:
            raise ConfigError(
                "a mixture and other inputs at once", where="from", expected="one mixture, or folders of text"
            )
        assert isinstance(mixtures[0], Folder)
        return open_mixture(mixtures[0])
    components = [found for each in inputs for found in components_of(each, work.log)]
    if not components:
        names = ", ".join(each.name for each in inputs)
        raise FolderError("no input holds documents or pairs", where=names or "no inputs")
    return sampled(inputs, components, alpha=config.alpha, seed=config.seed)


def _sample(mixture: Mixture, config: TokenizerConfig, read: Counter[str]) -> Iterator[tuple[str, str]]:
    """(language, text) of the mixture up to the sample's size; `read` collects bytes per language."""
    for draw in mixture.schedule:
        text, language, _ = mixture.text(draw)
        read[language] += len(text.encode())
        yield language, text
        if read.total() >= config.sample_bytes:
            return


def _is_text(each: Input) -> bool:
    """Whether there are texts to learn from; a directory of parallel files only says who is worst off."""
    return isinstance(each, Folder) or not Path(each.location).is_dir()


def _parallel(inputs: Sequence[Input], config: TokenizerConfig) -> list[Input]:
    """The inputs that say how many tokens each language needs for the same sentences."""
    if not config.parity_share:
        return []
    if config.algorithm != "bpe":
        raise ConfigError(
            "only byte-pair encoding can be trained for parity", where="parity_share", fix="algorithm: bpe"
        )
    found = [
        each for each in inputs if not _is_text(each) or (isinstance(each, Folder) and "pair" in each.kinds)
    ]
    if not found:
        raise ConfigError(
            "there is no parallel text to tell which language is worst off",
            where="from",
            expected="a folder with pairs, or a directory of parallel files such as swh_Latn.dev",
            fix="add one, or set parity_share: 0",
        )
    return found


def _for_parity(
    start: Any,
    sample: Iterable[tuple[str, str]],
    parallel: Sequence[Input],
    merges: int,
    work: Draft,
    config: TokenizerConfig,
) -> Any:
    from panlect.model import parity_bpe
    from panlect.model.parallel_text import read_aligned

    aligned = read_aligned(parallel, REFERENCE, config.parity_sentences, work.log)
    reference = aligned.texts.get(REFERENCE, [])
    sides = {
        language: parity_bpe.Parallel(aligned.texts[language], sum(len(reference[row]) for row in rows))
        for language, rows in aligned.rows.items()
    }
    texts: dict[str, list[str]] = {}
    for language, text in sample:
        texts.setdefault(language, []).append(text)
    if alone := sorted(set(texts) - set(sides)):
        work.log(f"no parallel text in {', '.join(alone)}: no merge is chosen for them")
    made, turns = parity_bpe.train(start, texts, sides, merges, min_count=config.min_count)
    for language, count in turns.items():
        work.number("merges_chosen", float(count), language=language, unit="merges")
    return made


def _measure(mixture: Mixture, made: Any, config: TokenizerConfig, work: Draft) -> None:
    from panlect.model.tokenizer_training import encode_texts

    texts: dict[str, list[str]] = {language: [] for language in mixture.languages}
    for number, component in enumerate(mixture.components):
        room = config.measure_rows - len(texts[component.language])
        texts[component.language] += [
            text for text, _ in zip(mixture.texts(number), range(room), strict=False)
        ]
    respelled = 0
    for language, rows in texts.items():
        script = language[-4:]
        counts = measure.Counts(
            sentences=len(rows),
            tokens=sum(map(len, encode_texts(made, rows))),
            words=sum(measure.count_words(row, script) for row in rows),
            characters=sum(map(len, rows)),
            bytes=sum(len(row.encode()) for row in rows),
        )
        if len(rows) < FEW_ROWS:
            work.log(f"{language}: {len(rows)} texts are all there is; its figures say little")
        respelled += sum(not unicodedata.is_normalized("NFC", row) for row in rows)
        unit = measure.word_unit(script)
        work.number("fertility", measure.fertility(counts), language=language, count=counts.words, unit=unit)
        work.number(
            "bytes_per_token",
            measure.bytes_per_token(counts),
            language=language,
            count=counts.tokens,
            unit="bytes",
        )
    if respelled:
        total, told = sum(map(len, texts.values())), SPELLINGS[config.normalisation]
        work.log(f"{respelled} of {total} texts are not in Unicode's normal form NFC: {told}")
