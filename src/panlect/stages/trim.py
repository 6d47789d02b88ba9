"""`trim`: drops vocabulary entries that a set of languages never uses, from a tokenizer and its model.

Text of those languages is tokenised as before and the model's outputs on it are unchanged. What is saved is
memory, most of it in small models, where the embedding tables are the larger part. Trim before you extend,
and the old pieces pay for the new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import DataError, ModelError
from panlect.folder import Folder, Input, models, one_tokenizer
from panlect.mixture.languages import asked_for
from panlect.model.corpus import components_of, rows_by_language

VERSION = 1
TOLERANCE = 1e-5
PROBE_LINES = 16


class TrimConfig(Config):
    """What stays."""

    languages: str | tuple[str, ...] = ()
    """Languages whose text is kept as it is; empty for all that the inputs hold."""
    min_count: int = Field(default=1, ge=1)
    """Pieces that the text uses less often are dropped; above 1, rare words are split anew."""
    scripts: tuple[str, ...] = ("Latn",)
    """All pieces whose letters are in these scripts stay, used or not (ISO 15924 codes): unseen text of these
    scripts then stays as it is, too."""


def trim(inputs: Sequence[Input], out: Path, config: TrimConfig) -> Folder:
    """Trim a vocabulary, and the tables of its model if there is one."""
    from panlect.model import tokenizer_training, vocabulary_trimming
    from panlect.model.tokenizer_reading import engine_of

    with draft(out, "trim", VERSION, config, inputs) as work:
        found = models(inputs)
        origin = found[0][1] if len(found) == 1 else str(one_tokenizer(inputs))
        old = engine_of(origin)
        texts = _texts(inputs, config, work)
        lines = [line for rows in texts.values() for line in rows]
        made = vocabulary_trimming.trim(old, lines, scripts=config.scripts, min_count=config.min_count)
        _check(old, made, lines, config)
        tokenizer_training.save_beside(made.tokenizer, work.model_path, origin)
        tokenizer_training.forget_numbers(work.model_path)
        before = max(old.get_vocab(with_added_tokens=True).values()) + 1
        work.number("vocabulary", float(before), group="before", unit="ids")
        work.number("vocabulary", float(len(made.kept)), group="after", unit="ids")
        if found:
            _trim_model(origin, old, made, lines, work)
        work.note(kept=len(made.kept), dropped=before - len(made.kept), languages=sorted(texts))
    return work.folder


def _texts(inputs: Sequence[Input], config: TrimConfig, work: Draft) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for each in inputs:
        if not any(part.kind == "document" for part in components_of(each, work.log)):
            continue
        for language, frame in rows_by_language(each, "document").items():
            rows.setdefault(language, []).extend(frame["text"])
    if not rows:
        raise DataError("there is no text to go by", where="inputs", expected="folders with documents")
    wanted = asked_for(config.languages, rows)
    return {language: texts for language, texts in rows.items() if language in wanted}


def _check(old: Any, made: Any, lines: Sequence[str], config: TrimConfig) -> None:
    """Every line must split into the same pieces; with `min_count` above 1 that is not promised."""
    from panlect.model.tokenizer_training import encode_texts

    if config.min_count > 1:
        return
    number = {before: after for after, before in enumerate(made.kept)}
    both = zip(encode_texts(old, lines), encode_texts(made.tokenizer, lines), strict=True)
    if changed := sum([number.get(each) for each in before] != after for before, after in both):
        raise ModelError(
            f"{changed} of {len(lines)} lines would be tokenised otherwise",
            where="trim",
            fix="this should not happen: please report it with the tokenizer's name",
        )


def _trim_model(origin: str, old: Any, made: Any, lines: Sequence[str], work: Draft) -> None:
    from panlect.model import vocabulary

    network = vocabulary.open_network(origin)
    vocabulary.check_rows(network, max(made.kept) + 1, where=origin)
    probe = list(lines[:: max(1, len(lines) // PROBE_LINES)][:PROBE_LINES])
    before = vocabulary.logits(network, old, probe)
    saved = vocabulary.keep_rows(network, made.kept)
    after = vocabulary.logits(network, made.tokenizer, probe)
    index = list(made.kept)
    difference = max(
        float((left[:, index] - right).abs().max()) for left, right in zip(before, after, strict=True)
    )
    if not difference <= TOLERANCE:
        raise ModelError(
            f"the outputs differ by {difference:.2g}", where="trim", expected=f"at most {TOLERANCE:g}"
        )
    work.number("output_difference", difference, count=len(probe), unit="logits")
    work.number("parameters_saved", float(saved), unit="parameters")
    work.number("memory_saved", saved * 4 / 2**20, unit="MiB in fp32")
    work.log(f"{saved:,} parameters less; outputs on {len(probe)} lines differ by at most {difference:.1g}")
    network.save_pretrained(work.model_path)
    verified = vocabulary.verify(work.model_path, probe, with_model=True)
    if verified.problems:
        raise ModelError("; ".join(verified.problems), where=str(work.model_path))
