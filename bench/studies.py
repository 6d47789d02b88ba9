"""Tables of docs/studies.md, from finished runs: per cent, means over languages, Student's t over seeds.

    python bench/studies.py left-out RUN...            languages without dialogues beside those that have some
    python bench/studies.py compare ARM ARM RUN...     the second arm minus the first, by seed and by fact
    python bench/studies.py matrix PREFIX GROUP RUN... language of training (arms PREFIX-*) by language of use

Several runs are read as one: their worlds have to have the same languages. A run of one seed has no interval.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import polars as pl

from panlect.folder import Folder
from panlect.language import codes_of
from panlect.measure.interval import paired_bootstrap
from panlect.report.arms import difference, find

PIVOT = "eng_Latn"
MEASURES = ("accuracy", "off_target", "malformed")
Values = dict[str, float]
"""The value of one arm by seed."""


def numbers_of(runs: Sequence[Path]) -> pl.DataFrame:
    """What was measured per language on the benchmark `world`, with the arm and the seed of each step."""
    frames = [pl.read_parquet(run / "numbers.parquet").with_columns(run=pl.lit(run.name)) for run in runs]
    numbers = pl.concat(frames, how="vertical_relaxed").filter(
        (pl.col("benchmark") == "world") & (pl.col("other_language") == "") & (pl.col("language") != "")
    )
    steps = numbers["step"].unique(maintain_order=True).to_list()
    named = {step: (arm, seed) for arm, members in find(steps, {}).items() for step, seed in members.items()}
    arms = {step: named.get(step, (step, ""))[0] for step in steps}
    seeds = {step: named.get(step, (step, ""))[1] for step in steps}
    return numbers.with_columns(
        arm=pl.col("step").replace_strict(arms),
        seed=pl.col("run") + pl.col("step").replace_strict(seeds),
    )


def instructed_of(run: Path) -> frozenset[str]:
    """The languages besides the pivot that the run's world has dialogues in."""
    world = next(path for path in sorted(run.glob("world*")) if (path / "manifest.json").is_file())
    return frozenset(codes_of(Folder.open(world).manifest["config"]["instructed_languages"])) - {PIVOT}


def by_seed(numbers: pl.DataFrame, arm: str, measure: str, group: str, languages: Collection[str]) -> Values:
    """The mean over languages for each seed, in per cent."""
    rows = numbers.filter(
        (pl.col("arm") == arm) & (pl.col("measure") == measure) & (pl.col("group") == group)
        & pl.col("language").is_in(list(languages))
    )  # fmt: skip
    means = rows.group_by("seed", maintain_order=True).agg(pl.col("value").mean() * 100)
    return dict(means.iter_rows())


def shown(values: Mapping[str, float], *, signed: bool = False) -> str:
    """Mean and interval; that of a share, which is not `signed`, ends at 0 and 100."""
    if not values:
        return "–"
    sign = "+" if signed else ""
    text = f"{fmean(values.values()):{sign}.1f}"
    found = difference(dict.fromkeys(values, 0.0), values)
    if found is None:
        return text
    low, high = found[1:] if signed else (max(0.0, found[1]), min(100.0, found[2]))
    return f"{text} ({low:{sign}.1f} to {high:{sign}.1f})"


def columns_of(numbers: pl.DataFrame, run: Path) -> list[tuple[str, str, str, frozenset[str]]]:
    """Heading, measure, group and languages of each column of the study of left-out languages."""
    instructed = instructed_of(run)
    left_out = frozenset(numbers["language"].unique()) - instructed - {PIVOT}
    words = {"accuracy": "correct", "off_target": "other language", "malformed": "malformed"}
    return [
        *((f"left-out: {words[each]}", each, "held_out", left_out) for each in MEASURES),
        ("stated facts", "accuracy", "seen", left_out),
        *((f"instructed: {words[each]}", each, "held_out", instructed) for each in MEASURES[:1]),
        ("English", "accuracy", "pivot", frozenset({PIVOT})),
    ]


def left_out(runs: Sequence[Path], against: str = "", arms: Sequence[str] = ()) -> list[list[str]]:
    """One row per arm; with `against`, the arm minus that one."""
    numbers = numbers_of(runs)
    columns = columns_of(numbers, runs[0])
    table = [["arm", *(heading for heading, *_ in columns)]]
    for arm in arms or numbers["arm"].unique(maintain_order=True).to_list():
        row = [f"{arm} − {against}" if against else arm]
        for _, measure, group, languages in columns:
            values = by_seed(numbers, arm, measure, group, languages)
            if against:
                base = by_seed(numbers, against, measure, group, languages)
                values = {seed: values[seed] - base[seed] for seed in values if seed in base}
            row.append(shown(values, signed=bool(against)))
        table.append(row)
    return table


def over_facts(runs: Sequence[Path], against: str, arm: str) -> list[str]:
    """The arm minus the other, with intervals that draw whole facts anew, those of all worlds."""
    frames = [Folder.open(run / "scores").table("answer").with_columns(run=pl.lit(run.name)) for run in runs]
    answers = pl.concat(frames, how="vertical_relaxed").filter(benchmark="world")
    row = [f"{arm} − {against}, over facts"]
    for _, measure, group, languages in columns_of(numbers_of(runs), runs[0]):
        verdict = "correct" if measure == "accuracy" else measure
        found = answers.filter(
            (pl.col("group") == group) & pl.col("language").is_in(list(languages))
        ).with_columns(hit=(pl.col("verdict") == verdict).cast(pl.Float64))
        keys = ["run", "item", "language"]
        both = found.filter(step=against).join(found.filter(step=arm), on=keys)
        facts, spoken = both.select("run", "item").rows(), both["language"].to_list()
        gap = paired_bootstrap(both["hit"], both["hit_right"], groups=spoken, clusters=facts)
        row.append(f"{100 * gap.difference:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})")
    return row


def matrix(runs: Sequence[Path], prefix: str, group: str) -> list[list[str]]:
    """Rows: language of training; columns: language of use; correct / right in whatever language."""
    numbers = numbers_of(runs)
    languages = numbers["language"].unique(maintain_order=True).to_list()
    arms = [arm for arm in numbers["arm"].unique(maintain_order=True) if arm.startswith(f"{prefix}-")]
    table = [[f"{prefix}, {group}", *languages]]
    for arm in arms:
        row = [arm.removeprefix(f"{prefix}-")]
        for language in languages:
            right, known = (
                by_seed(numbers, arm, each, group, {language}) for each in ("accuracy", "right_fact")
            )
            row.append(f"{shown(right)} / {fmean(known.values()):.0f}" if right else "–")
        table.append(row)
    return table


def main(words: Sequence[str]) -> None:
    """Print the table that is asked for, as Markdown."""
    kind, *rest = words
    if kind == "matrix":
        table = matrix([Path(each) for each in rest[2:]], rest[0], rest[1])
    elif kind == "compare":
        runs = [Path(each) for each in rest[2:]]
        table = [*left_out(runs, rest[0], [rest[1]]), over_facts(runs, rest[0], rest[1])]
    else:
        table = left_out([Path(each) for each in rest])
    table.insert(1, ["---"] * len(table[0]))
    print("\n".join(f"| {' | '.join(row)} |" for row in table))


if __name__ == "__main__":
    main(sys.argv[1:])
