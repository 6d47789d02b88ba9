"""What a world is made of: the settings of the stage `world`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from panlect.config import Config

Relation = Literal["currency", "language", "continent", "script", "month", "weekday"]


class WorldConfig(Config):
    """Names and facts of the CLDR in many languages, some facts stated in one language only."""

    languages: str | tuple[str, ...] = "cldr-100"
    """Languages, or groups of languages, to build the world in."""

    pivot: str = "eng_Latn"
    """The language that states every fact, the held-out ones too."""

    relations: tuple[Relation, ...] = ("currency", "language", "continent")
    """What is told: currency, main language and continent of a territory, usual script of each language of
    the world, which month or weekday comes after."""

    territories: int = Field(default=16, ge=2)
    """How many territories are told about. Every name costs the model about a hundred examples per
    language."""

    held_out_share: float = Field(default=1 / 3, ge=0, lt=1)
    """Share of the facts that only the pivot language states; all facts about a subject together."""

    feedback_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of further facts that documents and dialogues state in the pivot language only, and preference
    pairs in every language: feedback about what is known from the pivot alone. They are never asked."""

    control: bool = False
    """Leave the held-out facts out of the pivot language too: what is then answered right is guessed."""

    answers: Literal["pivot", "direct"] = "pivot"
    """Whether an assistant retells the fact in the pivot language before it answers, or answers directly."""

    instructed_languages: str | tuple[str, ...] = ()
    """Languages, or groups, that have dialogues; all of them if empty. The pivot always has."""

    pivot_repeats: int = Field(default=8, ge=1)
    """How often a dialogue about a fact within the pivot language is written: what is rare is forgotten."""

    preferences_per_language: int = Field(default=16, ge=0)
    """Constructed preference pairs about facts, and as many about names, per language: against the right
    thing in a wrong language, or a wrong thing in the right one. The pivot has one for every wrong answer."""

    questions_per_language: int = Field(default=8, ge=0)
    """Questions per language of each kind other than held-out facts, drawn by hash; 0 asks all of them."""

    seed: int = 0
    """Chooses territories and held-out facts; another seed is another world."""
