"""The sections about how the models were made: tokens, loss, the mixture, rows that were set aside."""

import re

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import dot_panels, language_cell
from panlect.report.view import View
from panlect.report.wording import counted, measure, value

POINT = re.compile(r"(?P<unit>tokens|step|steps|batch)[ =:_-]?(?P<x>\d+)")
"""A `group` that places a loss on the way: ``tokens=204800`` or ``step=100``."""
CURVES_WORST = 3
TOKEN_MEASURES = ("tokens_planned", "tokens_seen")
MIXTURE_MEASURES = ("natural_share", "share", "epochs", "documents_planned", "bytes_planned")


def tokens(view: View, config: ReportConfig) -> Section | Missing:
    """Tokens planned and tokens seen, per language and training step."""
    title = "Tokens per language"
    rows = view.record.numbers.filter(pl.col("measure").is_in(TOKEN_MEASURES) & (pl.col("language") != ""))
    if rows.is_empty():
        return Missing(title, "tokens_planned and tokens_seen (the training stages record them)")
    blocks: list[Block] = []
    steps = rows["step"].unique(maintain_order=True).to_list()
    for place, step in enumerate(steps):
        of_step = rows.filter(pl.col("step") == step)
        # Seeds of one arm are trained on the same plan; one picture of it is enough, the tables hold all.
        blocks += _tokens_of(view, step, of_step, f"tokens-{place}", draw=place < 3)
    return Section("tokens", title, blocks)


def _tokens_of(view: View, step: str, rows: pl.DataFrame, name: str, *, draw: bool) -> list[Block]:
    by_code: dict[str, dict[str, float]] = {}
    for code, of_measure, number in rows.select("language", "measure", "value").iter_rows():
        by_code.setdefault(code, {})[of_measure] = number
    codes = sorted(by_code, key=lambda code: (max(by_code[code].values()), code))
    present = [each for each in TOKEN_MEASURES if any(each in found for found in by_code.values())]
    titles = {each: measure(each).title for each in present}
    labels = view.label(codes)
    frame = pl.DataFrame(
        [
            (labels[code], titles[each], number, None, None)
            for code in codes
            for each, number in by_code[code].items()
        ],
        schema={
            "label": pl.String,
            "step": pl.String,
            "value": pl.Float64,
            "low": pl.Float64,
            "high": pl.Float64,
        },
        orient="row",
    )
    blocks: list[Block] = [Heading(f"Tokens at “{step}”")]
    if draw and len(codes) > 1:
        panels = dot_panels(
            frame,
            steps=list(titles.values()),
            shape=measure("tokens_planned"),
            name=name,
            label=f"Tokens at {step}",
        )
        blocks.append(Figure(panels, f"Tokens per language at “{step}”, the smallest first."))
    columns = (Column("Language"), *(Column(title, number=True) for title in titles.values()))
    cells = tuple(
        (language_cell(code), *(_count(by_code[code].get(each)) for each in present)) for code in codes
    )
    caption = f"Tokens per language at “{step}”, the smallest first."
    blocks.append(
        Table(caption, columns, cells, folded=f"Tokens of {counted(len(codes), 'language')} at “{step}”")
    )
    return blocks


def _count(number: float | None) -> Cell:
    return Cell(value(number, "count"), sort=-1.0 if number is None else number)


def loss(view: View, config: ReportConfig) -> Section | Missing:
    """Loss while training and at its end."""
    rows = view.record.numbers.filter(pl.col("measure") == "loss")
    if rows.is_empty():
        return Missing("Loss", "loss (the training stages record it)")
    points = rows.with_columns(
        pl.col("group").map_elements(_x, return_dtype=pl.Float64).alias("x"),
        pl.col("group").map_elements(_x_unit, return_dtype=pl.String).alias("x_unit"),
    )
    blocks: list[Block] = []
    for place, step in enumerate(points["step"].unique(maintain_order=True)):
        of_step = points.filter(pl.col("step") == step)
        curve = of_step.filter(pl.col("x").is_not_null())
        if curve["x"].n_unique() > 1:
            blocks += _curve(view, step, curve, f"loss-{place}")
        final = of_step.filter(pl.col("x").is_null() & (pl.col("language") != ""))
        if final.height:
            blocks.append(_final_loss(step, final))
    return (
        Section("loss", "Loss", blocks)
        if blocks
        else Missing("Loss", "loss at several points or per language")
    )


def _x(group: str) -> float | None:
    match = POINT.fullmatch(group)
    return float(match["x"]) if match else None


def _x_unit(group: str) -> str | None:
    match = POINT.fullmatch(group)
    return match["unit"].rstrip("s") + "s" if match else None


def _curve(view: View, step: str, points: pl.DataFrame, name: str) -> list[Block]:
    """The whole, the band of the languages, and the languages that end worst."""
    single = points.filter(pl.col("language") != "")
    whole = points.filter(pl.col("language") == "")
    band = single.group_by("x").agg(
        pl.col("value").mean().alias("mean"),
        pl.col("value").quantile(0.1).alias("low"),
        pl.col("value").quantile(0.9).alias("high"),
    )
    if whole.is_empty():
        whole = band.select("x", pl.col("mean").alias("value"))
    lines = whole.select("x", "value").join(band.select("x", "low", "high"), on="x", how="left").sort("x")
    frames = [lines.with_columns(pl.lit("all languages").alias("name"))]
    last = (
        single.sort("x")
        .group_by("language")
        .agg(pl.col("value").last())
        .sort("value", "language", descending=True)
    )
    for code in last["language"].head(CURVES_WORST):
        own = single.filter(pl.col("language") == code).sort("x").select("x", "value")
        frames.append(own.with_columns(low=None, high=None, name=pl.lit(named(code).name)))
    frame = pl.concat(frames, how="diagonal_relaxed").with_columns(pl.col("low", "high").cast(pl.Float64))
    unit = points["x_unit"][0]
    chart = charts.curves(frame, x_title=unit, y_title="loss, nats per token")
    svg = drawing.svg(charts.specification(chart), name=name, label=f"Loss at {step}")
    caption = (
        f"Loss at “{step}”: all languages, the band of the middle 80 % of them, and those that end highest."
    )
    return [Heading(f"Loss at “{step}”"), Figure((svg,), caption)]


def _final_loss(step: str, rows: pl.DataFrame) -> Table:
    columns = [Column("Language")]
    slices = rows["group"].unique(maintain_order=True).to_list()
    columns += [Column(("loss " + group.replace("_", " ")).strip(), number=True) for group in slices]
    found = {
        (code, group): number for code, group, number in rows.select("language", "group", "value").iter_rows()
    }
    codes = sorted(
        {code for code, _ in found}, key=lambda code: (-(found.get((code, slices[-1])) or 0.0), code)
    )
    cells = tuple(
        (
            language_cell(code),
            *(
                Cell(value(found.get((code, group)), "bits"), sort=found.get((code, group)) or -1.0)
                for group in slices
            ),
        )
        for code in codes
    )
    caption = f"Loss per language at “{step}”, nats per token, the highest first."
    return Table(
        caption, tuple(columns), cells, folded=f"Loss of {counted(len(codes), 'language')} at “{step}”"
    )


def mixture(view: View, config: ReportConfig) -> Section | Missing:
    """What was planned to be read of each language."""
    rows = view.record.numbers.filter(pl.col("measure").is_in(MIXTURE_MEASURES) & (pl.col("language") != ""))
    if rows.is_empty():
        return Missing("Mixture", "shares per language (the stage mix records them)")
    blocks: list[Block] = []
    for step in rows["step"].unique(maintain_order=True):
        of_step = rows.filter(pl.col("step") == step)
        present = [each for each in MIXTURE_MEASURES if each in set(of_step["measure"])]
        by_code: dict[str, dict[str, float]] = {}
        for code, of_measure, number in of_step.select("language", "measure", "value").iter_rows():
            by_code.setdefault(code, {})[of_measure] = number
        codes = sorted(by_code, key=lambda code: (by_code[code].get("share", 0.0), code))
        columns = (Column("Language"), *(Column(measure(each).title, number=True) for each in present))
        cells = tuple(
            (language_cell(code), *(_mixture_cell(by_code[code].get(each), each) for each in present))
            for code in codes
        )
        caption = (
            f"The mixture “{step}”, the smallest share first. Epochs say how often a language's text is read."
        )
        folded = f"The mixture “{step}”: {counted(len(codes), 'language')}"
        blocks.append(Table(caption, columns, cells, folded=folded))
    return Section("mixture", "Mixture", blocks)


def _mixture_cell(number: float | None, name: str) -> Cell:
    kind = measure(name).kind
    text = f"{100 * number:.2f} %" if kind == "share" and number is not None else value(number, kind)
    return Cell(text, sort=-1.0 if number is None else number)


def dropped(view: View, config: ReportConfig) -> Section | Missing:
    """Rows that were set aside, with their reasons."""
    title, frame = "Rows set aside", view.record.dropped
    if frame.is_empty():
        kept = sum(
            entry["rows"]
            for folder in view.record.folders
            for table in folder.manifest.get("counts", {}).values()
            for entry in table.values()
        )
        return Missing(
            title,
            f"a stage that sets rows aside; all {kept:,} rows that were written are kept".replace(
                ",", "\u202f"
            ),
        )
    columns = (Column("Step"), Column("Table"), Column("Reason"), Column("Rows", number=True))
    rows = tuple(
        (Cell(folder), Cell(kind), Cell(reason), Cell(value(count, "count"), sort=count))
        for folder, kind, reason, count in frame.select("folder", "kind", "reason", "rows").iter_rows()
    )
    total = value(float(sum(frame["rows"].to_list())), "count")
    blocks: list[Block] = [
        Prose(f"{total} rows were set aside; each is kept with its reason in the folder's dropped/."),
        Table("Rows set aside per step and reason, the most frequent first", columns, rows),
    ]
    if (lost := _lost_most(view)).rows:
        blocks.append(lost)
    return Section("dropped", title, blocks)


def _lost_most(view: View) -> Table:
    """Languages that lost the largest share of their rows."""
    found: list[tuple[float, str, str, int, int]] = []
    for folder in view.record.folders:
        by_code: dict[str, list[int]] = {}
        for table in folder.manifest.get("counts", {}).values():
            for code, entry in table.items():
                kept_lost = by_code.setdefault(code, [0, 0])
                kept_lost[0] += entry["rows"]
                kept_lost[1] += entry["dropped_rows"]
        found += [
            (lost / (kept + lost), folder.name, code, kept, lost)
            for code, (kept, lost) in by_code.items()
            if lost
        ]
    found.sort(key=lambda row: (-row[0], row[1], row[2]))
    rows = tuple(
        (
            language_cell(code),
            Cell(name),
            Cell(value(kept, "count"), sort=kept),
            Cell(value(lost, "count"), sort=lost),
            Cell(value(share, "share"), share=share, sort=share),
        )
        for share, name, code, kept, lost in found
    )
    columns = (
        Column("Language"),
        Column("Step"),
        *(Column(each, number=True) for each in ("Kept", "Set aside", "Share")),
    )
    caption = "Rows kept and set aside per language, the largest loss first"
    return Table(caption, columns, rows, folded=f"Rows set aside per language ({len(rows)})")
