"""Models against each other on the same questions: differences with intervals, as `evaluate` measured them.

The group of such a number ends with ``versus=<the other step>``. Over all languages each pair has a row; of
the single languages the page tells how many are better and how many worse, beyond their interval.
"""

import polars as pl

from panlect.report.blocks import Block, Cell, Column, Heading, Table
from panlect.report.tabling import signed_cell
from panlect.report.view import Slice, View
from panlect.report.wording import counted, measure

VERSUS = r"^(?:(?P<group>.*), )?versus=(?P<other>.+)$"
SHOWN_AT_ONCE = 12
"""Longer tables are folded: a study of many seeds compares many pairs."""


def paired(view: View) -> list[Block]:
    """One row per slice and pair of steps; nothing where evaluate compared nothing."""
    # Seeds stay apart: a pair is two models that answered the same questions.
    rows = view.record.numbers.filter(
        pl.col("measure").is_in(["difference", "p_value"]) & pl.col("group").str.contains(VERSUS)
    ).with_columns(
        pl.col("group").str.extract(VERSUS, 1).fill_null("").alias("slice"),
        pl.col("group").str.extract(VERSUS, 2).alias("other"),
    )
    pairs = rows.filter((pl.col("measure") == "difference") & (pl.col("language") == ""))
    if pairs.is_empty():
        return []
    keys = ["benchmark", "slice", "step", "other"]
    found = dict(rows.group_by(keys, maintain_order=True))
    table = tuple(_row(key, found[key]) for key in pairs.select(keys).iter_rows())
    texts, numbers = ("Step", "Against", "On"), ("Difference", "p", "Better in", "Worse in")
    columns = (*(Column(each) for each in texts), *(Column(each, number=True) for each in numbers))
    caption = (
        "Differences on the same questions, with 95\u00a0% intervals (paired, whole items drawn anew)."
        " Better and worse: languages whose own interval leaves out 0."
    )
    folded = f"{counted(len(table), 'comparison')} of two models" if len(table) > SHOWN_AT_ONCE else ""
    return [Heading("Models against each other"), Table(caption, columns, table, folded=folded)]


def _row(key: tuple[str, ...], rows: pl.DataFrame) -> tuple[Cell, ...]:
    benchmark, group, step, other = key
    gaps = rows.filter(pl.col("measure") == "difference")
    whole = gaps.filter(pl.col("language") == "").row(0, named=True)
    p_values = rows.filter((pl.col("measure") == "p_value") & (pl.col("language") == ""))["value"]
    single = gaps.filter(pl.col("language") != "")
    better = single.filter(pl.col("low") > 0).height
    worse = single.filter(pl.col("high") < 0).height
    of = f"of {single.height}"
    ends = (whole["low"], whole["high"])
    return (
        Cell(step),
        Cell(other),
        Cell(Slice("difference", benchmark, group).title),
        signed_cell(whole["value"], *ends, measure("difference", whole["unit"])),
        Cell(f"{p_values[0]:.3f}" if p_values.len() else "–", sort=p_values[0] if p_values.len() else 2.0),
        Cell(f"{better} {of}" if single.height else "–", sort=better),
        Cell(f"{worse} {of}" if single.height else "–", sort=worse),
    )
