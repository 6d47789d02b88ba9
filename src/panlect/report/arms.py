"""Studies with several seeds: which evaluated steps belong together, and their mean with an interval.

An *arm* is one way of doing it (pivot answers, direct answers, the control); its steps differ in the
seed only. Arms are named in the settings, or read off the steps' names: a number of three digits or
more at the end or between dashes is a seed, so ``chat-pivot-101`` and ``chat-pivot-102`` are two seeds
of the arm ``chat-pivot``, and ``pivot-101-chat`` belongs to ``pivot-chat``; of two numbers the last one is.

The interval of a mean over all languages is Student's t over the seeds' values (n - 1 degrees of freedom):
it says how far another seed may land, which the interval of one run does not. A single language has a
dozen answers per seed, and a deviation taken from three such numbers is noise; there the interval is
Wilson's for the answers of all seeds together.
"""

import math
import re
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, stdev

import polars as pl

from panlect.report.wording import OF_ANSWERS

SEED = re.compile(r"(?P<before>.*)[-_.](?:seed|s)?(?P<seed>\d{3,})(?P<after>(?:[-_.].*)?)$")

# Two-sided 95 % quantiles of Student's t for 1..30 degrees of freedom (any statistical table).
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def find(steps: Sequence[str], given: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Group steps into arms, ``{arm: {step: seed}}``, in the order of the steps; empty without seeds.

    Args:
        steps: the evaluated steps.
        given: arms named in the settings; when there are any, names are not interpreted.
    """
    if given:
        return {
            arm: {step: _seed_of(step) for step in members if step in steps} for arm, members in given.items()
        }
    found: dict[str, dict[str, str]] = {}
    for step in steps:
        if match := SEED.match(step):
            found.setdefault(match["before"] + match["after"], {})[step] = match["seed"]
    if not any(len(members) > 1 for members in found.values()):
        return {}
    return found


def _seed_of(step: str) -> str:
    match = SEED.match(step)
    return match["seed"] if match else step


def pool(numbers: pl.DataFrame, arms: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """Replace the steps of each arm by the arm: the mean over its seeds, with its interval.

    A measurement with one seed keeps its own interval; steps outside all arms stay as they are.

    Args:
        numbers: measurements in the numbers schema.
        arms: steps and seeds by arm, as `find` returns them.
    """
    arm_of = {step: arm for arm, members in arms.items() for step in members}
    if not arm_of:
        return numbers
    keys = ["step", "measure", "benchmark", "language", "other_language", "group"]
    inside = numbers.filter(pl.col("step").is_in(list(arm_of)))
    pooled = (
        inside.with_columns(pl.col("step").replace_strict(arm_of))
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("value").mean(),
            pl.col("value").std().alias("deviation"),
            pl.len().alias("seeds"),
            pl.col("low").first(),
            pl.col("high").first(),
            pl.col("count").sum(),
            pl.col("unit").first(),
        )
    )
    half = pl.col("deviation") * pl.col("seeds").map_elements(_factor, return_dtype=pl.Float64)
    middle, spread = _wilson(pl.col("value"), pl.col("count"))
    of_answers = (
        pl.col("measure").is_in(sorted(OF_ANSWERS)) & (pl.col("language") != "") & (pl.col("count") > 0)
    )
    several = pl.col("seeds") > 1
    low = pl.when(of_answers).then(middle - spread).otherwise(pl.col("value") - half)
    high = pl.when(of_answers).then(middle + spread).otherwise(pl.col("value") + half)
    pooled = pooled.with_columns(
        pl.when(several).then(_clip(low)).otherwise(pl.col("low")).alias("low"),
        pl.when(several).then(_clip(high)).otherwise(pl.col("high")).alias("high"),
    )
    outside = numbers.filter(~pl.col("step").is_in(list(arm_of)))
    return pl.concat([outside, pooled.select(outside.columns)], how="vertical_relaxed")


def _wilson(share: pl.Expr, count: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Middle and half width of the Wilson score interval (Wilson 1927), for whole columns."""
    z = NormalDist().inv_cdf(0.975)
    below = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / below
    return middle, z / below * (share * (1 - share) / count + z * z / (4 * count * count)).sqrt()


def _clip(end: pl.Expr) -> pl.Expr:
    """Keep the interval of a share between 0 and 1, and that of a ratio of shares above 0: t knows none."""
    share = pl.col("measure").is_in(sorted(OF_ANSWERS))
    ratio = pl.col("measure") == "conductivity"
    return pl.when(share).then(end.clip(0, 1)).when(ratio).then(end.clip(0)).otherwise(end)


def difference(first: Mapping[str, float], second: Mapping[str, float]) -> tuple[float, float, float] | None:
    """Mean of `second - first` over the seeds that both have, with its 95 % interval; None below two.

    Seeds are paired: what makes one seed's world easier makes it easier for both arms.
    """
    gaps = [second[seed] - first[seed] for seed in first if seed in second]
    if len(gaps) < 2:
        return None
    half = _factor(len(gaps)) * stdev(gaps)
    return fmean(gaps), fmean(gaps) - half, fmean(gaps) + half


def _factor(seeds: int) -> float:
    """What a standard deviation over the seeds is multiplied by to give half the interval of the mean."""
    if seeds < 2:
        return math.nan
    quantile = _T[seeds - 2] if seeds - 2 < len(_T) else 1.96
    return quantile / math.sqrt(seeds)
