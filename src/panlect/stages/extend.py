"""`extend`: gives a tokenizer pieces for new languages, and its model rows; old text stays as it was.

Inputs are one model or tokenizer, and texts. Text in the new languages is what pieces are learned from; all
other text is protected: every line of it is tokenised exactly as before, which is checked before anything is
saved. `protect` says how far the promise reaches beyond the text that was shown, and a part of the lines
tells whether it holds there.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import DataError, ModelError
from panlect.folder import Folder, Input, models, one_tokenizer, tables
from panlect.measure import tokenizer as measure
from panlect.mixture.languages import asked_for
from panlect.model.corpus import components_of, rows_by_language, sampled

VERSION = 2
HELD_OUT_EVERY = 20


class ExtendConfig(Config):
    """New pieces for an existing vocabulary."""

    languages: str | tuple[str, ...] = ()
    """The new languages, or a group of them; empty for all that the texts hold except `keep`."""
    keep: str | tuple[str, ...] = ("eng_Latn",)
    """Languages that are never new, even if `languages` is empty."""
    add: int = Field(default=16000, ge=1)
    """At most so many new pieces."""
    protect: Literal["script", "letters", "pairs", "text"] = "script"
    """Beside the protected text, no text can change that has no letter of a new script (`script`), no letter
    that the protected text lacks (`letters`), no two neighbouring letters that it lacks (`pairs`). With
    `text`, only the text that was shown is safe. Languages in old scripts get nothing from `script`."""
    widen_words: bool = True
    """Let combining marks that no protected text uses belong to words, where the pattern cuts at them."""
    alpha: float = Field(default=0.3, ge=0, le=1)
    """New languages are sampled by size ** `alpha`."""
    min_count: int = Field(default=2, ge=1)
    """Rarer pairs and characters are left alone."""
    initialise: Literal["random", "mean", "subpieces", "focus", "wechsel", "alignment"] = "subpieces"
    """Where the first vectors of new rows come from: see docs/tokenizer.md for what was measured."""
    warm_up_steps: int = Field(default=0, ge=0)
    """Train only the new rows for so many steps; old rows stay bit for bit."""
    warm_up_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of the warm-up."""
    sequence_tokens: int = Field(default=128, ge=2)
    """Length of a row in the warm-up."""
    seed: int = 0
    """Of sampling, of random vectors and of the static space."""


class _Texts(NamedTuple):
    new: dict[str, list[str]]
    sample: list[str]
    protected: list[str]
    held_out: list[str]
    old_languages: tuple[str, ...]


def extend(inputs: Sequence[Input], out: Path, config: ExtendConfig) -> Folder:
    """Extend a vocabulary; with a model among the inputs, its tables too."""
    from panlect.model import first_vectors, tokenizer_training
    from panlect.model import vocabulary_extension as extension
    from panlect.model.tokenizer_reading import engine_of
    from panlect.model.vocabulary_extension import Limits

    with draft(out, "extend", VERSION, config, inputs) as work:
        origin = _origin(inputs)
        texts = _texts(inputs, config, work)
        limits = Limits(config.add, config.protect, config.min_count, config.widen_words, texts.old_languages)
        old = engine_of(origin)
        found = extension.extend(
            old,
            texts.sample,
            texts.protected,
            limits,
            source=_file(origin),
            held_out=texts.held_out,
        )
        _check(work, old, found, texts)
        tokenizer_training.save_beside(found.tokenizer, work.model_path, origin)
        _measure(work, old, found, texts)
        written = None
        if models(inputs):
            evidence = _evidence(inputs, texts)
            mixes = first_vectors.mixes(config.initialise, old, found, evidence, seed=config.seed)
            written = _model(origin, found, mixes, texts, config, work)
        _remember(work, found, written, config)
    return work.folder


def _origin(inputs: Sequence[Input]) -> str:
    found = models(inputs)
    return found[0][1] if len(found) == 1 else str(one_tokenizer(inputs))


def _file(origin: str) -> str:
    path = Path(origin) / "tokenizer.json"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _texts(inputs: Sequence[Input], config: ExtendConfig, work: Draft) -> _Texts:
    sources = [each for each in inputs if not _is_model(each)]
    components = [
        found for each in sources for found in components_of(each, work.log) if found.kind == "document"
    ]
    have = {component.language for component in components}
    kept = asked_for(config.keep, have, required=False) if config.keep else set()
    # Code and the like (und, zxx) is nobody's language: it is only ever protected.
    named = {code for code in have if code[:3] not in ("und", "zxx")}
    new = asked_for(config.languages, have) if config.languages else named - kept
    if not new:
        raise DataError(
            "there is no text in a new language", where="languages", expected="documents to learn from"
        )
    mine = [component for component in components if component.language in new]
    mixture = sampled(sources, mine, alpha=config.alpha, seed=config.seed)
    rows: dict[str, list[str]] = {}
    for each in sources:
        if any(component.source == each.name for component in components):
            for language, frame in rows_by_language(each, "document").items():
                rows.setdefault(language, []).extend(frame["text"])
    old_rows = [text for language in sorted(rows) if language not in new for text in rows[language]]
    held_out = old_rows[::HELD_OUT_EVERY] if len(old_rows) >= 2 * HELD_OUT_EVERY else []
    protected = [text for n, text in enumerate(old_rows) if not held_out or n % HELD_OUT_EVERY]
    if not protected:
        work.log("no protected text: nothing promises that old languages stay as they are")
    sample = [mixture.text(draw).text for draw in mixture.schedule]
    if respelled := sum(not unicodedata.is_normalized("NFC", text) for text in sample):
        work.log(
            f"{respelled} of {len(sample)} new texts are not in NFC; pieces are learned as they are spelled"
        )
    rows_of_new = {language: rows[language] for language in sorted(new)}
    return _Texts(rows_of_new, sample, protected, held_out, tuple(sorted(named - new | kept)))


def _is_model(each: Input) -> bool:
    if isinstance(each, Folder):
        return each.model_path is not None
    path = Path(each.location)
    return path.is_dir() or not path.exists()


def _changed(old: Any, new: Any, texts: Sequence[str]) -> int:
    from panlect.model.tokenizer_training import encode_texts

    both = zip(encode_texts(old, texts), encode_texts(new, texts), strict=True)
    return sum(before != after for before, after in both)


def _check(work: Draft, old: Any, found: Any, texts: _Texts) -> None:
    """The promise: no protected line changes, and all ids are as they were."""
    lines = [*texts.protected, *texts.held_out]
    changed = _changed(old, found.tokenizer, lines)
    before, after = (each.get_vocab(with_added_tokens=True) for each in (old, found.tokenizer))
    moved = [piece for piece, number in before.items() if after.get(piece) != number]
    if changed or moved:
        raise ModelError(
            f"{changed} protected lines would change, {len(moved)} pieces would get another id",
            where="extend",
            fix="this should not happen: please report it with the tokenizer's name",
        )
    work.number("changed_lines", 0.0, group="protected", count=len(lines), unit="share of lines")
    if texts.held_out:
        share, count = found.exposed_share, len(texts.held_out)
        work.number("changed_lines", share, group="unseen", count=count, unit="share of lines")
        work.log(f"had they not been shown, {share:.2%} of {count} old lines could be tokenised otherwise")


def _measure(work: Draft, old: Any, found: Any, texts: _Texts) -> None:
    from panlect.model.tokenizer_training import encode_texts

    for language, rows in texts.new.items():
        for group, engine in (("before", old), ("after", found.tokenizer)):
            counts = measure.Counts(
                sentences=len(rows),
                tokens=sum(map(len, encode_texts(engine, rows))),
                words=sum(measure.count_words(row, language[-4:]) for row in rows),
                characters=sum(map(len, rows)),
                bytes=sum(len(row.encode()) for row in rows),
            )
            common: dict[str, Any] = {"language": language, "group": group, "count": len(rows)}
            unit = measure.word_unit(language[-4:])
            work.number("fertility", measure.fertility(counts), unit=unit, **common)
            work.number("bytes_per_token", measure.bytes_per_token(counts), unit="bytes", **common)


def _evidence(inputs: Sequence[Input], texts: _Texts) -> Any:
    from panlect.model.first_vectors import Evidence

    return Evidence(texts.sample, texts.protected, _pairs(inputs, set(texts.new)))


def _model(
    origin: str, found: Any, mixes: tuple[Any, Any], texts: _Texts, config: ExtendConfig, work: Draft
) -> Any:
    """Extend the model's tables; returns how the rows were filled."""
    from panlect.model import vocabulary

    network = vocabulary.open_network(origin)
    new_ids = [piece.id for piece in found.pieces]
    vocabulary.check_rows(network, min(new_ids), where=origin)
    written = vocabulary.add_rows(network, new_ids, *mixes, method=config.initialise, seed=config.seed)
    if config.warm_up_steps:
        _warm_up(network, found, texts, config, work)
    network.save_pretrained(work.model_path)
    probe = [row for rows in texts.new.values() for row in rows[:20]] + texts.protected[:20]
    verified = vocabulary.verify(work.model_path, probe, with_model=True)
    if verified.problems:
        raise ModelError("; ".join(verified.problems), where=str(work.model_path))
    work.log(f"opened again in transformers: {verified.lines} lines alike, loss {verified.loss:.3f}")
    for difference in verified.elsewhere:
        work.log(f"in llama.cpp some texts will be split otherwise: {difference}")
    return written


def _pairs(inputs: Sequence[Input], new: set[str]) -> list[tuple[str, str]]:
    """(known side, new side) of every pair that has just one side in a new language."""
    sources = [each for each in inputs if isinstance(each, Folder) and "pair" in each.kinds]
    if not sources:
        return []
    columns = ("source_language", "source_text", "target_language", "target_text")
    found = []
    for source, source_text, target, target_text in tables(sources, "pair").select(columns).iter_rows():
        if (source in new) != (target in new):
            found.append((source_text, target_text) if target in new else (target_text, source_text))
    return found


def _warm_up(network: Any, found: Any, texts: _Texts, config: ExtendConfig, work: Draft) -> None:
    from panlect.model import vocabulary
    from panlect.model.tokenizer_training import encode_texts

    end = network.config.eos_token_id
    rows = vocabulary.packed(
        list(encode_texts(found.tokenizer, texts.sample)),
        config.sequence_tokens,
        end if isinstance(end, int) else 0,
    )
    first = min(piece.id for piece in found.pieces)
    losses = vocabulary.warm_up(
        network, rows, first, steps=config.warm_up_steps, learning_rate=config.warm_up_rate
    )
    work.number("loss", losses[0], group="warm_up_start", unit="nats per token")
    work.number("loss", losses[-1], group="warm_up_end", unit="nats per token")


def _remember(work: Draft, found: Any, written: Any, config: ExtendConfig) -> None:
    """What is new goes with the model: which pieces, what they replace, how their rows were filled."""
    facts: dict[str, Any] = {
        "family": found.family,
        "first_new_id": min(piece.id for piece in found.pieces),
        "marks_in_words": found.marks,
        "initialise": config.initialise,
        "rows": None if written is None else {"padding": written.padding, **written.by_method},
        "pieces": [{"id": each.id, "piece": each.piece, "replaces": each.replaces} for each in found.pieces],
    }
    text = json.dumps(facts, ensure_ascii=False, indent=None)
    (work.model_path / "vocabulary.json").write_text(text, encoding="utf-8")
    work.note(pieces=len(found.pieces), family=found.family, rows=facts["rows"])
