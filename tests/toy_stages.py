"""Two stages small enough to test runs with: `letters` writes rows, `doubled` reads and repeats them."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder, Input, tables

VERSION = 1


class LettersConfig(Config):
    """Write one document per letter."""

    letters: str = "abc"
    """The letters."""
    languages: str | tuple[str, ...] = ("eng_Latn",)
    """One document per letter in each of these."""
    seed: int = 0
    """Changes the ids."""
    fail: bool = False
    """Raise in the middle, after some rows are written."""
    pause_seconds: float = 0.0
    """Wait in the middle, so that a test can kill the process."""


def rows(letters: str, languages: Sequence[str], seed: int) -> pl.DataFrame:
    """Return the documents."""
    cells = [(f"{seed}-{letter}-{code}", letter, code) for letter in letters for code in languages]
    frame = pl.DataFrame(cells, schema=["id", "text", "language"], orient="row")
    return frame.with_columns(source=pl.lit("toy"), licence=pl.lit("CC0-1.0"))


def letters(inputs: Sequence[Input], out: Path, config: LettersConfig) -> Folder:
    """Write the documents."""
    languages = (config.languages,) if isinstance(config.languages, str) else config.languages
    with draft(out, "letters", VERSION, config, inputs) as work:
        work.write("document", rows(config.letters, languages, config.seed))
        (work.scratch / "started").touch()
        if config.fail:
            raise RuntimeError("asked to fail")
        time.sleep(config.pause_seconds)
        for code in languages:
            work.number("tokens_seen", float(len(config.letters)), language=code, count=len(config.letters))
        work.number("tokens_seen", float(len(config.letters)))
        work.note(process=os.getpid())
    return work.folder


class DoubledConfig(Config):
    """Repeat every document's text."""

    times: int = 2
    """How often."""
    keep: tuple[str, ...] = ()
    """Only these languages; the loss of the others is an error. Empty keeps all."""


def doubled(inputs: Sequence[Input], out: Path, config: DoubledConfig) -> Folder:
    """Repeat the text of every document."""
    with draft(out, "doubled", VERSION, config, inputs) as work:
        frame = tables(inputs, "document")
        work.require_languages(frame["language"].unique())
        kept = frame.filter(pl.col("language").is_in(config.keep)) if config.keep else frame
        work.write("document", kept.with_columns(pl.col("text").repeat_by(config.times).list.join("")))
    return work.folder
