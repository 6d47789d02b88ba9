"""Numbers in, chart specifications out: every drawing of the report, as Altair charts.

A function takes a frame whose columns are named in its first line and returns a chart. A chart is
data, so tests compare specifications and not pixels. Colours are the CSS variables of the page.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import altair as alt
import polars as pl

SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
HEAT = tuple(f"var(--heat-{number})" for number in range(8))
OUTCOMES = {
    "correct": "var(--good)",
    "wrong": "var(--series-1)",
    "other language": "var(--poor)",
    "malformed": "var(--series-5)",
    "undetermined": "var(--line-strong)",
    "empty": "var(--line)",
}
"""What can become of an answer, in the order in which the bars are stacked."""

DOTS = {"label": pl.String, "step": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
"""Columns that `dots` draws."""

Chart = alt.Chart | alt.LayerChart | alt.FacetChart


def specification(chart: Chart) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart, with all its rows inside, however many."""
    with alt.data_transformers.enable("default", max_rows=None):
        return dict(chart.to_dict())


def _series(steps: Sequence[str], title: str) -> dict[str, Any]:
    """Colour and shape together, so that the steps can be told apart without colours."""
    if len(steps) > len(SERIES):
        raise ValueError(f"a chart shows at most {len(SERIES)} steps, not {len(steps)}")
    legend = alt.Legend(orient="top", direction="horizontal", columns=6, title=title or None)
    return {
        "color": alt.Color(
            "step:N", scale=alt.Scale(domain=list(steps), range=list(SERIES[: len(steps)])), legend=legend
        ),
        "shape": alt.Shape(
            "step:N", scale=alt.Scale(domain=list(steps), range=list(SHAPES[: len(steps)])), legend=legend
        ),
    }


class Across(NamedTuple):
    """The horizontal axis of a chart of values."""

    title: str
    domain: tuple[float, float] | None = None
    """Both ends; None for what the values need."""
    percent: bool = False
    large: bool = False
    """Values are counts, written with k and M."""
    chance: float | None = None
    """The guessing level, drawn as a dashed line."""


def _x(across: Across) -> dict[str, Any]:
    """What all layers of a chart say about the horizontal axis, so that they share it."""
    scale = alt.Scale(domain=list(across.domain), nice=False) if across.domain else alt.Scale(zero=False)
    form = "%" if across.percent else "~s" if across.large else "~r"
    # At the top, where the eye begins: a chart of 50 lines is taller than a screen.
    axis = alt.Axis(format=form, orient="top", tickCount=6)
    return {"scale": scale, "title": across.title, "axis": axis}


def _level(across: Across) -> list[alt.Chart]:
    """A dashed line at the guessing level, if there is one."""
    if across.chance is None:
        return []
    line = alt.Chart(pl.DataFrame({"chance": [across.chance]}))
    dashed = line.mark_rule(strokeDash=[4, 3], strokeWidth=1.5, color="var(--faint)", aria=False)
    return [dashed.encode(x=alt.X("chance:Q", **_x(across)))]


def dots(frame: pl.DataFrame, *, steps: Sequence[str], across: Across, width: int = 400) -> Chart:
    """One line per label, one dot per step, with its interval: columns label, step, value, low, high.

    Lines stand in the order of the frame.
    """
    labels = list(dict.fromkeys(frame["label"].to_list()))
    line_pixels = max(15, 6 + 5 * len(steps))
    series = _series(steps, "")
    x = _x(across)
    place = {
        "y": alt.Y(
            "label:N",
            sort=labels,
            title=None,
            axis=alt.Axis(grid=True, ticks=False, domain=False, labelPadding=8),
        ),
        "yOffset": alt.YOffset("step:N", sort=list(steps), scale=alt.Scale(paddingOuter=0.6)),
    }
    points = alt.Chart(frame.filter(pl.col("value").is_not_null()))
    dot = points.mark_point(filled=True, size=34, opacity=1, aria=False).encode(
        x=alt.X("value:Q", **x), color=series["color"], shape=series["shape"], **place
    )
    known = alt.Chart(frame.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null()))
    interval = known.mark_rule(opacity=0.55, strokeWidth=1.5, clip=True, aria=False).encode(
        x=alt.X("low:Q", **x), x2="high:Q", color=series["color"], **place
    )
    return alt.layer(*_level(across), interval, dot).properties(width=width, height=line_pixels * len(labels))


def outcome_bars(frame: pl.DataFrame, *, steps: Sequence[str], width: int = 640) -> Chart:
    """What became of all answers, one stacked bar per step: columns step, outcome, value (shares)."""
    present = [name for name in OUTCOMES if name in set(frame["outcome"].to_list())]
    ranked = frame.with_columns(
        pl.col("outcome").replace_strict({name: i for i, name in enumerate(present)}).alias("rank")
    )
    colours = alt.Scale(domain=present, range=[OUTCOMES[name] for name in present])
    bars: alt.Chart = (
        alt.Chart(ranked)
        .mark_bar(aria=False, stroke="var(--ground)", strokeWidth=1)
        .encode(
            y=alt.Y("step:N", sort=list(steps), title=None),
            x=alt.X(
                "value:Q",
                stack="zero",
                title="share of answers",
                scale=alt.Scale(domain=[0, 1], nice=False, clamp=True),
                axis=alt.Axis(format="%", grid=True),
            ),
            color=alt.Color(
                "outcome:N", scale=colours, legend=alt.Legend(orient="top", title=None, columns=6)
            ),
            order="rank:Q",
        )
        .properties(width=width, height=26 * len(steps))
    )
    return bars


def cuts(chance: float) -> list[float]:
    """Where one colour of a heat map ends and the next begins: at chance, then in seven equal steps to 1."""
    return [round(chance + (1 - chance) * step / 7, 3) for step in range(7)]


def matrix(frame: pl.DataFrame, *, order: Sequence[str], chance: float, edges: Sequence[str] = ()) -> Chart:
    """A value between every two languages as a heat map: columns row, column, value.

    Args:
        frame: one row per cell; missing cells stay empty.
        order: the languages, from top to bottom and from left to right.
        chance: cells at or below it get a colour of their own; the rest is cut in seven equal steps.
        edges: languages before which a line is drawn, because a new script begins.
    """
    cell_pixels = max(7, min(30, 860 // max(1, len(order))))
    size = cell_pixels * len(order)
    font = max(6.5, min(11, cell_pixels))

    def axis(orient: Literal["top", "left"]) -> alt.Axis:
        return alt.Axis(
            labelFontSize=font, labelOverlap=False, ticks=False, domain=False, grid=False, orient=orient,
            labelAngle=-90 if orient == "top" else 0, title=None,
        )  # fmt: skip

    cells = (
        alt.Chart(frame)
        .mark_rect(aria=False)
        .encode(
            x=alt.X("column:N", sort=list(order), axis=axis("top"), scale=alt.Scale(domain=list(order))),
            y=alt.Y("row:N", sort=list(order), axis=axis("left"), scale=alt.Scale(domain=list(order))),
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(type="threshold", domain=cuts(chance), range=list(HEAT)),
                legend=None,
            ),
        )
    )
    places = alt.Chart(pl.DataFrame({"row": list(edges), "column": list(edges)}))
    line = places.mark_rule(color="var(--ground)", strokeWidth=1.5, aria=False)
    upright = line.encode(x=alt.X("column:N", sort=list(order), bandPosition=0))
    level = line.encode(y=alt.Y("row:N", sort=list(order), bandPosition=0))
    layers = [cells, upright, level] if edges else [cells]
    return alt.layer(*layers).properties(width=size, height=size)


def curves(frame: pl.DataFrame, *, x_title: str, y_title: str, width: int = 520) -> Chart:
    """Loss while training: columns x, value, low, high, name; the band holds 80 % of the languages."""
    names = list(dict.fromkeys(frame["name"].to_list()))
    band = alt.Chart(frame.filter(pl.col("low").is_not_null())).mark_area(
        color="var(--series-2)", opacity=0.16, aria=False
    )
    lines = alt.Chart(frame).mark_line(strokeWidth=2, aria=False)
    x = alt.X("x:Q", title=x_title, axis=alt.Axis(format="~s"), scale=alt.Scale(nice=False))
    colours = ["var(--series-2)", "var(--poor)", "var(--series-3)", "var(--series-5)", "var(--series-1)"]
    dashes = [[1, 0], [6, 2], [3, 2], [1, 2], [8, 3, 2, 3]]
    legend = alt.Legend(orient="top", title=None, columns=5)
    return alt.layer(
        band.encode(x=x, y=alt.Y("low:Q", title=y_title), y2="high:Q"),
        lines.encode(
            x=x,
            y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "name:N", sort=names, scale=alt.Scale(domain=names, range=colours), legend=legend
            ),
            strokeDash=alt.StrokeDash(
                "name:N", sort=names, scale=alt.Scale(domain=names, range=dashes), legend=legend
            ),
        ),
    ).properties(width=width, height=240)


def seeds(frame: pl.DataFrame, across: Across) -> Chart:
    """Arms of a study: every seed as a ring, the mean with its interval: columns arm, seed, value, low, high.

    The rows with an empty `seed` are the means.
    """
    arms = list(dict.fromkeys(frame["arm"].to_list()))
    y = alt.Y("arm:N", sort=arms, title=None)
    x = alt.X("value:Q", **_x(across))
    single = alt.Chart(frame.filter(pl.col("seed") != ""))
    rings = single.mark_point(size=46, color="var(--series-1)", strokeWidth=1.4, opacity=1, aria=False)
    mean = alt.Chart(frame.filter(pl.col("seed") == ""))
    known = alt.Chart(frame.filter((pl.col("seed") == "") & pl.col("low").is_not_null()))
    layers = [
        rings.encode(x=x, y=y),
        known.mark_rule(color="var(--series-2)", strokeWidth=2, clip=True, aria=False).encode(
            x=alt.X("low:Q", **_x(across)), x2="high:Q", y=y
        ),
        mean.mark_point(filled=True, size=90, opacity=1, color="var(--series-2)", aria=False).encode(
            x=x, y=y
        ),
    ]
    return alt.layer(*_level(across), *layers).properties(width=560, height=34 * len(arms))
