"""Numbers in, specifications out; the drawing keeps every value and stays light."""

import re

import polars as pl
import pytest

from panlect.report import charts, drawing
from panlect.report.charts import DOTS, Across


def rows_of(specification: dict) -> list[dict]:
    return [row for rows in specification["datasets"].values() for row in rows]


def dots_frame() -> pl.DataFrame:
    rows = [
        ("Yoruba", "base", 0.125, 0.1, 0.15),
        ("Yoruba", "chat", 0.5, None, None),
        ("Thai", "base", 0.75, 0.7, 0.8),
    ]
    return pl.DataFrame(rows, schema=DOTS, orient="row")


def test_dots_hold_the_exact_values_in_the_given_order() -> None:
    chart = charts.dots(
        dots_frame(), steps=["base", "chat"], across=Across("Correct", (0, 1), True, chance=0.163)
    )
    specification = charts.specification(chart)
    rows = rows_of(specification)
    assert {"label": "Yoruba", "step": "base", "value": 0.125, "low": 0.1, "high": 0.15} in rows
    assert {"chance": 0.163} in rows
    dot = next(layer for layer in specification["layer"] if layer["mark"]["type"] == "point")
    assert dot["encoding"]["y"]["sort"] == ["Yoruba", "Thai"]
    assert dot["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert dot["encoding"]["color"]["scale"]["range"] == ["var(--series-1)", "var(--series-2)"]
    assert dot["encoding"]["shape"]["scale"]["range"] == ["circle", "square"], "colour alone must not tell"


def test_an_interval_is_drawn_only_where_it_was_measured() -> None:
    specification = charts.specification(
        charts.dots(dots_frame(), steps=["base", "chat"], across=Across("Correct", (0, 1)))
    )
    rule = next(layer for layer in specification["layer"] if layer["mark"]["type"] == "rule")
    drawn = specification["datasets"][rule["data"]["name"]]
    assert [(row["label"], row["step"]) for row in drawn] == [("Yoruba", "base"), ("Thai", "base")]


def test_more_steps_than_colours_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 6 steps, not 7"):
        charts.dots(dots_frame(), steps=[str(number) for number in range(7)], across=Across("Correct"))


def test_the_first_colour_of_a_matrix_ends_at_chance() -> None:
    frame = pl.DataFrame({"row": ["a", "b"], "column": ["b", "a"], "value": [0.5, 0.5]})
    specification = charts.specification(charts.matrix(frame, order=["a", "b"], chance=0.3768))
    scale = specification["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"][0] == 0.377
    assert len(scale["range"]) == len(scale["domain"]) + 1
    assert scale["domain"][-1] == pytest.approx(0.3768 + 0.6232 * 6 / 7, abs=1e-3)


def test_outcomes_are_stacked_correct_first() -> None:
    rows = [("base", "wrong", 0.6), ("base", "correct", 0.3), ("base", "other language", 0.1)]
    frame = pl.DataFrame(rows, schema=["step", "outcome", "value"], orient="row")
    specification = charts.specification(charts.outcome_bars(frame, steps=["base"]))
    assert specification["encoding"]["color"]["scale"]["domain"] == ["correct", "wrong", "other language"]
    assert {row["outcome"]: row["rank"] for row in rows_of(specification)} == {
        "correct": 0,
        "wrong": 1,
        "other language": 2,
    }


def test_seeds_and_their_mean() -> None:
    rows = [
        ("pivot", "101", 0.7, None, None),
        ("pivot", "102", 0.9, None, None),
        ("pivot", "", 0.8, 0.6, 1.0),
    ]
    frame = pl.DataFrame(rows, schema=["arm", "seed", "value", "low", "high"], orient="row")
    specification = charts.specification(charts.seeds(frame, Across("Correct", (0, 1), chance=0.2)))
    by_mark = {
        layer["mark"].get("size"): specification["datasets"][layer["data"]["name"]]
        for layer in specification["layer"]
    }
    assert [row["value"] for row in by_mark[46]] == [0.7, 0.9]
    assert [row["value"] for row in by_mark[90]] == [0.8]


def test_a_matrix_of_100_languages_is_light_and_complete() -> None:
    names = [f"language {number}" for number in range(100)]
    cells = [
        (a, b, 0.4 + 0.005 * ((place * 7) % 100)) for place, a in enumerate(names) for b in names if a != b
    ]
    frame = pl.DataFrame(cells, schema=["row", "column", "value"], orient="row")
    svg = drawing.svg(
        charts.specification(charts.matrix(frame, order=names, chance=0.3)), name="m", label="heat map"
    )
    heat = re.findall(r'<path d="([^"]+)" fill="var\(--heat-\d\)"', svg)
    assert sum(path.count("M") for path in heat) >= 9900, "every cell is drawn"
    assert len(svg) < 250_000


def test_a_drawing_is_safe_and_self_contained() -> None:
    frame = dots_frame().with_columns(pl.lit("<script>alert(1)</script>").alias("label"))
    chart = charts.dots(frame, steps=["base", "chat"], across=Across('"><img src=x>', (0, 1)))
    svg = drawing.svg(charts.specification(chart), name="chart", label='a "label" <b>')
    assert "<script" not in svg
    assert "<img" not in svg
    assert "&lt;script&gt;" in svg
    assert 'aria-label="a &quot;label&quot; &lt;b&gt;"' in svg
    assert "http" not in svg
    assert all(
        name.startswith("chart-")
        for name in re.findall(r'id="([^"]+)"|url\(#([^)]+)\)', svg)
        for name in name
        if name
    )


def test_packing_keeps_every_place_and_the_order_of_the_colours() -> None:
    dots = [
        f'<path transform="translate({x},5)" d="M0,-2L-3,2L3,2Z" fill="var(--series-{1 + x % 2})"/>'
        for x in range(6)
    ]
    lines = [f'<line transform="translate({x},7)" x2="4" y2="0" stroke="red"/>' for x in range(3)]
    packed = drawing._pack(f"<g>{''.join(dots)}</g><g>{''.join(lines)}</g>")
    assert packed == (
        '<g><path d="M0,3l-3,4l6,0ZM2,3l-3,4l6,0ZM4,3l-3,4l6,0Z" fill="var(--series-1)"/>'
        '<path d="M1,3l-3,4l6,0ZM3,3l-3,4l6,0ZM5,3l-3,4l6,0Z" fill="var(--series-2)"/></g>'
        '<g><path d="M0,7l4,0M1,7l4,0M2,7l4,0" stroke="red"/></g>'
    )


def test_packing_an_arc_moves_its_end_only() -> None:
    circle = "M2.9,0A2.9,2.9,0,1,1,-2.9,0A2.9,2.9,0,1,1,2.9,0"
    assert drawing._outline("10,20", f' d="{circle}"') == "M12.9,20a2.9,2.9,0,1,1,-5.8,0a2.9,2.9,0,1,1,5.8,0"
