"""Build the world: languages and names, facts and what is held out, and the five tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from panlect.errors import ConfigError
from panlect.language import Language, codes_of
from panlect.world import cldr, leak, tables
from panlect.world.facts import TERRITORY_RELATIONS, Fact, choose, guessing, hold_out, truths
from panlect.world.plan import WorldConfig
from panlect.world.render import Names

COVERAGE = 0.9
"""Share of the languages that must have names for a fact. A few have hardly any names of currencies."""


@dataclass(frozen=True)
class World:
    """A finished world.

    Attributes:
        languages: codes in the order of the settings.
        names: what each language calls things.
        facts: the chosen facts.
        held: ids of the facts that only the pivot language states, or none if `control`.
        paired: ids of further facts that documents and dialogues state in the pivot language only, and that
        preference pairs are about in every language.
        guessing: share of held-out questions that a guess by the stated answers gets right, per relation;
        `""` is all. tables: the five tables by kind.
        dropped: rows set aside, by kind, with a column `reason`.
    """

    languages: tuple[str, ...]
    names: Names
    facts: tuple[Fact, ...]
    held: frozenset[str]
    paired: frozenset[str]
    guessing: Mapping[str, float]
    tables: Mapping[str, pl.DataFrame]
    dropped: Mapping[str, pl.DataFrame]


def build(config: WorldConfig) -> World:
    """Build the world that the settings describe; equal settings build equal worlds.

    Raises:
        ConfigError: a language has no data of its own in CLDR, two are too alike to tell apart, or there are
        not
            enough facts.
    """
    languages = codes_of(config.languages)
    pivot = Language.parse(config.pivot).code
    if pivot not in languages:
        languages = (pivot, *languages)
    names = _names(languages, pivot)
    facts = _facts(config, names)
    held = hold_out(facts, config.held_out_share, config.seed)
    rest = [fact for fact in facts if fact.id not in held]
    paired = hold_out(rest, config.feedback_share * len(facts) / max(1, len(rest)), config.seed)
    instructed = frozenset(
        (*codes_of(config.instructed_languages), pivot) if config.instructed_languages else languages
    )
    made, dropped = tables.Draft(names, facts, held, config, languages, instructed, paired).all()
    kept, leaking = leak.separate(made, facts, held, names, control=config.control)
    for kind, rows in leaking.items():
        dropped[kind] = pl.concat([dropped[kind], rows], how="diagonal_relaxed") if kind in dropped else rows
    leak.check(kept, facts, held, names, control=config.control)
    chance = guessing([fact for fact in facts if fact.id not in paired], held)
    return World(languages, names, facts, held, paired, chance, kept, dropped)


def _names(languages: Sequence[str], pivot: str) -> Names:
    """The names of all languages; a language must have data of its own and a name of its own."""
    own: dict[str, dict[str, str]] = {}
    tags: dict[str, str] = {}
    for code in languages:
        locale = Language(code).cldr_locale
        if not locale:
            raise ConfigError(
                f"CLDR has no data of its own for the language {code}", where="languages",
                fix="remove it; the group cldr-100 lists languages that have",
            )  # fmt: skip
        own[code] = cldr.names(locale)
        tags[code] = "-".join((cldr.autonym(locale, own[code]) or code).split())
    taken: dict[str, str] = {}
    for code, tag in tags.items():
        if tag.casefold() in taken:
            raise ConfigError(
                f"{taken[tag.casefold()]} and {code} call themselves the same: {tag}", where="languages",
                fix="keep one of the two",
            )  # fmt: skip
        taken[tag.casefold()] = code
    return Names(tags, own, pivot)


def _facts(config: WorldConfig, names: Names) -> tuple[Fact, ...]:
    """Choose among the facts that nearly all of the languages have names for."""
    own = {f"language:{Language(code).cldr_locale.partition('_')[0]}" for code in names.tags}
    wanted = [
        f
        for f in truths()
        if f.relation.partition("+")[0] in config.relations and (f.relation != "script" or f.subject in own)
    ]
    able = [
        f for f in wanted if _coverage(f, names) >= COVERAGE and names.has(names.pivot, f.subject, f.answer)
    ]
    facts = choose(able, config.territories, config.seed)
    about = {f.subject for f in facts if f.subject.startswith("territory:")}
    if len(about) < config.territories and set(TERRITORY_RELATIONS) & set(config.relations):
        raise ConfigError(
            f"the languages have no names for {config.territories} territories with shared answers",
            where="territories", fix="ask for fewer territories, or fewer languages",
        )  # fmt: skip
    return facts


def _coverage(fact: Fact, names: Names) -> float:
    return sum(names.has(language, fact.subject, fact.answer) for language in names.tags) / len(names.tags)


def digest_of(world: World) -> str:
    """A digest of every row of every table, for checking that two worlds are the same."""
    state = sha256()
    for kind in sorted(world.tables):
        state.update(kind.encode())
        state.update(world.tables[kind].write_json().encode())
    return state.hexdigest()
