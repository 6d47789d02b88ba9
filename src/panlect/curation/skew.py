"""Where a language's text is from: the mixture of sources, and how much of it is one kind of text.

Most languages have little more than a bible and a Wikipedia; a model trained on them speaks like one.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from panlect.curation.settings import SourceCard
from panlect.draft import Draft

DOMAINS: Mapping[str, re.Pattern[str]] = {
    "bible": re.compile(r"bible|scripture|testament|[-_ ]nt\b|jw\.org|jw300"),
    "wikipedia": re.compile(r"wiki"),
    "declarations": re.compile(r"udhr"),
    "news": re.compile(r"news|lafand|ntrex"),
    "subtitles": re.compile(r"subtitle|qed|ted20"),
    "software": re.compile(r"github|gnome|kde4|ubuntu|docs\b|i18n"),
}
"""What a source's name or a row's address says of its domain, where its card says nothing."""
OTHER = "other"
SOURCES_SHOWN = 5
"""More sources of a language are added up as `other`."""


def numbers(draft: Draft, cards: Sequence[SourceCard]) -> None:
    """Record `source_bytes` and `domain_share` of every language's documents."""
    said = {card.source: card.domain for card in cards if card.domain}
    by_source: Counter[tuple[str, str]] = Counter()
    by_domain: Counter[tuple[str, str]] = Counter()
    for file in sorted((draft.path / "data").glob("document-*.parquet")):
        for language, source, site, size_bytes in _sizes(file).iter_rows():
            by_source[language, source] += size_bytes
            by_domain[language, said.get(source) or domain(f"{source} {site}")] += size_bytes
    totals: Counter[str] = Counter()
    for (language, _), size_bytes in by_domain.items():
        totals[language] += size_bytes
    for (language, source), size_bytes in sorted(_largest(by_source).items()):
        draft.number(
            "source_bytes", float(size_bytes), language=language, group=source, count=size_bytes, unit="bytes"
        )
    for (language, name), size_bytes in sorted(by_domain.items()):
        if totals[language]:
            share = size_bytes / totals[language]
            draft.number("domain_share", share, language=language, group=name, count=size_bytes, unit="share")


def domain(said: str) -> str:
    """Return the domain that a source's name, or an address, speaks of."""
    lower = said.lower()
    return next((name for name, pattern in DOMAINS.items() if pattern.search(lower)), OTHER)


def _sizes(file: Any) -> pl.DataFrame:
    """Return bytes by language, source and site: the file's path and the host of the address."""
    frame = pl.read_parquet(file, columns=["language", "source", "url", "place", "text"])
    host = pl.col("url").fill_null("").str.extract(r"^[a-z]+://([^/]+)", 1)
    path = pl.col("place").str.replace(r":[^:/]*(:\d+)?$", "")
    return (
        frame.select(
            "language",
            "source",
            pl.concat_str(path, host.fill_null(""), separator=" ").alias("site"),
            pl.col("text").str.len_bytes(),
        )
        .group_by("language", "source", "site")
        .agg(pl.col("text").cast(pl.Int64).sum())
    )


def _largest(by_source: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    rank: Counter[str] = Counter()
    for (language, source), size_bytes in by_source.most_common():
        rank[language] += 1
        found[language, source if rank[language] <= SOURCES_SHOWN else OTHER] += size_bytes
    return found
