"""The section about curation: what came in and what stayed, per filter and language, with rows to look at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from panlect.folder import Folder
from panlect.report.blocks import (
    Block,
    Cell,
    Column,
    Folded,
    Heading,
    Missing,
    Prose,
    Sample,
    Samples,
    Saying,
    Section,
    Table,
)
from panlect.report.naming import direction, named
from panlect.report.samples import choose
from panlect.report.settings import ReportConfig
from panlect.report.tabling import cut, language_cell
from panlect.report.view import View
from panlect.report.wording import byte_size, counted, listed, value

STEPS = (
    *("read", "licence", "urls", "doctor", "identify", "language", "lines", "quality", "contamination"),
    *("pairs", "duplicates"),
)
"""The order in which a row meets the filters."""
ROWS = "samples.parquet"
SKEWED = 0.5
"""A language more than half of whose text is of one domain is named."""
DOMAINS = 6
SOURCES = 15
KEPT_ROWS, REASONS = 2, 4
"""Rows that are shown of a language: some that stayed, and one for each of the most frequent reasons."""
SAMPLED_LANGUAGES = 200


class Counts(NamedTuple):
    """One way of counting: rows, or bytes of text."""

    came: Mapping[str, float]
    stayed: Mapping[str, float]
    dropped: Mapping[tuple[str, str], float]
    """By (language, reason)."""


def curation(view: View, config: ReportConfig) -> Section | Missing:
    """Rows and bytes in and out per filter and language, sources and domains, rows kept and set aside."""
    title = "Curation: what came in and what stayed"
    numbers = view.record.numbers
    curated = numbers.filter((pl.col("measure") == "rows_in") & (pl.col("language") != ""))
    names = curated["step"].unique(maintain_order=True).to_list()
    if not names:
        return Missing(title, "rows per language and filter (the stage curate counts them)")
    blocks: list[Block] = []
    for name in names:
        folder = next((each for each in view.record.folders if each.name == name), None)
        blocks += [Heading(f"“{name}”")] if len(names) > 1 else []
        blocks += _of_folder(numbers.filter(pl.col("step") == name), _sampled(folder), config)
    return Section("curation", title, blocks)


def _sampled(folder: Folder | None) -> pl.DataFrame:
    """The random rows that curate puts beside its tables; none in folders that have no such file."""
    if folder is None or not (folder.path / ROWS).is_file():
        return pl.DataFrame()
    return pl.read_parquet(folder.path / ROWS, glob=False)


def _of_folder(numbers: pl.DataFrame, sampled: pl.DataFrame, config: ReportConfig) -> list[Block]:
    rows, sizes = _counts(numbers, "rows"), _counts(numbers, "bytes")
    step_of = (
        dict(sampled.filter(~pl.col("kept")).select("reason", "step").iter_rows()) if sampled.height else {}
    )
    codes = sorted(rows.came, key=lambda code: (_stayed_share(rows, code), code))
    blocks: list[Block] = [Prose(_summary(rows, sizes, codes))]
    if rows.dropped:
        blocks.append(_filters(rows, sizes, step_of))
    blocks += _languages(rows, sizes, codes, step_of, config.worst_languages)
    blocks += [*_sources(numbers, sizes), *_domains(numbers, config.worst_languages)]
    return [*blocks, *_samples(sampled, codes, config)]


def _counts(numbers: pl.DataFrame, unit: str) -> Counts:
    """Sums over documents and pairs, which are counted apart."""

    def total(end: str, *keys: str) -> pl.DataFrame:
        rows = numbers.filter((pl.col("measure") == f"{unit}_{end}") & (pl.col("language") != ""))
        return rows.group_by(keys, maintain_order=True).agg(pl.col("value").sum())

    return Counts(
        came=dict(total("in", "language").iter_rows()),
        stayed=dict(total("out", "language").iter_rows()),
        dropped={
            (code, reason): number
            for code, reason, number in total("dropped", "language", "group").iter_rows()
        },
    )


def _stayed_share(counts: Counts, code: str) -> float:
    return counts.stayed.get(code, 0.0) / counts.came[code] if counts.came.get(code) else 1.0


def _summary(rows: Counts, sizes: Counts, codes: Sequence[str]) -> str:
    came, stayed = sum(rows.came.values()), sum(rows.stayed.values())
    share = value(stayed / came if came else 1.0, "share")
    text = f"{value(stayed, 'count')} of {value(came, 'count')} rows stayed ({share})"
    if sizes.came:
        text += f", {byte_size(sum(sizes.stayed.values()))} of {byte_size(sum(sizes.came.values()))} of text"
    languages = counted(len(codes), "language")
    return f"{text}, in {languages}. Rows that did not stay are kept with their reason in dropped/."


def _filters(rows: Counts, sizes: Counts, step_of: Mapping[str, str]) -> Table:
    """One line per reason, in the order in which a row meets the filters."""
    reasons: dict[str, dict[str, float]] = {}
    for (code, reason), number in rows.dropped.items():
        reasons.setdefault(reason, {})[code] = number
    came = sum(rows.came.values())

    def place(reason: str) -> tuple[int, float]:
        step = step_of.get(reason, "")
        return STEPS.index(step) if step in STEPS else len(STEPS), -sum(reasons[reason].values())

    lines = []
    for reason in sorted(reasons, key=place):
        own, total = reasons[reason], sum(reasons[reason].values())
        share = {code: number / rows.came[code] for code, number in own.items() if rows.came.get(code)}
        most = max(share, key=lambda code: (share[code], code), default="")
        lost = sum(number for (_, of), number in sizes.dropped.items() if of == reason)
        lines.append(
            (
                Cell(reason.replace("_", " "), note=step_of.get(reason, "")),
                Cell(value(total, "count"), sort=total),
                _share(total / came if came else 0.0),
                Cell(byte_size(lost) if sizes.dropped else "–", sort=lost),
                Cell(value(len(own), "count"), sort=len(own)),
                Cell(named(most).name, note=value(share[most], "share")) if most else Cell("–"),
            )
        )
    heads = ("Rows set aside", "Of all that came", "Bytes", "Languages")
    columns = (Column("Filter"), *(Column(head, number=True) for head in heads), Column("Most in"))
    return Table("What each filter set aside, in the order in which a row meets them.", columns, tuple(lines))


def _share(number: float) -> Cell:
    return Cell(value(number, "share"), share=number, sort=number)


def _languages(
    rows: Counts, sizes: Counts, codes: Sequence[str], step_of: Mapping[str, str], most: int
) -> list[Block]:
    """In and out per language, and what each step took: rows above, bytes below."""
    lost: dict[tuple[str, str], list[float]] = {}
    for place, counts in enumerate((rows, sizes)):
        for (code, reason), number in counts.dropped.items():
            lost.setdefault((code, step_of.get(reason, reason)), [0.0, 0.0])[place] += number
    steps = sorted(
        {step for _, step in lost}, key=lambda step: (STEPS.index(step) if step in STEPS else 99, step)
    )

    def both(count: float, size: float) -> Cell:
        return Cell(value(count, "count"), note=byte_size(size) if sizes.came else "", sort=count)

    lines = tuple(
        (
            language_cell(code, own_name=True),
            both(rows.came[code], sizes.came.get(code, 0.0)),
            both(rows.stayed.get(code, 0.0), sizes.stayed.get(code, 0.0)),
            _share(_stayed_share(rows, code)),
            *(both(*lost[code, step]) if (code, step) in lost else Cell("–", sort=0.0) for step in steps),
        )
        for code in codes
    )
    heads = ("Came in", "Stayed", "Share", *(step.replace("_", " ") for step in steps))
    columns = (Column("Language"), *(Column(head, number=True) for head in heads))
    caption = (
        "Rows per language, with the bytes of their text below; the largest loss first. Behind the share:"
        " what each step set aside."
    )
    return cut(Table(caption, columns, lines), most, f"All {counted(len(lines), 'language')}")


def _sources(numbers: pl.DataFrame, sizes: Counts) -> list[Block]:
    """What the kept text is from, over all languages."""
    totals = (
        numbers.filter((pl.col("measure") == "source_bytes") & (pl.col("language") != ""))
        .group_by("group")
        .agg(pl.col("value").sum(), pl.col("language").n_unique())
        .sort("value", "group", descending=[True, False])
    )
    if totals.is_empty():
        return []
    whole = float(totals["value"].sum())
    lines = tuple(
        (
            Cell(source or "not named"),
            Cell(byte_size(size), sort=size),
            _share(size / whole if whole else 0.0),
            Cell(value(count, "count"), sort=count),
        )
        for source, size, count in totals.iter_rows()
    )
    columns = (Column("Source"), *(Column(head, number=True) for head in ("Bytes", "Share", "Languages")))
    table = Table("Where the text that stayed is from, over all languages.", columns, lines)
    return [Heading("Sources and domains"), *cut(table, SOURCES, f"All {len(lines)} sources")]


def _domains(numbers: pl.DataFrame, most: int) -> list[Block]:
    """The domains of each language, the most one-sided language first."""
    found: dict[str, dict[str, float]] = {}
    total: dict[str, float] = {}
    shares = numbers.filter((pl.col("measure") == "domain_share") & (pl.col("language") != ""))
    for code, domain, share in shares.select("language", "group", "value").iter_rows():
        found.setdefault(code, {})[domain] = share
        total[domain] = total.get(domain, 0.0) + share
    if not found:
        return []
    domains = sorted(total, key=lambda domain: (-total[domain], domain))[:DOMAINS]
    codes = sorted(found, key=lambda code: (-max(found[code].values()), code))
    skewed: dict[str, list[str]] = {}
    for code in codes:
        largest = max(found[code], key=lambda domain: (found[code][domain], domain))
        if found[code][largest] > SKEWED and largest != "other":
            skewed.setdefault(largest, []).append(named(code).name)
    sentences = [
        f"In {counted(len(names), 'language')} more than half of the text is “{domain}”: {listed(names)}."
        for domain, names in sorted(skewed.items(), key=lambda item: -len(item[1]))
    ]
    lines = tuple(
        (
            language_cell(code),
            *(_share(found[code][each]) if each in found[code] else Cell("–", sort=0.0) for each in domains),
        )
        for code in codes
    )
    columns = (Column("Language"), *(Column(domain, number=True) for domain in domains))
    table = Table(
        "Domains of the text that stayed, by bytes, the most one-sided language first.", columns, lines
    )
    prose: list[Block] = [Prose(" ".join(sentences))] if sentences else []
    return [*prose, *cut(table, most, f"Domains in all {counted(len(lines), 'language')}")]


def _samples(sampled: pl.DataFrame, codes: Sequence[str], config: ReportConfig) -> list[Block]:
    """Rows of each language that stayed and that did not, drawn at random by curate."""
    if sampled.is_empty() or not config.sample_languages:
        return []
    by_language = {str(key[0]): rows for key, rows in sampled.group_by("language", maintain_order=True)}
    ranked = [code for code in codes if code in by_language]
    ranked += sorted(set(by_language) - set(ranked))
    first = choose(ranked, config.sample_languages)
    others = [code for code in ranked if code not in first]
    shown = others[: max(0, SAMPLED_LANGUAGES - len(first))]
    blocks: list[Block] = [
        Heading("Rows to look at"),
        Prose(
            "Drawn at random: rows that stayed, and one for each of the most frequent reasons against rows."
        ),
        Samples(tuple(_sample(code, by_language[code]) for code in first)),
    ]
    if shown:
        title = f"Rows of {counted(len(shown), 'further language')}"
        title += f" of {len(others)}" if len(shown) < len(others) else ""
        blocks.append(Folded(title, (Samples(tuple(_sample(code, by_language[code]) for code in shown)),)))
    return blocks


def _sample(code: str, rows: pl.DataFrame) -> Sample:
    kept = rows.filter(pl.col("kept")).head(KEPT_ROWS)
    dropped = rows.filter(~pl.col("kept")).unique("reason", keep="first", maintain_order=True)
    dropped = dropped.sort("of_rows", descending=True, maintain_order=True).head(REASONS)
    language = named(code)
    sayings = [*kept.iter_rows(named=True), *dropped.iter_rows(named=True)]
    return Sample(language.name, code, answers=tuple(_saying(row) for row in sayings))


def _saying(row: Mapping[str, object]) -> Saying:
    language = named(str(row["language"]))
    text = str(row["text"])
    if row["kept"]:
        return Saying(str(row["source"]), text, "kept", "✓", language.lang, language.direction)
    number, bound = row["value"], row["threshold"]
    score = f"{number:.4g}" if isinstance(number, float) else ""
    score += f" (bound {bound:.4g})" if score and isinstance(bound, float) else ""
    facts = [each for each in (score, f"1 of {row['of_rows']:,}".replace(",", "\u202f")) if each]
    title = f"{row['step']}: {str(row['reason']).replace('_', ' ')}"
    # A row that was set aside may be in any language.
    return Saying(title, text, "dropped", "✗", "und", direction(text), score=", ".join(facts))
