"""`audit`: what a tokenizer does to each language, worst first; several tokenizers side by side.

Inputs are tokenizers (finished folders, Hugging Face directories or hub ids, a bare tokenizer.json,
SentencePiece and tiktoken files) and texts: folders with pairs or documents, or a directory of parallel
files, one language each, line by line (FLORES, NTREX). Without texts, the names of the Unicode CLDR in about
a hundred languages are the parallel text; that is enough to see which scripts fall apart.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import ModelError
from panlect.folder import Folder, Input
from panlect.language import Language
from panlect.measure import tokenizer as measure
from panlect.measure.advice import Situation, advise
from panlect.mixture.languages import asked_for
from panlect.model.parallel_text import Aligned, read_aligned

VERSION = 2
WORD_SENTENCES = 150
"""Whether words are split is counted on so many sentences: some three thousand words."""


class AuditConfig(Config):
    """What is measured on which text."""

    reference: str = "eng_Latn"
    """Premiums are over this language's tokens."""
    languages: str | tuple[str, ...] = ()
    """Only these, or those of a group such as `cldr-100`; empty for all that the texts hold."""
    sentences: int = Field(default=2000, ge=1)
    """At most so many sentences per language."""
    price_per_million_tokens: float = Field(default=1.0, gt=0)
    """What a provider takes for a million tokens; the price per million characters follows."""
    context_tokens: int = Field(default=8192, ge=1)
    """A context length, told in characters of each language."""
    training_tokens: float = Field(default=0.0, ge=0)
    """Planned tokens of training per language; with it, the audit says whether to extend the vocabulary."""
    model_parameters: float = Field(default=0.0, ge=0)
    """Size of the model, for that advice."""
    width: int = Field(default=0, ge=0)
    """Width of its embedding, for that advice."""


class _Measured(NamedTuple):
    counts: measure.Counts
    lengths: list[int]
    continued: float
    failures: int
    respelled: int
    character_coverage: float
    gini: float


def audit(inputs: Sequence[Input], out: Path, config: AuditConfig) -> Folder:
    """Measure every tokenizer among the inputs on every language of the texts."""
    from panlect.model.tokenizer_reading import is_tokenizer, open_tokenizer

    with draft(out, "audit", VERSION, config, inputs) as work:
        opened = _distinct([open_tokenizer(each) for each in inputs if is_tokenizer(each)])
        if not opened:
            names = ", ".join(each.name for each in inputs)
            raise ModelError(
                "no input is a tokenizer",
                where=names or "no inputs",
                expected="a directory, hub id or file with a tokenizer (tokenizer.json, .model, .tiktoken)",
            )
        aligned = _text([each for each in inputs if not is_tokenizer(each)], config, work)
        with work.progress(len(opened) * len(aligned.texts), "languages", "audit") as bar:
            for tokenizer in opened:
                measured = {}
                for language, texts in aligned.texts.items():
                    measured[language] = _measure(tokenizer, language, texts)
                    bar.advance(tokenizer=tokenizer.name, language=language)
                _write(work, tokenizer, measured, aligned, config)
        work.note(tokenizers={each.name: {"kind": each.kind, "size": each.size} for each in opened})
    return work.folder


def _distinct(opened: list[Any]) -> list[Any]:
    """Tokenizers of one name get a number, so that their figures stay apart."""
    seen: dict[str, int] = {}
    for place, each in enumerate(opened):
        seen[each.name] = seen.get(each.name, 0) + 1
        if seen[each.name] > 1:
            opened[place] = dataclasses.replace(each, name=f"{each.name} {seen[each.name]}")
    return opened


def _text(inputs: Sequence[Input], config: AuditConfig, work: Draft) -> Aligned:
    reference = Language.parse(config.reference).code
    aligned = read_aligned(inputs, reference, config.sentences, work.log)
    wanted = asked_for(config.languages, aligned.texts)
    keep = wanted | ({reference} & set(aligned.texts))
    texts = {language: rows for language, rows in aligned.texts.items() if language in keep}
    return aligned._replace(texts=texts)


def _measure(tokenizer: Any, language: str, texts: Sequence[str]) -> _Measured:
    units = tokenizer.units(texts)
    script = language[-4:]
    characters = "".join(texts)
    numbers = np.flatnonzero(units.used)
    used = units.used[numbers]
    counts = measure.Counts(
        sentences=len(texts),
        tokens=int(used.sum()),
        words=sum(measure.count_words(text, script) for text in texts),
        characters=len(characters),
        bytes=len(characters.encode()),
        unknown=int(used[numbers == tokenizer.unknown].sum()),
        fallback=int(used[tokenizer.is_partial[numbers]].sum()),
    )
    changed = tokenizer.changed(texts, units)
    respelled = sum(_nfc(back) == _nfc(text) for back, text in changed)
    return _Measured(
        counts=counts,
        lengths=units.lengths.tolist(),
        continued=_continued(tokenizer, texts[:WORD_SENTENCES]) if measure.is_spaced(script) else math.nan,
        failures=len(changed) - respelled,
        respelled=respelled,
        character_coverage=_coverage(tokenizer, characters),
        gini=measure.gini(used),
    )


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _continued(tokenizer: Any, texts: Sequence[str]) -> float:
    """Share of words that are split. Each distinct word is tokenised once, as it stands inside a text."""
    words: dict[str, int] = {}
    for text in texts:
        for word in text.split():
            words[word] = words.get(word, 0) + 1
    prefix = "" if tokenizer.marks_word_starts_itself else " "
    pieces = tokenizer.units([prefix + word for word in words]).lengths
    split = sum(count for count, length in zip(words.values(), pieces, strict=True) if length > 1)
    return split / sum(words.values()) if words else math.nan


def _coverage(tokenizer: Any, characters: str) -> float:
    """Share of the text's characters (not white space) that are a piece of their own."""
    points = np.frombuffer(characters.encode("utf-32-le"), dtype=np.uint32)
    counts = np.bincount(points, minlength=0x110000)
    counts[[9, 10, 13, 32]] = 0
    total = int(counts.sum())
    return int(counts[tokenizer.single_characters].sum()) / total if total else math.nan


def _write(
    work: Draft, tokenizer: Any, measured: Mapping[str, _Measured], aligned: Aligned, config: AuditConfig
) -> None:
    premiums = {}
    for language, found in measured.items():
        premiums[language] = _premium(language, measured, aligned)
        for measure_name, value, unit in _figures(language, found, config):
            work.number(
                measure_name,
                None if math.isnan(value) else value,
                step=tokenizer.name,
                language=language,
                count=found.counts.sentences,
                unit=unit,
            )
    _write_premiums(work, tokenizer.name, measured, premiums, aligned)
    costs = [premium for premium in premiums.values() if not math.isnan(premium)]
    if costs:
        work.number("gini_of_cost", measure.gini(costs), step=tokenizer.name, count=len(costs))
        work.number("parity", min(costs) / max(costs), step=tokenizer.name, count=len(costs))
    for script, share in tokenizer.scripts.items():
        work.number("vocabulary_share", share, step=tokenizer.name, group=script, unit="share of ids")
    _tell(work, tokenizer.name, measured, premiums, aligned.reference)
    if config.training_tokens:
        _advise(work, tokenizer.name, measured, premiums, config)


def _figures(language: str, found: _Measured, config: AuditConfig) -> list[tuple[str, float, str]]:
    counts = found.counts
    return [
        ("fertility", measure.fertility(counts), measure.word_unit(language[-4:])),
        ("continued_words", found.continued, "share of words"),
        ("bytes_per_token", measure.bytes_per_token(counts), "bytes"),
        ("characters_per_token", measure.characters_per_token(counts), "characters"),
        ("byte_fallback", measure.fallback_share(counts), "share of tokens"),
        ("unknown_tokens", measure.unknown_share(counts), "share of tokens"),
        ("round_trip_failures", found.failures / counts.sentences, "share of sentences"),
        ("round_trip_respelled", found.respelled / counts.sentences, "share of sentences"),
        ("character_coverage", found.character_coverage, "share of characters"),
        ("gini_of_pieces", found.gini, ""),
        ("context_characters", measure.context_characters(config.context_tokens, counts), "characters"),
        ("price", measure.price(counts, config.price_per_million_tokens), "per million characters"),
    ]


def _premium(language: str, measured: Mapping[str, _Measured], aligned: Aligned) -> float:
    lengths = _reference_lengths(language, measured, aligned)
    if lengths is None:
        return math.nan
    reference = measured[aligned.reference].counts
    share = measure.unknown_share(reference) * sum(lengths)
    return measure.premium(
        measured[language].counts, measure.Counts(len(lengths), sum(lengths), 0, 0, 0, unknown=round(share))
    )


def _reference_lengths(
    language: str, measured: Mapping[str, _Measured], aligned: Aligned
) -> list[int] | None:
    """Tokens of the reference side of this language's sentences, or None where they are not parallel."""
    rows = aligned.rows.get(language)
    if rows is None or aligned.reference not in measured:
        return None
    lengths = measured[aligned.reference].lengths
    return [lengths[row] for row in rows]


def _write_premiums(
    work: Draft,
    name: str,
    measured: Mapping[str, _Measured],
    premiums: Mapping[str, float],
    aligned: Aligned,
) -> None:
    for language, premium in premiums.items():
        lengths = _reference_lengths(language, measured, aligned)
        if lengths is None:
            continue
        common: dict[str, Any] = {
            "step": name,
            "language": language,
            "other_language": aligned.reference,
            "count": len(lengths),
        }
        excluded = math.isnan(premium)
        work.number(
            "premium", None if excluded else premium, unit="excluded" if excluded else "ratio", **common
        )
        mean = measure.sentence_premium(measured[language].lengths, lengths)
        work.number("premium_by_sentence", None if excluded else mean, unit="ratio", **common)


def _tell(
    work: Draft,
    name: str,
    measured: Mapping[str, _Measured],
    premiums: Mapping[str, float],
    reference: str,
) -> None:
    """The worst ten languages, for the terminal and the log."""
    head = f"{'premium':>8} {'fertility':>10} {'bytes/token':>12} {'partial':>8} {'lost':>6}"
    work.log(f"{name}: {'language':<10} {head}")
    for language in measure.worst_first(premiums)[:10]:
        found = measured[language]
        premium = premiums[language]
        work.log(
            f"{name}: {language:<10} {'-' if math.isnan(premium) else f'{premium:.2f}':>8}"
            f" {measure.fertility(found.counts):>10.2f} {measure.bytes_per_token(found.counts):>12.2f}"
            f" {measure.fallback_share(found.counts):>8.1%} {found.failures:>6}"
        )
    if reference not in measured:
        work.log(f"{name}: no premiums, since there is no text of {reference}")
    elif all(map(math.isnan, premiums.values())):
        work.log(f"{name}: no premiums, since no text is a translation of {reference}: give pairs")


def _advise(
    work: Draft,
    name: str,
    measured: Mapping[str, _Measured],
    premiums: Mapping[str, float],
    config: AuditConfig,
) -> None:
    verdicts = {}
    for language, found in measured.items():
        situation = Situation(
            premium=premiums[language],
            fallback_share=measure.fallback_share(found.counts),
            training_tokens=config.training_tokens,
            model_parameters=config.model_parameters,
            width=config.width,
        )
        advice = advise(situation)
        verdicts[language] = {
            "verdict": advice.verdict,
            "pieces": advice.pieces,
            "reasons": list(advice.reasons),
        }
        work.number("advised_pieces", float(advice.pieces), step=name, language=language, unit=advice.verdict)
    work.note(**{f"advice for {name}": verdicts})
