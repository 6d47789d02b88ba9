"""Translation instructions from pairs: all directions, many phrasings, no language dropped or flooded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field, field_validator

from panlect.config import Config
from panlect.dialogue.phrasings import PHRASINGS, PLAIN, Names, ask, chosen_names
from panlect.dialogue.rows import Made, Origin, Row, choose, exchange, row
from panlect.text.keys import content_id, share_of


class Translate(Config):
    """How pairs become translation instructions."""

    directions: Literal["both", "one", "forward", "backward"] = "both"
    """Every pair in both directions; in one, chosen by hash; from source to target only; or back only."""
    rows_per_direction: int = Field(default=0, ge=0)
    """No direction between two languages gets more rows than this; 0 takes all."""
    between_per_sentence: int = Field(default=0, ge=0)
    """So many more rows per sentence of the pivot language between two others that it is paired with: this is
    how directions without the pivot come about."""
    pivot: str = "eng_Latn"
    """The language that pairs have in common."""
    plain_share: float = Field(default=0.5, ge=0, le=1)
    """This share is phrased exactly as `evaluate` asks; the rest in many ways, chosen by hash."""
    phrasings: tuple[str, ...] = ()
    """Your own phrasings instead of the built-in ones; each names {text}, {target}, if wanted {source}."""
    names: tuple[Names, ...] = ("english", "own")
    """How languages are named, chosen by hash for each side: in English, or as they call themselves."""
    origin: Origin = "human"
    """Who made the translations, unless the pairs have a column `origin`."""

    @field_validator("phrasings")
    @classmethod
    def _complete(cls, phrasings: tuple[str, ...]) -> tuple[str, ...]:
        for phrasing in phrasings:
            named = {name for _, name, _, _ in Formatter().parse(phrasing) if name is not None}
            if not {"text", "target"} <= named <= {"text", "target", "source"}:
                raise ValueError(
                    f"{phrasing!r} must name {{text}} and {{target}}, and besides only {{source}}"
                )
        return phrasings


class _Direction(NamedTuple):
    """One pair read in one direction."""

    key: str
    parent: str
    texts: tuple[str, str]
    languages: tuple[str, str]
    facts: dict[str, str]


def translate(pairs: pl.DataFrame, settings: Translate, *, seed: int) -> Made:
    """Make translation instructions; a side that is empty, or equal to the other, is left out."""
    found: list[_Direction] = []
    left_out: list[Row] = []
    for pair in pairs.iter_rows(named=True):
        if reason := _unfit(pair):
            left_out.append(_as_left_out(pair, reason))
        else:
            found += _directions(pair, settings, seed)
    found += _between(pairs, settings, seed)
    kept = _capped(found, settings.rows_per_direction)
    return Made([_dialogue(each, settings, seed) for each in kept], left_out)


def _unfit(pair: dict[str, Any]) -> str:
    source, target = (pair["source_text"] or "").strip(), (pair["target_text"] or "").strip()
    if not source or not target:
        return "empty_side"
    if pair["source_language"] == pair["target_language"]:
        return "same_language"
    return "untranslated" if source == target and len(source) > 40 else ""


def _as_left_out(pair: dict[str, Any], reason: str) -> Row:
    languages = pair["source_language"], pair["target_language"]
    texts = exchange(pair["source_text"] or "", pair["target_text"] or "")
    facts = {"origin": "", "source": pair["source"], "licence": pair["licence"], "task": "translation"}
    return {**row(texts, languages, **facts, parent=pair["id"]), "reason": reason}


def _directions(pair: dict[str, Any], settings: Translate, seed: int) -> Iterator[_Direction]:
    sides = ("source", "target")
    both = [sides, sides[::-1]]
    if settings.directions == "one":
        both = [choose(both, f"{seed}:direction:{pair['id']}")]
    elif settings.directions != "both":
        both = both[:1] if settings.directions == "forward" else both[1:]
    for one, other in both:
        texts = pair[f"{one}_text"], pair[f"{other}_text"]
        languages = pair[f"{one}_language"], pair[f"{other}_language"]
        yield _direction(pair, texts, languages, settings, seed)


def _direction(
    pair: dict[str, Any], texts: tuple[str, str], languages: tuple[str, str], settings: Translate, seed: int
) -> _Direction:
    facts = {
        "origin": pair.get("origin") or settings.origin,
        "source": pair["source"],
        "licence": pair["licence"],
    }
    key = content_id(str(seed), *languages, *texts)
    return _Direction(key, pair["id"], texts, languages, facts)


def _between(pairs: pl.DataFrame, settings: Translate, seed: int) -> Iterator[_Direction]:
    """Join translations of one sentence of the pivot language with each other."""
    if not settings.between_per_sentence:
        return
    stars: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {}
    for pair in pairs.iter_rows(named=True):
        for hub, leaf in (("source", "target"), ("target", "source")):
            if pair[f"{hub}_language"] == settings.pivot and not _unfit(pair):
                star = stars.setdefault(pair[f"{hub}_text"], {})
                star.setdefault(pair[f"{leaf}_language"], (pair[f"{leaf}_text"], pair))
    for text, star in stars.items():
        languages = sorted(star)
        for number in range(settings.between_per_sentence if len(languages) > 1 else 0):
            source = choose(languages, f"{seed}:{number}:from:{text}")
            target = choose([each for each in languages if each != source], f"{seed}:{number}:into:{text}")
            (source_text, pair), (target_text, other) = star[source], star[target]
            made = _direction(pair, (source_text, target_text), (source, target), settings, seed)
            yield made._replace(parent=f"{pair['id']}+{other['id']}", facts=_joined(made.facts, pair, other))


def _joined(facts: dict[str, str], pair: dict[str, Any], other: dict[str, Any]) -> dict[str, str]:
    """A row made of two pairs has both licences."""
    licences = dict.fromkeys((pair["licence"], other["licence"]))
    return facts | {"licence": " AND ".join(licences)}


def _capped(found: Iterable[_Direction], most: int) -> list[_Direction]:
    """The first rows of each direction in the order of their hash, each text pair once, in a fixed order."""
    unique = {each.key: each for each in found}
    if not most:
        return list(unique.values())
    by_direction: dict[tuple[str, str], list[_Direction]] = {}
    for each in unique.values():
        by_direction.setdefault(each.languages, []).append(each)
    return [
        each
        for direction in sorted(by_direction)
        for each in sorted(by_direction[direction], key=lambda one: one.key)[:most]
    ]


def _dialogue(each: _Direction, settings: Translate, seed: int) -> Row:
    key = f"{seed}:{each.key}"
    phrasing, names = PLAIN, None
    if share_of(f"{key}:plain") >= settings.plain_share:
        phrasing = choose(settings.phrasings or PHRASINGS, f"{key}:phrasing")
        names = chosen_names(key, settings.names)
    question = ask(each.texts[0], each.languages, phrasing=phrasing, names=names)
    facts = {**each.facts, "task": "translation", "parent": each.parent}
    return row(exchange(question, each.texts[1]), each.languages, **facts)
