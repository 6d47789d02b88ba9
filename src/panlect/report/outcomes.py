"""The section about what became of the answers: correct, in another language, malformed, side by side."""

from collections.abc import Mapping, Sequence

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.settings import ReportConfig
from panlect.report.tabling import language_cell, score_cell
from panlect.report.view import Score, Slice, View, few
from panlect.report.wording import counted, measure

MEASURES = {
    "accuracy": "correct",
    "off_target": "other language",
    "malformed": "malformed",
    "undetermined": "undetermined",
    "empty": "empty",
}
"""Measures that split the same answers, and the name of each part."""

Scores = Mapping[str, Mapping[tuple[str, str], Score]]
"""By the part's name, then by (step, language)."""
Wholes = dict[str, dict[str, Score]]
"""By the part's name, then by line: a step, or a step with a part of the languages."""


def outcomes(view: View, config: ReportConfig) -> Section | Missing:
    """Correct, other language and malformed side by side: a lower off-target rate alone proves nothing."""
    title = "Correct, other language, malformed"
    labelled = {part[1:] for name in ("off_target", "malformed") for part in view.slices(name)}
    slices = [part for part in view.slices("accuracy") if part[1:] in labelled]
    if not slices:
        needs = "answers in another language or malformed; there are none, or no answers were generated"
        return Missing(title, needs)
    blocks: list[Block] = [
        Prose(
            "Fewer answers in a wrong language are worth something only if the answers become right instead"
            " of broken. So all parts stand side by side."
        )
    ]
    for place, part in enumerate(slices):
        blocks += _of_slice(view, part, f"outcome-{place}")
    return Section("outcomes", title, blocks)


def _of_slice(view: View, part: Slice, name: str) -> list[Block]:
    slices = {title: Slice(label, part.benchmark, part.group) for label, title in MEASURES.items()}
    scores = {title: view.outcome(each) for title, each in slices.items() if view.rows(each).height}
    steps, wholes = view.steps_of(part), _wholes(view, part, scores)
    title = f"What became of the answers, {part.title}"
    note = "“Wrong” is the rest: an answer in the right language that is not the right one."
    blocks: list[Block] = [Heading(title), *_drawn(wholes, steps, name, f"{title}, over all languages", note)]
    codes = sorted({code for _, code in view.outcome(slices["correct"]) if code})
    for number, (trained, halves) in enumerate(view.splits(codes).items()):
        blocks += _split(
            scores, steps, halves, f"{name}-split-{number}", f"{title}, by what “{trained}” read"
        )
    table = _per_language(scores, steps, view.final(part), title)
    return [*blocks, table] if len(table.rows) > 1 else blocks


def _drawn(wholes: Wholes, rows: Sequence[str], name: str, title: str, note: str) -> list[Block]:
    """Stacked bars and a table: one line per step, or per step and part of the languages."""
    values = [
        (row, outcome, score.value)
        for outcome, column in wholes.items()
        for row in rows
        if (score := column.get(row))
    ]
    schema = {"step": pl.String, "outcome": pl.String, "value": pl.Float64}
    chart = charts.outcome_bars(pl.DataFrame(values, schema=schema, orient="row"), steps=rows)
    bars = drawing.svg(charts.specification(chart), name=name, label=title)
    columns = (Column("Step"), *(Column(each, number=True) for each in wholes))
    shape = measure("off_target")
    cells = tuple(
        (Cell(row), *(score_cell(column.get(row), shape) for column in wholes.values())) for row in rows
    )
    return [Figure((bars,), f"{title}. {note}".strip()), Table(title, columns, cells)]


def _split(
    scores: Scores, steps: Sequence[str], halves: tuple[list[str], list[str]], name: str, title: str
) -> list[Block]:
    """The same for the languages that a training read and for those it never saw."""
    names = (f"{counted(len(halves[0]), 'language')} read", f"{counted(len(halves[1]), 'language')} not read")
    wholes: Wholes = {}
    for half, codes in zip(names, halves, strict=True):
        for step in steps:
            row = f"{step}: {half}"
            for outcome, column in scores.items():
                values = [score.value for code in codes if (score := column.get((step, code)))]
                if values:
                    mean = Score(sum(values) / len(values), None, None, None)
                    wholes.setdefault(outcome, {})[row] = mean
    rows = [f"{step}: {half}" for half in names for step in steps]
    _add_rest(wholes, rows)
    note = "Plain means over the languages. What a training never read, it can only know by transfer."
    return _drawn(wholes, rows, name, title, note)


def _add_rest(wholes: Wholes, rows: Sequence[str]) -> None:
    """What is left over of all answers is wrong."""
    rest: dict[str, Score] = {}
    for row in rows:
        known = sum(column[row].value for column in wholes.values() if row in column)
        rest[row] = Score(max(0.0, 1.0 - known), None, None, None)
    wholes["wrong"] = rest


def _wholes(view: View, part: Slice, scores: Scores) -> Wholes:
    """Each part of the answers over all languages, by step; what is left over is wrong."""
    wholes: Wholes = {}
    for title, column in scores.items():
        for step in view.steps_of(part):
            values = [score.value for (of_step, code), score in column.items() if of_step == step and code]
            mean = Score(sum(values) / len(values), None, None, None) if values else None
            if whole := column.get((step, ""), mean):
                wholes.setdefault(title, {})[step] = whole
    _add_rest(wholes, view.steps_of(part))
    return wholes


def _per_language(scores: Scores, steps: Sequence[str], final: str, title: str) -> Table:
    """Before and after in every language: most answers in another language first."""
    chosen = few(steps, final, most=3)
    first = scores.get("other language") or scores["malformed"]
    codes = sorted({code for _, code in first if code})
    none = Score(2.0, None, None, None)
    codes.sort(key=lambda code: (-first.get((final, code), none).value, code))
    columns = (
        Column("Language"),
        *(Column(f"{part}, {step}", number=True) for part in scores for step in chosen),
    )
    shape = measure("off_target")
    rows = tuple(
        (
            language_cell(code),
            *(score_cell(column.get((step, code)), shape) for column in scores.values() for step in chosen),
        )
        for code in codes
    )
    caption = f"{title}: every language, the most of them in another language at “{final}” first."
    return Table(caption, columns, rows, folded=f"The same in {counted(len(codes), 'language')}")
