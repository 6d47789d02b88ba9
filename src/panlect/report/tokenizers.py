"""The section about tokenizers: what each language pays for the same text, worst first, side by side."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

import polars as pl

from panlect.report import charts
from panlect.report.blocks import Block, Cell, Column, Figure, Heading, Missing, Prose, Section, Table
from panlect.report.naming import named, script_name
from panlect.report.settings import ReportConfig
from panlect.report.tabling import cut, dot_panels, language_cell
from panlect.report.view import View
from panlect.report.wording import OF_TOKENIZERS, counted, listed, measure, value

DEAR = 2.0
"""With this many times the reference's tokens, a context holds half of the text, at twice the price."""
DEAREST = 10
SCRIPTS = 10
DRAWN = 100
"""Languages of the drawing, the worst; the table has all."""
SIDE_BY_SIDE = (
    "premium", "fertility", "context_characters", "byte_fallback", "unknown_tokens", "round_trip_failures",
)  # fmt: skip
"""Columns of the first table, each for all tokenizers."""

Values = Mapping[tuple[str, str], float]
"""By (tokenizer, language)."""


class Audited(NamedTuple):
    """What was measured of the tokenizers."""

    names: list[str]
    codes: list[str]
    """Languages, the worst first."""
    found: Mapping[str, Values]
    """By measure."""
    units: Mapping[str, str]
    """What a language's fertility is counted by: words, or characters where words are not written apart."""
    settings: Mapping[str, Any]
    """Of the first audit; empty where there are only numbers."""

    @property
    def reference(self) -> str:
        """The language that premiums are told against."""
        return str(self.settings.get("reference", "eng_Latn"))

    def cells(self, name: str, code: str, names: Sequence[str], *, marked: bool = False) -> list[Cell]:
        """One measure of one language, a cell per tokenizer; `marked`: the best where they differ."""
        values, shape = self.found[name], measure(name)
        own = [values.get((each, code)) for each in names]
        known = [number for number in own if number is not None]
        best = (min if shape.lower_is_better else max)(known) if marked and len(set(known)) > 1 else None
        note = self.units.get(code, "") if name == "fertility" else ""
        return [
            _cell(number, name, note=note, verdict="good" if number is not None and number == best else "")
            for number in own
        ]


def tokenizers(view: View, config: ReportConfig) -> Section | Missing:
    """Premium, fertility, context and price per language and tokenizer; vocabularies by script; advice."""
    title = "Tokenizers: what each language pays"
    rows = view.record.numbers.filter(pl.col("measure").is_in(sorted(OF_TOKENIZERS)))
    audited = _audited(view, rows.filter(pl.col("language") != ""))
    if not audited.codes:
        return Missing(title, "token premiums per language (run the stage audit)")
    blocks: list[Block] = []
    if "premium" in audited.found:
        blocks += [Prose(_pays(audited)), _whole(view, audited, rows), _drawing(view, audited)]
    blocks += _languages(audited, config.worst_languages)
    blocks += _prices(audited) if "price" in audited.found else []
    # Other stages than the audit measure little more than the first table shows.
    blocks += [_everything(audited, name) for name in audited.names] if "premium" in audited.found else []
    return Section("tokenizers", title, [*blocks, *_scripts(audited, rows), *_advice(view)])


def _audited(view: View, rows: pl.DataFrame) -> Audited:
    found: dict[str, dict[tuple[str, str], float]] = {}
    for name, step, code, number in rows.select("measure", "step", "language", "value").iter_rows():
        found.setdefault(name, {})[step, code] = number
    units = rows.filter(pl.col("measure") == "fertility").select("language", "unit").iter_rows()
    audits = (each.manifest for each in view.record.folders if each.manifest.get("stage") == "audit")
    highest: dict[str, float] = {}
    for (_, code), number in found.get("premium", found.get("fertility", {})).items():
        highest[code] = max(number, highest.get(code, -math.inf))
    # Languages without a premium come first: most of their tokens are unknown.
    codes = sorted(set(rows["language"]), key=lambda code: (-highest.get(code, math.inf), code))
    return Audited(
        names=rows["step"].unique(maintain_order=True).to_list(),
        codes=codes,
        found=found,
        units={code: unit.removeprefix("tokens ") for code, unit in units},
        settings=next((dict(facts.get("config", {})) for facts in audits), {}),
    )


def _pays(audited: Audited) -> str:
    premium = audited.found["premium"]
    sentences = [
        "The premium is how many times the tokens of the same text in"
        f" {named(audited.reference).name} a language needs: at {DEAR:g}, half the context, twice the price."
    ]
    for name in audited.names:
        own = [number for (step, _), number in premium.items() if step == name]
        if own:
            over = sum(number >= DEAR for number in own)
            sentences.append(
                f"“{name}”: {over} of {counted(len(own), 'language')} pay {DEAR:g} times or more."
            )
    known = {code for _, code in premium}
    if without := [named(code).name for code in audited.codes if code not in known]:
        sentences.append(
            f"No premium, because more than a tenth of the tokens is unknown: {listed(without)}."
        )
    return " ".join(sentences)


def _whole(view: View, audited: Audited, rows: pl.DataFrame) -> Table:
    """One line per tokenizer."""
    noted: dict[str, Mapping[str, Any]] = {}
    for folder in view.record.folders:
        noted |= folder.manifest.get("notes", {}).get("tokenizers", {})
    all_languages = rows.filter((pl.col("language") == "") & (pl.col("group") == ""))
    wholes = {key[:2]: key[2] for key in all_languages.select("step", "measure", "value").iter_rows()}
    lines = []
    for name in audited.names:
        own = {code: number for (step, code), number in audited.found["premium"].items() if step == name}
        if not own:
            continue
        worst, size = max(own, key=lambda code: own[code]), noted.get(name, {}).get("size")
        over = sum(number >= DEAR for number in own.values())
        lines.append(
            (
                Cell(name, note=str(noted.get(name, {}).get("kind", ""))),
                Cell(value(size, "count"), sort=float(size or 0)),
                _cell(fmean(own.values()), "premium"),
                _cell(own[worst], "premium", note=named(worst).name),
                Cell(f"{over} of {len(own)}", sort=over),
                *(_cell(wholes.get((name, each)), each) for each in ("parity", "gini_of_cost")),
            )
        )
    heads = ("Entries", "Mean premium", "Worst", f"Languages from {DEAR:g}\u00a0×", "Best by worst", "Gini")
    columns = (Column("Tokenizer"), *(Column(head, number=True) for head in heads))
    caption = "Tokenizers over all languages. Best by worst: 1 where all languages pay alike; Gini: 0 there."
    return Table(caption, columns, tuple(lines))


def _drawing(view: View, audited: Audited) -> Figure:
    premium, shown = audited.found["premium"], audited.names[: len(charts.SERIES)]
    known = {code for _, code in premium}
    codes = [code for code in audited.codes if code in known]
    chosen = codes[:DRAWN]
    labels = view.label(chosen)
    frame = pl.DataFrame(
        [(labels[code], name, premium.get((name, code)), None, None) for code in chosen for name in shown],
        schema=charts.DOTS,
        orient="row",
    )
    label, shape = "Token premium by language", measure("premium")
    panels = dot_panels(frame, steps=shown, shape=shape, name="premium", label=label, chance=1.0)
    which = f"the {len(chosen)} worst languages" if len(chosen) < len(codes) else "all languages"
    level = f"Dashed: {named(audited.reference).name}. Lower is better."
    return Figure(panels, f"Token premium of {which}, the highest first. {level}")


def _languages(audited: Audited, most: int) -> list[Block]:
    """All tokenizers side by side: the worst languages at once, all of them behind a line."""
    names, several = audited.names, len(audited.names) > 1
    present = [name for name in SIDE_BY_SIDE if any(audited.found.get(name, {}).values())]
    heads = [measure(name).title + (f", {each}" if several else "") for name in present for each in names]
    columns = (Column("Language"), Column("Script"), *(Column(head, number=True) for head in heads))
    rows = tuple(
        (
            language_cell(code, own_name=True),
            Cell(named(code).script),
            *(
                cell
                for name in present
                for cell in audited.cells(name, code, names, marked=name == "premium")
            ),
        )
        for code in audited.codes
    )
    best = " ● marks the tokenizer with the lowest premium." if several else ""
    caption = (
        f"The worst languages first.{best} Fertility counts tokens per word, or per character where words"
        " are not written apart."
    )
    return cut(Table(caption, columns, rows), most, f"All {len(rows)} languages as a table")


def _cell(number: float | None, name: str, *, note: str = "", verdict: str = "") -> Cell:
    shape = measure(name)
    share = number if shape.kind == "share" else None
    sort = -1.0 if number is None else number
    return Cell(value(number, shape.kind), note=note, share=share, sort=sort, verdict=verdict)


def _prices(audited: Audited) -> list[Block]:
    """The cost table: the reference, the median and the dearest languages, and all of them."""
    price, names = audited.found["price"], audited.names
    highest: dict[str, float] = {}
    for (_, code), number in price.items():
        highest[code] = max(number, highest.get(code, 0.0))
    dearest = sorted(highest, key=lambda code: (-highest[code], code))
    rows = tuple((language_cell(code), *audited.cells("price", code, names)) for code in dearest)
    of_tokenizers = [[number for (step, _), number in price.items() if step == name] for name in names]
    middle = (
        Cell("Median language", sort=""),
        *(_cell(median(own), "price") for own in of_tokenizers if own),
    )
    own = [row for row, code in zip(rows, dearest, strict=True) if code == audited.reference]
    per_million = float(audited.settings.get("price_per_million_tokens", 1.0))
    caption = (
        f"Price of a million characters at {per_million:g} per million tokens: the reference, the median and"
        " the dearest. Scripts differ in what a character holds, so compare tokenizers within a line."
    )
    columns = (Column("Language"), *(Column(name, number=True) for name in names))
    folded = f"The price in all {len(rows)} languages"
    table = cut(Table(caption, columns, (*own, middle, *rows)), DEAREST + 1 + len(own), folded)
    return [Heading("What a million characters cost"), *table]


def _everything(audited: Audited, name: str) -> Block:
    """Whatever was measured of one tokenizer."""
    present = [each for each, values in audited.found.items() if any(step == name for step, _ in values)]
    columns = (Column("Language"), *(Column(measure(each).title, number=True) for each in present))
    rows = tuple(
        (language_cell(code), *(cell for each in present for cell in audited.cells(each, code, [name])))
        for code in audited.codes
    )
    caption = f"Everything measured of “{name}”, the worst languages first."
    return Table(caption, columns, rows, folded=f"Everything measured of “{name}”")


def _scripts(audited: Audited, rows: pl.DataFrame) -> list[Block]:
    """Which scripts the entries of each vocabulary are written in."""
    shares = rows.filter((pl.col("measure") == "vocabulary_share") & (pl.col("group") != ""))
    found: dict[str, dict[str, float]] = {}
    for step, script, number in shares.select("step", "group", "value").iter_rows():
        found.setdefault(script, {})[step] = number
    if not found:
        return []
    lines = tuple(
        (
            Cell("Signs, digits" if script == "Zyyy" else script_name(script)),
            *(_cell(found[script].get(name), "vocabulary_share") for name in audited.names),
        )
        for script in sorted(found, key=lambda script: (-max(found[script].values()), script))
    )
    columns = (Column("Script"), *(Column(name, number=True) for name in audited.names))
    caption = "Share of each vocabulary's entries by script, the largest first."
    return [
        Heading("Vocabulary by script"),
        *cut(Table(caption, columns, lines), SCRIPTS, f"All {len(lines)} scripts"),
    ]


def _advice(view: View) -> list[Block]:
    """Where the audit advises to extend the vocabulary, and why."""
    lines = []
    for folder in view.record.folders:
        for key, verdicts in folder.manifest.get("notes", {}).items():
            if key.startswith("advice for "):
                name = Cell(key.removeprefix("advice for "))
                lines += [
                    (language_cell(code), name, Cell(" ".join(advice["reasons"])))
                    for code, advice in verdicts.items()
                    if advice["verdict"] == "extend"
                ]
    if not lines:
        return []
    columns = tuple(Column(head) for head in ("Language", "Tokenizer", "Why"))
    caption = "Languages that the audit advises to extend the vocabulary for, with its reasons."
    return [Heading("Worth extending"), Table(caption, columns, tuple(lines))]
