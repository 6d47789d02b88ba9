"""The section about what became of the answers: correct, in another language, malformed, side by side."""

from collections.abc import Mapping, Sequence

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.settings import ReportConfig
from panlect.report.tabling import language_cell, score_cell
from panlect.report.view import Score, Slice, View, shown
from panlect.report.wording import counted, measure

OUTCOME_MEASURES = {
    "accuracy": "correct",
    "off_target": "other language",
    "malformed": "malformed",
    "undetermined": "undetermined",
    "empty": "empty",
}
"""Measures that split the same answers, and the name of each part."""


def outcomes(view: View, config: ReportConfig) -> Section | Missing:
    """Correct, other language and malformed side by side: a lower off-target rate alone proves nothing."""
    title = "Correct, other language, malformed"
    slices = [Slice("accuracy", part.benchmark, part.group) for part in view.slices("off_target")]
    if not slices:
        return Missing(title, "off_target and malformed (evaluate judges generated answers)")
    blocks: list[Block] = [
        Prose(
            "Fewer answers in a wrong language are worth something only if the answers become right instead"
            " of broken. So all parts stand side by side."
        )
    ]
    for place, part in enumerate(slices):
        blocks += _outcomes_of(view, part, f"outcome-{place}")
    return Section("outcomes", title, blocks)


def _outcomes_of(view: View, part: Slice, name: str) -> list[Block]:
    parts = {
        outcome: Slice(of_measure, part.benchmark, part.group)
        for of_measure, outcome in OUTCOME_MEASURES.items()
        if view.slices(of_measure) and view.rows(Slice(of_measure, part.benchmark, part.group)).height
    }
    steps = view.steps_of(Slice("off_target", part.benchmark, part.group))
    rows = []
    for step in steps:
        split = {
            outcome: whole[0].value for outcome, each in parts.items() if (whole := view.whole(each, step))
        }
        split["wrong"] = max(0.0, 1.0 - sum(split.values()))
        rows += [(step, outcome, number) for outcome, number in split.items()]
    frame = pl.DataFrame(
        rows, schema={"step": pl.String, "outcome": pl.String, "value": pl.Float64}, orient="row"
    )
    title = f"What became of the answers, {part.title}"
    bars = drawing.svg(charts.specification(charts.outcome_bars(frame, steps=steps)), name=name, label=title)
    note = "“Wrong” is the rest: an answer in the right language that is not the right one."
    blocks: list[Block] = [Heading(title), Figure((bars,), f"{title}, over all languages. {note}")]
    blocks.append(_split_table(view, frame, parts, steps, title))
    blocks.append(_language_split(view, parts, steps, title))
    return blocks


def _split_table(
    view: View, frame: pl.DataFrame, parts: Mapping[str, Slice], steps: Sequence[str], title: str
) -> Table:
    names = [*parts, "wrong"]
    columns = (Column("Step"), *(Column(name, number=True) for name in names))
    values = {(step, outcome): number for step, outcome, number in frame.iter_rows()}
    rows = []
    for step in steps:
        cells = []
        for name in names:
            whole = view.whole(parts[name], step) if name in parts else None
            rest = values.get((step, name))
            score = whole[0] if whole else None if rest is None else Score(rest, None, None, None)
            cells.append(score_cell(score, measure("off_target")))
        rows.append((Cell(step), *cells))
    return Table(f"{title}, over all languages", columns, tuple(rows))


def _language_split(view: View, parts: Mapping[str, Slice], steps: Sequence[str], title: str) -> Table:
    """Before and after in every language: most answers in another language first."""
    chosen = shown(steps)[-3:] if len(steps) > 3 else list(steps)
    scores = {outcome: view.scores(part) for outcome, part in parts.items()}
    off = scores["other language"]
    codes = sorted({code for _, code in off if code})
    codes.sort(key=lambda code: (-(off[steps[-1], code].value if (steps[-1], code) in off else 2.0), code))
    columns = (
        Column("Language"),
        *(Column(f"{outcome}, {step}", number=True) for outcome in parts for step in chosen),
    )
    rows = tuple(
        (
            language_cell(code),
            *(
                score_cell(scores[outcome].get((step, code)), measure("off_target"))
                for outcome in parts
                for step in chosen
            ),
        )
        for code in codes
    )
    caption = f"{title}: every language, the most answers in another language at “{steps[-1]}” first."
    return Table(
        caption,
        columns,
        rows,
        folded=f"Correct, other language and malformed in {counted(len(codes), 'language')}",
    )
