"""The sections about knowledge between languages: transfer, arms and seeds, consistency, what became of answers."""

import json
from collections.abc import Mapping, Sequence

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import language_cell, score_cell
from panlect.report.view import Score, Slice, View, presented, shown
from panlect.report.wording import counted, measure, value

OUTCOME_MEASURES = {
    "accuracy": "correct",
    "off_target": "other language",
    "malformed": "malformed",
    "undetermined": "undetermined",
    "empty": "empty",
}
"""Measures that split the same answers, and the name of each part."""


def transfer(view: View, config: ReportConfig) -> Section | Missing:
    """Accuracy on what was held out beside what was seen, with the guessing level; arms and seeds."""
    title = "Transfer between languages"
    accuracy, conductivity = view.slices("accuracy"), view.slices("conductivity")
    grouped = [part for part in accuracy if part.group]
    if not conductivity and len(grouped) < 2 and not view.arms:
        return Missing(title, "conductivity, or accuracy on held-out and seen facts")
    blocks: list[Block] = []
    if grouped or conductivity:
        blocks.append(_at_a_glance(view, [*accuracy, *conductivity]))
    if view.arms:
        for place, part in enumerate([*(accuracy or [view.leading]), *conductivity][:4]):
            if part is not None:
                blocks += _seeds(view, part, f"seeds-{place}")
    return Section("transfer", title, blocks)


def _at_a_glance(view: View, slices: Sequence[Slice]) -> Table:
    """One row per step, one column per slice, over all languages."""
    columns, cells = [Column("Step")], {step: [Cell(step)] for step in view.steps}
    for part in slices:
        shape = measure(part.measure)
        level = view.chance(part) if part.measure == "accuracy" else None
        name = shape.title if part.measure == "conductivity" else f"{part.title}"
        columns.append(Column(name if level is None else f"{name} (guessing: {value(level, shape.kind)})", number=True))
        for step in view.steps:
            whole = view.whole(part, step)
            cells[step].append(score_cell(whole[0] if whole else None, shape))
    caption = (
        "Over all languages: correct answers per part of the questions, with the level that guessing reaches."
        " Conductivity is the share of what is known in the language of the fact that is also known in the others."
    )
    return Table(caption, tuple(columns), tuple(tuple(row) for row in cells.values()))


def _seeds(view: View, part: Slice, name: str) -> list[Block]:
    """Arms against seeds, over all languages."""
    shape = presented(part, view.rows(part))
    single = View(view.record, arms={step: (step,) for step in view.single_steps})
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
    chart = charts.seeds(frame, title=shape.title, percent=shape.kind == "share", reference=level)
    title = f"{shape.title}, {part.title}: arms and seeds"
    drawn = drawing.svg(charts.specification(chart), name=name, label=title)
    guess = f" Dashed: the guessing level, {value(level, shape.kind)}." if level is not None else ""
    caption = f"Rings: one seed each. Dot and bar: the mean over seeds with its 95 % interval (Student's t).{guess}"
    return [Heading(title), Figure((drawn,), caption), _seed_table(frame, shape.kind, title, part)]


def _seed_table(frame: pl.DataFrame, kind: str, title: str, part: Slice) -> Table:
    seeds = [seed for seed in frame["seed"].unique(maintain_order=True) if seed]
    columns = (Column("Arm"), *(Column(f"seed {seed}", number=True) for seed in seeds), Column("mean", number=True))
    shape = measure(part.measure)
    rows = []
    for arm in frame["arm"].unique(maintain_order=True):
        of_arm = {row["seed"]: row for row in frame.filter(pl.col("arm") == arm).iter_rows(named=True)}
        cells = [
            score_cell(Score(row["value"], row["low"], row["high"], None) if row else None, shape)
            for row in (of_arm.get(seed) for seed in [*seeds, ""])
        ]
        rows.append((Cell(arm), *cells))
    return Table(f"{title}. Below each value its 95 % interval; that of the mean is over seeds.", columns, tuple(rows))


# --- consistency ---------------------------------------------------------------------------------


def consistency(view: View, config: ReportConfig) -> Section | Missing:
    """RankC between every two languages, as a heat map, with its chance level."""
    title = "Consistency between languages"
    pairs = view.numbers.filter(
        (pl.col("measure") == "rankc") & (pl.col("language") != "") & (pl.col("other_language") != "")
    )
    if pairs.is_empty():
        return Missing(title, "rankc between pairs of languages (evaluate ranks the choices)")
    steps = [step for step in view.steps if step in set(pairs["step"])]
    slices = pairs.select("benchmark", "group").unique(maintain_order=True).rows()
    drawn_steps = list(dict.fromkeys([*steps[-1:], *steps[:-1][::-1]]))[: config.matrices][::-1]
    blocks: list[Block] = [
        Prose(
            "RankC says how alike two languages rank the possible answers, whether right or wrong (Qi et al. 2023)."
            " Its chance level is not zero: independent random rankings already reach the level stated below each map."
        )
    ]
    for place, (benchmark, group) in enumerate(slices):
        part = Slice("rankc", benchmark, group)
        chosen = pairs.filter((pl.col("benchmark") == benchmark) & (pl.col("group") == group))
        for step in drawn_steps:
            cells = _mirrored(chosen.filter(pl.col("step") == step))
            if cells:
                blocks += _matrix(view, part, step, cells, f"rankc-{place}-{steps.index(step)}")
        blocks.append(_partners(view, part, steps, chosen))
    return Section("consistency", title, blocks)


def _mirrored(pairs: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Both halves of the symmetric matrix, whichever half was stored."""
    cells = {}
    for first, second, number in pairs.select("language", "other_language", "value").iter_rows():
        cells[first, second] = number
        cells.setdefault((second, first), number)
    return cells


def rankc_chance(view: View, part: Slice, step: str) -> float | None:
    """The chance level of RankC, under any of the names that it may be stored by."""
    rows = view.numbers.filter(
        (pl.col("benchmark") == part.benchmark)
        & (
            (pl.col("measure") == "rankc_chance")
            | ((pl.col("measure") == "chance") & ((pl.col("group") == "rankc") | (pl.col("unit") == "rankc")))
        )
    )
    same = rows.filter((pl.col("group") == part.group) & pl.col("step").is_in([step, ""]))
    rows = same if same.height else rows
    return float(rows["value"].mean()) if rows.height else None  # type: ignore[arg-type]  # a float column


def _matrix(
    view: View, part: Slice, step: str, cells: Mapping[tuple[str, str], float], name: str
) -> list[Block]:
    codes = sorted({code for pair in cells for code in pair})
    order = [code for members in view.by_kind(codes, "script").values() for code in _by_family(view, members)]
    labels = view.label(order)
    edges = [
        labels[code]
        for before, code in zip(order, order[1:], strict=False)
        if named(before).script != named(code).script
    ]
    frame = pl.DataFrame(
        [(labels[row], labels[column], number) for (row, column), number in cells.items() if row != column],
        schema={"row": pl.String, "column": pl.String, "value": pl.Float64},
        orient="row",
    )
    chance = rankc_chance(view, part, step)
    chart = charts.matrix(frame, order=[labels[code] for code in order], chance=chance or 0.0, edges=edges)
    title = f"RankC at “{step}”, {part.title}"
    svg = drawing.svg(charts.specification(chart), name=name, label=f"{title}: heat map of {len(order)} languages")
    mean = frame["value"].mean()
    level = "chance was not recorded" if chance is None else f"chance {chance:.3f}, in the first colour"
    caption = f"{title}: mean over pairs {mean:.3f}; {level}. Ordered by script (lines), then family."
    return [Heading(title), Figure((svg,), caption, grid=_grid(order, labels, cells))]


def _by_family(view: View, codes: Sequence[str]) -> list[str]:
    families = view.by_kind(codes, "family").values()
    return [code for members in families for code in sorted(members, key=lambda code: named(code).name)]


def _grid(order: Sequence[str], labels: Mapping[str, str], cells: Mapping[tuple[str, str], float]) -> str:
    """The values behind a heat map, in thousandths, for the line that shows the cell under the pointer."""
    rows = [[round(1000 * cells[a, b]) if (a, b) in cells and a != b else -1 for b in order] for a in order]
    return json.dumps({"names": [labels[code] for code in order], "rows": rows}, ensure_ascii=False, separators=(",", ":"))


def _partners(view: View, part: Slice, steps: Sequence[str], pairs: pl.DataFrame) -> Table:
    """Each language's mean consistency with all others, its nearest and its farthest language."""
    cells = {step: _mirrored(pairs.filter(pl.col("step") == step)) for step in steps}
    codes = sorted({code for each in cells.values() for pair in each for code in pair})
    means: dict[str, dict[str, float]] = {code: {} for code in codes}
    last: dict[str, list[tuple[float, str]]] = {}
    for step in steps:
        by_language: dict[str, list[tuple[float, str]]] = {}
        for (first, second), number in cells[step].items():
            if first != second:
                by_language.setdefault(first, []).append((number, second))
        for code, found in by_language.items():
            means[code][step] = sum(number for number, _ in found) / len(found)
        last = by_language or last
    columns = (
        Column("Language"),
        *(Column(f"mean RankC, {step}", number=True) for step in steps),
        Column("nearest"),
        Column("farthest"),
    )
    rows = []
    for code in sorted(codes, key=lambda code: (means[code].get(steps[-1], -1.0), code)):
        scored = [Score(means[code][step], None, None, None) if step in means[code] else None for step in steps]
        ends = [max(last[code]), min(last[code])] if last.get(code) else []
        texts = [Cell(named(other).name, note=f"{number:.3f}", sort=number) for number, other in ends] or [Cell("–")] * 2
        rows.append((language_cell(code), *(score_cell(each, measure("rankc")) for each in scored), *texts))
    caption = f"Mean RankC with all other languages, {part.title}, the least consistent language first."
    return Table(caption, columns, tuple(rows), folded=f"Mean RankC of {counted(len(codes), 'language')} as a table")


# --- what became of the answers ------------------------------------------------------------------


def outcomes(view: View, config: ReportConfig) -> Section | Missing:
    """Correct, other language and malformed side by side: a lower off-target rate alone proves nothing."""
    title = "Correct, other language, malformed"
    slices = [Slice("accuracy", part.benchmark, part.group) for part in view.slices("off_target")]
    if not slices:
        return Missing(title, "off_target and malformed (evaluate judges generated answers)")
    blocks: list[Block] = [
        Prose(
            "Fewer answers in a wrong language are worth something only if the answers become right instead of broken."
            " So all parts stand side by side."
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
        split = {outcome: whole[0].value for outcome, each in parts.items() if (whole := view.whole(each, step))}
        split["wrong"] = max(0.0, 1.0 - sum(split.values()))
        rows += [(step, outcome, number) for outcome, number in split.items()]
    frame = pl.DataFrame(rows, schema={"step": pl.String, "outcome": pl.String, "value": pl.Float64}, orient="row")
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
            *(score_cell(scores[outcome].get((step, code)), measure("off_target")) for outcome in parts for step in chosen),
        )
        for code in codes
    )
    caption = f"{title}: every language, the most answers in another language at “{steps[-1]}” first."
    return Table(caption, columns, rows, folded=f"Correct, other language and malformed in {counted(len(codes), 'language')}")
