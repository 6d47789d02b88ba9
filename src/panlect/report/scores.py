"""The sections that show scores: the verdict, the worst languages, every language, groups of languages."""

from collections.abc import Sequence

import polars as pl

from panlect.report import charts
from panlect.report.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Column,
    Figure,
    Heading,
    Missing,
    Prose,
    Section,
    Table,
)
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.slicing import sliced
from panlect.report.tabling import (
    dot_panels,
    grade,
    score_cell,
    score_table,
)
from panlect.report.view import BESIDE, OPEN, Score, Slice, View, presented, shown
from panlect.report.wording import Measure, counted, interval, measure, value

WORST_STEPS = 4
"""Steps in the first table; the tables of every language have all."""
CHARTED_SLICES = 4
"""Slices of one measure that are drawn; further ones are tables only, which keeps the page light."""


def verdict(view: View, config: ReportConfig) -> Section | Missing:
    """Gates with their conditions, and the numbers for somebody who reads nothing else."""
    cards = _cards(view, config)
    if not cards and not config.verdicts:
        return Missing("Verdict", "gates in the recipe, or a score per language")
    blocks: list[Block] = []
    failed = [each for each in config.verdicts if not each.holds]
    if not config.verdicts:
        blocks.append(Prose("The recipe sets no gates, so nothing here is judged as passed or failed."))
    elif failed:
        blocks.append(Prose(f"{len(failed)} of {counted(len(config.verdicts), 'gate')} failed."))
    else:
        blocks.append(
            Prose(
                f"All {counted(len(config.verdicts), 'gate')} hold."
                if len(config.verdicts) > 1
                else "The gate holds."
            )
        )
    if cards:
        blocks.append(Cards(cards))
    if config.verdicts:
        rows = tuple(
            (
                Cell("holds" if each.holds else "failed", verdict="good" if each.holds else "poor"),
                Cell(each.sentence),
            )
            for each in sorted(config.verdicts, key=lambda each: each.holds)
        )
        columns = (Column("Gate"), Column("Condition and what was measured"))
        blocks.append(
            Table(
                "Gates: conditions that the recipe sets; a failed one ends the run with exit code 1.",
                columns,
                rows,
            )
        )
    return Section("verdict", "Verdict", blocks)


def _cards(view: View, config: ReportConfig) -> tuple[Card, ...]:
    part = view.leading
    if part is None:
        return ()
    shape = presented(part, view.rows(part))
    steps, scores, codes = view.steps_of(part), view.scores(part), view.worst_first(part)
    final = view.final(part)
    cards = []
    whole, first = view.whole(part, final), view.whole(part, steps[0])
    if whole:
        before = f"{value(first[0].value, shape.kind)} at “{steps[0]}”" if first and len(steps) > 1 else ""
        ends = interval(whole[0].low, whole[0].high, shape.kind)
        note = "; ".join(each for each in (ends and f"95\u00a0%: {ends}", before) if each)
        cards.append(
            Card(f"{shape.title}, {part.title}, at “{final}”", value(whole[0].value, shape.kind), note)
        )
    if (worst := scores.get((final, codes[0]))) and len(codes) > 1:
        cards.append(
            Card(
                "Worst language",
                value(worst.value, shape.kind),
                named(codes[0]).name,
                grade(worst.value, shape, config),
            )
        )
    last = [score.value for code in codes if (score := scores.get((final, code)))]
    if grade(0.0, shape, config):
        enough = sum(score >= config.fair_from_share for score in last)
        bound = f"at {100 * config.fair_from_share:g}\u00a0% or more"
        cards.append(Card(f"Languages {bound}", f"{enough} of {len(last)}"))
    if (level := view.chance(part)) is not None:
        cards.append(Card("Guessing level", value(level, shape.kind), part.title))
    titles = {"off_target": "Answers in another language", "conductivity": "Conductivity"}
    titles |= {name: measure(name).title for name in sorted(OPEN - {part.measure})}
    for name, title in titles.items():
        if found := _last(view, name, part):
            cards.append(Card(title, *found))
    return tuple(cards)


def _last(view: View, name: str, like: Slice) -> tuple[str, str] | None:
    """The final step's value over all languages, on the leading slice if it was measured there."""
    slices = view.slices(name)
    part = next((each for each in slices if each[1:] == like[1:]), slices[0] if slices else None)
    if part is None:
        return None
    # A label such as off_target has no row where no answer got it, and is 0 there.
    scores = view.outcome(part) if name in BESIDE else view.scores(part)
    first, final = view.steps_of(part)[0], view.final(like)
    if (final, "") not in scores:
        return None
    kind = measure(name).kind
    before = scores.get((first, ""))
    earlier = f"{value(before.value, kind)} at “{first}”, " if before and first != final else ""
    return value(scores[final, ""].value, kind), earlier + part.title


def worst(view: View, config: ReportConfig) -> Section | Missing:
    """The languages that the last step serves worst, with what else is known about them."""
    title, part = "Worst languages", view.leading
    if part is None:
        return Missing(title, "a score per language (run the stage evaluate)")
    codes = view.worst_first(part)
    chosen = codes[: config.worst_languages]
    shape = presented(part, view.rows(part))
    extra = _beside(view, part)
    table = Table(_worst_caption(view, part, len(chosen)), (), ())
    table = score_table(view, chosen, table, part=part, config=config, most=WORST_STEPS)
    if extra:
        heads = tuple(Column(name, number=True) for name in extra)
        rows = [
            (*row, *(column.get(code, Cell("–", sort=-1.0)) for column in extra.values()))
            for row, code in zip(table.rows, _codes_of(table, chosen), strict=True)
        ]
        table = Table(table.caption, (*table.columns, *heads), tuple(rows))
    blocks: list[Block] = [table]
    if grade(0.0, shape, config):
        blocks.insert(0, Prose(_thresholds(view, part, config)))
    return Section("worst", title, blocks)


def _worst_caption(view: View, part: Slice, shown_languages: int) -> str:
    title = f"{presented(part, view.rows(part)).title}, {part.title}"
    which = f"the {shown_languages} worst of {counted(len(view.worst_first(part)), 'language')}"
    return f"{title}: {which} at “{view.final(part)}”; below each value its 95\u00a0% interval and count."


def _codes_of(table: Table, codes: Sequence[str]) -> list[str]:
    """The code of each row; a row for all languages has none."""
    return [""] * (len(table.rows) - len(codes)) + list(codes)


def _thresholds(view: View, part: Slice, config: ReportConfig) -> str:
    scores, last = view.scores(part), view.final(part)
    shape = presented(part, view.rows(part))
    grades = [
        grade(score.value, shape, config) for (step, code), score in scores.items() if step == last and code
    ]
    good, fair = f"{100 * config.good_from_share:g}\u00a0%", f"{100 * config.fair_from_share:g}\u00a0%"
    return (
        f"At “{last}”, {counted(grades.count('good'), 'language')} of {len(grades)} are good"
        f" (● from {good} correct), {grades.count('fair')} fair (▲ from {fair}),"
        f" {grades.count('poor')} poor (■ below {fair})."
    )


def _beside(view: View, part: Slice) -> dict[str, dict[str, Cell]]:
    """Further columns for the worst languages: other language, malformed, tokens seen."""
    columns: dict[str, dict[str, Cell]] = {}
    for name in sorted(OPEN):
        slices = [each for each in view.slices(name) if view.way_of(each) == view.way_of(part)]
        if name != part.measure and slices and view.worst_first(slices[0]):
            final, scores, shape = view.final(slices[0]), view.scores(slices[0]), measure(name)
            columns[f"{shape.title}, {slices[0].title}"] = {
                code: score_cell(score, shape) for (step, code), score in scores.items() if step == final
            }
    for name in ("off_target", "malformed"):
        other = Slice(name, part.benchmark, part.group)
        if view.slices(name) and view.way_of(part) != "likelihood":
            final, scores, shape = view.final(part), view.outcome(other), measure(name)
            columns[shape.title] = {
                code: score_cell(score, shape) for (step, code), score in scores.items() if step == final
            }
    seen = view.record.numbers.filter(
        (pl.col("measure") == "tokens_seen") & (pl.col("language") != "") & (pl.col("group") == "")
    )
    for step in seen["step"].unique(maintain_order=True).head(1):
        of_step = seen.filter(pl.col("step") == step).select("language", "value")
        columns[f"Tokens seen at {step}"] = {
            code: Cell(value(number, "count"), sort=number) for code, number in of_step.iter_rows()
        }
    return columns


def every_language(view: View, config: ReportConfig) -> Section | Missing:
    """The leading measure in every language, before and after each step."""
    if view.leading is None:
        return Missing("Every language", "a score per language (run the stage evaluate)")
    shape = measure(view.leading.measure)
    slices = sorted(view.slices(view.leading.measure), key=lambda each: each != view.leading)
    return Section(
        "languages",
        f"Every language: {shape.title.lower() if shape.kind == 'share' else shape.title}",
        _slices(view, slices, config, "languages"),
    )


def _slices(view: View, slices: Sequence[Slice], config: ReportConfig, name: str) -> list[Block]:
    blocks: list[Block] = []
    for place, part in enumerate(slices):
        drawn = f"{name}-{place}" if place < CHARTED_SLICES else ""
        blocks += sliced(view, part, config, name=drawn, shown_at_once=part == view.leading)
    return blocks


GROUPINGS = {
    "script": "script",
    "family": "family",
    "resource_class": "resource class",
    "training": "training",
}


def groups(view: View, config: ReportConfig) -> Section | Missing:
    """Means over scripts, families and resource classes."""
    title, part = "By script, family and resource class", view.leading
    codes = view.worst_first(part) if part else []
    if part is None or len(codes) < 2:
        return Missing(title, "scores in several languages")
    blocks: list[Block] = []
    for kind in ("script", "family", "resource_class"):
        sizes = view.by_kind(codes, kind)
        if len(sizes) > 1:
            blocks += _grouping(view, part, sizes, kind)
    for step, (read, unread) in view.splits(codes).items():
        blocks += _grouping(view, part, {f"read at {step}": read, f"not read at {step}": unread}, "training")
    if not blocks:
        return Missing(title, "languages of more than one script, family or class")
    return Section("groups", title, blocks)


def _grouping(view: View, part: Slice, sizes: dict[str, list[str]], kind: str) -> list[Block]:
    noun, shape, steps = GROUPINGS[kind], presented(part, view.rows(part)), view.steps_of(part)
    frame, bars = _group_means(view, part, sizes, kind)
    title = f"{shape.title}, {part.title}, by {noun}"
    panels = dot_panels(
        frame.filter(pl.col("step").is_in(shown(steps))), steps=shown(steps), shape=shape,
        name=f"group-{kind}-{len(next(iter(sizes.values())))}", label=title, chance=view.chance(part),
    )  # fmt: skip
    caption = f"{title}: plain mean over the group's languages, in brackets their number. Bars: {bars}."
    values = {(row["label"], row["step"]): row for row in frame.iter_rows(named=True)}
    rows = tuple(
        (Cell(label), *(_mean_cell(values.get((label, step)), shape) for step in steps))
        for label in frame["label"].unique(maintain_order=True)
    )
    columns = (Column(noun.capitalize()), *(Column(step, number=True) for step in steps))
    table = Table(f"{title}: mean, and {bars}", columns, rows, folded=f"{title}, as a table")
    return [Heading(f"By {noun}"), Figure(panels, caption), table]


def _mean_cell(row: dict[str, float] | None, shape: Measure) -> Cell:
    return score_cell(Score(row["value"], row["low"], row["high"], None) if row else None, shape)


def _group_means(
    view: View, part: Slice, groups: dict[str, list[str]], kind: str
) -> tuple[pl.DataFrame, str]:
    """Means per group and step, and what their bars are: measured intervals, or worst to best language."""
    scores, measured = view.scores(part), view.of_kind(part, kind)
    rows, spans = [], []
    for group, codes in groups.items():
        for step in view.steps_of(part):
            values = [score.value for code in codes if (score := scores.get((step, code)))]
            if values:
                mean = sum(values) / len(values)
                interval = measured.get((step, group), (None, None))
                span = (min(values), max(values)) if len(values) > 1 else (None, None)
                rows.append((f"{group} ({len(codes)})", step, mean, *interval))
                spans.append((f"{group} ({len(codes)})", step, mean, *span))
    has_intervals = bool(measured)
    frame = pl.DataFrame(rows if has_intervals else spans, schema=charts.DOTS, orient="row")
    return frame, "95\u00a0% intervals" if has_intervals else "from the group's worst to its best language"
