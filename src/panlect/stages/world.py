"""Stage `world`: build the embedded world, from Unicode CLDR data that the package Babel ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from panlect.draft import draft
from panlect.errors import ConfigError
from panlect.folder import Folder, Input
from panlect.world.build import World, build
from panlect.world.plan import WorldConfig

VERSION = 2

__all__ = ["VERSION", "WorldConfig", "world"]


def world(inputs: Sequence[Input], out: Path, config: WorldConfig) -> Folder:
    """Write the five tables of the world, and how often a guess at a held-out fact is right (`chance`)."""
    if inputs:
        raise ConfigError("the world has no inputs", where="from", fix="remove them")
    with draft(out, "world", VERSION, config, inputs) as folder:
        built = build(config)
        for kind, frame in built.tables.items():
            folder.write(kind, frame)
        for kind, frame in built.dropped.items():
            folder.drop(kind, frame)
        folder.require_languages(built.languages)
        group = "control" if config.control else "held_out"
        for relation, value in built.guessing.items():
            name = f"{group}:{relation}" if relation else group
            folder.number("chance", value, benchmark="world", group=name, unit="share")
        folder.note(**_facts(built))
        folder.log(_summary(built))
    return folder.folder


def _facts(built: World) -> dict[str, object]:
    """What a reader of the manifest wants to know about the world."""
    return {
        "languages": list(built.languages),
        "pivot": built.names.pivot,
        "facts": [f"{fact.id} = {fact.answer}" for fact in built.facts],
        "held_out": sorted(built.held),
        **({"feedback": sorted(built.paired)} if built.paired else {}),
        "concepts": len({f.subject for f in built.facts} | {f.answer for f in built.facts}),
    }


def _summary(built: World) -> str:
    guess = built.guessing.get("", 0.0)
    return (
        f"{len(built.languages)} languages, {len(built.facts)} facts, {len(built.held)} of them held out; "
        f"a guess at one of those is right {guess:.0%} of the time"
    )
