"""Tables and dot charts over languages, used by several sections of the page."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.view import Score, Slice, View, few, presented, shown
from panlect.report.wording import OF_ANSWERS, Measure, counted, listed, note, value

PANEL_LANGUAGES = 50
"""Lines of one panel: two panels stand beside each other on a wide screen and below each other on paper."""


def language_cell(code: str, *, own_name: bool = False) -> Cell:
    """The heading of a language's row: English name and code; own name only where a table is the main one."""
    language = named(code)
    own = language.own_name if own_name and language.own_name.casefold() != language.name.casefold() else ""
    return Cell(
        language.name, note=code, foreign=own, lang=language.lang, dir=language.direction, sort=language.name
    )


def score_cell(score: Score | None, shape: Measure, config: ReportConfig | None = None) -> Cell:
    """A value with its interval and count; with `config` and a share, also its verdict."""
    if score is None:
        return Cell("–", sort=-1.0)
    share = score.value if shape.kind == "share" and 0 <= score.value <= 1 else None
    verdict = grade(score.value, shape, config) if config else ""
    below = note(score.low, score.high, score.count, shape.kind)
    return Cell(value(score.value, shape.kind), note=below, share=share, sort=score.value, verdict=verdict)


def signed_cell(gap: float, low: float | None, high: float | None, shape: Measure) -> Cell:
    """A difference with its sign and interval; of shares in points."""
    scale, unit = (100, " points") if shape.kind == "share" else (1, "")
    ends = [f"{scale * end:+.1f}".replace("-", "−") for end in (low, high) if end is not None]
    mean = f"{scale * gap:+.1f}".replace("-", "−")
    return Cell(f"{mean}{unit}", note=" to ".join(ends) if len(ends) == 2 else "", sort=gap)


def grade(number: float, shape: Measure, config: ReportConfig) -> str:
    """Good, fair or poor by the thresholds of the settings; empty where they do not apply."""
    if shape.kind != "share" or shape.lower_is_better:
        return ""
    if number >= config.good_from_share:
        return "good"
    return "fair" if number >= config.fair_from_share else "poor"


def score_table(
    view: View, codes: Sequence[str], table: Table, *, part: Slice, config: ReportConfig, most: int = 0
) -> Table:
    """One row per language, one column per step; the whole comes first.

    Args:
        view: where the scores are.
        codes: the languages, in the order of the rows.
        table: gives the caption and whether the table is folded.
        part: which scores.
        config: the thresholds of the verdicts.
        most: show at most so many steps; 0 for all.
    """
    steps, scores = view.steps_of(part), view.scores(part)
    steps = few(steps, view.final(part), most=most) if most else steps
    shape = presented(part, view.rows(part))
    columns = (Column("Language"), Column("Script"), *(Column(step, number=True) for step in steps))
    rows = []
    if any(view.whole(part, step) for step in steps):
        wholes = [view.whole(part, step) for step in steps]
        plain = all(whole[1] for whole in wholes if whole)
        head = Cell("All languages", note="plain mean over the languages" if plain else "", sort="")
        rows.append((head, Cell(""), *(score_cell(whole[0] if whole else None, shape) for whole in wholes)))
    for code in codes:
        cells = (
            score_cell(scores.get((step, code)), shape, config if step == view.final(part) else None)
            for step in steps
        )
        heading = language_cell(code, own_name=part == view.leading)
        rows.append((heading, Cell(named(code).script), *cells))
    return Table(table.caption, columns, tuple(rows), folded=table.folded)


def cut(table: Table, most: int, folded: str) -> list[Block]:
    """The first rows of a table at once; where there are more, all of them behind a line."""
    if len(table.rows) <= most:
        return [table]
    return [replace(table, rows=table.rows[:most]), replace(table, folded=folded)]


def language_dots(view: View, part: Slice, *, name: str) -> Figure:
    """Every language of a slice with its steps before and after, the worst first."""
    steps = shown(view.steps_of(part))
    shape = presented(part, view.rows(part))
    codes = view.worst_first(part)
    labels, scores, level = view.label(codes), view.scores(part), view.chance(part)
    frame = pl.DataFrame(
        [
            {"label": labels[code], "step": step, "value": score.value, "low": score.low, "high": score.high}
            for code in codes
            for step in steps
            if (score := scores.get((step, code)))
        ],
        schema=charts.DOTS,
    )
    panels = dot_panels(
        frame, steps=steps, shape=shape, chance=level, name=name, label=f"{shape.title}, {part.title}"
    )
    return Figure(panels, dot_caption(view, part, shape, level))


def dot_panels(
    frame: pl.DataFrame,
    *,
    steps: Sequence[str],
    shape: Measure,
    name: str,
    label: str,
    chance: float | None = None,
) -> tuple[str, ...]:
    """Draw a dot chart, cut into panels of at most `PANEL_LANGUAGES` lines that share one scale."""
    names = frame["label"].unique(maintain_order=True).to_list()
    panels = max(1, -(-len(names) // PANEL_LANGUAGES))
    lines = -(-len(names) // panels) or 1
    domain = share_domain(frame) if shape.kind == "share" else _span(frame, from_zero=shape.kind == "count")
    percent, large = shape.kind == "share", shape.kind == "count"
    across = charts.Across(shape.title, domain, percent, large, chance)
    drawn = []
    for panel in range(panels):
        chosen = frame.filter(pl.col("label").is_in(names[panel * lines : (panel + 1) * lines]))
        chart = charts.dots(chosen, steps=steps, across=across, width=520 if panels == 1 else 400)
        drawn.append(
            drawing.svg(
                charts.specification(chart),
                name=f"{name}-{panel}",
                label=f"{label}, part {panel + 1} of {panels}",
            )
        )
    return tuple(drawn)


def share_domain(frame: pl.DataFrame) -> tuple[float, float]:
    """From 0 to 1, or further: conductivity passes 1 where a model knows more than its source language."""
    highest = max([1.0, *frame["value"].drop_nulls().to_list()])
    return 0.0, highest if highest == 1.0 else 1.03 * highest


def _span(frame: pl.DataFrame, *, from_zero: bool) -> tuple[float, float] | None:
    ends = pl.concat([frame["value"], frame["low"], frame["high"]]).drop_nulls()
    if ends.is_empty():
        return None
    low, high = float(ends.min()), float(ends.max())  # type: ignore[arg-type]  # a float column
    if from_zero:
        return 0.0, 1.03 * high
    room = 0.03 * (high - low or abs(high) or 1.0)
    return low - room, high + room


def _of(view: View, part: Slice) -> str:
    """What an interval is about, where there are several seeds."""
    if not view.arms:
        return ""
    return " of the answers of all seeds together" if part.measure in OF_ANSWERS else " over seeds"


def dot_caption(view: View, part: Slice, shape: Measure, chance: float | None) -> str:
    """What the reader sees: the measure, its direction, the order, the intervals, the guessing level."""
    steps = view.steps_of(part)
    left_out = [step for step in steps if step not in shown(steps)]
    rows = view.rows(part)
    has_interval = bool(rows.filter((pl.col("language") != "") & pl.col("low").is_not_null()).height)
    sentences = [
        f"{shape.title} in {counted(len(view.worst_first(part)), 'language')}.",
        f"The worst at “{view.final(part)}” come first.",
        "Lower is better." if shape.lower_is_better else "",
        f"Bars are 95\u00a0% intervals{_of(view, part)}." if has_interval else "",
        f"Dashed: the guessing level, {value(chance, shape.kind)}." if chance is not None else "",
        f"Not drawn: {listed(left_out)} (see the table)." if left_out else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)
