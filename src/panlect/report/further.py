"""The section of further measures: whatever else was measured, so that no number stays unseen."""

from collections.abc import Sequence

import polars as pl

from panlect.report.blocks import Block, Cell, Column, Missing, Section, Table
from panlect.report.naming import named
from panlect.report.paired import paired
from panlect.report.settings import ReportConfig
from panlect.report.slicing import sliced
from panlect.report.tabling import language_cell, score_cell
from panlect.report.view import BESIDE, OPEN, WAYS, Score, Slice, View, presented
from panlect.report.wording import counted, made


def other_measures(view: View, config: ReportConfig) -> Section | Missing:
    """Measures per language, over all languages, and between two languages."""
    here = view.leading.measure if view.leading else ""
    rows = view.numbers.filter(~made() & (pl.col("other_language") == ""))
    names = rows["measure"].unique(maintain_order=True).to_list()
    single: list[tuple[int, Slice]] = []
    whole: list[tuple[int, Slice]] = []
    for name in (name for name in names if name not in BESIDE | {here}):
        for place, part in enumerate(view.slices(name)):
            (single if view.worst_first(part) else whole).append((place, part))
    blocks: list[Block] = []
    # Measures that could have led the page come first and open; of the others, one line is enough.
    single.sort(key=lambda entry: entry[1].measure not in OPEN)
    for number, (place, part) in enumerate(single):
        opened = place == 0 and part.measure in OPEN
        drawn = f"measure-{number}" if place == 0 else ""  # one picture per measure keeps the page light
        blocks += sliced(view, part, config, name=drawn, shown_at_once=opened)
    by_way = view.by_way([part for _, part in whole])
    blocks += [_wholes(view, parts, WAYS[way]) for way, parts in by_way.items()]
    blocks += [*paired(view), *_pairs(view)]
    if not blocks:
        return Missing("Further measures", "measures beside the leading one (chrF, bits per byte, fertility)")
    return Section("measures", "Further measures", blocks)


def _wholes(view: View, slices: Sequence[Slice], way: str) -> Table:
    """Measures that exist over all languages only."""
    steps = list(dict.fromkeys(step for part in slices for step in view.steps_of(part)))
    columns = (Column("Measure"), Column("On"), *(Column(step, number=True) for step in steps))
    rows = []
    for part in slices:
        shape, wholes = presented(part, view.rows(part)), [view.whole(part, step) for step in steps]
        cells = (score_cell(whole[0] if whole else None, shape) for whole in wholes)
        rows.append((Cell(shape.title), Cell(part.title), *cells))
    title = "Measures over all languages together"
    return Table(f"{title}: {way}" if way else title, columns, tuple(rows))


def _pairs(view: View) -> list[Block]:
    """Measures between two languages other than RankC, which has a section of its own."""
    rows = view.numbers.filter(~made() & (pl.col("other_language") != "") & (pl.col("measure") != "rankc"))
    blocks: list[Block] = []
    for name, benchmark, group in (
        rows.select("measure", "benchmark", "group").unique(maintain_order=True).rows()
    ):
        part = Slice(name, benchmark, group)
        chosen = rows.filter(
            (pl.col("measure") == name) & (pl.col("benchmark") == benchmark) & (pl.col("group") == group)
        )
        blocks.append(_pair_table(part, chosen))
    return blocks


def _pair_table(part: Slice, rows: pl.DataFrame) -> Table:
    shape, steps = presented(part, rows), rows["step"].unique(maintain_order=True).to_list()
    found: dict[tuple[str, str], dict[str, Score]] = {}
    wanted = ("language", "other_language", "step", "value", "low", "high", "count")
    for first, second, step, *numbers in rows.select(wanted).iter_rows():
        found.setdefault((first, second), {})[step] = Score(*numbers)
    sign = -1 if shape.lower_is_better else 1
    worst = Score(-float("inf"), None, None, None)
    pairs = sorted(found, key=lambda pair: (sign * found[pair].get(steps[-1], worst).value, pair))
    table = tuple(
        (
            language_cell(first),
            Cell(named(second).name, note=second),
            *(score_cell(found[first, second].get(step), shape) for step in steps),
        )
        for first, second in pairs
    )
    columns = (Column("Language"), Column("Other language"), *(Column(step, number=True) for step in steps))
    title = f"{shape.title}, {part.title}, between two languages"
    folded = f"{title}: {counted(len(pairs), 'pair')}"
    return Table(f"{title}, the worst at “{steps[-1]}” first.", columns, table, folded=folded)
