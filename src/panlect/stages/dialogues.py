"""`dialogues`: instruction data, read or made; every row keeps its origin, languages, licence and parent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue import rows as dialogue_rows
from panlect.dialogue.budget import within
from panlect.dialogue.reading import Identify, Read, read
from panlect.dialogue.records import files_of
from panlect.dialogue.rows import Row, languages_of
from panlect.dialogue.translation import Translate, translate
from panlect.draft import Draft, draft
from panlect.errors import DataError
from panlect.folder import Folder, Input, tables
from panlect.tables import SCHEMAS

VERSION = 2

Make = Literal["translate", "read", "pass"]


class DialoguesConfig(Config):
    """Which dialogues are made of what, and how many."""

    make: Make | tuple[Make, ...] = "translate"
    """What to make, one or several: `read` (files in published formats), `pass` (dialogues as they are),
    `translate` (instructions from pairs)."""
    languages: str | tuple[str, ...] = ()
    """Only rows whose prompt and answer are in these languages or groups; empty for all."""
    rows: int = Field(default=0, ge=0)
    """How many rows to keep in all; 0 keeps everything. Equal budgets make mixtures comparable."""
    balance: tuple[Literal["task", "language", "answer_language", "origin", "source"], ...] = (
        "language",
        "answer_language",
    )
    """`rows` are divided evenly over the combinations of these columns, as far as each has rows."""
    seed: int = 0
    """Of every choice that is made by hash."""
    read: Read = Read()
    """How files are read."""
    translate: Translate = Translate()
    """How pairs become translation instructions."""


class _Made(NamedTuple):
    """What the makers gave so far."""

    frames: list[pl.DataFrame]
    left_out: list[Row]
    preferences: list[Row]


def dialogues(inputs: Sequence[Input], out: Path, config: DialoguesConfig) -> Folder:
    """Read dialogues, or make them from the tables of the inputs.

    Raises:
        FolderError: no input has the table that is needed.
        DataError: nothing was made.
    """
    with draft(out, "dialogues", VERSION, config, inputs) as work:
        made = _Made([], [], [])
        for make in [config.make] if isinstance(config.make, str) else config.make:
            _make(make, inputs, config, made)
        kept = _write(work, made, config)
        _preferences(work, made.preferences, languages_of(config.languages))
        _describe(work, kept, made)
    return work.folder


def _make(make: str, inputs: Sequence[Input], config: DialoguesConfig, made: _Made) -> None:
    if make == "read":
        found = read(files_of(inputs), config.read, _identify(config.read.identifier))
        made.frames.append(dialogue_rows.frame(found.dialogues))
        made.left_out.extend(found.left_out)
        made.preferences.extend(found.preferences)
    elif make == "pass":
        made.frames.append(_table(inputs, "dialogue", config))
    else:
        found_rows, left_out = translate(_pairs(inputs, config), config.translate, seed=config.seed)
        made.frames.append(dialogue_rows.frame(found_rows))
        made.left_out.extend(left_out)


def _identify(name: str) -> Identify | None:
    if not name:
        return None
    from panlect.text.identify import Identifier
    from panlect.text.identify_packaged import load

    identifier = Identifier(load(name))
    return lambda texts: [guess.language for guess in identifier.identify(texts)]


def _table(inputs: Sequence[Input], kind: str, config: DialoguesConfig) -> pl.DataFrame:
    """A table of the inputs; of folders only, where files are read as dialogues."""
    wanted = [each for each in inputs if isinstance(each, Folder) or "read" not in config.make]
    return tables(wanted, kind)


def _pairs(inputs: Sequence[Input], config: DialoguesConfig) -> pl.DataFrame:
    pairs = _table(inputs, "pair", config)
    if wanted := languages_of(config.languages):
        sides = ("source_language", "target_language")
        pairs = pairs.filter(pl.all_horizontal(pl.col(side).is_in(wanted) for side in sides))
    return pairs


def _write(work: Draft, made: _Made, config: DialoguesConfig) -> pl.DataFrame:
    """Keep what is wanted, each dialogue once, within the budget."""
    frame = pl.concat(made.frames, how="diagonal_relaxed")
    for name in ("task", "parent"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit("").alias(name))
    frame = frame.with_columns(pl.col("task", "parent").fill_null(""))
    if wanted := languages_of(config.languages):
        frame = frame.filter(pl.all_horizontal(pl.col("language", "answer_language").is_in(wanted)))
    first = frame["id"].is_first_distinct()
    repeated = frame.filter(~first).with_columns(pl.lit("exact_duplicate").alias("reason"))
    kept = within(frame.filter(first), config.rows, config.balance, seed=config.seed)
    if kept.is_empty():
        raise DataError(
            "no dialogue was made",
            where=work.out.name,
            expected="rows in the languages asked for",
            fix="see the log, or widen `languages`",
        )
    work.write("dialogue", kept)
    work.drop(
        "dialogue", pl.concat([repeated, dialogue_rows.left_out(made.left_out)], how="diagonal_relaxed")
    )
    return kept


def _preferences(work: Draft, found: Sequence[Row], wanted: frozenset[str]) -> None:
    if not found:
        return
    frame = pl.DataFrame(found, schema={**SCHEMAS["preference"], "origin": pl.String()})
    frame = frame.unique("id", keep="first", maintain_order=True)
    if wanted:
        sides = pl.col("prompt_language", "answer_language")
        frame = frame.filter(pl.all_horizontal(sides.is_in(wanted)))
    if frame.height:
        work.write("preference", frame)


def _describe(work: Draft, kept: pl.DataFrame, made: _Made) -> None:
    total = sum(frame.height for frame in made.frames)
    facts = {name: _counts(kept, name) for name in ("task", "origin", "licence")}
    work.note(made=total, kept=kept.height, **facts)
    directions = kept.select("language", "answer_language").n_unique()
    shown = f"{kept['language'].n_unique()} languages, {directions} directions"
    work.log(f"{kept.height:,} of {total:,} dialogues, {shown}; {len(made.left_out):,} records left out")
    if made.preferences:
        work.log(f"{len(made.preferences):,} preference pairs from answers that came with their order")


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())
