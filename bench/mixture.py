"""All mixture strategies on the sizes of FineWeb-2: the table and the picture of docs/mix.md.

    python bench/mixture.py [--picture docs/images/mixtures.svg]

The budget is a tenth of all bytes. Needs the public table of sizes
(PANLECT_DATA/language_metadata/fineweb2-language-distribution.csv).
"""

import argparse
import os
import time
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl

from panlect.mixture import compare

DATA = Path(os.environ.get("PANLECT_DATA", Path(__file__).parents[2] / "shared" / "data"))
DRAWN = ("proportional", "temperature 0.7", "temperature 0.3", "uniform", "unimax 4")


def sizes() -> list[int]:
    """Bytes of every language, the largest first."""
    table = pl.read_csv(DATA / "language_metadata" / "fineweb2-language-distribution.csv")
    kept = table.filter(
        (pl.col("split") == "train") & ~pl.col("subset").str.ends_with("_removed") & (pl.col("code") != "und")
    )
    merged = kept.group_by("code", "script").agg(pl.col("utf8_bytes").sum())
    return sorted(merged["utf8_bytes"].to_list(), reverse=True)


def picture(found: list[int], amounts: dict[str, np.ndarray], path: Path) -> None:
    """How often each language is read, by its rank in size."""
    ranks = np.unique(np.geomspace(1, len(found), 60).round().astype(int))
    rows = [
        {
            "language (largest first)": int(rank),
            "times read": float(amounts[name][rank - 1] / found[rank - 1]),
            "strategy": name,
        }
        for name in DRAWN
        for rank in ranks
    ]
    lines = alt.Chart(pl.DataFrame(rows)).mark_line(strokeWidth=2).encode(
        x=alt.X("language (largest first):Q", scale=alt.Scale(type="log", domainMax=len(found))),
        y=alt.Y("times read:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~g")),
        color=alt.Color("strategy:N", sort=list(DRAWN)),
        strokeDash=alt.StrokeDash("strategy:N", sort=list(DRAWN), legend=None),
    )  # fmt: skip
    four = (
        alt.Chart(pl.DataFrame({"times read": [4]}))
        .mark_rule(strokeDash=[2, 2], color="grey")
        .encode(y="times read:Q")
    )
    (four + lines).properties(width=520, height=300).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    found = sizes()
    budget = sum(found) / 10
    began = time.perf_counter()
    amounts = compare.strategies(found, budget)
    table = compare.compare(found, amounts, budget)
    milliseconds = 1000 * (time.perf_counter() - began)
    print(f"{len(found):,} languages, {sum(found) / 1e12:.1f} TB, all strategies in {milliseconds:.0f} ms")
    print("| strategy | share of the largest | most epochs | over 4 epochs | smaller half | as even as |")
    print("|---|---|---|---|---|---|")
    for name, row in table.items():
        print(
            f"| {name} | {row.share_of_largest:.2%} | {row.epochs_most:,.1f} | {row.over_four:,} |"
            f" {row.tail_share:.3%} | {row.effective_languages:,.0f} |"
        )
    if arguments.picture:
        picture(found, amounts, arguments.picture)


if __name__ == "__main__":
    main()
