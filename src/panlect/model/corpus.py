"""Opens a mixture made by the stage `mix`: its schedule, and the text of each draw. No torch here.

The texts of the mixture's sources are held in memory as Arrow columns, read on first use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from panlect import tables
from panlect.errors import DataError, FolderError
from panlect.folder import Folder, Input, resolve
from panlect.folder import tables as read
from panlect.language import Language
from panlect.mixture.plan import MIXTURE_FILE, Component, Wish, component_amounts, documents
from panlect.mixture.schedule import Draw, Schedule

KINDS = ("document", "pair")
SetAside = Callable[[FolderError], None]
"""Is told of a damaged file; without one, a damaged file is an error."""
PAIR_TEMPLATE = "{source}\n{target}"


class Text(NamedTuple):
    """What a draw stands for. A pair counts under its target language, as everywhere."""

    text: str
    language: str
    component: int


def is_mixture(each: Input) -> bool:
    """Whether the input is a folder made by `mix`."""
    return isinstance(each, Folder) and (each.path / MIXTURE_FILE).is_file()


def filled(template: str, texts: tuple[str, str], languages: tuple[str, str]) -> str:
    """A pair as one text; the template names the texts, and if it likes the codes and English names."""
    source_name, target_name = (Language.parse(code).name for code in languages)
    return template.format(
        source=texts[0], target=texts[1], source_language=languages[0], target_language=languages[1],
        source_name=source_name, target_name=target_name,
    )  # fmt: skip


@dataclass(frozen=True)
class Mixture:
    """A schedule over components, and their rows."""

    schedule: Schedule
    components: tuple[Component, ...]
    sources: Mapping[str, Input]
    pair_template: str
    set_aside: SetAside | None = None
    _columns: dict[tuple[str, str], dict[str, pl.DataFrame]] = field(default_factory=dict, repr=False)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """All languages of the mixture, sorted."""
        return tuple(sorted({component.language for component in self.components}))

    def has(self, draw: Draw) -> bool:
        """Whether a draw's text is there: where a damaged file was set aside, there are fewer rows."""
        return draw.row < self._rows(self.components[draw.component]).height

    def text(self, draw: Draw) -> Text:
        """The text of a draw. A pair is written with the template, in either order by epoch and row."""
        component = self.components[draw.component]
        row = self._rows(component).row(draw.row)
        text = (
            row[0]
            if component.kind == "document"
            else self._pair(row, swapped=(draw.row + draw.epoch) % 2 == 1)
        )
        return Text(text, component.language, draw.component)

    def texts(self, component: int) -> Iterator[str]:
        """Every row of a component once, in the order that draws count (pairs in their first order)."""
        chosen = self.components[component]
        for row in self._rows(chosen).head(chosen.rows).iter_rows():
            yield row[0] if chosen.kind == "document" else self._pair(row, swapped=False)

    def _pair(self, row: tuple[Any, ...], *, swapped: bool) -> str:
        source, target, source_language, target_language = row
        if swapped:
            source, target, source_language, target_language = (
                target,
                source,
                target_language,
                source_language,
            )
        return filled(self.pair_template, (source, target), (source_language, target_language))

    def _rows(self, component: Component) -> pl.DataFrame:
        key = (component.source, component.kind)
        if key not in self._columns:
            self._columns[key] = rows_by_language(
                self.sources[component.source], component.kind, self.set_aside
            )
        frame = self._columns[key].get(component.language, pl.DataFrame())
        if frame.height < component.rows and self.set_aside is None:
            raise FolderError(
                f"the source does not have the {component.rows} planned rows of {component.language}",
                where=component.source,
                fix="make the mixture again",
            )
        return frame


def components_of(each: Input, say: Callable[[str], None]) -> list[Component]:
    """The components of an input, from its manifest; one without a manifest is read once (`say` tells)."""
    if isinstance(each, Folder):
        return [
            Component(each.name, kind, language, entry["rows"], entry["bytes"])
            for kind in KINDS
            for language, entry in sorted(each.manifest["counts"].get(kind, {}).items())
            if entry["rows"] and entry["bytes"]
        ]
    for kind in KINDS:
        try:
            frame = read([each], kind)
        except (DataError, FolderError):
            continue
        say(f"{each.name} has no manifest: read once to count its rows")
        rows = tables.sizes(kind, frame).iter_rows()
        return [Component(each.name, kind, language, count, size) for language, count, size in rows if size]
    return []


def sampled(inputs: Sequence[Input], components: Sequence[Component], *, alpha: float, seed: int) -> Mixture:
    """One epoch of the inputs' size, drawn by temperature: for what needs a sample and has no mixture."""
    sizes = np.array([each.bytes for each in components], dtype=np.float64)
    wish = Wish(method="temperature", alpha=alpha, max_epochs=0)
    amounts = component_amounts(components, sizes, float(sizes.sum()), wish)
    quotas = documents(components, amounts, sizes).tolist()
    schedule = Schedule(
        [each.name for each in components], [each.rows for each in components], [quotas], seed=seed
    )
    return Mixture(schedule, tuple(components), {each.name: each for each in inputs}, PAIR_TEMPLATE)


def rows_by_language(source: Input, kind: str, set_aside: SetAside | None = None) -> dict[str, pl.DataFrame]:
    """The text columns of a table's rows per language, in file order."""
    language = tables.LANGUAGE_COLUMN.get(kind, "language")
    columns = (
        ["text"]
        if kind == "document"
        else ["source_text", "target_text", "source_language", "target_language"]
    )
    frame = read([source], kind, set_aside=set_aside)
    return {
        str(key[0]): group.select(columns) for key, group in frame.group_by(language, maintain_order=True)
    }


def open_mixture(folder: Folder, set_aside: SetAside | None = None) -> Mixture:
    """Open a folder made by `mix`; `set_aside` is told of damaged files of its sources.

    Raises:
        FolderError: it is not a mixture, or one of its sources is gone or has changed.
    """
    file = folder.path / MIXTURE_FILE
    if not file.is_file():
        raise FolderError(
            "the folder is not a mixture", where=str(folder.path), expected="a folder made by `mix`"
        )
    plan = json.loads(file.read_text(encoding="utf-8"))
    sources = {each["source"]: _source(folder, each) for each in plan["sources"]}
    components = tuple(Component(**each) for each in plan["components"])
    schedule = Schedule.from_dict(plan["schedule"])
    return Mixture(schedule, components, sources, plan["pair_template"], set_aside)


def _source(folder: Folder, facts: Mapping[str, str]) -> Input:
    location = facts["location"]
    here = folder.path.parent / location
    source = resolve(here if here.exists() else location)
    if source.fingerprint != facts["fingerprint"]:
        raise FolderError(
            f"the source '{facts['source']}' has changed since the mixture was made",
            where=location,
            expected=f"fingerprint {facts['fingerprint']}",
            fix="make the mixture again",
        )
    return source
