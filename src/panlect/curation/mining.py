"""Translations that hide inside documents, as a step."""

from functools import lru_cache

import polars as pl

from panlect.curation.settings import IncidentalSettings
from panlect.read import Pair
from panlect.text.bitext import Incidental, Mining, incidental
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import load


@lru_cache(maxsize=2)
def _identifier(model: str) -> Identifier:
    return Identifier(load(model))


def mined(
    frame: pl.DataFrame, settings: IncidentalSettings, dropped: list[pl.DataFrame]
) -> tuple[pl.DataFrame, list[Pair]]:
    """Return documents with the column `incidental_pairs`, and the pairs; perhaps drop their documents."""
    if not settings.find or frame.is_empty():
        return frame, []
    how = Mining(settings.minimum_letters, settings.minimum_score, settings.length_ratio, settings.margin)
    encode = None
    if settings.encoder:
        from panlect.model.sentences import load_encoder

        encode = load_encoder(settings.encoder).encode
    found = incidental(frame["text"].to_list(), _identifier(settings.model), how, encode=encode)
    counts = pl.Series("incidental_pairs", [len(each) for each in found], pl.Int64)
    pairs = [
        _pair(each, *row)
        for mine, row in zip(found, frame.select("place", "source", "licence").iter_rows(), strict=True)
        for each in mine
    ]
    frame = frame.with_columns(counts)
    if settings.documents == "keep":
        return frame, pairs
    gone = frame.filter(counts > 0)
    dropped.append(
        gone.with_columns(
            pl.lit("two_languages").alias("reason"),
            pl.lit("incidental").alias("step"),
            pl.col("incidental_pairs").cast(pl.Float64).alias("value"),
        )
    )
    return frame.filter(counts == 0), pairs


def _pair(found: Incidental, place: str, source: str, licence: str) -> Pair:
    """A pair in the order of its languages' codes, so that both orders of lines give the same direction."""
    sides = ((found.first, found.first_language), (found.second, found.second_language))
    (left, left_language), (right, right_language) = sorted(sides, key=lambda side: side[1])
    return Pair(left, right, place, left_language, right_language, source, licence)
