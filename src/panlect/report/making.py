"""The sections about how the models were made: tokens, loss, the mixture, rows that were set aside."""

from collections.abc import Sequence

import polars as pl

from panlect.report import arms, charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Folded, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import dot_panels, language_cell
from panlect.report.view import View
from panlect.report.wording import OF_CURATION, OF_TOKENIZERS, POINT, counted, listed, made, measure, value

CURVES_WORST = 3
LOST_ROWS = 100
DRAWN_STEPS = 4
"""Steps whose tokens and curves are drawn; of a study with many seeds the others are tables only."""
TOKEN_MEASURES = ("tokens_planned", "tokens_seen")
COUNTED = (*TOKEN_MEASURES, "characters_seen", "bytes_seen", "bytes_read")
MIXTURE_MEASURES = ("natural_share", "share", "epochs", "documents_planned", "bytes_planned")
NOT_DRAWN = frozenset({"training_bits_per_byte", "chosen_logprob", "rejected_logprob"})
"""Curves that say the same as another one; their last values are in the table."""


def tokens(view: View, config: ReportConfig) -> Section | Missing:
    """Tokens planned and tokens seen, per language and training step."""
    title = "Tokens per language"
    rows = view.record.numbers.filter(
        pl.col("measure").is_in(COUNTED) & (pl.col("language") != "") & (pl.col("group") == "")
    )
    if rows.is_empty():
        return Missing(title, "tokens_planned and tokens_seen (the training stages record them)")
    blocks: list[Block] = []
    steps, note = _one_seed(rows)
    blocks += note
    for place, step in enumerate(steps):
        of_step = rows.filter(pl.col("step") == step)
        blocks += _tokens_of(view, step, of_step, f"tokens-{place}", draw=place < DRAWN_STEPS)
    return Section("tokens", title, blocks)


def _one_seed(rows: pl.DataFrame) -> tuple[list[str], list[Block]]:
    """The steps to show: of several seeds of one arm only the first, and a sentence that says so."""
    steps = rows["step"].unique(maintain_order=True).to_list()
    left_out = [step for members in arms.find(steps, {}).values() for step in list(members)[1:]]
    if not left_out:
        return steps, []
    text = f"Of several seeds the first is shown; numbers.parquet holds the others: {listed(left_out)}."
    return [step for step in steps if step not in left_out], [Prose(text)]


def _tokens_of(view: View, step: str, rows: pl.DataFrame, name: str, *, draw: bool) -> list[Block]:
    by_code = _by_language(rows)
    present = [each for each in COUNTED if any(each in found for found in by_code.values())]
    main = "tokens_seen" if "tokens_seen" in present else present[0]
    codes = sorted(by_code, key=lambda code: (by_code[code].get(main, 0.0), code))
    drawn = [each for each in TOKEN_MEASURES if each in present]
    titles = {each: measure(each).title for each in present}
    labels = view.label(codes)
    frame = pl.DataFrame(
        [
            (labels[code], titles[each], by_code[code].get(each), None, None)
            for code in codes
            for each in drawn
        ],
        schema=charts.DOTS,
        orient="row",
    )
    caption = f"Tokens per language at “{step}”, the fewest first."
    blocks: list[Block] = []
    if draw and drawn and len(codes) > 1:
        steps, shape = [titles[each] for each in drawn], measure("tokens_planned")
        panels = dot_panels(frame, steps=steps, shape=shape, name=name, label=f"Tokens at {step}")
        blocks.append(Figure(panels, caption))
    columns = (Column("Language"), *(Column(title, number=True) for title in titles.values()))
    cells = tuple(
        (language_cell(code), *(_cell(by_code[code].get(each), each) for each in present)) for code in codes
    )
    totals = ", ".join(
        f"{titles[each].lower()} {value(sum(by_code[code].get(each, 0.0) for code in codes), 'count')}"
        for each in drawn or present
    )
    ends = f"from {named(codes[0]).name} to {named(codes[-1]).name}"
    return [Folded(f"“{step}”: {totals}, {ends}", (*blocks, Table(caption, columns, cells)))]


def _by_language(rows: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Values by language and measure."""
    found: dict[str, dict[str, float]] = {}
    for code, of_measure, number in rows.select("language", "measure", "value").iter_rows():
        found.setdefault(code, {})[of_measure] = number
    return found


def _cell(number: float | None, name: str) -> Cell:
    """A value of the making: shares with two decimals, since a hundredth of a mixture is a share, too."""
    kind = measure(name).kind
    text = f"{100 * number:.2f}\u00a0%" if kind == "share" and number is not None else value(number, kind)
    return Cell(text, sort=-1.0 if number is None else number)


def training(view: View, config: ReportConfig) -> Section | Missing:
    """Loss and whatever else a training records on its way, and at its end in every language."""
    title = "Training"
    elsewhere = [*COUNTED, *MIXTURE_MEASURES, *OF_TOKENIZERS, *OF_CURATION]
    rows = view.record.numbers.filter(made() & ~pl.col("measure").is_in(elsewhere))
    if rows.is_empty():
        return Missing(title, "loss (the training stages record it)")
    points = rows.with_columns(
        pl.col("group").str.extract(POINT, 2).cast(pl.Float64).alias("x"),
        pl.col("group").str.extract(POINT, 1).alias("x_unit"),
    )
    steps, note = _one_seed(points)
    blocks: list[Block] = [*note, *_trainings(points, steps)]
    for place, step in enumerate(steps):
        of_step = points.filter(pl.col("step") == step)
        found = _curves(step, of_step, f"loss-{place}") if place < DRAWN_STEPS else []
        final = of_step.filter(pl.col("x").is_null() & (pl.col("language") != ""))
        if final.height:
            found.append(_final(step, final))
        blocks += [Heading(f"Training “{step}”"), *found] if len(found) > 1 else found
    return (
        Section("training", title, blocks)
        if blocks
        else Missing(title, "loss at several points or per language")
    )


def _trainings(rows: pl.DataFrame, steps: Sequence[str]) -> list[Block]:
    """One line per training: what it ended with over all languages, and what it took."""
    whole = rows.filter(pl.col("x").is_null() & (pl.col("language") == "") & (pl.col("group") == ""))
    names = whole["measure"].unique(maintain_order=True).to_list()
    found = {
        (step, name): number for step, name, number in whole.select("step", "measure", "value").iter_rows()
    }
    lines = tuple(
        (Cell(step), *(_cell(found.get((step, name)), name) for name in names))
        for step in steps
        if any((step, name) in found for name in names)
    )
    columns = (Column("Training"), *(Column(measure(name).title, number=True) for name in names))
    return (
        [Table("What each training ended with over all languages, and what it took.", columns, lines)]
        if lines
        else []
    )


def _curves(step: str, rows: pl.DataFrame, name: str) -> list[Block]:
    points = rows.filter(pl.col("x").is_not_null() & ~pl.col("measure").is_in(NOT_DRAWN))
    blocks: list[Block] = []
    for place, of_measure in enumerate(points["measure"].unique(maintain_order=True)):
        curve = points.filter(pl.col("measure") == of_measure)
        if curve["x"].n_unique() > 1:
            blocks.append(_curve(step, curve, measure(of_measure).title, f"{name}-{place}"))
    return blocks


def _curve(step: str, points: pl.DataFrame, title: str, name: str) -> Figure:
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
    ends = single.sort("x").group_by("language").agg(pl.col("value").last())
    for code in ends.sort("value", "language", descending=True)["language"].head(CURVES_WORST):
        own = single.filter(pl.col("language") == code).sort("x").select("x", "value")
        frames.append(own.with_columns(low=None, high=None, name=pl.lit(named(code).name)))
    frame = pl.concat(frames, how="diagonal_relaxed").with_columns(pl.col("low", "high").cast(pl.Float64))
    y_title = title.lower() + _unit(points, points["measure"][0])
    chart = charts.curves(frame, x_title=points["x_unit"][0], y_title=y_title)
    drawn = drawing.svg(charts.specification(chart), name=name, label=f"{title} at {step}")
    caption = (
        f"{title} at “{step}”: all languages, the band of 80\u00a0% of them, and the highest at the end."
    )
    return Figure((drawn,), caption)


def _final(step: str, rows: pl.DataFrame) -> Table:
    """What every language ends with."""
    slices = rows.select("measure", "group").unique(maintain_order=True).rows()
    titles = [
        f"{measure(name).title} {group.replace('_', ' ')}".strip() + _unit(rows, name)
        for name, group in slices
    ]
    found = {
        (code, name, group): number
        for code, name, group, number in rows.select("language", "measure", "group", "value").iter_rows()
    }
    codes = sorted(
        {code for code, _, _ in found}, key=lambda code: (-(found.get((code, *slices[0])) or 0.0), code)
    )
    cells = tuple(
        (language_cell(code), *(_cell(found.get((code, *part)), part[0]) for part in slices))
        for code in codes
    )
    columns = (Column("Language"), *(Column(title, number=True) for title in titles))
    caption = f"At the end of “{step}”, the highest {titles[0].lower()} first."
    folded = f"The end of “{step}” in {counted(len(codes), 'language')}"
    return Table(caption, columns, cells, folded=folded)


def _unit(rows: pl.DataFrame, name: str) -> str:
    unit = rows.filter(pl.col("measure") == name)["unit"][0]
    return f", {unit}" if unit else ""


def mixture(view: View, config: ReportConfig) -> Section | Missing:
    """What was planned to be read of each language."""
    rows = view.record.numbers.filter(pl.col("measure").is_in(MIXTURE_MEASURES) & (pl.col("language") != ""))
    if rows.is_empty():
        return Missing("Mixture", "shares per language (the stage mix records them)")
    blocks: list[Block] = []
    steps, note = _one_seed(rows)
    blocks += note
    for step in steps:
        of_step = rows.filter(pl.col("step") == step)
        present = [each for each in MIXTURE_MEASURES if each in set(of_step["measure"])]
        by_code = _by_language(of_step)
        codes = sorted(by_code, key=lambda code: (by_code[code].get("share", 0.0), code))
        columns = (Column("Language"), *(Column(measure(each).title, number=True) for each in present))
        cells = tuple(
            (language_cell(code), *(_cell(by_code[code].get(each), each) for each in present))
            for code in codes
        )
        caption = (
            f"The mixture “{step}”, the smallest share first. Epochs say how often a language's text is read."
        )
        folded = f"The mixture “{step}”: {counted(len(codes), 'language')}"
        blocks.append(Table(caption, columns, cells, folded=folded))
    return Section("mixture", "Mixture", blocks)


def dropped(view: View, config: ReportConfig) -> Section | Missing:
    """Rows that were set aside, with their reasons."""
    title = "Rows set aside"
    curated = view.record.numbers.filter(pl.col("measure") == "rows_in")["step"].unique().to_list()
    frame = view.record.dropped.filter(~pl.col("folder").is_in(curated))  # those have a section of their own
    if frame.is_empty():
        kept = sum(
            entry["rows"]
            for folder in view.record.folders
            for table in folder.manifest.get("counts", {}).values()
            for entry in table.values()
        )
        needs = "a stage that sets rows aside"
        return Missing(
            title, f"{needs}; all {value(kept, 'count')} rows that were written are kept" if kept else needs
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
    if (lost := _lost_most(view, curated)).rows:
        blocks.append(lost)
    return Section("dropped", title, blocks)


def _lost_most(view: View, curated: Sequence[str]) -> Table:
    """Languages that lost the largest share of their rows."""
    found: list[tuple[float, str, str, int, int]] = []
    for folder in (each for each in view.record.folders if each.name not in curated):
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
    shown_rows = found[:LOST_ROWS]
    rows = tuple(
        (
            language_cell(code),
            Cell(name),
            Cell(value(kept, "count"), sort=kept),
            Cell(value(lost, "count"), sort=lost),
            Cell(value(share, "share"), share=share, sort=share),
        )
        for share, name, code, kept, lost in shown_rows
    )
    columns = (
        Column("Language"),
        Column("Step"),
        *(Column(each, number=True) for each in ("Kept", "Set aside", "Share")),
    )
    caption = "Rows kept and set aside per language and step, the largest loss first"
    cut = f", the {LOST_ROWS} largest losses of {len(found)}" if len(found) > LOST_ROWS else ""
    return Table(caption + cut, columns, rows, folded=f"Rows set aside per language{cut}")
