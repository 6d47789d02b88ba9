"""Models against each other on the same questions: differences with intervals, as `evaluate` measured them.

The group of such a number ends with ``versus=<the other step>``. Over all languages each pair has a row; of
the single languages the page tells how many became better and how many worse, after correction for how many
tests that are. Pairs scored by likelihood and pairs of generated answers have tables of their own.
"""

from collections.abc import Sequence

import polars as pl

from panlect.report.blocks import Block, Cell, Column, Heading, Table
from panlect.report.tabling import signed_cell
from panlect.report.view import WAYS, Slice, View
from panlect.report.wording import counted, measure

VERSUS = r"^(?:(?P<group>.*), )?versus=(?P<other>.+)$"
COMPARED = ("difference", "p_value", "languages_better", "languages_worse")
SHOWN_AT_ONCE = 12
"""Longer tables are folded: a study of many seeds compares many pairs."""


def paired(view: View) -> list[Block]:
    """One row per slice and pair of steps; nothing where evaluate compared nothing."""
    # Seeds stay apart: a pair is two models that answered the same questions.
    rows = view.record.numbers.filter(
        pl.col("measure").is_in(COMPARED) & pl.col("group").str.contains(VERSUS)
    ).with_columns(
        pl.col("group").str.extract(VERSUS, 1).fill_null("").alias("slice"),
        pl.col("group").str.extract(VERSUS, 2).alias("other"),
    )
    pairs = rows.filter((pl.col("measure") == "difference") & (pl.col("language") == ""))
    if pairs.is_empty():
        return []
    keys = ["benchmark", "slice", "step", "other"]
    found = dict(rows.group_by(keys, maintain_order=True))
    by_way: dict[str, list[tuple[Cell, ...]]] = {}
    for key in pairs.select(keys).iter_rows():
        way = view.way_of(Slice("difference", key[0], key[1]))
        by_way.setdefault(way, []).append(_row(key, found[key]))
    tables = [_table(rows, WAYS[way]) for way, rows in by_way.items()]
    return [Heading("Models against each other"), *tables]


def _table(rows: Sequence[tuple[Cell, ...]], way: str) -> Table:
    texts, numbers = ("Step", "Against", "On"), ("Difference", "p", "Better in", "Worse in")
    columns = (*(Column(each) for each in texts), *(Column(each, number=True) for each in numbers))
    caption = (
        f"Differences on the same questions{way and ', ' + way}, with 95\u00a0% intervals"
        " (paired, whole items drawn anew)."
        " Better and worse: languages, with no more than 5\u00a0% of them expected to be chance"
        " (Benjamini and Hochberg)."
    )
    folded = f"{counted(len(rows), 'comparison')} of two models" if len(rows) > SHOWN_AT_ONCE else ""
    return Table(caption, columns, tuple(rows), folded=folded)


def _row(key: tuple[str, ...], rows: pl.DataFrame) -> tuple[Cell, ...]:
    benchmark, group, step, other = key
    gaps = rows.filter(pl.col("measure") == "difference")
    whole = gaps.filter(pl.col("language") == "").row(0, named=True)
    p_values = rows.filter((pl.col("measure") == "p_value") & (pl.col("language") == ""))["value"]
    ends = (whole["low"], whole["high"])
    return (
        Cell(step),
        Cell(other),
        Cell(Slice("difference", benchmark, group).title),
        signed_cell(whole["value"], *ends, measure("difference", whole["unit"])),
        Cell(f"{p_values[0]:.3f}" if p_values.len() else "–", sort=p_values[0] if p_values.len() else 2.0),
        *(_languages(rows.filter(pl.col("measure") == name)) for name in COMPARED[2:]),
    )


def _languages(counted: pl.DataFrame) -> Cell:
    if counted.is_empty():
        return Cell("–", sort=-1.0)
    changed, compared = counted.select("value", "count").row(0)
    return Cell(f"{changed:.0f} of {compared}", sort=changed)
