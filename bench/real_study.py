"""Tables of docs/studies-real.md from a finished run of recipes/studies/real.yaml.

    python bench/real_study.py runs/real

Means over languages: the 29 that are instructed in every arm (`cldr-30` without English), and the other 70.
Arms are shown with their means, differences (paired by seed) with Student's t over the seeds.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import polars as pl

from panlect.folder import Folder
from panlect.language import codes_of
from panlect.report.arms import SEED, difference

PIVOT = "eng_Latn"
FROM, INTO = f"from {PIVOT}", f"into {PIVOT}"
TRANSLATION, TEXT = "held_out_translation", "held_out_text"
Values = dict[str, float]
"""The value of one arm by seed."""

SCORED = (
    ("which of four", "choice_accuracy", TRANSLATION, FROM),
    ("bits per byte", "bits_per_byte", TRANSLATION, FROM),
)
GENERATED = (
    ("other language", "off_target", TRANSLATION, FROM),
    ("undetermined", "undetermined", TRANSLATION, FROM),
    ("chrF", "chrf", TRANSLATION, FROM),
)
PAIRS = (
    ("instruct-100", "base"), ("instruct-100", "instruct-30"),
    ("xllms-100", "instruct-100"), ("xllms-100", "chat-100"), ("xllms-100", "chosen-100"),
    ("alma", "instruct-100"), ("alma", "pairs-first"),
    ("bayling", "instruct-100"), ("instruct-align", "instruct-100"),
    ("aligned", "chat-30"), ("aligned", "chosen"),
)  # fmt: skip


def numbers_of(run: Path) -> pl.DataFrame:
    """Measurements with the arm and the seed of each; what was made once has the seeds of its evaluation."""
    frames = []
    for path in sorted(run.glob("scores-*")) + sorted(run.glob("answers-*")):
        if (path / "manifest.json").is_file():
            seed = SEED.match(path.name)
            assert seed is not None, path
            frames.append(Folder.open(path).numbers().with_columns(seed=pl.lit(seed["seed"])))
    numbers = pl.concat(frames, how="vertical_relaxed").filter(pl.col("other_language") == "")
    return numbers.with_columns(
        arm=pl.col("step").str.replace(r"-\d{3,}$", ""),
        benchmark=pl.col("benchmark").str.replace(
            ":.*", ""
        ),  # the base is asked as text, the others in a chat
    )


def by_seed(
    numbers: pl.DataFrame, arm: str, column: tuple[str, str, str, str], languages: Collection[str]
) -> Values:
    """The mean over languages for each seed; shares in per cent."""
    _, measure, benchmark, group = column
    rows = numbers.filter(
        (pl.col("arm") == arm) & (pl.col("measure") == measure) & (pl.col("benchmark") == benchmark)
        & (pl.col("group") == group) & pl.col("language").is_in(list(languages))
    )  # fmt: skip
    scale = 100 if rows["unit"].to_list()[:1] == ["share"] else 1
    means = rows.group_by("seed", maintain_order=True).agg(pl.col("value").mean() * scale)
    return dict(means.iter_rows())


def mean(values: Mapping[str, float], digits: int) -> str:
    """The mean over seeds."""
    return f"{fmean(values.values()):.{digits}f}" if values else "–"


def gap(values: Mapping[str, float], digits: int) -> str:
    """The mean of differences with its interval."""
    found = difference(dict.fromkeys(values, 0.0), values)
    if found is None:
        return f"{fmean(values.values()):+.{digits}f}" if values else "–"
    return f"{found[0]:+.{digits}f} ({found[1]:+.{digits}f} to {found[2]:+.{digits}f})"


def table(
    numbers: pl.DataFrame, columns: Sequence[tuple[str, str, str, str]], parts: Mapping[str, Collection[str]]
) -> list[list[str]]:
    """One row per arm, one column per measure and part of the languages."""
    wide = [(f"{part}: {each[0]}", each, languages) for part, languages in parts.items() for each in columns]
    out = [["arm", *(heading for heading, *_ in wide)]]
    for arm in numbers["arm"].unique(maintain_order=True):
        cells = [by_seed(numbers, arm, column, languages) for _, column, languages in wide]
        if any(cells):
            out.append([arm, *(mean(v, _digits(c)) for v, (_, c, _) in zip(cells, wide, strict=True))])
    return out


def differences(
    numbers: pl.DataFrame, columns: Sequence[tuple[str, str, str, str]], parts: Mapping[str, Collection[str]]
) -> list[list[str]]:
    """One row per pair of arms: the first minus the second, paired by seed."""
    wide = [(f"{part}: {each[0]}", each, languages) for part, languages in parts.items() for each in columns]
    out = [["compared", *(heading for heading, *_ in wide)]]
    for first, second in PAIRS:
        row = [f"{first} − {second}"]
        for _, column, languages in wide:
            one, other = (by_seed(numbers, arm, column, languages) for arm in (first, second))
            gaps = {seed: one[seed] - other[seed] for seed in one if seed in other}
            row.append(gap(gaps, _digits(column)))
        if set(row[1:]) != {"–"}:
            out.append(row)
    return out


def joined(*tables: Sequence[Sequence[str]]) -> list[list[str]]:
    """Tables beside each other: the rows of the first, "–" where another lacks one."""
    first, *rest = tables
    out = [list(row) for row in first]
    for other in rest:
        cells = {row[0]: list(row[1:]) for row in other}
        missing = ["–"] * (len(other[0]) - 1)
        out = [
            row + (list(other[0][1:]) if place == 0 else cells.get(row[0], missing))
            for place, row in enumerate(out)
        ]
    return out


def costs(run: Path) -> list[list[str]]:
    """Processor seconds of every arm's own step, mean over seeds."""
    found: dict[str, list[float]] = {}
    for path in sorted(run.glob("*/manifest.json")):
        seconds = Folder.open(path.parent).manifest.get("cpu_seconds")
        name = SEED.match(path.parent.name)
        if seconds is not None:
            found.setdefault(name["before"] if name else path.parent.name, []).append(seconds)
    return [["step", "processor seconds"], *([name, f"{fmean(each):.0f}"] for name, each in found.items())]


def _digits(column: tuple[str, str, str, str]) -> int:
    return 3 if column[1] == "bits_per_byte" else 1


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def main(run: Path) -> None:
    """Print all tables."""
    numbers = numbers_of(run)
    asked = set(numbers.filter(pl.col("benchmark") == TRANSLATION)["language"]) - {"", PIVOT}
    instructed = asked & set(codes_of("cldr-30"))
    parts = {"instructed": instructed, "left out": asked - instructed}
    english = {"English": {PIVOT}}
    kept = (("bits per byte of text", "bits_per_byte", TEXT, "held_out"),)
    into = tuple((f"{name}, into English", measure, each, INTO) for name, measure, each, _ in GENERATED)
    every = {"all": asked}
    four, bits = SCORED
    away, *rest = GENERATED
    columns = (((four,), every), ((bits,), parts), (kept, every | english), ((away,), parts))
    for title, rows in (
        ("Arms", joined(*(table(numbers, *each) for each in columns), table(numbers, rest, every))),
        ("Differences", joined(*(differences(numbers, *each) for each in columns))),
        ("Into English", table(numbers, into, {"all": asked})),
        ("Consistency", table(numbers, (("RankC", "rankc", TRANSLATION, FROM),), {"all": asked})),
        ("Cost", costs(run)),
    ):
        print(f"\n{title}\n\n{markdown(rows)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
