"""`rank`: a model's own answers, several to a prompt, in order: each pair of better and worse is feedback.

By agreement (minimum Bayes risk), by alignment with the model's right answers in the pivot language (MAPO),
by a judge that is asked twice, by a reward model, or by what is visibly wrong beside the right answer.
`origin` asks no model: native answers against translated ones. On the embedded world, whose answers are
names, `feedback` knows more about errors.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.phrasings import ask
from panlect.dialogue.rows import Messages
from panlect.draft import Draft, draft
from panlect.endpoint import Endpoint, EndpointConfig
from panlect.errors import ConfigError, DataError, ModelError
from panlect.folder import Folder, Input, models, tables
from panlect.measure.interval import Interval
from panlect.rating.agreement import by_agreement, chrf, rated_utilities
from panlect.rating.alignment import CrossEntropy, by_alignment
from panlect.rating.bias import describe, probe
from panlect.rating.judge import (
    Criterion,
    Reliability,
    agreement,
    cases_of,
    found_right,
    judge,
    judged_pairs,
    planted,
    reliability,
)
from panlect.rating.origins import by_origin
from panlect.rating.prompts import choose, named
from panlect.rating.reference import by_reference
from panlect.rating.rewarded import by_reward
from panlect.rating.samples import Row, Samples, longer_chosen
from panlect.tables import SCHEMAS

VERSION = 2
BATCH_PROMPTS = 256
NO_PAIR = {
    "agreement": "answers that differ",
    "alignment": "answers that are right in the pivot language, and others to the same item",
    "judge": "answers that differ, and verdicts that can be read",
    "reward": "answers that differ",
    "reference": "dialogues whose last answer is right, and answers with a visible fault",
    "origin": "dialogues with one `item`, of the origins human and translated",
}
"""What would have given pairs."""


class RankConfig(Config):
    """How a model's answers are drawn and put in order."""

    by: Literal["agreement", "alignment", "judge", "reward", "reference", "origin"] = "agreement"
    """`agreement`: with the other samples (minimum Bayes risk, chrF). `alignment`: with the right answers in
    the pivot language (MAPO). `judge`: a model behind `judge` compares two, in both orders. `reward`: a
    reward model among the inputs. `reference`: the dialogue's own answer against samples that are visibly
    wrong. `origin`: human answers against translated ones to the same `item`; no model is asked."""
    languages: str | tuple[str, ...] = ()
    """Only prompts whose answer is in these languages or groups; empty for all."""
    prompts_per_language: int = Field(default=64, ge=1)
    """So many prompts per answer language, chosen by hash; the same items in all languages that have them."""
    samples: int = Field(default=8, ge=2)
    """Answers drawn per prompt."""
    temperature: float = Field(default=0.8, gt=0)
    """Of the drawn answers."""
    answer_tokens: int = Field(default=64, ge=1)
    """Longest answer."""
    against: Literal["worst", "middle"] = "worst"
    """`agreement`: whether the worst or the middle sample is rejected."""
    comet: str = ""
    """`agreement`: a model of COMET (see `evaluate`) instead of chrF, for translations. Their source is read
    from the inputs' pairs that the dialogues were made of, or is the prompt."""
    comet_python: str = ""
    """The interpreter of an environment with `unbabel-comet`."""
    pairs_per_prompt: int = Field(default=4, ge=0)
    """`alignment`: the pairs with the largest difference; `reference`: the first; 0 takes all."""
    least_chrf: float = Field(default=0.0, ge=0, le=100)
    """`reference`: an answer without a visible fault is one too if its chrF with the right one is lower."""
    bias_limit: float = Field(default=0.25, gt=0)
    """`reward`: largest difference between languages, in standard deviations between items, of a model that
    is trusted; the probe needs right answers to the same items in several languages."""
    similarity_limit: float = Field(default=0.95, gt=0, le=1)
    """Pairs whose answers are more alike (chrF / 100) are set aside, unless they differ in a fact."""
    item_pattern: str = ""
    """A regular expression over the id of dialogues without `item`; its first group is the item's name."""
    pivot: str = "eng_Latn"
    """`alignment`: the language whose right answers are the measure. `judge`: the one with whose verdicts
    those on the same items in other languages are compared."""
    translation_model: str = ""
    """`alignment`: a sequence-to-sequence model such as NLLB; empty: the model that answers translates."""
    judge: EndpointConfig | None = None
    """`judge`: the model that compares."""
    criterion: Criterion = "overall"
    """`judge`: what makes an answer the better one, and with it the reason of the pairs (`unhelpful`,
    `unsafe`, `wrong_fact`, `translationese`)."""
    probe_items: int = Field(default=16, ge=0)
    """`judge`: so many items with right answers on which the judge itself is tried, in all languages."""
    seed: int = 0
    """Chooses prompts and draws answers."""


def rank(inputs: Sequence[Input], out: Path, config: RankConfig) -> Folder:
    """Draw answers, put them in order, and write preference pairs.

    Raises:
        ModelError: not exactly one input is a model that answers, or (`reward`) one that rates.
        ConfigError: the judge is not named.
        DataError: no pair was found, the judge answered nothing, or the reward model prefers a language.
    """
    if config.by == "judge" and config.judge is None:
        raise ConfigError("which judge?", where="judge", fix="set its url, model and cache")
    with draft(out, "rank", VERSION, config, inputs) as work:
        known = named(
            tables(inputs, "dialogue"), languages=config.languages, item_pattern=config.item_pattern
        )
        if config.by == "origin":
            prompts = known.to_dicts()
            rows: Iterable[Row] = by_origin(
                prompts, per_language=config.prompts_per_language, seed=config.seed
            )
        else:
            prompts = choose(known, per_language=config.prompts_per_language, seed=config.seed)
            rows = _of_samples(prompts, inputs, config, work)
        _write(list(rows), len(prompts), config, work)
    return work.folder


def _of_samples(
    prompts: Sequence[Row], inputs: Sequence[Input], config: RankConfig, work: Draft
) -> Iterable[Row]:
    from panlect.model.load import load
    from panlect.model.reward import apart

    answers, rates = apart([place for _, place in models(inputs)])
    if (rates is None) == (config.by == "reward"):
        raise ModelError(
            "a reward model is needed for `reward`, and for nothing else",
            where="by",
            expected="a folder made by `reward`, or a directory of a reward model, among the inputs",
        )
    model = load(answers)
    found = _samples(prompts, model, config, work)
    if config.by == "agreement":
        matrices = _by_comet(found, prompts, inputs, config) if config.comet else ()
        return by_agreement(found, matrices, against=config.against)
    if config.by == "alignment":
        scorer = _cross_entropy(model, config)
        return by_alignment(found, scorer, pivot=config.pivot, pairs_per_prompt=config.pairs_per_prompt)
    if config.by == "reference":
        return by_reference(found, least_chrf=config.least_chrf, pairs_per_prompt=config.pairs_per_prompt)
    if rates is not None:
        return _rewarded(found, rates, config, work)
    return _judged(found, config, work)


def _rewarded(found: Sequence[Samples], location: str, config: RankConfig, work: Draft) -> Iterable[Row]:
    """Probe a reward model for a taste for languages on the right answers, then let it order the samples."""
    from panlect.model.load import load
    from panlect.model.reward import rewards

    model = load(location)

    def rate(samples: Sequence[Samples], texts: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        asked = [
            [*one.prompt, {"role": "assistant", "content": text}]
            for one, of in zip(samples, texts, strict=True)
            for text in of
        ]
        return np.split(rewards(model, asked), np.cumsum([len(of) for of in texts])[:-1])

    known = [one for one in found if one.item and one.gold and one.languages[0] == one.languages[1]]
    right = rate(known, [[one.gold] for one in known]) if known else []
    bias = probe(
        ((one.item, one.languages[1], float(reward[0])) for one, reward in zip(known, right, strict=True)),
        limit=config.bias_limit,
        seed=config.seed,
    )
    work.note(trusted=bias and bias.trusted)
    work.log(describe(bias))
    if bias is not None and not bias.trusted:
        raise DataError(
            f"the reward model prefers a language: {describe(bias)}",
            where=location,
            expected=f"no language more than {config.bias_limit:g} deviations above or below the others",
            fix="train it on more languages, or raise bias_limit",
        )
    return by_reward(found, rate(found, [one.texts for one in found]))


def _samples(prompts: Sequence[Row], model: Any, config: RankConfig, work: Draft) -> list[Samples]:
    """Draw the answers; a kill loses one batch."""
    from panlect.model.generate import Generation

    store = work.scratch / "samples.jsonl"
    data = store.read_bytes() if store.is_file() else b""
    whole = data[: data.rfind(b"\n") + 1]
    texts: list[list[str]] = [json.loads(line) for line in whole.decode().split("\n")[:-1]]
    store.write_bytes(whole)
    with work.progress(len(prompts), "prompts", "answer") as bar, store.open("a", encoding="utf-8") as stream:
        bar.advance(len(texts))
        for start in range(len(texts), len(prompts), BATCH_PROMPTS):
            part = prompts[start : start + BATCH_PROMPTS]
            # Random streams are per prompt within a call: another seed per batch keeps them apart.
            how = Generation(
                new_tokens=config.answer_tokens,
                temperature=config.temperature,
                samples=config.samples,
                seed=config.seed * 1_000_003 + start,
            )
            drawn = model.chat([row["messages"][:-1] for row in part], how)
            made = [drawn[at : at + config.samples] for at in range(0, len(drawn), config.samples)]
            stream.write("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in made))
            stream.flush()
            texts += made
            bar.advance(len(part))
    return [_as_samples(row, found) for row, found in zip(prompts, texts, strict=True)]


def _as_samples(row: Row, texts: Sequence[str]) -> Samples:
    return Samples(
        prompt=row["messages"][:-1],
        languages=(row["language"], row["answer_language"]),
        texts=tuple(text.strip() for text in texts if text.strip()),
        item=row["item"],
        gold=row["messages"][-1]["content"],
        facts={name: row[name] for name in ("id", "source", "licence")},
    )


def _by_comet(
    found: Sequence[Samples], prompts: Sequence[Row], inputs: Sequence[Input], config: RankConfig
) -> list[NDArray[np.float64]]:
    from panlect.model.comet import rater

    texts: dict[tuple[str, str], str] = {}
    for row in tables(inputs, "pair").iter_rows(named=True):
        for side in ("source", "target"):
            texts[row["id"], row[f"{side}_language"]] = row[f"{side}_text"]

    def source(row: Row) -> str:
        of_pairs = (texts.get((name, row["language"]), "") for name in (row.get("parent") or "").split("+"))
        return next(filter(None, of_pairs), str(row["messages"][-2]["content"]))

    return rated_utilities(found, [source(row) for row in prompts], rater(config.comet, config.comet_python))


def _cross_entropy(model: Any, config: RankConfig) -> CrossEntropy:
    if config.translation_model:
        from panlect.model.translate import Seq2Seq

        return Seq2Seq(config.translation_model).cross_entropy
    from panlect.model.dialogue import prompts

    def of_itself(sources: Sequence[str], targets: Sequence[str], source: str, target: str) -> list[float]:
        asked = [[{"role": "user", "content": ask(text, (source, target))}] for text in sources]
        scores = model.score(prompts(model.tokenizer, asked), list(targets))
        return [-each.logprob / max(1, each.tokens) for each in scores]

    return of_itself


def _judged(found: Sequence[Samples], config: RankConfig, work: Draft) -> Iterator[Row]:
    """Ask the judge about the samples, and about answers of which the right one is known."""
    cases = cases_of(found, seed=config.seed)
    probes = planted(found, items=config.probe_items, seed=config.seed)
    assert config.judge is not None, "checked before anything was drawn"
    failures: Counter[str] = Counter()
    with Endpoint(config.judge) as endpoint:

        def compare(asked: Sequence[Messages]) -> list[str]:
            replies = endpoint.chat(asked, temperature=0)
            failures.update(each.failure for each in replies if each.failure)
            return [each.text for each in replies]

        judgements = judge([*cases, *probes], compare, criterion=config.criterion)
    _tell_failures(failures, 2 * len(judgements), config.judge.url, work)
    of_cases, of_probes = judgements[: len(cases)], judgements[len(cases) :]
    measures: dict[str, Mapping[str, Interval]] = {
        "accuracy": found_right(probes, of_probes),
        "agreement": agreement(probes, of_probes, config.pivot),
    }
    known = reliability(cases, of_cases)
    for name in Reliability._fields:
        measures[name] = {language: getattr(each, name) for language, each in known.items()}
    for name, by_language in measures.items():
        for language, value in by_language.items():
            bounds = {"low": value.low, "high": value.high, "count": value.count}
            work.number(f"judge_{name}", value.value, language=language, unit="share", **bounds)
    yield from judged_pairs(cases, of_cases, criterion=config.criterion)


def _tell_failures(failures: Counter[str], requests: int, url: str, work: Draft) -> None:
    """A request that failed is a verdict that could not be read, but not by the judge's fault."""
    if not failures:
        return
    why, _ = failures.most_common(1)[0]
    if failures.total() == requests:
        raise DataError(
            "the judge answered no request", where=url, expected="verdicts", fix=f"see what failed: {why}"
        )
    work.log(f"{failures.total()} of {requests} requests to the judge failed, most with: {why}")
    work.number("failed", failures.total() / requests, count=requests, unit="share")


def _write(rows: list[Row], prompts: int, config: RankConfig, work: Draft) -> None:
    columns = {"origin": pl.String(), "parent": pl.String(), "item": pl.String(), "margin": pl.String()}
    made = pl.DataFrame(rows, schema={**SCHEMAS["preference"], **columns})
    made = made.unique("id", keep="first", maintain_order=True)
    same = [_nearly_same(row, config.similarity_limit) for row in made.iter_rows(named=True)]
    alike = pl.Series(same, dtype=pl.Boolean)
    frame, aside = made.filter(~alike), made.filter(alike)
    why = pl.lit("the answers are nearly the same").alias("reason")
    work.drop("preference", aside.with_columns(pl.col("reason").alias("pair_reason"), why))
    if frame.is_empty():
        raise DataError(
            f"{prompts} prompts gave no pair",
            where=work.out.name,
            expected=NO_PAIR[config.by],
            fix="draw more samples, at a higher temperature" if config.by != "origin" else "",
        )
    work.write("preference", frame)
    counts = frame.group_by("answer_language", "reason").len().sort("answer_language", "reason")
    for language, reason, count in counts.iter_rows():
        work.number("pairs", float(count), language=language, group=reason, count=count, unit="pairs")
    longer = longer_chosen(frame.to_dicts())
    work.number("length_bias", longer, count=frame.height)
    languages = frame["answer_language"].n_unique()
    work.log(f"{frame.height:,} pairs in {languages} languages from {prompts:,} prompts")
    work.log(f"the chosen answer is the longer one in {longer:.0%}")


def _nearly_same(row: Row, limit: float) -> bool:
    chosen, rejected = (row[side][-1]["content"] for side in ("chosen", "rejected"))
    return row["reason"] != "wrong_fact" and chrf(rejected, chosen) > 100 * limit
