"""`dialogues`: instruction data, read or made; every row keeps its origin, languages, licence and parent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue import rows as dialogue_rows
from panlect.dialogue.budget import within
from panlect.dialogue.rows import Made, languages_of
from panlect.dialogue.translation import Translate, translate
from panlect.draft import Draft, draft
from panlect.errors import DataError
from panlect.folder import Folder, Input, tables

VERSION = 1

Make = Literal["translate", "pass"]


class DialoguesConfig(Config):
    """Which dialogues are made of what, and how many."""

    make: Make | tuple[Make, ...] = "translate"
    """What to make, one or several: `translate` (instructions from pairs), `pass` (dialogues as they are)."""
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
    translate: Translate = Translate()
    """How pairs become translation instructions."""


def dialogues(inputs: Sequence[Input], out: Path, config: DialoguesConfig) -> Folder:
    """Make dialogues from the tables of the inputs.

    Raises:
        FolderError: no input has the table that is needed.
        DataError: nothing was made.
    """
    with draft(out, "dialogues", VERSION, config, inputs) as work:
        frames, dropped = [], []
        for make in [config.make] if isinstance(config.make, str) else config.make:
            if make == "pass":
                frames.append(tables(inputs, "dialogue"))
                continue
            made = _made(make, inputs, config)
            frames.append(dialogue_rows.frame(made.rows))
            dropped.append(dialogue_rows.left_out(made.left_out))
        _write(work, pl.concat(frames, how="diagonal_relaxed"), config)
        if dropped:
            work.drop("dialogue", pl.concat(dropped, how="diagonal_relaxed"))
    return work.folder


def _made(make: str, inputs: Sequence[Input], config: DialoguesConfig) -> Made:
    wanted = languages_of(config.languages)
    pairs = tables(inputs, "pair")
    if wanted:
        sides = ("source_language", "target_language")
        pairs = pairs.filter(pl.all_horizontal(pl.col(side).is_in(wanted) for side in sides))
    return translate(pairs, config.translate, seed=config.seed)


def _write(work: Draft, frame: pl.DataFrame, config: DialoguesConfig) -> None:
    """Keep what is wanted, within the budget, and say what it is."""
    if wanted := languages_of(config.languages):
        frame = frame.filter(pl.all_horizontal(pl.col("language", "answer_language").is_in(wanted)))
    for name in ("task", "parent"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit("").alias(name))
    frame = frame.with_columns(pl.col("task", "parent").fill_null(""))
    frame = frame.unique("id", keep="first", maintain_order=True)
    made = frame.height
    frame = within(frame, config.rows, config.balance, seed=config.seed)
    if frame.is_empty():
        raise DataError(
            "no dialogue was made",
            where=work.out.name,
            expected="rows in the languages asked for",
            fix="see `panlect show --dropped`, or widen `languages`",
        )
    work.write("dialogue", frame)
    facts = {name: _counts(frame, name) for name in ("task", "origin", "licence")}
    work.note(made=made, kept=frame.height, **facts)
    directions = frame.select("language", "answer_language").n_unique()
    shown = f"{frame['language'].n_unique()} languages, {directions} directions"
    work.log(f"{frame.height:,} of {made:,} dialogues, {shown}")


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())
