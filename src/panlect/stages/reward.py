"""`reward`: a model learns to say how good an answer is, and is measured before anybody believes it.

On pairs that it never saw: how often it finds the chosen answer better, by language of prompt and of answer;
and whether it gives the same answers another reward in another language.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from panlect import ranks
from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.errors import DataError
from panlect.folder import Folder, Input, one_model
from panlect.language import codes_of
from panlect.measure.choosing import length_bias, reward_accuracy
from panlect.measure.interval import wilson
from panlect.model.settings import TrainingConfig
from panlect.rating.bias import describe, probe
from panlect.text.keys import share_of

if TYPE_CHECKING:
    from panlect.model.runs import Run

VERSION = 1
PARALLEL = True


class RewardConfig(TrainingConfig):
    """How a reward model learns from preferences, and how it is measured."""

    learning_rate: float = Field(default=1e-5, gt=0)
    """Peak learning rate."""
    margin: float = Field(default=0.0, ge=0)
    """By how much the chosen answer's reward should be higher."""
    centre_weight: float = Field(default=0.01, ge=0)
    """Weight of the term that keeps the sum of both rewards near zero."""
    train_languages: str | tuple[str, ...] = ()
    """Learn only from pairs with answers in these languages or groups; all languages are measured. Empty for
    all."""
    held_out_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the items that are measured and not learnt, chosen by hash."""
    item_pattern: str = ""
    """A regular expression over the id of pairs without `item`; its first group is the item's name, the same
    in all languages. Without it each prompt is an item."""
    bias_limit: float = Field(default=0.25, gt=0)
    """Largest difference between languages, in standard deviations between items, of a trusted model."""
    epochs: float = Field(default=1.0, gt=0)
    """How often each pair is read."""
    steps: int = Field(default=0, ge=0)
    """Stop after so many steps, repeating the pairs as needed; 0 goes by `epochs`."""


def reward(inputs: Sequence[Input], out: Path, config: RewardConfig) -> Folder:
    """Train a reward model and save it as a plain Hugging Face directory with one output.

    Raises:
        ModelError: there is no decoder or no chat template, or training diverged.
        DataError: there are no pairs to learn from.
    """
    from panlect.model import load, runs
    from panlect.model import reward as rating

    with draft(out, "reward", VERSION, config, inputs) as work:
        learnt, held_out = _split(work.read(inputs, "preference"), config)
        runs.carry_out(_run(learnt, inputs, config, work), config, inputs, work)
        if not held_out.is_empty() and not ranks.rank():
            saved = load.load(work.model_path)
            rewards = [rating.rewards(saved, _dialogues(held_out, side)) for side in ("chosen", "rejected")]
            _measure(held_out, rewards[0], rewards[1], config, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: RewardConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective."""
    learnt, _ = _split(work.read(inputs, "preference"), config)
    return _run(learnt, inputs, config, work)


def _run(learnt: pl.DataFrame, inputs: Sequence[Input], config: RewardConfig, work: Draft) -> "Run":
    from panlect.model import adapters, load, preference
    from panlect.model import reward as rating
    from panlect.model.runs import Run

    model = rating.scalar_model(load.load(one_model(inputs)), seed=config.seed)
    model = adapters.attach(model, config.trained, work)
    texts = preference.read(learnt.drop("item"), model.tokenizer)
    plan = preference.plan(texts, model, config, epochs=config.epochs, steps=config.steps)
    return Run(model, plan, rating.objective(config.margin, config.centre_weight))


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, RewardConfig)
    return probe.estimate(prepare, inputs, config, kind="preference")


def _dialogues(frame: pl.DataFrame, side: str) -> list[Any]:
    return [asked + answer for asked, answer in frame.select("prompt", side).iter_rows()]


def _split(frame: pl.DataFrame, config: RewardConfig) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs to learn from and pairs to measure, no item in both; a column `item` is added."""
    named = pl.lit(None) if not config.item_pattern else pl.col("id").str.extract(config.item_pattern, 1)
    if "item" in frame.columns:
        named = pl.when(pl.col("item").fill_null("") != "").then(pl.col("item")).otherwise(named)
    asked = pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join("\n")
    frame = frame.with_columns(named.fill_null(asked).alias("item"))
    shares = {item: share_of(f"{config.seed}:{item}") for item in frame["item"].unique()}
    held_out = pl.Series([shares[item] < config.held_out_share for item in frame["item"]], dtype=pl.Boolean)
    learnt = frame.filter(~held_out)
    if wanted := codes_of(config.train_languages):
        learnt = learnt.filter(pl.col("answer_language").is_in(wanted))
    if learnt.is_empty():
        raise DataError(
            "there are no preference pairs to learn from",
            where="preference",
            expected="pairs of the train_languages that are not held out",
        )
    return learnt, frame.filter(held_out)


def _measure(
    frame: pl.DataFrame,
    chosen: NDArray[np.float64],
    rejected: NDArray[np.float64],
    config: RewardConfig,
    work: Draft,
) -> None:
    """Accuracy on held-out pairs by language of answer and prompt, beside that of taking the longer one."""
    better = np.where(chosen == rejected, 0.5, chosen > rejected)
    languages = list(zip(frame["answer_language"], frame["prompt_language"], strict=True))
    for (answered, asked), found in reward_accuracy(chosen.tolist(), rejected.tolist(), languages).items():
        columns = {"language": answered, "other_language": asked, "group": "held_out", "unit": "share"}
        work.number(
            "reward_accuracy", found.value, low=found.low, high=found.high, count=found.count, **columns
        )
    _accuracies(better, frame["answer_language"], "held_out", work)
    for reason in sorted(set(frame["reason"].fill_null(""))):
        of_reason = (frame["reason"].fill_null("") == reason).to_numpy()
        _accuracies(
            better[of_reason], frame["answer_language"].filter(of_reason), f"held_out, reason={reason}", work
        )
    lengths = [[len(turns[-1]["content"]) for turns in frame[side]] for side in ("chosen", "rejected")]
    longer = length_bias(*lengths)
    work.number("length_bias", longer, count=frame.height, group="held_out", unit="share")
    work.log(
        f"{better.mean():.1%} of {frame.height:,} held-out pairs in the right order "
        f"(the longer answer: {longer:.1%})"
    )
    _probe(frame, chosen, config, work)


def _accuracies(better: NDArray[np.float64], languages: Iterable[str], group: str, work: Draft) -> None:
    """One row per answer language, and their mean."""
    by_language: dict[str, list[float]] = defaultdict(list)
    for language, value in zip(languages, better.tolist(), strict=True):
        by_language[language].append(value)
    for language, values in sorted(by_language.items()):
        found = wilson(sum(values), len(values))
        columns = {"language": language, "group": group, "unit": "share"}
        work.number(
            "reward_accuracy", found.value, low=found.low, high=found.high, count=found.count, **columns
        )
    mean = float(np.mean([np.mean(values) for values in by_language.values()]))
    work.number("reward_accuracy", mean, count=len(better), group=group, unit="share")


def _probe(frame: pl.DataFrame, chosen: NDArray[np.float64], config: RewardConfig, work: Draft) -> None:
    """Does it like a language? The right answers to the same items, in all languages that have them."""
    places = frame.select("item", "prompt_language", "answer_language").iter_rows()
    within = (
        (item, answered, value)
        for (item, asked, answered), value in zip(places, chosen.tolist(), strict=True)
        if asked == answered
    )
    bias = probe(within, limit=config.bias_limit, seed=config.seed)
    work.note(trusted=bias and bias.trusted)
    work.log(describe(bias))
    if bias is None:
        return
    for language, offset in bias.offsets.items():
        work.number(
            "reward_offset", offset.value, low=offset.low, high=offset.high, count=offset.count,
            language=language, group="held_out", unit="deviations",
        )  # fmt: skip
    work.number("reward_language_share", bias.share, count=bias.items, group="held_out", unit="share")
