"""A training run, put together and carried out: model, plan of batches, objective."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from panlect.draft import Draft
from panlect.folder import Input
from panlect.language import codes_of
from panlect.model import adapters, bookkeeping, corpus_tokens, denoise_plan, denoising, loop, objectives
from panlect.model.live_mixture import LivePlan
from panlect.model.load import Model
from panlect.model.loop import Objective, Work
from panlect.model.settings import TrainingConfig


class Run(NamedTuple):
    """Everything that the loop needs; `report` writes what the plan alone knows."""

    model: Model
    plan: Work
    objective: Objective
    report: Callable[[Draft], None] = lambda _: None


def carry_out(run: Run, config: TrainingConfig, inputs: Sequence[Input], draft: Draft) -> None:
    """Train, and write down the numbers and the model."""
    draft.log(bookkeeping.describe(run.model, run.plan))
    ledger = loop.train(run.model.network, run.plan, run.objective, config, draft)
    run.report(draft)
    bookkeeping.finish(run.model, ledger, run.plan, inputs, draft)


def causal(inputs: Sequence[Input], config: Any, draft: Draft) -> Run:
    """A decoder that learns the next token of packed rows."""
    model = bookkeeping.model_or_new(inputs, config.model, seed=config.seed)
    model = adapters.attach(model, config.trained, draft)
    amount = corpus_tokens.Amount(config.budget_tokens, config.epochs, config.seed)
    texts, order = corpus_tokens.read(inputs, model.tokenizer, amount, set_aside=draft.set_aside)
    objective = objectives.language_model(model.network)
    learned = config.learned_shares
    if not learned.every_steps:
        return Run(model, bookkeeping.plan(texts, order, config, model), objective)
    held = config.held_out.model_copy(update={"every_steps": config.held_out.every_steps or len(order)})
    fixed = bookkeeping.plan(texts, order, config.model_copy(update={"held_out": held}), model)
    live = LivePlan(fixed, objective, learned, tuple(codes_of(learned.serves)), config.seed)
    return Run(model, live, objective, live.report)


def denoising_run(inputs: Sequence[Input], config: Any, draft: Draft) -> Run:
    """An encoder or encoder–decoder that undoes noise, or translates."""
    model = denoise_plan.open_or_build(inputs, config.model, seed=config.seed)
    model = adapters.attach(model, config.trained, draft)
    texts, items = denoise_plan.read(inputs, model, config, draft)
    corrupt = denoise_plan.corrupt_for(config.objective, model, texts)
    plan = denoise_plan.plan(texts, items, corrupt, config, model)
    return Run(model, plan, denoising.objective(model.network))
