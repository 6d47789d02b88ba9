"""From rows to what is sent: the variant of the prompt, the examples before it, and what is ranked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from panlect.benchmarks import few_shot
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Benchmark, Row
from panlect.benchmarks.questions import sample

_SLICE = re.compile(r"(, )?slice=.*$")


class Ranking(NamedTuple):
    """For RankC: how many items of a language have their candidates ranked, of which groups, and the seed."""

    items: int
    groups: Sequence[str]
    seed: int


@dataclass(frozen=True)
class Prompts:
    """How rows become questions.

    Attributes:
        found: the benchmarks by name.
        shots: examples that come before.
        variant: of the prompts; a benchmark that has no such variant is asked as usual.
        layer: the block that retrieval compares, None for the middle one.
        ranking: what is ranked as well.
        forms: only what is asked in these ways; empty for all.
        answer_tokens: longest generated answer, where a benchmark allows more.
    """

    found: Mapping[str, Benchmark]
    shots: few_shot.Shots
    variant: str
    layer: int | None
    ranking: Ranking
    forms: Sequence[str] = ()
    answer_tokens: int | None = None

    def jobs(self, rows: Sequence[Row], *, chats: bool) -> list[Job]:
        """Every row once, and the candidates of a few rows for RankC."""
        jobs = [job for row in rows if (job := self._job(row, chats)) is not None]
        ranked = [row for row in rows if row["group"] in self.ranking.groups]
        for row in sample(ranked, self.ranking.items, self.ranking.seed) if self.ranking.items else ():
            chosen = self.found[row["benchmark"]]
            form = self._form(chosen, chats)
            rank = chosen.variants.get(f"{form}_rank") or chosen.variants.get("rank")
            ask = rank(row) if rank else None
            if ask is not None:
                jobs.append(
                    Job(row, ask, "rank", form if f"{form}_rank" in chosen.variants and chats else "")
                )
        return [self._shortened(job) for job in jobs if not self.forms or job.ask.form in self.forms]

    def _shortened(self, job: Job) -> Job:
        most = min(self.answer_tokens or job.ask.maximum_tokens, job.ask.maximum_tokens)
        return replace(job, ask=replace(job.ask, maximum_tokens=most))

    def _form(self, chosen: Benchmark, chats: bool) -> str:
        """The variant of the prompt, "" for the usual one."""
        variant = self.variant if self.variant in chosen.variants else ""
        return variant if chats or "text" not in chosen.variants else "text"

    def _job(self, row: Row, chats: bool) -> Job | None:
        chosen = self.found[row["benchmark"]]
        form = self._form(chosen, chats)
        asked = chosen.variants.get(form, chosen.ask)
        ask = asked(row)
        if ask is None:
            return None
        names = [form] if form and form != "text" else []
        shots = self.shots.get((row["benchmark"], _SLICE.sub("", row["group"]), row["language"]), ())
        if ask.form == "retrieve":
            ask = replace(ask, layer=self.layer)
        elif examples := few_shot.shown(shots, asked):
            ask = few_shot.preceded(ask, examples)
            names.append(f"{len(examples)}-shot")
        return Job(row, ask, variant=", ".join(names))
