"""`evaluate`: ask several models every question in every language, judge, and report numbers with intervals.

Inputs are models (folders with a model, Hugging Face directories, hub ids) and folders with question tables.
Every answer is stored in the table `answer`, so that measures can be made again without the models; a killed
run continues with the first question that was not answered. Several processes (torchrun, accelerate)
share them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field

from panlect.benchmarks import agenda, catalog, coverage, few_shot, preferences, translated
from panlect.benchmarks.answers import answer_rows, numbers_of_answers, stored_answers
from panlect.benchmarks.asking import Alone, answer_all
from panlect.benchmarks.benchmark import Answer, Benchmark, Row
from panlect.benchmarks.contestants import TEXT_STAGES, Contestant, contestants, jobs_of
from panlect.benchmarks.engines import Engine, Local, Tools
from panlect.benchmarks.preferences import RewardModel
from panlect.benchmarks.prompting import Prompts, Ranking
from panlect.benchmarks.questions import sample
from panlect.benchmarks.remote import Remote
from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.endpoint import EndpointConfig
from panlect.errors import FolderError
from panlect.folder import Folder, Input
from panlect.folder import tables as read_tables
from panlect.language import codes_of
from panlect.measure.fairness import worst
from panlect.measure.translation import flores_tokeniser
from panlect.tables import SCHEMAS

VERSION = 1
PARALLEL = True
HARNESS = "lm-eval:"


class EvaluateConfig(Config):
    """What is asked, of whom, and how much of it."""

    benchmarks: tuple[str, ...] = ()
    """Benchmarks to run; `lm-eval:name` runs a task of lm-evaluation-harness. Empty: those that the inputs
    hold questions of; if they hold none, every published benchmark that `data` and `data_directory` have
    files of in these languages."""
    data: dict[str, str] = Field(default_factory=dict)
    """Where a benchmark's published files are, by its name: a directory or a file."""
    data_directory: str = ""
    """A directory with one folder per benchmark."""
    hub: bool = False
    """Fetch files that are not here from the Hugging Face Hub."""
    harness_tasks: str = ""
    """A directory with your own task files of lm-evaluation-harness, for `lm-eval:name`; then those that the
    harness has are not looked through, which takes ten seconds."""
    languages: str | tuple[str, ...] = ()
    """Languages in any scheme, or names of groups; empty asks in all."""
    items_per_language: int = Field(default=0, ge=0)
    """Items per benchmark, group and language, the same in all languages (by hash); 0 asks all."""
    forms: tuple[Literal["generate", "choose", "retrieve"], ...] = ()
    """Only what is asked in these ways: `[choose]` scores and ranks, and generates nothing. Empty for all."""
    answer_tokens: int | None = Field(default=None, ge=1)
    """Longest generated answer, where a benchmark allows more; lent answers keep their length."""
    examples: int = Field(default=0, ge=0, le=100)
    """Worked examples before each question, the same for all questions of a language: from the benchmark's
    own file for that (XCOPA's validation set), or else held out. Numbers carry the name `xcopa:5-shot`."""
    rank_items: int = Field(default=8, ge=0)
    """Items per language whose candidates are ranked for RankC; 0 ranks none."""
    rank_groups: tuple[str, ...] = ("held_out", "control")
    """Groups of questions that are ranked."""
    retrieval_layer: int | None = Field(default=None, ge=0)
    """The block whose outputs are averaged for `tatoeba`, from 0; null takes the middle one."""
    form: Literal["auto", "chat", "text"] = "auto"
    """Ask as a dialogue or as the beginning of a text. `auto`: text for models that only ever saw text."""
    variant: str = "upstream"
    """Prompts as the benchmark's usual harness has them, or a variant such as `corrected`, which mends their
    documented defects. A benchmark asked with a variant is named so in every number (`xcopa:corrected`)."""
    slices: tuple[Literal["typos", "lost_diacritics", "romanised", "code_switched"], ...] = ()
    """Ask the questions again as people type them; each change is a group of its own (`slice=typos`)."""
    lexicons: str = ""
    """For `code_switched`: a directory with `en_<language>.tsv` (English, tab, translation)."""
    spbleu: bool = False
    """Rate translations by spBLEU too; the tokeniser's file must be where sacreBLEU looks for it."""
    comet: str = ""
    """Rate translations by this model of COMET too: `Unbabel/wmt22-comet-da`, or a checkpoint here."""
    comet_python: str = ""
    """The interpreter of an environment with `unbabel-comet`, which cannot be installed beside Panlect."""
    endpoint: EndpointConfig | None = None
    """A model behind an OpenAI-compatible server, evaluated beside the inputs under its own name."""
    pivot: str = "eng_Latn"
    """The language that the others are compared with."""
    seed: int = 0
    """Of the sample of items and of the bootstrap."""


def evaluate(inputs: Sequence[Input], out: Path, config: EvaluateConfig) -> Folder:
    """Evaluate every model among the inputs on the questions among the inputs.

    An input that is an earlier evaluation lends its answers: what was asked then with the same prompt is not
    asked again, and a step whose model is not among the inputs is judged by its stored answers alone.

    Raises:
        ModelError: nobody is there to be asked.
        FolderError: no question of the benchmarks and languages asked for is among the inputs.
    """
    from panlect.model.lm_eval_engine import evaluate_task
    from panlect.model.parallel import join
    from panlect.model.reward import is_reward_directory

    among = join("ddp")
    rate, earlier = _rater(config), _earlier(inputs)
    everybody = contestants(inputs, config.endpoint, earlier, is_reward_directory)
    with draft(out, "evaluate", VERSION, config, inputs) as work:
        questions = _questions(work, inputs, config, {one.rates for one in everybody})
        asked = _asked(questions.rows, config)
        _note_coverage(work, questions, asked, codes_of(config.languages))
        asked, shots = _with_examples(work, asked, config)
        asked += agenda.sliced(asked, config.slices, config.lexicons)
        found = {name: agenda.known(name) for name in sorted({row["benchmark"] for row in questions.rows})}
        prompts = _prompts(found, shots, config)
        frames = []
        for one in everybody:
            if among.rank and one.kind != "model":
                continue
            known = earlier.get(one.step, {})
            jobs = jobs_of(one, asked, prompts, chats=_chats(one, config), insist=bool(config.benchmarks))
            if one.kind == "stored":
                jobs = [job for job in jobs if job.key in known]
            with work.progress(len(jobs), "questions", f"ask {one.step}") as bar:
                store = work.scratch / f"{one.step}.jsonl"
                shared = among if one.kind == "model" else Alone()
                answers = answer_all(
                    jobs, partial(_engine, one, config, among.device), store, bar, known, shared
                )
            if among.rank:
                continue  # the first process judges and writes
            frames.append(answer_rows(one.step, found, questions.rows, jobs, answers))
            if one.kind == "model" and (tasks := _harness_tasks(config)):
                include = Path(config.harness_tasks) if config.harness_tasks else None
                _write_harness(work, one.step, evaluate_task(one.location, tasks, include=include))
        if not among.rank:
            _write(work, pl.concat(frames), config, rate)
    return work.folder


def _prompts(found: Mapping[str, Benchmark], shots: few_shot.Shots, config: EvaluateConfig) -> Prompts:
    """How everything is asked."""
    return Prompts(
        found,
        shots,
        variant=config.variant,
        layer=config.retrieval_layer,
        ranking=Ranking(config.rank_items, config.rank_groups, config.seed),
        forms=config.forms,
        answer_tokens=config.answer_tokens,
    )


def _engine(one: Contestant, config: EvaluateConfig, device: Any) -> Engine:
    """Open what answers."""
    from panlect.model.generate import Generation
    from panlect.model.load import load
    from panlect.model.pooling import pooled
    from panlect.model.reward import rewards
    from panlect.model.shared_prefix import adds_begin, stream_choices

    chats = _chats(one, config)
    if one.kind == "model":
        model = load(one.location)
        model.network.to(device)
        if one.rates:
            return RewardModel(partial(rewards, model))
        begin = bool(one.stage) or adds_begin(model.tokenizer)
        return Local(model, Tools(Generation, stream_choices, pooled), chats=chats, begin=begin)
    assert config.endpoint is not None, "stored answers are never asked for again"
    return Remote(config.endpoint, chats=chats)


def _rater(config: EvaluateConfig) -> Any:
    """COMET's function, None if it is not asked for. What spBLEU lacks is said before any work, too."""
    from panlect.model.comet import rater

    if config.spbleu:
        flores_tokeniser()
    return rater(config.comet, config.comet_python) if config.comet else None


def _write(work: Draft, answers: pl.DataFrame, config: EvaluateConfig, rate: Any) -> None:
    if config.spbleu:
        answers = translated.with_spbleu(answers)
    if rate:
        answers = translated.with_comet(answers, rate)
    work.write("answer", answers)
    if found := translated.signatures(answers):
        work.note(signatures=found)
        for name, text in found.items():
            work.log(f"{name}: {text}")
    made = numbers_of_answers(answers, pivot=config.pivot, seed=config.seed)
    numbers = pl.DataFrame(made, schema=dict(SCHEMAS["numbers"]))
    work.numbers(numbers)
    _log_failures(work, answers)
    _log_results(work, answers, numbers)


def _log_failures(work: Draft, answers: pl.DataFrame) -> None:
    """How many questions were not answered, and what the usual reason was; numbers in it differ."""
    failed = answers.filter(pl.col("verdict") == "failed")
    if failed.is_empty():
        return
    work.log(
        f"{failed.height} of {answers.height} questions were not answered and are in no mean but `failed`"
    )
    kind = pl.col("failure").str.replace_all(r"\d+", "#")
    reasons = failed.group_by("step", kind.alias("kind"), maintain_order=True).agg(
        pl.len(), pl.first("failure")
    )
    for step, _, count, example in reasons.sort("len", descending=True).head(5).iter_rows():
        work.log(f"{step}: {count} times: {example}")


def _earlier(inputs: Sequence[Input]) -> dict[str, dict[str, Answer]]:
    """Answers stored by earlier evaluations, by step and key."""
    found: dict[str, dict[str, Answer]] = {}
    for each in inputs:
        if isinstance(each, Folder) and "answer" in each.kinds:
            for step, answers in stored_answers(each.table("answer")).items():
                found.setdefault(step, {}).update(answers)
    return found


def _chats(one: Contestant, config: EvaluateConfig) -> bool:
    return config.form == "chat" or (config.form == "auto" and one.stage not in TEXT_STAGES)


def _harness_tasks(config: EvaluateConfig) -> list[str]:
    return [name.removeprefix(HARNESS) for name in config.benchmarks if name.startswith(HARNESS)]


def _write_harness(work: Draft, step: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    """The harness's own numbers, under its own names, with the normal interval of its standard error."""
    for task, values in found.items():
        for name, value in values.items():
            measure, _, kind = name.partition(",")
            if not kind or measure.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = values.get(f"{measure}_stderr,{kind}")
            half = 1.96 * error if isinstance(error, float) else None
            work.number(
                f"lm_eval_{measure}", float(value), step=step, benchmark=f"{HARNESS}{task}",
                group="" if kind == "none" else kind, count=int(values.get("count", 0)),
                low=None if half is None else value - half, high=None if half is None else value + half,
            )  # fmt: skip


def _questions(
    work: Draft, inputs: Sequence[Input], config: EvaluateConfig, rating: Collection[bool]
) -> agenda.Found:
    """All questions that can be asked; the others are set aside with a reason.

    `rating` says whether reward models (True) and others (False) are there to be asked.
    """
    named = [name for name in config.benchmarks if not name.startswith(HARNESS)]
    if config.benchmarks and not named:
        return agenda.Found([], [])
    places = catalog.Places(config.data, config.data_directory, config.hub)
    tables = _tables(inputs, "question") if False in rating else []
    tables += [preferences.questions(each) for each in _tables(inputs, "preference") if True in rating]
    otherwise = [name for name in catalog.published() if (name in preferences.PREFERENCES) in rating]
    found = agenda.gather(tables, named, places, codes_of(config.languages), otherwise=otherwise)
    if found.dropped:
        schema = dict(SCHEMAS["question"]) | {"reason": pl.String}
        rows = [{name: row.get(name) for name in schema} for row in found.dropped]
        work.drop("question", pl.DataFrame(rows, schema))
        work.log(f"{len(rows)} questions cannot be asked; see `panlect show --dropped`")
    return found


def _tables(inputs: Sequence[Input], kind: str) -> list[pl.DataFrame]:
    try:
        return [read_tables(inputs, kind)]
    except FolderError as error:
        if "holds a table" in error.what:
            return []
        raise


def _asked(rows: Sequence[Row], config: EvaluateConfig) -> list[Row]:
    """The rows of the benchmarks and languages asked for, or a sample of them."""
    names = {name for name in config.benchmarks if not name.startswith(HARNESS)}
    if config.benchmarks and not names:
        return []
    return sample(
        agenda.wanted(rows, names, codes_of(config.languages)), config.items_per_language, config.seed
    )


def _with_examples(work: Draft, rows: list[Row], config: EvaluateConfig) -> tuple[list[Row], few_shot.Shots]:
    """The rows without those that become examples, and the examples."""
    if not config.examples:
        return rows, {}
    places = catalog.Places(config.data, config.data_directory, config.hub)
    names = {row["benchmark"] for row in rows}
    lent = agenda.examples(names, places, codes_of(config.languages))
    want_steps = {name for name in names if config.variant in agenda.known(name).shows_steps}
    without = want_steps - {row["benchmark"] for row in lent}
    for name in sorted(without):
        work.log(f"{name} is asked without examples: no file with worked steps is there")
    kept, shots = few_shot.choose(
        [row for row in rows if row["benchmark"] not in without], lent, config.examples, config.seed
    )
    return [*(row for row in rows if row["benchmark"] in without), *kept], shots


def _note_coverage(work: Draft, found: agenda.Found, asked: Sequence[Row], languages: Sequence[str]) -> None:
    """Log what is asked in which language, and keep all of it in `coverage.csv`."""
    lines = found.coverage(asked, languages)
    for line in coverage.table(lines):
        work.log(line)
    pl.DataFrame(lines, schema=[each.name for each in fields(coverage.Coverage)]).write_csv(
        work.path / "coverage.csv"
    )
    have: dict[str, list[str]] = {}
    for each in lines:
        if each.rows:
            have.setdefault(each.benchmark, []).append(each.language)
    work.note(languages=have)


def _log_results(work: Draft, answers: pl.DataFrame, numbers: pl.DataFrame) -> None:
    """The main measure of every step with its worst languages."""
    mains = answers.filter(pl.col("purpose") != "rank").select("benchmark", "measure").unique()
    main = numbers.join(mains, on=["benchmark", "measure"]).filter(~pl.col("group").str.contains("="))
    keys = ["step", "benchmark", "group", "measure"]
    for (step, name, group, measure), part in main.group_by(keys, maintain_order=True):
        over = part.filter(pl.col("language") == "").to_dicts()
        each = part.filter(pl.col("language") != "")
        scores: dict[str, Any] = dict(each.select("language", "value").iter_rows())
        if over and over[0]["value"] is not None:
            mean = over[0]
            lowest = worst(scores if measure != "bits_per_byte" else {code: -v for code, v in scores.items()})
            what = " ".join(each for each in (step, name, group) if each)
            among = f"mean of {len(scores)} languages" if len(scores) > 1 else lowest[0]
            ending = f"; worst: {', '.join(lowest)}" if len(scores) > 1 else ""
            work.log(
                f"{what}: {measure} {mean['value']:.3g} ({mean['low']:.3g} to {mean['high']:.3g}), "
                f"{among}, {mean['count']} answers{ending}"
            )
