"""Measures of translations that need a model of their own: spBLEU its tokeniser, COMET a network.

Both are made from stored answers, so an earlier evaluation can be given them without its model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from panlect.measure.translation import bleu_statistics, bleu_tokeniser, signature

Rater = Callable[[Sequence[str], Sequence[str], Sequence[str]], Sequence[float]]
"""From sources, translations and references to a score of each translation."""


def _translations(answers: pl.DataFrame) -> pl.DataFrame:
    """Rows with chrF, which are the translations, with their place in the table."""
    names = pl.col("statistics").list.eval(pl.element().struct.field("name"))
    return answers.with_row_index("place").filter(names.list.contains("chrf"), pl.col("verdict") != "failed")


def _appended(answers: pl.DataFrame, column: str, added: Mapping[int, Mapping[str, object]]) -> pl.DataFrame:
    rows = [
        [*(found or ()), *([added[place]] if place in added else [])]
        for place, found in enumerate(answers[column].to_list())
    ]
    return answers.with_columns(pl.Series(column, rows, dtype=answers.schema[column]))


def signatures(answers: pl.DataFrame) -> dict[str, str]:
    """SacreBLEU's signature of every measure of these answers; BLEU has one for each tokeniser.

    Keys are `chrf`, `bleu (zh)` and so on.
    """
    found = _translations(answers)
    names = {each["name"] for row in found["statistics"].to_list() for each in row}
    out = {name: signature(name) for name in ("chrf", "chrf++") if name in names}
    for tokeniser in sorted({bleu_tokeniser(code) for code in found["answer_language"].unique()}):
        out[f"bleu ({tokeniser})"] = signature("bleu", tokeniser=tokeniser)
    return out | ({"spbleu": signature("bleu", tokeniser="flores200")} if "spbleu" in names else {})


def with_spbleu(answers: pl.DataFrame) -> pl.DataFrame:
    """Add the statistics of spBLEU (Goyal et al. 2022) to every translation.

    Raises:
        DataError: the tokeniser's file is not there.
    """
    added = {
        place: {"name": "spbleu", "values": list(bleu_statistics(parsed, gold, tokeniser="flores200"))}
        for place, parsed, gold in _translations(answers).select("place", "parsed", "gold").iter_rows()
    }
    return _appended(answers, "statistics", added)


def with_comet(answers: pl.DataFrame, rate: Rater) -> pl.DataFrame:
    """Add a score of a network (COMET; Rei et al. 2020) to every translation."""
    found = _translations(answers)
    columns = (found[name].to_list() for name in ("prompt", "parsed", "gold"))
    scores = rate(*columns) if found.height else ()
    added = {
        place: {"name": "comet", "value": float(score)}
        for place, score in zip(found["place"].to_list(), scores, strict=True)
    }
    return _appended(answers, "scores", added)
