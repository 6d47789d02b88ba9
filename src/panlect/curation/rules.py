"""Steps that go by rules a curator writes down: licences, addresses, lines."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from panlect.curation.settings import LineSettings
from panlect.errors import FolderError
from panlect.text import lines
from panlect.text.urls import Blocklist

UNKNOWN_LICENCE = "unknown"


def licensed(frame: pl.DataFrame, keep_unknown: bool, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Set aside rows whose licence nobody said."""
    if keep_unknown:
        return frame
    unknown = pl.col("licence").str.to_lowercase() == UNKNOWN_LICENCE
    gone = frame.filter(unknown)
    dropped.append(gone.with_columns(reason=pl.lit("unknown_licence"), step=pl.lit("licence")))
    return frame.filter(~unknown) if gone.height else frame


@lru_cache(maxsize=4)
def blocklist(files: tuple[str, ...]) -> Blocklist:
    """Read the files of blocked domains and addresses.

    Raises:
        FolderError: one of them does not exist.
        DataError: a line is neither a domain nor an address.
    """
    found = Blocklist()
    for name in files:
        if not Path(name).is_file():
            raise FolderError(
                "the block-list does not exist", where=name, expected="a text file", fix="see urls.blocked"
            )
        with Path(name).open(encoding="utf-8", errors="replace") as file:
            found.add(file, where=name)
    return found


def allowed(frame: pl.DataFrame, files: tuple[str, ...], dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Set aside rows from blocked domains and addresses."""
    if not files or frame.is_empty():
        return frame
    known = blocklist(files)
    reasons = pl.Series("reason", [known.reason(url) for url in frame["url"].fill_null("")], pl.String)
    dropped.append(frame.with_columns(reasons, step=pl.lit("urls")).filter(reasons != ""))
    return frame.filter(reasons == "")


def line_rules(settings: LineSettings) -> tuple[str, ...]:
    """Return the rules that are on."""
    every: Sequence[str] = (*lines.LINE_RULES, *lines.PAGE_RULES)
    return tuple(every if "all" in settings.rules else settings.rules)


def refined(frame: pl.DataFrame, settings: LineSettings, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Take lines out; the column `lines_removed` says how many by which rule (``terminal:3 few_words:1``)."""
    rules = line_rules(settings)
    if not rules or frame.is_empty():
        return frame
    limits = lines.Limits(settings.minimum_words, settings.longest_word, settings.minimum_sentences)
    done = [lines.refine(text, rules, limits) for text in frame["text"]]
    notes = [" ".join(f"{name}:{count}" for name, count in each.removed.items()) for each in done]
    reasons = [each.reason or ("" if each.text.strip() else "no_line_left") for each in done]
    frame = frame.with_columns(
        pl.Series("lines_removed", notes, pl.String), pl.Series("reason", reasons, pl.String)
    )
    gone = frame.with_columns(
        pl.lit("lines").alias("step"),
        pl.Series("value", [each.value for each in done], pl.Float64).fill_nan(None),
        pl.when(pl.col("reason") == "few_sentences")
        .then(float(settings.minimum_sentences))
        .alias("threshold"),
    )
    dropped.append(gone.filter(pl.col("reason") != ""))
    texts = pl.Series("text", [each.text for each in done], pl.String)
    return frame.with_columns(texts).filter(pl.col("reason") == "").drop("reason")
