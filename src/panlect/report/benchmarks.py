"""The section of benchmarks: every main score side by side, and which language was asked what, or why not.

Scores by likelihood and scores of generated answers answer different questions, so they stand in tables of
their own, here and everywhere on the page (`panlect.report.view.View.way_of`).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from panlect.report.blocks import Block, Cell, Column, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import cut, language_cell, score_cell
from panlect.report.view import WAYS, Slice, View, presented
from panlect.report.wording import counted, listed, value

COVERAGE = "coverage.csv"
ROWS = 12


def benchmarks(view: View, config: ReportConfig) -> Section | Missing:
    """One line per benchmark, and the table of what was asked in which language."""
    title = "Benchmarks and their languages"
    parts = [part for part in view.main_slices if view.steps_of(part)]
    asked = _asked(view)
    if len(parts) < 2 and not asked:
        return Missing(
            title, "several benchmarks, or an evaluation that says what it asked in which language"
        )
    blocks: list[Block] = []
    for way, own in view.by_way(parts).items():
        blocks += [Heading(WAYS[way].capitalize() or "Scores"), _scores(view, own)]
    return Section("benchmarks", title, [*blocks, *_coverage(asked, config)])


def _scores(view: View, parts: Sequence[Slice]) -> Table:
    """The main measure of each benchmark over its languages, and its worst language."""
    measured = {step for part in parts for step in view.steps_of(part)}
    steps = [step for step in view.steps if step in measured]
    rows = []
    for part in parts:
        shape, codes, level = presented(part, view.rows(part)), view.worst_first(part), view.chance(part)
        wholes = [view.whole(part, step) for step in steps]
        worst = view.scores(part).get((view.final(part), codes[0])) if codes else None
        rows.append(
            (
                Cell(part.title, note=shape.title),
                Cell(value(len(codes), "count"), sort=len(codes)),
                Cell(
                    "–" if level is None else value(level, shape.kind), sort=-1.0 if level is None else level
                ),
                *(score_cell(whole[0] if whole else None, shape) for whole in wholes),
                Cell(named(codes[0]).name, note=value(worst.value, shape.kind)) if worst else Cell("–"),
            )
        )
    heads = ("Languages", "Guessing", *steps)
    columns = (Column("Benchmark"), *(Column(head, number=True) for head in heads), Column("Worst language"))
    caption = "Means over each benchmark's languages, with 95\u00a0% intervals; lines have different scales."
    return Table(caption, columns, tuple(rows))


def _asked(view: View) -> dict[str, dict[str, tuple[int, str]]]:
    """Questions, and why there are none, by language and benchmark."""
    found: dict[str, dict[str, tuple[int, str]]] = {}
    for folder in view.record.folders:
        if (file := folder.path / COVERAGE).is_file():
            wanted = ("language", "benchmark", "rows", "problem")
            for code, name, rows, problem in pl.read_csv(file, columns=wanted).select(wanted).iter_rows():
                found.setdefault(code, {})[name] = (rows or 0, problem or "")
    return found


def _coverage(asked: Mapping[str, Mapping[str, tuple[int, str]]], config: ReportConfig) -> list[Block]:
    """Languages by benchmarks, the languages with the fewest questions first."""
    if not asked:
        return []
    names = list(dict.fromkeys(name for cells in asked.values() for name in cells))
    total = {code: sum(rows for rows, _ in cells.values()) for code, cells in asked.items()}
    codes = sorted(asked, key=lambda code: (total[code], code))
    without = [named(code).name for code in codes if not total[code]]
    text = f"Nothing was asked in {counted(len(without), 'language')}: {listed(without)}." if without else ""
    rows = tuple(
        (
            language_cell(code, own_name=True),
            *(_questions(*asked[code].get(name, (0, ""))) for name in names),
            Cell(value(total[code], "count"), sort=total[code]),
        )
        for code in codes
    )
    columns = (Column("Language"), *(Column(name, number=True) for name in (*names, "Together")))
    caption = "Questions asked per language and benchmark, the fewest first; where there are none, why."
    table = Table(caption, columns, rows)
    prose: list[Block] = [Prose(text)] if text else []
    return [Heading("What was asked"), *prose, *cut(table, ROWS, f"All {counted(len(rows), 'language')}")]


def _questions(rows: int, problem: str) -> Cell:
    note = problem.removesuffix(" in this language").removesuffix(" in this language here")
    return Cell(value(rows, "count"), sort=rows) if rows else Cell("–", note=note, sort=0)
