"""`leaderboard`: one offline page that ranks the models of several finished evaluations.

Models are compared on a **fixed set of languages**, those that all of them answered, and the set is
printed: means over different languages are not comparable. Where the answers are stored, the interval of
each mean draws whole items anew (one item is asked in many languages), and every model is compared with the
first by a paired bootstrap over the same questions; overlapping intervals decide nothing. Scores by
likelihood and scores of generated answers are different measures and so never share a table.

Models that differ in the seed only (``chat-101``, ``chat-102``) are one entry, as in a report: its mean is
over seeds, and the items of all seeds are drawn anew together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl
from pydantic import Field

from panlect import tables
from panlect.config import Config
from panlect.draft import draft
from panlect.errors import FolderError
from panlect.folder import Folder, Input
from panlect.measure.interval import Comparison, false_discoveries, macro_bootstrap, paired_bootstrap
from panlect.report import charts
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.glance import glance
from panlect.report.manifest import manifest
from panlect.report.naming import named
from panlect.report.page import page
from panlect.report.record import Record, read
from panlect.report.settings import ReportConfig
from panlect.report.tabling import dot_panels, language_cell, score_cell, signed_cell
from panlect.report.view import Score, Slice, View, presented, shown
from panlect.report.wording import Measure, counted, listed, made, measure, value

VERSION = 1
PAGE = "leaderboard.html"
WORST = 5
SLICE = ("step", "benchmark", "group")
VERDICTS = {"accuracy": "correct", "off_target": "off_target", "malformed": "malformed"}
"""Measures that are the share of the stored answers with this verdict."""


class LeaderboardConfig(Config):
    """Which evaluations are compared, and on what."""

    title: str = "Leaderboard"
    """Heading of the page."""
    description: str = ""
    """One or two sentences below it."""
    measures: tuple[str, ...] = ()
    """Only these measures, such as `[accuracy]`, the first one leading; empty for all that are measured per
    language."""
    languages: tuple[str, ...] = ()
    """Compare on these languages; a model that lacks one is left out and named. Empty: the common ones."""
    fair_from_share: float = Field(default=0.5, ge=0, le=1)
    """A language counts as served from this share of correct answers on."""
    seed: int = 0
    """Of the draws behind the intervals."""


def leaderboard(inputs: Sequence[Input], out: Path, config: LeaderboardConfig) -> Folder:
    """Write ``leaderboard.html`` about every model in the evaluations among the inputs.

    Raises:
        FolderError: no input is a finished folder with measurements.
    """
    entries = _entries([each for each in inputs if isinstance(each, Folder)])
    if entries.numbers.is_empty():
        raise FolderError(
            "there is nothing to compare",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected="finished folders of the stage evaluate, of one run or of several",
        )
    with draft(out, "leaderboard", VERSION, config, inputs) as work:
        text = render(entries, config)
        (work.path / PAGE).write_text(text, encoding="utf-8")
        work.note(page_bytes=len(text.encode()), folders=len(entries.folders))
    return work.folder


def _entries(folders: Sequence[Folder]) -> Record:
    """Read all folders as one record in which every model has a name of its own."""
    runs = [folder.path.resolve().parent for folder in folders]
    records = _first_of_each_run([read([folder]) for folder in folders], runs)
    measured = {
        (run, step) for record, run in zip(records, runs, strict=True) for step in record.numbers["step"]
    }
    steps = [step for _, step in measured]
    twice = sorted({step for step in steps if steps.count(step) > 1})
    same = [run.name for run in set(runs)]
    names = {run: f"{run.parent.name}/{run.name}" if same.count(run.name) > 1 else run.name for run in runs}
    name = pl.col("step")
    numbers, answers = [tables.empty("numbers")], [tables.empty("answer")]
    for record, run in zip(records, runs, strict=True):
        unique = pl.when(name.is_in(twice)).then(pl.lit(f"{names[run]}/") + name).otherwise(name)
        numbers.append(record.numbers.with_columns(unique.alias("step")))
        answers.append(record.answers.with_columns(unique.alias("step")))
    return replace(
        read([]),
        folders=tuple(folders),
        numbers=pl.concat(numbers, how="diagonal_relaxed"),
        answers=pl.concat(answers, how="diagonal_relaxed"),
    )


def _first_of_each_run(records: Sequence[Record], runs: Sequence[Path]) -> list[Record]:
    """Each model once: within a run a step is one model, and several evaluations may measure it."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for record, run in zip(records, runs, strict=True):
        keys = record.numbers.select(SLICE).unique().rows()
        known = [key for key in keys if (run, *key) in seen]
        seen |= {(run, *key) for key in keys}
        before = pl.DataFrame(known, schema=dict.fromkeys(SLICE, pl.String), orient="row")
        numbers, answers = (
            each.join(before, on=SLICE, how="anti") for each in (record.numbers, record.answers)
        )
        kept.append(replace(record, numbers=numbers, answers=answers))
    return kept


def render(record: Record, config: LeaderboardConfig) -> str:
    """Return the page."""
    settings = ReportConfig(leading=config.measures[0]) if config.measures else None
    view = View(record, settings)
    per_language = view.numbers.filter(
        ~made() & (pl.col("language") != "") & (pl.col("other_language") == "")
    )
    names = [each for each in per_language["measure"].unique(maintain_order=True) if measure(each).ranked]
    wanted = [each for each in (config.measures or names) if each in names]
    sections: list[Section] = []
    missing = [
        Missing(measure(each).title, "a run that measures it")
        for each in config.measures
        if each not in names
    ]
    if view.leading is not None and view.leading.measure in wanted:
        means = {each.step: each.mean for each in Contest(view, view.leading, config).ranking()}
        sections += [glance(view, view.leading, means)] if means else []
    for name in wanted:
        blocks = [
            block
            for place, part in enumerate(view.slices(name))
            for block in Contest(view, part, config).blocks(f"{name}-{place}")
        ]
        if blocks:
            sections.append(Section(f"measure-{name.replace('+', 'p')}", measure(name).title, blocks))
    made_how = manifest(view, ReportConfig())
    return page(
        config.title,
        config.description,
        sections=[*sections, *([made_how] if isinstance(made_how, Section) else [])],
        missing=missing,
    )


SAME = 1e-6
"""Means that differ by less are of the same answers."""


@dataclass(frozen=True)
class Ranked:
    """One model on one slice."""

    step: str
    mean: Score
    worst: float
    """Mean of its worst languages."""
    served: int
    """Languages from the threshold on."""
    versus: Comparison | None
    """Against the first, on the same questions."""


class Contest:
    """All models on one slice."""

    def __init__(self, view: View, part: Slice, config: LeaderboardConfig) -> None:
        self.view, self.part, self.config = view, part, config
        self.shape: Measure = presented(part, view.rows(part))
        self.scores = view.scores(part)

    @cached_property
    def languages(self) -> list[str]:
        """The fixed set: the languages of the settings, or those that every model was measured in."""
        if self.config.languages:
            return sorted(self.config.languages)
        sets = [
            {code for of, code in self.scores if of == step and code}
            for step in self.view.steps_of(self.part)
        ]
        return sorted(set.intersection(*(each for each in sets if each))) if any(sets) else []

    @cached_property
    def steps(self) -> list[str]:
        """The models that were measured in the whole set."""
        steps = self.view.steps_of(self.part)
        return [step for step in steps if all((step, code) in self.scores for code in self.languages)]

    @cached_property
    def answers(self) -> pl.DataFrame:
        """Stored answers of this slice in the fixed set: step, id, item, language, part, counted.

        `part` is the language, with seeds each language of each seed: the mean counts all parts alike.
        """
        frame = self.view.record.answers
        if self.part.measure not in VERDICTS or frame.is_empty() or "verdict" not in frame.columns:
            return pl.DataFrame()
        if "purpose" in frame.columns:
            frame = frame.filter(pl.col("purpose").fill_null("answer") == "answer")
        arm_of = {step: arm for arm, members in self.view.arms.items() for step in members}
        seed_of = {step: seed for members in self.view.arms.values() for step, seed in members.items()}
        seed = pl.col("step").replace_strict(seed_of, default="", return_dtype=pl.String) + "/"
        return frame.filter(
            (pl.col("benchmark") == self.part.benchmark)
            & (pl.col("group") == self.part.group)
            & pl.col("language").is_in(self.languages)
        ).select(
            pl.col("step").replace(arm_of),
            (seed + pl.col("id")).alias("id"),
            (seed + pl.col("item")).alias("item"),
            "language",
            (seed + pl.col("language")).alias("part"),
            (pl.col("verdict") == VERDICTS[self.part.measure]).alias("counted"),
        )

    def ranking(self) -> list[Ranked]:
        """The models, the best first; none where no language or no model is left."""
        if not self.languages:
            return []
        sign = 1 if self.shape.lower_is_better else -1
        means = {step: self._mean(step) for step in self.steps}
        order = sorted(self.steps, key=lambda step: (sign * means[step].value, step))
        return [
            Ranked(
                step,
                means[step],
                self._worst(step),
                sum(self.scores[step, code].value >= self.config.fair_from_share for code in self.languages),
                self._versus(order[0], step) if step != order[0] else None,
            )
            for step in order
        ]

    def _mean(self, step: str) -> Score:
        """Mean over the fixed set; with an interval where answers are stored, or the set is all there is."""
        values = [self.scores[step, code].value for code in self.languages]
        mean = sum(values) / len(values)
        whole = self.view.whole(self.part, step)
        known = Score(mean, None, None, None)
        if whole and abs(whole[0].value - mean) < SAME:
            known = whole[0]
        own = self.answers.filter(pl.col("step") == step) if self.answers.height else self.answers
        if not own.height or set(own["language"]) != set(self.languages):
            return known
        found = macro_bootstrap(
            own["counted"].to_numpy(), own["part"].to_list(), own["item"].to_list(), seed=self.config.seed
        )
        if abs(found.value - mean) > SAME:  # the stored answers are not all that the score was made of
            return known
        return Score(mean, found.low, found.high, found.count)

    def _worst(self, step: str) -> float:
        values = sorted(self.scores[step, code].value for code in self.languages)
        worst = values[-WORST:] if self.shape.lower_is_better else values[:WORST]
        return sum(worst) / len(worst)

    def _versus(self, first: str, step: str) -> Comparison | None:
        """The difference to the first on the questions that both answered."""
        if not self.answers.height:
            return None
        left, right = (self.answers.filter(pl.col("step") == each) for each in (first, step))
        both = left.join(right, on=["id", "language"], suffix="_own").sort("language", "id")
        if both.is_empty():
            return None
        return paired_bootstrap(
            both["counted"].to_numpy(), both["counted_own"].to_numpy(), clusters=both["item"].to_list(),
            seed=self.config.seed,
        )  # fmt: skip

    def blocks(self, name: str) -> list[Block]:
        """The ranking, the languages behind it, and who is left out."""
        if not (ranked := self.ranking()):
            return []
        left_out = [step for step in self.view.steps_of(self.part) if step not in self.steps]
        level = self.view.chance(self.part)
        sentences = [
            f"Compared on {counted(len(self.languages), 'language')}:",
            listed([named(code).name for code in self.languages], most=200) + ".",
            "Lower is better." if self.shape.lower_is_better else "",
            f"Guessing reaches {value(level, self.shape.kind)}." if level is not None else "",
            f"Left out, because not measured in all of them: {', '.join(left_out)}." if left_out else "",
        ]
        title = f"{self.shape.title}, {self.part.title}"
        text = " ".join(each for each in sentences if each)
        blocks: list[Block] = [Heading(title), Prose(text), self._table(ranked, title)]
        if len(self.languages) > 1:
            blocks += self._languages(ranked, title, name)
        return blocks

    def _table(self, ranked: Sequence[Ranked], title: str) -> Table:
        is_share = self.shape.kind == "share" and not self.shape.lower_is_better
        heads = ["Mean over languages", f"Mean of the worst {min(WORST, len(self.languages))}"]
        heads += [f"Languages from {100 * self.config.fair_from_share:g}\u00a0%"] if is_share else []
        tested = [each for each in ranked if each.versus]
        versus = bool(tested)
        believed = false_discoveries([each.versus.p_value for each in tested if each.versus])
        differs = {each.step for each, belief in zip(tested, believed, strict=True) if belief}
        heads += ["Against the first", "p"] if versus else []
        rows = []
        for place, each in enumerate(ranked, start=1):
            cells = [Cell(f"{place}. {each.step}", sort=place), score_cell(each.mean, self.shape)]
            cells.append(Cell(value(each.worst, self.shape.kind), sort=each.worst))
            cells += [Cell(f"{each.served} of {len(self.languages)}", sort=each.served)] if is_share else []
            cells += _versus_cells(each.versus, self.shape, differs=each.step in differs) if versus else []
            rows.append(tuple(cells))
        columns = (Column("Model"), *(Column(head, number=True) for head in heads))
        caption = (
            f"{title}: the best mean first. Below a mean its 95\u00a0% interval and the answers behind it."
        )
        if versus:
            caption += (
                " Against the first: on the same questions, in pairs; “may be chance” where the test is not"
                " believed among so many (Benjamini and Hochberg)."
            )
        return Table(caption, columns, tuple(rows))

    def _languages(self, ranked: Sequence[Ranked], title: str, name: str) -> list[Block]:
        """Every language with every model, the hardest language first."""
        steps = [each.step for each in ranked]
        sign = -1 if self.shape.lower_is_better else 1

        def hardness(code: str) -> tuple[float, str]:
            return sign * sum(self.scores[step, code].value for step in steps), code

        codes = sorted(self.languages, key=hardness)
        columns = (Column("Language"), *(Column(step, number=True) for step in steps))
        rows = tuple(
            (
                language_cell(code, own_name=True),
                *(score_cell(self.scores[step, code], self.shape) for step in steps),
            )
            for code in codes
        )
        caption = f"{title}: every language, the hardest first."
        table = Table(
            caption,
            columns,
            rows,
            folded=f"{counted(len(codes), 'language')} × {counted(len(steps), 'model')}",
        )
        chosen = steps if len(steps) <= len(shown(steps)) else steps[: len(shown(steps))]
        labels = self.view.label(codes)
        rows_drawn = [
            (labels[code], step, score.value, score.low, score.high)
            for code in codes
            for step in chosen
            if (score := self.scores.get((step, code)))
        ]
        frame = pl.DataFrame(rows_drawn, schema=charts.DOTS, orient="row")
        panels = dot_panels(
            frame, steps=chosen, shape=self.shape, name=name, label=title, chance=self.view.chance(self.part)
        )
        only = f" Only the first {len(chosen)} models are drawn." if len(chosen) < len(steps) else ""
        return [Figure(panels, f"{caption}{only}"), table]


def _versus_cells(versus: Comparison | None, shape: Measure, *, differs: bool) -> list[Cell]:
    """The difference to the first, and its p value with a word where it may be chance."""
    if versus is None:
        return [Cell("–", sort=0.0), Cell("–", sort=1.0)]
    gap = signed_cell(versus.difference, versus.low, versus.high, shape)
    text = f"{versus.p_value:.3f}"
    return [gap, Cell(text, note="" if differs else "may be chance", sort=versus.p_value)]
