"""Who is asked: models in this process, a server, and stored answers; and what each of them is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from panlect import ranks
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Row
from panlect.benchmarks.preferences import PREFERENCES
from panlect.benchmarks.prompting import Prompts
from panlect.benchmarks.remote import Remote
from panlect.endpoint import EndpointConfig
from panlect.errors import ModelError
from panlect.folder import Folder, Input
from panlect.folder import models as find_models

TEXT_STAGES = frozenset({"tokenizer", "pretrain", "extend", "trim"})  # their models never saw a dialogue


@dataclass(frozen=True)
class Contestant:
    """Somebody who is asked.

    Attributes:
        step: the name in every number.
        kind: a model in this process, a server, or answers stored by an earlier evaluation.
        rates: whether it is a reward model, which is asked about preferences and nothing else.
        location: the model's directory or hub id.
        stage: the stage that made it, "" for models of others.
        problem: why it cannot be asked for log-probabilities, or "".
    """

    step: str
    kind: Literal["model", "server", "stored"]
    rates: bool = False
    location: str = ""
    stage: str = ""
    problem: str = ""


def contestants(
    inputs: Sequence[Input],
    endpoint: EndpointConfig | None,
    earlier: Mapping[str, Collection[str]],
    rates: Callable[[str], bool],
) -> list[Contestant]:
    """Models in the order given, then the endpoint, then steps that only stored answers are left of.

    Args:
        inputs: models among others.
        endpoint: a server, or None.
        earlier: by step, the keys (`Job.key`) of stored answers.
        rates: whether the model at a place is a reward model.

    Raises:
        ModelError: there is nobody, or two have the same name.
    """
    stages = {each.name: each.manifest["stage"] for each in inputs if isinstance(each, Folder)}
    found = [
        Contestant(name, "model", rates(where), where, stages.get(name, ""))
        for name, where in find_models(inputs)
    ]
    if endpoint and not ranks.rank():  # one process asks a server
        problem = Remote(endpoint).without_scores()
        found.append(Contestant(endpoint.model.replace("/", "_"), "server", problem=problem))
    names = [one.step for one in found]
    for step, keys in earlier.items():
        if step not in names:
            found.append(Contestant(step, "stored", any(_benchmark(key) in PREFERENCES for key in keys)))
    if not found:
        raise ModelError(
            "there is no model to evaluate",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected="a folder with a model, a Hugging Face directory or a hub id",
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelError(
            f"two models have the same name: {', '.join(twice)}",
            where="inputs",
            fix="rename one directory: numbers are told apart by it",
        )
    return found


def _benchmark(key: str) -> str:
    return str(json.loads(key)[0]).partition(":")[0]


def jobs_of(
    one: Contestant, rows: Sequence[Row], prompts: Prompts, *, chats: bool, insist: bool
) -> list[Job]:
    """What one contestant is asked.

    What a server cannot do is left out, unless the settings name the benchmarks (`insist`).

    Raises:
        ModelError: nothing else is left, or the settings name a benchmark that the server cannot do.
    """
    if one.kind == "stored":  # asked in whichever way it was
        both = [*prompts.jobs(rows, chats=True), *prompts.jobs(rows, chats=False)]
        return list({job.key: job for job in both}.values())
    rows = [row for row in rows if (row["benchmark"] in PREFERENCES) == one.rates]
    jobs = prompts.jobs(rows, chats=chats)
    if one.kind == "model":
        return jobs
    able = {"generate"} if one.problem else {"generate", "choose"}
    # A server scores plain text: it does not say what its template makes of a question.
    jobs = [job for job in jobs if job.purpose != "rank" or ("choose" in able and not job.ask.chat)]
    kept = [job for job in jobs if job.ask.form in able]
    unable = sorted({job.benchmark for job in jobs if job.ask.form not in able})
    if unable and (not kept or insist):
        raise ModelError(
            f"the endpoint cannot be asked {', '.join(unable)} ({one.problem or 'no hidden states'})",
            where="benchmarks",
            expected="for choices: /completions with echo and logprobs, as vLLM has",
            fix="leave these benchmarks out, or evaluate the model's directory instead of the server",
        )
    return kept
