"""The section about transfer: what was taught in one language and asked in others; arms and seeds."""

from collections.abc import Sequence

import polars as pl

from panlect.report import arms, charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Section, Table
from panlect.report.settings import ReportConfig
from panlect.report.tabling import score_cell, share_domain, signed_cell
from panlect.report.view import Score, Slice, View, presented
from panlect.report.wording import measure, value


def transfer(view: View, config: ReportConfig) -> Section | Missing:
    """Accuracy on what was held out beside what was seen, with the guessing level; arms and seeds."""
    title = "Transfer between languages"
    accuracy, conductivity = view.slices("accuracy"), view.slices("conductivity")
    grouped = [part for part in accuracy if part.group]
    if not conductivity and len(grouped) < 2 and not view.arms:
        return Missing(title, "conductivity, or accuracy on held-out and seen facts")
    blocks: list[Block] = []
    if grouped or conductivity:
        blocks += [_at_a_glance(view, parts) for parts in view.by_way([*accuracy, *conductivity]).values()]
    if view.arms:
        for place, part in enumerate([*_leading(view, accuracy), *conductivity][:4]):
            blocks += _seeds(view, part, f"seeds-{place}")
    return Section("transfer", title, blocks)


def _leading(view: View, accuracy: list[Slice]) -> list[Slice]:
    """The slices that arms are compared on: those of accuracy, or the one that the page is about."""
    return accuracy or ([view.leading] if view.leading else [])


def _at_a_glance(view: View, slices: Sequence[Slice]) -> Table:
    """One row per step, one column per slice, over all languages."""
    measured = {step for part in slices for step in view.steps_of(part)}
    steps = [step for step in view.steps if step in measured]
    columns, cells = [Column("Step")], {step: [Cell(step)] for step in steps}
    for part in slices:
        shape = measure(part.measure)
        level = view.chance(part) if part.measure == "accuracy" else None
        name = shape.title if part.measure == "conductivity" else f"{part.title}"
        columns.append(
            Column(name if level is None else f"{name} (guessing: {value(level, shape.kind)})", number=True)
        )
        for step in steps:
            whole = view.whole(part, step)
            cells[step].append(score_cell(whole[0] if whole else None, shape))
    caption = (
        "Over all languages: correct answers per part of the questions, with the level that guessing"
        " reaches. Conductivity is the share of what is known in the language of the fact that is also known"
        " in the others."
    )
    return Table(caption, tuple(columns), tuple(tuple(row) for row in cells.values()))


def _seeds(view: View, part: Slice, name: str) -> list[Block]:
    """Arms against seeds, over all languages."""
    shape = presented(part, view.rows(part))
    single = View(view.record, pool=False)
    rows: list[tuple[str, str, float, float | None, float | None]] = []
    for arm, members in view.arms.items():
        for step, seed in members.items():
            if whole := single.whole(part, step):
                rows.append((arm, seed, whole[0].value, whole[0].low, whole[0].high))
        if (mean := view.whole(part, arm)) and any(row[0] == arm for row in rows):
            rows.append((arm, "", mean[0].value, mean[0].low, mean[0].high))
    if not rows:
        return []
    schema = {"arm": pl.String, "seed": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    level = view.chance(part)
    percent = shape.kind == "share"
    across = charts.Across(shape.title, share_domain(frame) if percent else None, percent, chance=level)
    title = f"{shape.title}, {part.title}: arms and seeds"
    drawn = drawing.svg(charts.specification(charts.seeds(frame, across)), name=name, label=title)
    guess = f" Dashed: the guessing level, {value(level, shape.kind)}." if level is not None else ""
    dot = "Dot and bar: the mean over seeds with its 95\u00a0% interval (Student's t)."
    caption = f"Rings: one seed each. {dot}{guess}"
    return [Heading(title), Figure((drawn,), caption), _seed_table(frame, view.final(part), title, part)]


def _seed_table(frame: pl.DataFrame, best: str, title: str, part: Slice) -> Table:
    seeds = [seed for seed in frame["seed"].unique(maintain_order=True) if seed]
    columns = (
        Column("Arm"),
        *(Column(f"seed {seed}", number=True) for seed in seeds),
        Column("mean", number=True),
        Column(f"against “{best}”", number=True),
    )
    shape = measure(part.measure)
    by_seed: dict[str, dict[str, float]] = {}
    for arm, seed, number in frame.filter(pl.col("seed") != "").select("arm", "seed", "value").iter_rows():
        by_seed.setdefault(arm, {})[seed] = number
    rows = []
    for arm in frame["arm"].unique(maintain_order=True):
        of_arm = {row["seed"]: row for row in frame.filter(pl.col("arm") == arm).iter_rows(named=True)}
        cells = [
            score_cell(Score(row["value"], row["low"], row["high"], None) if row else None, shape)
            for row in (of_arm.get(seed) for seed in [*seeds, ""])
        ]
        gap = arms.difference(by_seed.get(best, {}), by_seed.get(arm, {})) if arm != best else None
        rows.append((Cell(arm), *cells, signed_cell(*gap, shape) if gap else Cell("–", sort=0.0)))
    note = "Below each value its 95\u00a0% interval; those of means and of differences are over seeds."
    return Table(f"{title}. {note}", columns, tuple(rows))
