"""Draw a chart specification as SVG inside the page: no script, no second file, both colour schemes.

A page could carry the Vega library (0.9 MB) and one specification per chart (0.5 MB for a heat map of
100 x 100). Drawn beforehand and packed as below, the same heat map takes 0.18 MB and a dot chart of 50
languages 0.015 MB; it prints, and it shows where scripts are forbidden. The price is paid when the report
is written: about 0.2 s per chart.

Colours are CSS variables (``var(--series-1)``), so one drawing serves the light and the dark scheme.
"""

import re
from html import escape
from typing import Any

INK, FAINT, GRID, GROUND = "var(--ink)", "var(--faint)", "var(--line)", "var(--ground)"

THEME: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "padding": {"left": 14, "right": 14, "top": 4, "bottom": 4},
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": FAINT, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID,
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 190,
    },
    "legend": {
        "labelColor": INK, "titleColor": FAINT, "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "symbolSize": 70, "symbolOpacity": 1, "labelLimit": 300,
    },
    "title": {"color": INK, "fontSize": 13, "anchor": "start", "fontWeight": 600},
    "header": {"labelColor": INK, "titleColor": FAINT},
}  # fmt: skip


def svg(specification: dict[str, Any], *, name: str, label: str) -> str:
    """Draw one Vega-Lite specification.

    Args:
        specification: Vega-Lite, with its data inside; the page's theme is put over its own.
        name: unique on the page; keeps the identifiers of two drawings apart.
        label: what a screen reader says in place of the drawing.
    """
    import vl_convert

    config = {**specification.get("config", {}), **THEME}
    drawn = vl_convert.vegalite_to_svg({**specification, "config": config})
    return _embed(_pack(_plain(drawn)), name, label)


def _plain(drawn: str) -> str:
    """Remove what only a stand-alone file needs, what is not visible, and long decimals."""
    drawn = re.sub(r' (?:xmlns(?::xlink)?|version|role|aria-[a-z]+|class)="[^"]*"', "", drawn)
    drawn = re.sub(r' (?:font-family|font-weight)="(?:sans-serif|normal)"', "", drawn)
    drawn = re.sub(r' (?:fill-)?opacity="1"| pointer-events="none"', "", drawn)
    drawn = re.sub(r"(\.\d{2})\d+(?=[^<>]*>)", r"\1", drawn)
    drawn = re.sub(r'<path d=""[^>]*/>|<path(?=[^>]* display="none")[^>]*/>|<path d="[^"]*"/>', "", drawn)
    while (shorter := re.sub(r"<g>\s*</g>|<g(?: transform=\"translate\(0,0\)\")?/>", "", drawn)) != drawn:
        drawn = shorter
    return drawn


_MARKS = re.compile(r"(?:<path[^<>]*/>){3,}|(?:<line[^<>]*/>){3,}")
_MARK = re.compile(
    r'<(?:path|line)(?: transform="translate\(([^)]+)\)")?((?: (?:d|x2|y2)="[^"]*")*)([^<>]*)/>'
)
_COMMAND = re.compile(r"([MLAZhvlaz])([^MLAZhvlaz]*)")


def _pack(drawn: str) -> str:
    """Join neighbouring marks that look alike into one path.

    The cells of a heat map do not overlap, and the dots of one step lie above those of the step before; so
    the order of colours is kept and nothing else depends on the order.
    """

    def join(match: re.Match[str]) -> str:
        by_look: dict[str, list[str]] = {}
        for place, shape, look in _MARK.findall(match.group()):
            by_look.setdefault(look, []).append(_outline(place, shape))
        if "" in by_look or not all(all(outlines) for outlines in by_look.values()):
            return match.group()
        return "".join(f'<path d="{"".join(outlines)}"{look}/>' for look, outlines in by_look.items())

    return _MARKS.sub(join, drawn)


def _outline(place: str, shape: str) -> str:
    """A mark's outline where it stands: absolute up to its first point, relative from there."""
    x, y = (float(number) for number in place.split(",")) if place else (0.0, 0.0)
    facts = dict(re.findall(r'(\w+)="([^"]*)"', shape))
    if "d" not in facts:
        return f"M{_number(x)},{_number(y)}l{facts.get('x2', '0')},{facts.get('y2', '0')}"
    outline, here = "", (0.0, 0.0)
    for command, text in _COMMAND.findall(facts["d"]):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
        if command in "MLA":
            end = (numbers[-2], numbers[-1])
            step = (end[0] + x, end[1] + y) if command == "M" else (end[0] - here[0], end[1] - here[1])
            moved = [*numbers[:-2], *step]
            outline += (command if command == "M" else command.lower()) + ",".join(map(_number, moved))
            here = end
        else:
            outline += command + text
            right, down = numbers[0] if command == "h" else 0.0, numbers[0] if command == "v" else 0.0
            here = (here[0] + right, here[1] + down)
    return outline


def _number(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") or "0"


def _embed(drawn: str, name: str, label: str) -> str:
    # Vega counts its identifiers through all drawings of a process; the same page must not depend on that.
    for number, old in enumerate(dict.fromkeys(re.findall(r' id="([^"]+)"', drawn))):
        drawn = drawn.replace(f' id="{old}"', f' id="{name}-{number}"').replace(
            f"url(#{old})", f"url(#{name}-{number})"
        )
    width = re.search(r'width="(\d+)"', drawn)
    opening = f'<svg role="img" aria-label="{escape(label)}" style="max-width:{width[1] if width else 0}px"'
    return re.sub(r'<svg width="\d+" height="\d+"', lambda _: opening, drawn, count=1)
