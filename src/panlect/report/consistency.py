"""The section about consistency: RankC between every two languages, as heat maps with their chance level."""

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from panlect.report import charts, drawing
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import language_cell, score_cell
from panlect.report.view import Score, Slice, View
from panlect.report.wording import counted, measure


def consistency(view: View, config: ReportConfig) -> Section | Missing:
    """RankC between every two languages, as a heat map, with its chance level."""
    title = "Consistency between languages"
    pairs = view.numbers.filter(
        (pl.col("measure") == "rankc") & (pl.col("language") != "") & (pl.col("other_language") != "")
    )
    if pairs.is_empty():
        return Missing(title, "rankc between pairs of languages (evaluate ranks the choices)")
    steps = [step for step in view.steps if step in set(pairs["step"])]
    slices = pairs.select("benchmark", "group").unique(maintain_order=True).rows()
    drawn_steps = list(dict.fromkeys([*steps[-1:], *steps[:-1][::-1]]))[: config.matrices][::-1]
    blocks: list[Block] = [
        Prose(
            "RankC says how alike two languages rank the possible answers, right or wrong (Qi et al. 2023)."
            " Its chance level is not zero: independent random rankings reach the level stated at each map."
        )
    ]
    for place, (benchmark, group) in enumerate(slices):
        part = Slice("rankc", benchmark, group)
        chosen = pairs.filter((pl.col("benchmark") == benchmark) & (pl.col("group") == group))
        for step in drawn_steps:
            cells = _mirrored(chosen.filter(pl.col("step") == step))
            if cells:
                blocks += _matrix(view, part, step, cells, f"rankc-{place}-{steps.index(step)}")
        blocks.append(_partners(view, part, steps, chosen))
    return Section("consistency", title, blocks)


def _mirrored(pairs: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Both halves of the symmetric matrix, whichever half was stored."""
    cells = {}
    for first, second, number in pairs.select("language", "other_language", "value").iter_rows():
        cells[first, second] = number
        cells.setdefault((second, first), number)
    return cells


def _matrix(
    view: View, part: Slice, step: str, cells: Mapping[tuple[str, str], float], name: str
) -> list[Block]:
    codes = sorted({code for pair in cells for code in pair})
    order = [code for members in view.by_kind(codes, "script").values() for code in _by_family(view, members)]
    labels = view.label(order)
    edges = [labels[code] for code in _edges(order)]
    frame = pl.DataFrame(
        [(labels[row], labels[column], number) for (row, column), number in cells.items() if row != column],
        schema={"row": pl.String, "column": pl.String, "value": pl.Float64},
        orient="row",
    )
    chance = view.chance(part, step)
    chart = charts.matrix(frame, order=[labels[code] for code in order], chance=chance or 0.0, edges=edges)
    title = f"RankC at “{step}”, {part.title}"
    svg = drawing.svg(
        charts.specification(chart), name=name, label=f"{title}: heat map of {len(order)} languages"
    )
    mean = sum(frame["value"].to_list()) / max(1, frame.height)
    level = "chance was not recorded" if chance is None else f"chance {chance:.3f}, in the first colour"
    caption = f"{title}: mean over pairs {mean:.3f}; {level}. Ordered by script (lines), then family."
    return [Heading(title), Figure((svg,), caption, _legend(chance), grid=_grid(order, labels, cells))]


def _legend(chance: float | None) -> tuple[tuple[str, str], ...]:
    """The colours of a heat map and the values between which they stand."""
    bounds = charts.cuts(chance or 0.0)
    first = "not above chance" if chance is not None else "0"
    ends = zip(bounds, [*bounds[1:], 1.0], strict=True)
    return tuple(zip(charts.HEAT, [first, *(f"{low:.2f}–{high:.2f}" for low, high in ends)], strict=True))


def _edges(order: Sequence[str]) -> list[str]:
    """The first language of each script, unless a line would only fence in single languages."""
    sizes = Counter(named(code).script for code in order)
    return [
        code
        for before, code in itertools.pairwise(order)
        if named(before).script != named(code).script and sizes[named(before).script] > 2
    ]


def _by_family(view: View, codes: Sequence[str]) -> list[str]:
    families = view.by_kind(codes, "family").values()
    return [code for members in families for code in sorted(members, key=lambda code: named(code).name)]


def _grid(order: Sequence[str], labels: Mapping[str, str], cells: Mapping[tuple[str, str], float]) -> str:
    """The values behind a heat map, in thousandths, for the line that shows the cell under the pointer."""
    rows = [[round(1000 * cells[a, b]) if (a, b) in cells and a != b else -1 for b in order] for a in order]
    return json.dumps(
        {"names": [labels[code] for code in order], "rows": rows}, ensure_ascii=False, separators=(",", ":")
    )


def _partners(view: View, part: Slice, steps: Sequence[str], pairs: pl.DataFrame) -> Table:
    """Each language's mean consistency with all others, its nearest and its farthest language."""
    cells = {step: _mirrored(pairs.filter(pl.col("step") == step)) for step in steps}
    codes = sorted({code for each in cells.values() for pair in each for code in pair})
    means: dict[str, dict[str, float]] = {code: {} for code in codes}
    last: dict[str, list[tuple[float, str]]] = {}
    for step in steps:
        by_language: dict[str, list[tuple[float, str]]] = {}
        for (first, second), number in cells[step].items():
            if first != second:
                by_language.setdefault(first, []).append((number, second))
        for code, found in by_language.items():
            means[code][step] = sum(number for number, _ in found) / len(found)
        last = by_language or last
    columns = (
        Column("Language"),
        *(Column(f"mean RankC, {step}", number=True) for step in steps),
        Column("nearest"),
        Column("farthest"),
    )
    rows = []
    for code in sorted(codes, key=lambda code: (means[code].get(steps[-1], -1.0), code)):
        scored = [
            Score(means[code][step], None, None, None) if step in means[code] else None for step in steps
        ]
        ends = [max(last[code]), min(last[code])] if last.get(code) else []
        texts = [Cell(named(other).name, note=f"{number:.3f}", sort=number) for number, other in ends] or [
            Cell("–")
        ] * 2
        rows.append((language_cell(code), *(score_cell(each, measure("rankc")) for each in scored), *texts))
    caption = f"Mean RankC with all other languages, {part.title}, the least consistent language first."
    return Table(
        caption, columns, tuple(rows), folded=f"Mean RankC of {counted(len(codes), 'language')} as a table"
    )
