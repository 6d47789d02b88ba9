"""What a report knows: manifests, numbers, stored answers, reasons for dropped rows. No more is read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from panlect import tables
from panlect.folder import Folder, Input

ANSWERS_MOST = 2_000_000
"""Answers are counted from at most this many rows of each folder, so that memory stays bounded."""

DROPPED = {"folder": pl.String, "kind": pl.String, "reason": pl.String, "rows": pl.Int64}
"""Columns of `Record.dropped`."""
ANSWER_COLUMNS = (
    *tables.SCHEMAS["answer"],
    *("answer_language", "prompt_language", "source_language", "gold", "truth", "reference", "expected"),
    *("parsed", "purpose", "form", "score", "measure"),
)
"""Columns of stored answers that the page shows; an evaluation may store many more."""
FROM_ONE_LANGUAGE = ("conductivity", "correct_overlap", "rescaled_accuracy")
"""Measures whose `other_language` is where the knowledge comes from, not the second of a pair."""


@dataclass(frozen=True)
class Record:
    """The facts of one run, in the order of its steps."""

    folders: tuple[Folder, ...]
    numbers: pl.DataFrame
    """All measurements; NaN counts as not measured."""
    answers: pl.DataFrame
    dropped: pl.DataFrame
    """Columns folder, kind, reason, rows."""
    order: tuple[str, ...] = ()
    """The steps' names, where there are numbers but no folders."""
    infinite: tuple[str, ...] = ()
    """Measurements that are infinite: they cannot be drawn or averaged, but they are told."""

    @property
    def step_names(self) -> list[str]:
        """The folders' names, in order."""
        return [folder.name for folder in self.folders] or list(self.order)


def read(inputs: Sequence[Input]) -> Record:
    """Read the finished folders among the inputs; anything else holds no numbers and is passed over."""
    folders = tuple(each for each in inputs if isinstance(each, Folder))
    numbers = [folder.numbers() for folder in folders]
    answers = [_answers(folder) for folder in folders if "answer" in folder.kinds]
    every = pl.concat(numbers, how="diagonal_relaxed") if numbers else tables.empty("numbers")
    infinite = every.filter(pl.col("value").is_infinite()).select("step", "measure", "language", "group")
    return Record(
        folders=folders,
        numbers=tidy(every),
        infinite=tuple(" ".join(part for part in row if part) for row in infinite.iter_rows()),
        answers=pl.concat(answers, how="diagonal_relaxed") if answers else tables.empty("answer"),
        dropped=_dropped(folders),
    )


def _answers(folder: Folder) -> pl.DataFrame:
    """Stored answers, only the columns that are shown, so that long runs fit into memory."""
    frames = []
    for file in folder.files("answer"):
        have = set(pl.read_parquet_schema(file))
        columns = [name for name in ANSWER_COLUMNS if name in have]
        frame = pl.read_parquet(file, columns=columns, glob=False)
        frames.append(tables.check("answer", frame, where=str(file)))
    return pl.concat(frames, how="diagonal_relaxed").head(ANSWERS_MOST)


def tidy(numbers: pl.DataFrame) -> pl.DataFrame:
    """Keep each finite measurement once (a later step may hand on an earlier one's), without null text.

    Two kinds of row are told apart that share a name: the chance level of RankC becomes ``rankc_chance``;
    and a measure of transfer *from* one language, stored with that language as `other_language`, becomes
    a measure of its own language, its source named in the group where there are several.
    """
    schema = tables.SCHEMAS["numbers"]
    texts = [name for name, dtype in schema.items() if dtype == pl.String]
    is_rankc = (pl.col("measure") == "chance") & (pl.col("unit") == "rankc")
    rows = (
        numbers.select(list(schema))
        .with_columns(pl.col(texts).fill_null(""), _finite("value"), _finite("low"), _finite("high"))
        .filter(pl.col("value").is_not_null())
        .with_columns(pl.when(is_rankc).then(pl.lit("rankc_chance")).otherwise("measure").alias("measure"))
    )
    from_one = pl.col("measure").is_in(FROM_ONE_LANGUAGE) & (pl.col("other_language") != "")
    several = rows.filter(from_one)["other_language"].n_unique() > 1
    source = (pl.col("group") + ", from " + pl.col("other_language")).str.strip_prefix(", ")
    rows = rows.with_columns(
        pl.when(from_one & pl.lit(several)).then(source).otherwise("group").alias("group"),
        pl.when(from_one).then(pl.lit("")).otherwise("other_language").alias("other_language"),
    )
    keys = [name for name in texts if name != "unit"]
    rows = rows.with_columns(group=_with_unit())
    return rows.unique(subset=keys, keep="last", maintain_order=True)


def _finite(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_finite()).then(name)


def _with_unit() -> pl.Expr:
    """Fertility is counted per word or per character, by script: one scale must not hold both."""
    group = (pl.col("group") + ", " + pl.col("unit")).str.strip_prefix(", ")
    return pl.when(pl.col("measure") == "fertility").then(group).otherwise("group")


def _dropped(folders: Sequence[Folder]) -> pl.DataFrame:
    """Count dropped rows per reason without reading their text."""
    rows: list[tuple[str, str, str, int]] = []
    for folder in folders:
        counts: Counter[tuple[str, str]] = Counter()
        for file in sorted((folder.path / "dropped").glob("*.parquet")):
            reasons = pl.read_parquet(file, columns=["reason"], glob=False)["reason"].value_counts()
            kind = file.name.rsplit("-", 1)[0]
            counts.update({(kind, reason): count for reason, count in reasons.iter_rows()})
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows += [(folder.name, kind, reason, count) for (kind, reason), count in ranked]
    return pl.DataFrame(rows, schema=DROPPED, orient="row")
