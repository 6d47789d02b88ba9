"""One way of looking at a record: which steps, which slices, which measure first, in which order.

Every section of the page asks here, so that they all agree on what "the last step" and "the worst
language" are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import polars as pl

from panlect.report import arms as arms_of
from panlect.report import charts
from panlect.report.naming import labels, named, script_name
from panlect.report.record import Record
from panlect.report.settings import ReportConfig
from panlect.report.wording import Measure, made, measure

LEADING = (
    *("accuracy", "exact_match", "f1", "chrf", "chrf++", "spbleu", "comet", "reward_accuracy"),
    "bits_per_byte",
)
"""Measures that a run is judged by, the first that is there wins."""
OPEN = frozenset({"accuracy", "chrf", "bits_per_byte"})
"""Leading measures that are shown in full even where another one leads."""
LEADING_GROUPS = ("held_out", "")
KIND = r"^(?P<group>.*?)(?:, )?(?P<kind>script|family|resources|versus)=(?P<name>.*)$"
"""A group that is a kind of languages inside a slice: ``held_out, script=Latn``."""
CHANCE = {
    "accuracy": "chance",
    "choice_accuracy": "choice_chance",
    "rankc": "rankc_chance",
    "reward_accuracy": "chance",
}
"""The measure that holds the guessing level of another one."""
BESIDE = frozenset({*CHANCE.values(), "rankc", "off_target", "malformed", "undetermined", "empty"})
"""Measures that are shown beside others, and lead only a section of their own."""
BY_LIKELIHOOD = frozenset(
    {
        *("bits_per_byte", "choice_accuracy", "choice_chance", "accuracy_characters", "accuracy_bytes"),
        *("accuracy_sum", "accuracy_length", "mc2", "confidence", "brier", "calibration_error"),
    }
)
"""Measures that are made of log-probabilities, whatever their benchmark is otherwise asked for."""
WAYS = {
    "": "",
    "generated": "answers in the model's own words",
    "likelihood": "choices by likelihood",
    "rewarded": "rewards of two answers",
}
"""Ways of scoring, for a heading; empty where the answers are not stored."""
CODE = re.compile(r"\b[a-z]{3}_[A-Z][a-z]{3}\b")


class Slice(NamedTuple):
    """One measure on one part of one benchmark."""

    measure: str
    benchmark: str
    group: str

    @property
    def title(self) -> str:
        """The benchmark and the group, for a heading."""
        group = CODE.sub(lambda match: named(match[0]).name, self.group)
        parts = (self.benchmark, group)
        return ": ".join(part.replace("_", " ") for part in parts if part) or "all"


@dataclass(frozen=True)
class Score:
    """A value with its interval and the number of observations behind it."""

    value: float
    low: float | None
    high: float | None
    count: int | None


class View:
    """A record with its seeds pooled into arms, its steps in order and its measures ranked."""

    def __init__(self, record: Record, settings: ReportConfig | None = None, *, pool: bool = True) -> None:
        self.record = record
        self._settings = settings or ReportConfig()
        self._pool = pool
        self._scores: dict[Slice, dict[tuple[str, str], Score]] = {}

    @cached_property
    def single_steps(self) -> list[str]:
        """All evaluated steps: those of the record's folders first, in their order."""
        beside = list(CHANCE.values())
        measured = self.record.numbers.filter(~made() & ~pl.col("measure").is_in(beside))
        seen = measured["step"].unique(maintain_order=True).to_list()
        order = {name: place for place, name in enumerate(self.record.step_names)}
        return sorted(seen, key=lambda step: order.get(step, len(order)))

    @cached_property
    def arms(self) -> dict[str, dict[str, str]]:
        """The arms of a study with several seeds; empty for a plain run."""
        return arms_of.find(self.single_steps, self._settings.arms) if self._pool else {}

    @cached_property
    def numbers(self) -> pl.DataFrame:
        """All measurements, the steps of an arm replaced by their mean."""
        return arms_of.pool(self.record.numbers, self.arms)

    @cached_property
    def steps(self) -> list[str]:
        """The evaluated steps, each arm counting as one."""
        arm = {step: name for name, members in self.arms.items() for step in members}
        return list(dict.fromkeys(arm.get(step, step) for step in self.single_steps))

    def slices(self, name: str) -> list[Slice]:
        """The slices of one measure, the leading one first, of equals the one that most steps have.

        Means over scripts and the like are no slices.
        """
        return list(self._slices.get(name, ()))

    @cached_property
    def _slices(self) -> dict[str, list[Slice]]:
        rows = self.numbers.filter(
            ~made() & ~pl.col("group").str.contains(KIND) & (pl.col("other_language") == "")
        )
        rank = {group: place for place, group in enumerate(LEADING_GROUPS)}
        found: dict[str, list[Slice]] = {}
        steps: dict[Slice, int] = {}
        by_slice = rows.group_by("measure", "benchmark", "group", maintain_order=True)
        for *place, count in by_slice.agg(pl.col("step").n_unique()).iter_rows():
            part = Slice(*place)
            steps[part] = count
            found.setdefault(part.measure, []).append(part)
        return {
            name: sorted(parts, key=lambda part: (rank.get(part.group, len(rank)), -steps[part]))
            for name, parts in found.items()
        }

    @cached_property
    def leading(self) -> Slice | None:
        """The slice that the page is about: of accuracy on held-out facts, if there is one."""
        per_language = self.numbers.filter(
            ~made()
            & ~pl.col("group").str.contains(KIND)
            & (pl.col("language") != "")
            & (pl.col("other_language") == "")
        )
        have = per_language["measure"].unique(maintain_order=True).to_list()
        wanted = [self._settings.leading, *LEADING, *(name for name in have if name not in BESIDE)]
        for name in wanted:
            if name in have:
                with_languages = set(
                    per_language.filter(pl.col("measure") == name).select("benchmark", "group").rows()
                )
                return next(each for each in self.slices(name) if tuple(each[1:]) in with_languages)
        return None

    @cached_property
    def _asked(self) -> dict[str, tuple[str, str]]:
        """The main measure and the form of each benchmark, as the stored answers say."""
        answers = self.record.answers
        if not {"measure", "form"} <= set(answers.columns):
            return {}
        if "purpose" in answers.columns:
            answers = answers.filter(pl.col("purpose").fill_null("answer") == "answer")
        found = answers.select("benchmark", "measure", "form").unique(maintain_order=True).drop_nulls()
        return {benchmark: (name, form) for benchmark, name, form in found.iter_rows()}

    @cached_property
    def main_slices(self) -> list[Slice]:
        """The main measure of every benchmark that was asked, the leading one first."""
        parts = [
            part
            for benchmark, (name, _) in self._asked.items()
            for part in self.slices(name)
            if part.benchmark == benchmark
        ]
        return sorted(parts, key=lambda part: part != self.leading)

    def way_of(self, part: Slice) -> str:
        """How a slice was scored: a key of `WAYS`, empty where the answers are not stored.

        A likelihood says what a model prefers of what it is shown, an answer what it says by itself; no table
        holds both.
        """
        if part.measure in BY_LIKELIHOOD:
            return "likelihood"
        main, form = self._asked.get(part.benchmark, ("", ""))
        if main == "reward_accuracy":
            return "rewarded"
        return {"choose": "likelihood", "generate": "generated"}.get(form, "")

    def by_way(self, parts: Sequence[Slice]) -> dict[str, list[Slice]]:
        """Slices that may share a table, by the way they were scored in, in their order."""
        found: dict[str, list[Slice]] = {}
        for part in parts:
            found.setdefault(self.way_of(part), []).append(part)
        return found

    def rows(self, part: Slice) -> pl.DataFrame:
        """All rows of one slice that are not between two languages."""
        return self._rows.get(part, self.numbers.clear())

    @cached_property
    def _rows(self) -> dict[Slice, pl.DataFrame]:
        """All slices at once: every section asks for them, and a filter over all rows each time is slow."""
        single = self.numbers.filter(pl.col("other_language") == "")
        parts = single.partition_by("measure", "benchmark", "group", as_dict=True)
        return {Slice(*(str(name) for name in key)): rows for key, rows in parts.items()}

    def scores(self, part: Slice) -> dict[tuple[str, str], Score]:
        """Scores by (step, language); the language "" is the whole."""
        if part not in self._scores:
            columns = self.rows(part).select("step", "language", "value", "low", "high", "count")
            self._scores[part] = {(row[0], row[1]): Score(*row[2:]) for row in columns.iter_rows()}
        return self._scores[part]

    def outcome(self, part: Slice) -> dict[tuple[str, str], Score]:
        """Scores of a label such as off_target; where answers were judged and none got it, it is 0."""
        judged = self.scores(Slice("accuracy", part.benchmark, part.group))
        found = {key: Score(0.0, None, None, score.count) for key, score in judged.items()}
        found |= self.scores(part)
        for step in self.steps_of(part):
            if whole := self.whole(part, step):
                found[step, ""] = whole[0]
        return found

    def steps_of(self, part: Slice) -> list[str]:
        """The steps that were measured on a slice, in order; steps that only make something come last."""
        have = self.rows(part)["step"].unique(maintain_order=True).to_list()
        return sorted(
            have, key=lambda step: self.steps.index(step) if step in self.steps else len(self.steps)
        )

    def final(self, part: Slice) -> str:
        """The step that the page is about: the one of the settings, a study's best arm, or the last."""
        steps = self.steps_of(part)
        if self._settings.step in steps:
            return self._settings.step
        if not self.arms:
            return steps[-1]
        if self.leading is not None and part != self.leading:
            best = self.final(self.leading)
            return best if best in steps else steps[-1]
        sign = -1 if measure(part.measure).lower_is_better else 1
        wholes = {step: whole[0].value for step in steps if (whole := self.whole(part, step))}
        return max(wholes, key=lambda step: sign * wholes[step], default=steps[-1])

    def worst_first(self, part: Slice) -> list[str]:
        """Languages of a slice by their score at its final step, the worst first."""
        if not self.steps_of(part):
            return []
        scores, final = self.scores(part), self.final(part)
        codes = sorted({language for _, language in scores if language})
        sign = -1 if measure(part.measure).lower_is_better else 1

        def rank(code: str) -> tuple[bool, float, str]:
            score = scores.get((final, code))
            # A language that the final step lacks comes first: nothing is worse than not measured.
            return score is not None, sign * score.value if score else 0.0, code

        return sorted(codes, key=rank)

    def whole(self, part: Slice, step: str) -> tuple[Score, bool] | None:
        """The score over all languages, and whether it is only the plain mean of the languages' scores."""
        scores = self.scores(part)
        if (step, "") in scores:
            return scores[step, ""], False
        values = [score.value for (of_step, code), score in scores.items() if of_step == step and code]
        return (Score(sum(values) / len(values), None, None, None), True) if values else None

    def chance(self, part: Slice, step: str = "") -> float | None:
        """The guessing level of a slice: its own number, or the mean over its languages."""
        if part.measure not in CHANCE:
            return None
        level = Slice(CHANCE[part.measure], part.benchmark, part.group)
        steps = [step] if step else [*reversed(self.steps_of(level)), ""]
        for each in steps:
            if found := self.whole(level, each):
                return found[0].value
        return None

    def of_kind(self, part: Slice, kind: str) -> dict[tuple[str, str], tuple[float, float]]:
        """Measured intervals of means over kinds of languages, by (step, name of the kind)."""
        stored = {"resource_class": "resources"}.get(kind, kind)
        prefix = f"{part.group}, {stored}=" if part.group else f"{stored}="
        rows = self.numbers.filter(
            (pl.col("measure") == part.measure)
            & (pl.col("benchmark") == part.benchmark)
            & pl.col("group").str.starts_with(prefix)
            & pl.col("low").is_not_null()
            & pl.col("high").is_not_null()
        )
        found = {}
        for step, group, low, high in rows.select("step", "group", "low", "high").iter_rows():
            name = group.removeprefix(prefix)
            found[step, script_name(name) if kind == "script" else name] = (low, high)
        return found

    def splits(self, codes: Sequence[str]) -> dict[str, tuple[list[str], list[str]]]:
        """Trainings that read some of these languages and not others: by step, both parts.

        Steps that divide the languages alike (seeds of one arm) are named once.
        """
        seen = self.record.numbers.filter(
            (pl.col("measure") == "tokens_seen")
            & (pl.col("group") == "")
            & (pl.col("language") != "")
            & (pl.col("value") > 0)
        )
        found: dict[str, tuple[list[str], list[str]]] = {}
        for step in seen["step"].unique(maintain_order=True):
            read = set(seen.filter(pl.col("step") == step)["language"])
            parts = [code for code in codes if code in read], [code for code in codes if code not in read]
            if all(parts) and parts not in found.values():
                found[step] = parts
        return found

    def label(self, codes: Sequence[str]) -> dict[str, str]:
        """One label per language."""
        return labels(list(codes))

    def by_kind(self, codes: Sequence[str], kind: str) -> dict[str, list[str]]:
        """Group languages by script, family or resource class; those without come last."""
        groups: dict[str, list[str]] = {}
        for code in codes:
            groups.setdefault(getattr(named(code), kind) or "not known", []).append(code)
        return dict(sorted(groups.items(), key=lambda item: (item[0] == "not known", -len(item[1]), item[0])))


def few(steps: Sequence[str], final: str, *, most: int) -> list[str]:
    """At most so many steps, in order: the final one, the first, and those just before the final one."""
    if len(steps) <= most:
        return list(steps)
    place = steps.index(final) if final in steps else len(steps) - 1
    nearest = [*reversed(steps[:place]), *steps[place + 1 :]]
    kept = dict.fromkeys([steps[place], steps[0], *nearest])
    chosen = list(kept)[:most]
    return [step for step in steps if step in chosen]


def shown(steps: Sequence[str]) -> list[str]:
    """The steps that fit into one chart: all, or the first and the last ones."""
    most = len(charts.SERIES)
    return list(steps) if len(steps) <= most else [steps[0], *steps[len(steps) - most + 1 :]]


def presented(part: Slice, rows: pl.DataFrame) -> Measure:
    """How a slice's measure is shown, its unit taken from the rows where the measure is not known."""
    unit = rows["unit"][0] if rows.height else ""
    return measure(part.measure, unit or "")
