"""`mix`: decides how much of which language is read, and in which order.

Sizes come from the manifests of the inputs; no text is read. The result holds no text either, only a plan:
shares, epochs and quotas per component, and a seekable schedule over the rows of the inputs
(`panlect.mixture.schedule`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import ConfigError, FolderError
from panlect.folder import Folder, Input
from panlect.language import Language
from panlect.mixture import plan as planning
from panlect.mixture.compare import compare, strategies
from panlect.mixture.curriculum import parse, stretches
from panlect.mixture.languages import asked_for
from panlect.mixture.plan import MIXTURE_FILE, Component, Method, Unit, Wish
from panlect.mixture.schedule import Schedule
from panlect.mixture.shares import Floats, Ints
from panlect.mixture.show import show
from panlect.model.corpus import PAIR_TEMPLATE, components_of, filled

VERSION = 1
UNITS: tuple[Unit, ...] = ("bytes", "tokens", "documents")
FEWEST_ROWS = 20
"""What `imitate_web` leaves every language."""
LARGEST_WEB_BYTES = 6.4e12
"""Russian, the largest language of FineWeb-2 (English is not in it)."""


class MixConfig(Config):
    """How much of which language."""

    method: Method = "unimax"
    """`unimax`: uniform, but nothing more than `max_epochs` times. `temperature`: size ** `alpha`.
    `proportional`, `uniform`: alpha 1 and 0. `fixed`: only what `shares` says."""
    alpha: float = Field(default=0.3, ge=0, le=1)
    """Exponent of `temperature`: 1 is proportional, 0 uniform."""
    max_epochs: float | None = Field(default=4.0, gt=0)
    """No language is read more often than this, whatever the method; null removes the limit."""
    epochs: float = Field(default=1.0, gt=0)
    """The budget as a multiple of everything there is; used where no `budget_...` is given."""
    budget_tokens: float | None = Field(default=None, gt=0)
    """The budget in tokens; sizes are then counted in tokens, as bytes / `bytes_per_token`."""
    budget_bytes: float | None = Field(default=None, gt=0)
    """The budget in bytes of UTF-8."""
    budget_documents: float | None = Field(default=None, gt=0)
    """The budget in rows; sizes are then counted in rows."""
    unit: Unit | None = None
    """In which unit sizes are counted (it changes the shares). Null: the unit of the budget, or bytes."""
    bytes_per_token: float = Field(default=4.0, gt=0)
    """Used for languages for which no input (an audit or a tokenizer) says better."""
    shares: dict[str, float] = Field(default_factory=dict)
    """Fixed shares per language, within the text that is neither parallel nor replay; the method divides the
    rest."""
    floors: dict[str, float] = Field(default_factory=dict)
    """Smallest share per language."""
    caps: dict[str, float] = Field(default_factory=dict)
    """Largest share per language."""
    languages: str | tuple[str, ...] = ()
    """Only these languages, or those of a group such as `cldr-100`; empty for all."""
    parallel_share: float | None = Field(default=None, ge=0, le=1)
    """Share of the budget for pairs, each written as one text; null for their share by size."""
    pair_template: str = PAIR_TEMPLATE
    """How a pair becomes a text; may also name {source_language} and {target_language} (codes), {source_name}
    and {target_name} (in English). Every other pair is written in the opposite direction."""
    replay: dict[str, float] = Field(default_factory=dict)
    """Share of the budget per input that keeps old abilities alive (old languages, code)."""
    allow_shortfall: bool = False
    """Train for less if `max_epochs` of everything does not fill the budget; otherwise that is an error."""
    imitate_web: float | None = Field(default=None, gt=0, le=1)
    """For experiments: use only a part of each language, (its web text / that of the largest) **
    `imitate_web`, so that a balanced corpus is as unequal as the web. Null uses everything."""
    curriculum: tuple[str, ...] = ()
    """Stages with shares of inputs, such as `clean 0.8, web 0.2 until 2 epochs of clean`; `parallel_share`,
    `replay` and `max_epochs` then do not apply. The grammar is in `panlect.mixture.curriculum`."""
    seed: int = 0
    """Of the order of rows within each component."""


def mix(inputs: Sequence[Input], out: Path, config: MixConfig) -> Folder:
    """Plan a mixture over all documents and pairs of the inputs."""
    with draft(out, "mix", VERSION, config, inputs) as work:
        planned = _plan(inputs, config, work.log)
        quotas = planning.phase_documents(planned.components, planned.phases, planned.sizes)
        schedule = Schedule(
            [each.name for each in planned.components],
            [each.rows for each in planned.components],
            [phase.tolist() for phase in quotas],
            seed=config.seed,
        )
        _save(work, inputs, planned.components, schedule, config)
        planned.table.write_parquet(work.path / "plan.parquet")
        _report(work, by_language(planned.table), planned.unit)
        work.note(unit=planned.unit, budget=planned.budget, draws=len(schedule), phases=len(quotas))
    return work.folder


def plan(inputs: Sequence[Input], config: MixConfig) -> str:
    """What `mix` would do, as a text for the terminal, beside what other strategies would do."""
    planned = _plan(inputs, config, lambda _: None)
    languages = by_language(planned.table)
    sizes = languages["size"].to_numpy()
    amounts = {"this": languages["amount"].to_numpy(), **strategies(sizes, planned.budget)}
    return show(languages.to_dicts(), compare(sizes, amounts, planned.budget), unit=planned.unit)


class _Planned(NamedTuple):
    components: list[Component]
    unit: Unit
    sizes: Floats
    budget: float
    phases: list[Floats]

    @property
    def table(self) -> pl.DataFrame:
        amounts = np.sum(self.phases, axis=0)
        counts = planning.documents(self.components, amounts, self.sizes)
        return plan_table(self.components, self.sizes, amounts, counts)


def _plan(inputs: Sequence[Input], config: MixConfig, say: Callable[[str], None]) -> _Planned:
    components = _components(inputs, config, say)
    unit, sizes = _sizes(inputs, components, config)
    budget = getattr(config, f"budget_{unit}") or config.epochs * float(sizes.sum())
    if config.curriculum:
        phases = _phases(components, sizes, budget, unit, config)
    else:
        phases = [_amounts(components, sizes, budget, config)]
    return _Planned(components, unit, sizes, budget, phases)


def _phases(
    components: Sequence[Component], sizes: Floats, budget: float, unit: Unit, config: MixConfig
) -> list[Floats]:
    """Amounts per component in each stretch of the curriculum; within an input, languages by the method."""
    sources = sorted({each.source for each in components})
    weights = {}
    totals = {}
    for source in sources:
        chosen = np.array([each.source == source for each in components])
        totals[source] = float(sizes[chosen].sum())
        mine = [each for each in components if each.source == source]
        weights[source] = np.zeros(len(components))
        wish = dataclasses.replace(_wish("main", config), max_epochs=None)
        weights[source][chosen] = planning.component_amounts(mine, sizes[chosen], 1.0, wish)
    stages = [parse(line, where=f"curriculum[{n}]") for n, line in enumerate(config.curriculum)]
    course = stretches(stages, totals, unit=unit, budget=budget)
    return [
        np.asarray(
            sum(part.amount * share * weights[name] for name, share in part.shares.items()), dtype=float
        )
        for part in course
    ]


def _components(inputs: Sequence[Input], config: MixConfig, say: Callable[[str], None]) -> list[Component]:
    names = [each.name for each in inputs]
    if len(set(names)) != len(names):
        raise ConfigError(
            "two inputs have the same name", where=", ".join(names), expected="names that differ"
        )
    found = [component for each in inputs for component in components_of(each, say)]
    wanted = asked_for(config.languages, {each.language for each in found})
    chosen = [each for each in found if each.language in wanted]
    if not chosen:
        wish = f" in the languages {config.languages}" if config.languages else ""
        raise FolderError(f"no input holds documents or pairs{wish}", where=", ".join(names) or "no inputs")
    if config.parallel_share == 0:
        chosen = [each for each in chosen if each.kind != "pair"]
    if config.parallel_share == 1 and any(each.kind == "pair" for each in chosen):
        chosen = [each for each in chosen if each.kind == "pair" or each.source in config.replay]
    return [_as_on_the_web(each, config.imitate_web) for each in chosen] if config.imitate_web else chosen


def _as_on_the_web(component: Component, exponent: float) -> Component:
    """The first rows, as many as the language has on the web in proportion (English counts as largest)."""
    size = Language.parse(component.language).web_bytes or LARGEST_WEB_BYTES
    share = min(size / LARGEST_WEB_BYTES, 1.0) ** exponent
    rows = min(component.rows, max(FEWEST_ROWS, round(component.rows * share)))
    return dataclasses.replace(component, rows=rows, bytes=round(component.bytes * rows / component.rows))


def _sizes(
    inputs: Sequence[Input], components: Sequence[Component], config: MixConfig
) -> tuple[Unit, Floats]:
    given = [unit for unit in UNITS if getattr(config, f"budget_{unit}")]
    if len(given) > 1 or (given and config.unit not in (None, given[0])):
        raise ConfigError(
            "the budget is given in more than one unit",
            where=f"budget_{given[0]}",
            expected="one budget, one unit",
        )
    unit = given[0] if given else config.unit or "bytes"
    if unit == "documents":
        return unit, np.array([each.rows for each in components], dtype=np.float64)
    sizes = np.array([each.bytes for each in components], dtype=np.float64)
    if unit == "tokens":
        known = _bytes_per_token(inputs)
        sizes /= np.array([known.get(each.language, config.bytes_per_token) for each in components])
    return unit, sizes


def _bytes_per_token(inputs: Sequence[Input]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in inputs:
        if isinstance(each, Folder):
            rows = each.numbers().filter(
                (pl.col("measure") == "bytes_per_token") & (pl.col("language") != "")
            )
            found |= dict(rows.select("language", "value").iter_rows())
    return found


def _amounts(components: Sequence[Component], sizes: Floats, budget: float, config: MixConfig) -> Floats:
    pairs = np.array([each.kind == "pair" and each.source not in config.replay for each in components])
    parallel = config.parallel_share
    if parallel is None:
        natural = float(sizes[pairs].sum() / sizes.sum())
        parallel = natural * (1 - sum(config.replay.values()))
    amounts = np.zeros(len(components))
    for name, share, numbers in planning.parts(components, parallel_share=parallel, replay=config.replay):
        if share > 0:
            chosen = [components[number] for number in numbers]
            amounts[numbers] = planning.component_amounts(
                chosen, sizes[numbers], share * budget, _wish(name, config)
            )
    return amounts


def _wish(part: str, config: MixConfig) -> Wish:
    main = part == "main"
    return Wish(
        method=config.method if main or config.method != "fixed" else "proportional",
        alpha=config.alpha,
        max_epochs=config.max_epochs,
        shares=_canonical(config.shares) if main else {},
        floors=_canonical(config.floors) if main else {},
        caps=_canonical(config.caps) if main else {},
        allow_shortfall=config.allow_shortfall,
    )


def _canonical(shares: Mapping[str, float]) -> dict[str, float]:
    return {Language.parse(code).code: share for code, share in shares.items()}


def _save(
    work: Draft,
    inputs: Sequence[Input],
    components: Sequence[Component],
    schedule: Schedule,
    config: MixConfig,
) -> None:
    used = {component.source for component in components}
    locations = {facts["name"]: facts["location"] for facts in work.facts["inputs"]}
    plan: dict[str, Any] = {
        "sources": [
            {"source": each.name, "location": locations[each.name], "fingerprint": each.fingerprint}
            for each in inputs
            if each.name in used
        ],
        "components": [vars(each) for each in components],
        "schedule": schedule.to_dict(),
        "pair_template": config.pair_template,
    }
    _check_template(config.pair_template)
    (work.path / MIXTURE_FILE).write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")


def _check_template(template: str) -> None:
    try:
        filled(template, ("s", "t"), ("eng_Latn", "swh_Latn"))
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            f"cannot fill in the template ({error})",
            where="pair_template",
            expected="only {source}, {target}, and their languages: {source_language}, {source_name} …",
        ) from error
    if "{source}" not in template or "{target}" not in template:
        raise ConfigError("the template must name {source} and {target}", where="pair_template")


def plan_table(components: Sequence[Component], sizes: Floats, amounts: Floats, counts: Ints) -> pl.DataFrame:
    """One row per component; `size` and `amount` are in the plan's unit."""
    rows = np.array([each.rows for each in components])
    return pl.DataFrame(
        {
            "source": [each.source for each in components],
            "kind": [each.kind for each in components],
            "language": [each.language for each in components],
            "rows": rows,
            "bytes": [each.bytes for each in components],
            "size": sizes,
            "amount": amounts,
            "share": amounts / amounts.sum(),
            "epochs": counts / rows,
            "documents": counts,
        }
    )


def by_language(table: pl.DataFrame) -> pl.DataFrame:
    """The plan per language, most repeated first, with a warning where text is repeated too often."""
    many = planning.MANY_EPOCHS
    return (
        table.group_by("language")
        .agg(
            pl.col("rows", "bytes", "size", "amount", "share", "documents").sum(),
            (pl.col("documents") * pl.col("bytes") / pl.col("rows")).sum().alias("bytes_planned"),
        )
        .with_columns(
            (pl.col("size") / pl.col("size").sum()).alias("natural_share"),
            (pl.col("amount") / pl.col("size")).alias("epochs"),
        )
        .with_columns(
            pl.when(pl.col("epochs") > many + 1e-9)
            .then(pl.lit(f"more than {many} epochs"))
            .otherwise(pl.lit(""))
            .alias("warning")
        )
        .sort("epochs", "language", descending=[True, False])
    )


def _report(work: Draft, languages: pl.DataFrame, unit: Unit) -> None:
    for row in languages.iter_rows(named=True):
        facts: Mapping[str, tuple[float, str]] = {
            "share": (row["share"], unit),
            "natural_share": (row["natural_share"], unit),
            "epochs": (row["epochs"], "epochs"),
            "documents_planned": (row["documents"], "documents"),
            "bytes_planned": (row["bytes_planned"], "bytes"),
        }
        for measure, (value, of_unit) in facts.items():
            work.number(measure, float(value), language=row["language"], count=row["rows"], unit=of_unit)
    if repeated := languages.filter(pl.col("warning") != "").height:
        worst = languages.row(0, named=True)
        work.log(
            f"{repeated} of {languages.height} languages are read more than {planning.MANY_EPOCHS} times;"
            f" most of all {worst['language']}: {worst['epochs']:.1f} epochs"
        )
