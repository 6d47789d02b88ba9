"""Cards: what is known about each source of a finished table, from the curator and from its rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from panlect.curation.rules import UNKNOWN_LICENCE
from panlect.curation.settings import SourceCard
from panlect.curation.steps import canonical
from panlect.draft import Draft
from panlect.errors import DataError

FILES_NAMED = 3
"""How many files a card without an origin names."""


def complete(draft: Draft, cards: Sequence[SourceCard]) -> dict[str, dict[str, Any]]:
    """Return a card for every source that has rows, and for those that a card names.

    What a card does not say is read off the rows: their licences, languages and files.

    Raises:
        DataError: a source has rows in a language that its card does not name.
    """
    said = {card.source: card.model_dump() for card in cards}
    found: dict[str, dict[str, set[str]]] = {}
    for frame in _rows(draft.path):
        for source, licence, languages, files in frame.iter_rows():
            mine = found.setdefault(source, {"licence": set(), "languages": set(), "files": set()})
            mine["licence"].add(licence)
            mine["languages"].update(languages)
            mine["files"].update(files)
    whole = {}
    for source in sorted(said.keys() | found.keys()):
        card = said.get(source, SourceCard(source=source, licence="").model_dump())
        if source in found:
            card = _filled(card, found[source])
        whole[source] = card | {"licence": card["licence"] or UNKNOWN_LICENCE}
    return whole


def _filled(card: dict[str, Any], found: dict[str, set[str]]) -> dict[str, Any]:
    named = {canonical(code) for code in card["languages"]}
    if named and (others := sorted(found["languages"] - named)):
        raise DataError(
            f"a source has rows in languages that its card does not name: {', '.join(others)}",
            where=f"cards: {card['source']}",
            expected=", ".join(sorted(named)),
            fix="add them to the card's languages, or set `languages` to keep only those you want",
        )
    files = sorted(found["files"])
    listed = ", ".join(files[:FILES_NAMED]) + (
        f" and {len(files) - FILES_NAMED} more" if len(files) > FILES_NAMED else ""
    )
    return card | {
        "licence": card["licence"] or " OR ".join(sorted(found["licence"])),
        "origin": card["origin"] or listed,
        "languages": sorted(found["languages"]),
    }


def _rows(path: Path) -> Iterator[pl.DataFrame]:
    """Yield (source, licence, languages, files) of every table's file."""
    file_name = pl.col("place").str.replace(r":[^:/]*(:\d+)?$", "")
    for kind, columns in (("document", ["language"]), ("pair", ["source_language", "target_language"])):
        for file in sorted((path / "data").glob(f"{kind}-*.parquet")):
            frame = pl.read_parquet(file, columns=["source", "licence", "place", *columns])
            yield frame.group_by("source", "licence").agg(
                pl.concat_list(columns).list.explode().unique().alias("languages"),
                file_name.unique().alias("files"),
            )


def dropped_for(path: Path) -> Counter[str]:
    """Return how many rows were set aside for which reason."""
    reasons: Counter[str] = Counter()
    for file in (path / "dropped").glob("*.parquet"):
        reasons.update(pl.read_parquet(file, columns=["reason"])["reason"].to_list())
    return reasons
