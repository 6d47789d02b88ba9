"""The table that ends a run in the terminal: worst languages first, before and after each step.

Only English names and codes are printed: terminals disagree about the direction and width of other scripts.
"""

from collections.abc import Sequence

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from panlect import tables
from panlect.report.naming import named
from panlect.report.record import Record, tidy
from panlect.report.settings import ReportConfig
from panlect.report.tabling import grade
from panlect.report.view import Score, Slice, View, few, presented
from panlect.report.wording import PERCENT, Measure, counted, interval, measure, value

COLOURS = {"good": "green", "fair": "yellow", "poor": "red", "": ""}
SIGNS = {"good": "●", "fair": "▲", "poor": "■", "": " "}
STEPS_MOST = 4
BESIDE = ("off_target", "malformed")


def final_table(numbers: pl.DataFrame, *, order: Sequence[str] = (), languages: int = 10) -> RenderableType:
    """Return the closing table of a run.

    Args:
        numbers: all measurements of the run.
        order: the steps' names as the recipe orders them; those that were measured become columns.
        languages: how many of the worst languages get a row.
    """
    view = View(Record((), tidy(numbers), tables.empty("answer"), pl.DataFrame(), tuple(order)))
    part = view.leading
    if part is None or not view.steps_of(part):
        return Text("Nothing was measured per language in this run.")
    return Group(_table(view, part, languages), _closing(view, part))


def _table(view: View, part: Slice, languages: int) -> Table:
    all_steps = view.steps_of(part)
    final = view.final(part)
    parts = [Slice(name, part.benchmark, part.group) for name in BESIDE]
    beside = [(measure(each.measure), each) for each in parts if view.rows(each).height]
    steps = few(all_steps, final, most=STEPS_MOST - bool(beside))
    shape, scores, codes = presented(part, view.rows(part)), view.scores(part), view.worst_first(part)
    shown = min(languages, len(codes))
    unit = " (per cent)" if shape.kind == "share" else ""
    which = f"the {shown} worst of {counted(len(codes), 'language')} at {final}"
    title = f"{shape.title}{unit}, {part.title}: {which}"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("language", no_wrap=True, max_width=20)
    table.add_column("code", style="dim", no_wrap=True)
    for step in steps:
        table.add_column(step, justify="right", no_wrap=True, overflow="ellipsis", max_width=14)
    table.add_column("95\u00a0%", style="dim", justify="right", no_wrap=True)
    for shape_beside, _ in beside:
        table.add_column(shape_beside.title.lower(), justify="right")
    for code in codes[:shown]:
        cells = [_cell(scores.get((step, code)), shape, last=step == final) for step in steps]
        more = [_cell(view.outcome(each).get((final, code)), kind) for kind, each in beside]
        ends = _ends(scores.get((final, code)), shape)
        table.add_row(named(code).name, code, *cells, ends, *more)
    wholes = [view.whole(part, step) for step in steps]
    more = [_cell(view.outcome(each).get((final, "")), kind) for kind, each in beside]
    table.add_section()
    last = wholes[steps.index(final)]
    cells = [_cell(whole[0] if whole else None, shape) for whole in wholes]
    table.add_row("all languages", "", *cells, _ends(last[0] if last else None, shape), *more, style="bold")
    return table


def _cell(score: Score | None, shape: Measure, *, last: bool = False) -> Text:
    if score is None:
        return Text("–", style="dim")
    verdict = grade(score.value, shape, ReportConfig()) if last else ""
    text = Text(f"{SIGNS[verdict]} " if verdict else "", style=COLOURS[verdict])
    return text.append(value(score.value, shape.kind).removesuffix(PERCENT))


def _ends(score: Score | None, shape: Measure) -> str:
    if score is None or score.low is None or score.high is None:
        return ""
    if shape.kind == "share":
        return f"{100 * score.low:.0f}–{100 * score.high:.0f}"
    return interval(score.low, score.high, shape.kind)


def _closing(view: View, part: Slice) -> Text:
    shape = presented(part, view.rows(part))
    level = view.chance(part)
    sentences = []
    if level is not None:
        sentences.append(f"Guessing reaches {value(level, shape.kind)}.")
    if grade(0.0, shape, ReportConfig()):
        config = ReportConfig()
        sentences.append(
            f"● from {100 * config.good_from_share:g}{PERCENT},"
            f" ▲ from {100 * config.fair_from_share:g}{PERCENT}, ■ below."
        )
    sentences.append("Lower is better." if shape.lower_is_better else "")
    return Text(" ".join(sentence for sentence in sentences if sentence), style="dim")
