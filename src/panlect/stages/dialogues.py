"""`dialogues`: instruction data, read or made; every row keeps its origin, languages, licence and parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue import crossing, review, services
from panlect.dialogue import rows as dialogue_rows
from panlect.dialogue.adapted import Adapted, adapted
from panlect.dialogue.bilingual import Bilingual, bilingual
from panlect.dialogue.budget import within
from panlect.dialogue.checks import elsewhere
from panlect.dialogue.distilled import Distil, distilled
from panlect.dialogue.interactive import Interactive, interactive
from panlect.dialogue.parallel import Exchanges, Parallel, by_item
from panlect.dialogue.reading import Read, read
from panlect.dialogue.records import files_of
from panlect.dialogue.rows import Row
from panlect.dialogue.switching import Switch, dictionary, switch
from panlect.dialogue.translated import Services, Translated, translated
from panlect.dialogue.translation import Translate, translate
from panlect.dialogue.translator import Remembered
from panlect.draft import Draft, draft
from panlect.errors import ConfigError, DataError
from panlect.folder import External, Folder, Input, one_model, tables
from panlect.language import codes_of
from panlect.tables import SCHEMAS, empty

VERSION = 4

Make = Literal[
    "translate",
    "interactive",
    "bilingual",
    "read",
    "pass",
    "adapted",
    "translated",
    "reviewed",
    "distilled",
    "crosslingual",
    "retell",
    "align",
    "four_way",
    "switch",
]


class DialoguesConfig(Config):
    """Which dialogues are made of what, and how many."""

    make: Make | tuple[Make, ...] = "translate"
    """What to make, one or several; each has its settings below. From files: `read`. From pairs: `translate`,
    `interactive`, `bilingual`. From questions: `adapted`. From dialogues: `pass` (as they are), `translated`,
    `reviewed` (translated ones, with the sheets that came back), `distilled` (answers of a model). From
    dialogues in several languages: `crosslingual`, `retell`, `align`, `four_way`, `switch`."""
    languages: str | tuple[str, ...] = ()
    """Only rows whose prompt and answer are in these languages or groups; empty for all."""
    rows: int = Field(default=0, ge=0)
    """How many rows to keep in all; 0 keeps everything. Equal budgets make mixtures comparable."""
    balance: tuple[Literal["task", "language", "answer_language", "origin", "source"], ...] = (
        "language",
        "answer_language",
    )
    """`rows` are divided evenly over the combinations of these columns, as far as each has rows."""
    seed: int = 0
    """Of every choice that is made by hash."""
    read: Read = Read()
    """How files are read."""
    translate: Translate = Translate()
    """How pairs become translation instructions."""
    interactive: Interactive = Interactive()
    """How pairs become conversations about a translation."""
    bilingual: Bilingual = Bilingual()
    """How pairs become tasks that show a sentence in two languages."""
    adapted: Adapted = Adapted()
    """How questions of a benchmark become instructions."""
    translated: Translated = Translated()
    """How dialogues are translated, and what a translation has to pass."""
    distilled: Distil = Distil()
    """How a model answers the questions of dialogues."""
    parallel: Parallel = Parallel()
    """Which dialogues are the same exchange in several languages."""
    crosslingual: crossing.CrossLingual = crossing.CrossLingual()
    """Asked in one language, answered in another."""
    retell: crossing.Retell = crossing.Retell()
    """Answered by way of the pivot language."""
    align: crossing.Align = crossing.Align()
    """Question alignment in two stages."""
    four_way: crossing.FourWay = crossing.FourWay()
    """Question and answer each in the pivot language or in another."""
    switch: Switch = Switch()
    """Questions in two languages mixed, with a dictionary from the pairs of the inputs."""


class _Job(NamedTuple):
    """What a maker works with, and where its rows go."""

    inputs: Sequence[Input]
    config: DialoguesConfig
    work: Draft
    frames: list[pl.DataFrame]
    left_out: list[Row]
    preferences: list[Row]

    def take(self, found: Iterable[Row]) -> None:
        """Take rows; those that carry a `reason` are left out."""
        good: list[Row] = []
        for each in found:
            (self.left_out if each.get("reason") else good).append(each)
        self.frames.append(dialogue_rows.frame(good))

    @property
    def folders(self) -> list[Input]:
        """The inputs that Panlect made."""
        return [each for each in self.inputs if isinstance(each, Folder)]

    def table(self, kind: str) -> pl.DataFrame:
        """A table of the inputs, in the languages asked for; of folders only, where files are read."""
        makes = [self.config.make] if isinstance(self.config.make, str) else self.config.make
        frame = tables(self.folders if {"read", "reviewed"} & set(makes) else self.inputs, kind)
        sides = {
            "pair": ("source_language", "target_language"),
            "dialogue": ("language", "answer_language"),
        }.get(kind, ("language",))
        wanted = codes_of(self.config.languages)
        return frame.filter(pl.all_horizontal(pl.col(sides).is_in(wanted))) if wanted else frame

    def items(self) -> Iterator[Exchanges]:
        """Dialogues that are the same exchange in several languages, each side in its language."""
        frame = self.table("dialogue")
        identify, known = services.identifier(self.config.parallel.identifier)
        if identify and not frame.is_empty():
            wrong = np.zeros(frame.height, dtype=bool)
            for place, column in ((-2, "language"), (-1, "answer_language")):
                texts = frame["messages"].list.get(place, null_on_oob=True).struct.field("content")
                wrong |= elsewhere(texts.fill_null("").to_list(), frame[column].to_list(), identify, known)
            aside = frame.filter(pl.Series(wrong)).select(pl.col(pl.String), "messages")
            self.left_out.extend(each | {"reason": "wrong_language"} for each in aside.iter_rows(named=True))
            frame = frame.filter(pl.Series(~wrong))
        return by_item(frame, self.config.parallel)


def dialogues(inputs: Sequence[Input], out: Path, config: DialoguesConfig) -> Folder:
    """Read dialogues, or make them from the tables of the inputs.

    Raises:
        FolderError: no input has the table that is needed.
        ConfigError: a maker needs a model or an endpoint that is not given.
        DataError: nothing was made.
    """
    with draft(out, "dialogues", VERSION, config, inputs) as work:
        job = _Job(inputs, config, work, [], [], [])
        for make in [config.make] if isinstance(config.make, str) else config.make:
            _MAKERS[make](job)
        kept, aside = _write(job)
        _preferences(job)
        _describe(job, kept, aside)
    return work.folder


def _read(job: _Job) -> None:
    identify, _ = services.identifier(job.config.read.identifier)
    asked = (lambda texts: identify(texts, ())) if identify else None
    found = read(files_of(job.inputs), job.config.read, asked)
    job.take(found.dialogues)
    job.left_out.extend(found.left_out)
    job.preferences.extend(found.preferences)


def _pass(job: _Job) -> None:
    job.frames.append(job.table("dialogue"))


def _translate(job: _Job) -> None:
    made = translate(job.table("pair"), job.config.translate, seed=job.config.seed)
    job.take([*made.rows, *made.left_out])


def _interactive(job: _Job) -> None:
    job.take(interactive(job.table("pair"), job.config.interactive, seed=job.config.seed))


def _bilingual(job: _Job) -> None:
    job.take(bilingual(job.table("pair"), job.config.bilingual, seed=job.config.seed))


def _adapted(job: _Job) -> None:
    job.take(adapted(job.table("question"), job.config.adapted, seed=job.config.seed))


def _translated(job: _Job) -> None:
    settings = job.config.translated
    targets = set(codes_of(settings.targets or job.config.languages)) - {settings.source_language}
    if not targets:
        raise ConfigError("into which languages?", where="translated.targets", fix="set it, or `languages`")
    frame = tables(job.folders, "dialogue")
    identify, known = services.identifier(settings.identifier)
    with services.translator(settings.translator, lambda: tables(job.folders, "pair"), job.work.log) as works:
        kept = Remembered(works, job.work.scratch / "translations.jsonl")
        total = sum(len(messages) for messages in frame["messages"]) * len(targets)
        with job.work.progress(total, "texts", "translating") as bar:
            asked = Services(kept, identify, known, bar.advance)
            found = translated(frame, sorted(targets), settings, asked, seed=job.config.seed)
    job.take([*found.made.rows, *found.made.left_out])
    for language, sheet in found.sheets.items():
        path = job.work.path / "review" / f"{language}.csv"
        path.parent.mkdir(exist_ok=True)
        # Spreadsheets take a file for UTF-8 only with this mark in front.
        sheet.write_csv(path, include_bom=True)


def _reviewed(job: _Job) -> None:
    sheets = [path for each in job.inputs if isinstance(each, External) for path in each.paths()]
    if not sheets:
        raise ConfigError("which sheets?", where="inputs", fix="name the filled-in files beside the folder")
    dropped = [empty("dialogue"), *(each.dropped() for each in job.folders if isinstance(each, Folder))]
    left_out = pl.concat(dropped, how="diagonal_relaxed")
    made = review.reviewed(job.table("dialogue"), left_out, review.read_sheets(sheets))
    job.take([*made.rows, *made.left_out])
    job.work.note(review=review.summary(made))


def _distilled(job: _Job) -> None:
    settings, seed = job.config.distilled, job.config.seed
    with services.answers(settings, lambda: one_model(job.inputs), seed, job.work.log) as (answers, name):
        made = distilled(job.table("dialogue"), settings, answers, name, seed=seed)
    job.take([*made.rows, *made.left_out])


def _crosslingual(job: _Job) -> None:
    pivot = job.config.parallel.pivot
    job.take(crossing.crosslingual(job.items(), pivot, job.config.crosslingual, seed=job.config.seed))


def _retell(job: _Job) -> None:
    job.take(crossing.retell(job.items(), job.config.parallel.pivot, job.config.retell, seed=job.config.seed))


def _align(job: _Job) -> None:
    job.take(crossing.align(job.items(), job.config.parallel.pivot, job.config.align))


def _four_way(job: _Job) -> None:
    job.take(crossing.four_way(job.items(), job.config.parallel.pivot, job.config.four_way))


def _switch(job: _Job) -> None:
    pivot = job.config.parallel.pivot
    words = dictionary(job.table("pair"), pivot)
    job.take(switch(job.items(), pivot, words, job.config.switch, seed=job.config.seed))


_MAKERS: dict[str, Callable[[_Job], None]] = {
    "translate": _translate,
    "interactive": _interactive,
    "bilingual": _bilingual,
    "read": _read,
    "pass": _pass,
    "adapted": _adapted,
    "translated": _translated,
    "reviewed": _reviewed,
    "distilled": _distilled,
    "crosslingual": _crosslingual,
    "retell": _retell,
    "align": _align,
    "four_way": _four_way,
    "switch": _switch,
}


def _write(job: _Job) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep what is wanted, each dialogue once, within the budget; what is kept, and what is set aside."""
    config, work = job.config, job.work
    frame = pl.concat(job.frames, how="diagonal_relaxed")
    for name in ("task", "parent"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit("").alias(name))
    frame = frame.with_columns(pl.col("task", "parent").fill_null(""))
    if wanted := codes_of(config.languages):
        frame = frame.filter(pl.all_horizontal(pl.col("language", "answer_language").is_in(wanted)))
    first = frame["id"].is_first_distinct()
    repeated = frame.filter(~first).with_columns(pl.lit("exact_duplicate").alias("reason"))
    kept = within(frame.filter(first), config.rows, config.balance, seed=config.seed)
    if kept.is_empty():
        reasons = sorted({str(each["reason"]) for each in job.left_out})
        raise DataError(
            "no dialogue was made",
            where=work.out.name,
            expected="rows in the languages asked for",
            fix=f"all were left out: {', '.join(reasons)}" if reasons else "widen `languages`",
        )
    work.write("dialogue", kept)
    aside = pl.concat([repeated, dialogue_rows.left_out(job.left_out)], how="diagonal_relaxed")
    work.drop("dialogue", aside)
    return kept, aside


def _preferences(job: _Job) -> None:
    if not job.preferences:
        return
    frame = pl.DataFrame(job.preferences, schema={**SCHEMAS["preference"], "origin": pl.String()})
    frame = frame.unique("id", keep="first", maintain_order=True)
    if wanted := codes_of(job.config.languages):
        sides = pl.col("prompt_language", "answer_language")
        frame = frame.filter(pl.all_horizontal(sides.is_in(wanted)))
    if frame.height:
        job.work.write("preference", frame)
        job.work.log(f"{frame.height:,} preference pairs from answers that came with their order")


def _describe(job: _Job, kept: pl.DataFrame, aside: pl.DataFrame) -> None:
    total = sum(frame.height for frame in job.frames)
    facts: dict[str, Any] = {name: _counts(kept, name) for name in ("task", "origin", "licence")}
    facts["left_out"] = _counts(aside, "reason")
    job.work.note(made=total, kept=kept.height, **facts)
    directions = kept.select("language", "answer_language").n_unique()
    shown = f"{kept['language'].n_unique()} languages, {directions} directions"
    why = ", ".join(f"{count:,} {reason}" for reason, count in facts["left_out"].items())
    job.work.log(f"{kept.height:,} of {total:,} dialogues, {shown}; left out: {why or 'none'}")


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())
