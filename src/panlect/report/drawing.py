"""Draw a chart specification as SVG inside the page: no script, no second file, both colour schemes.

A page could carry the Vega library (0.9 MB) and one specification per chart (0.5 MB for a heat map of
100 x 100). Drawn beforehand and packed as below, the same heat map takes 0.15 MB and a dot chart less
than 0.1 MB; it prints, and it shows where scripts are forbidden. The price is paid when the report is
written: about 0.1 s per chart.

Colours are CSS variables (``var(--series-1)``), so one drawing serves the light and the dark scheme.
"""

import re
from html import escape
from typing import Any

INK, FAINT, GRID, GROUND = "var(--ink)", "var(--faint)", "var(--line)", "var(--ground)"

THEME: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "padding": 4,
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
    """Remove what only a stand-alone file needs, and long decimals."""
    drawn = re.sub(r' (?:xmlns(?::xlink)?|version|role|aria-[a-z]+|class)="[^"]*"', "", drawn)
    drawn = re.sub(r' (?:font-family|font-weight)="(?:sans-serif|normal)"', "", drawn)
    drawn = re.sub(r"(\.\d{2})\d+(?=[^<>]*>)", r"\1", drawn)
    while (shorter := re.sub(r"<g>\s*</g>|<g(?: transform=\"translate\(0,0\)\")?/>", "", drawn)) != drawn:
        drawn = shorter
    return drawn


_RUN = re.compile(r'(?:<path d="M[\d.,\-]+h[\d.\-]+v[\d.\-]+h[\d.\-]+Z" fill="[^"]+"/>){50,}')
_CELL = re.compile(r'd="([^"]+)" fill="([^"]+)"')


def _pack(drawn: str) -> str:
    """Join the cells of one colour in a heat map into one path; they do not overlap, so order is free."""

    def join(match: re.Match[str]) -> str:
        by_fill: dict[str, list[str]] = {}
        for outline, fill in _CELL.findall(match.group()):
            by_fill.setdefault(fill, []).append(outline)
        return "".join(f'<path d="{"".join(outlines)}" fill="{fill}"/>' for fill, outlines in by_fill.items())

    return _RUN.sub(join, drawn)


def _embed(drawn: str, name: str, label: str) -> str:
    drawn = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', drawn)
    drawn = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawn)
    width = re.search(r'width="(\d+)"', drawn)
    opening = f'<svg role="img" aria-label="{escape(label)}" style="max-width:{width[1] if width else 0}px"'
    return re.sub(r'<svg width="\d+" height="\d+"', lambda _: opening, drawn, count=1)
