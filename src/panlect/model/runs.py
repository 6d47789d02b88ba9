"""What `pretrain` trains, put together: model, plan of batches, objective."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from panlect.draft import Draft
from panlect.folder import Input
from panlect.model import adapters, bookkeeping, corpus_tokens, denoise_plan, denoising, objectives
from panlect.model.load import Model
from panlect.model.loop import Objective, Work


class Run(NamedTuple):
    """Everything that the loop needs."""

    model: Model
    plan: Work
    objective: Objective


def causal(inputs: Sequence[Input], config: Any, draft: Draft) -> Run:
    """A decoder that learns the next token of packed rows."""
    model = bookkeeping.model_or_new(inputs, config.model, seed=config.seed)
    model = adapters.attach(model, config.trained, draft)
    texts, order = corpus_tokens.read(
        inputs, model.tokenizer, config.budget_tokens, config.epochs, config.seed
    )
    plan = bookkeeping.plan(texts, order, config, model)
    return Run(model, plan, objectives.language_model(model.network))


def denoising_run(inputs: Sequence[Input], config: Any, draft: Draft) -> Run:
    """An encoder or encoder–decoder that undoes noise, or translates."""
    model = denoise_plan.open_or_build(inputs, config.model, seed=config.seed)
    model = adapters.attach(model, config.trained, draft)
    texts, items = denoise_plan.read(inputs, model, config)
    corrupt = denoise_plan.corrupt_for(config.objective, model, texts)
    plan = denoise_plan.plan(texts, items, corrupt, config, model)
    return Run(model, plan, denoising.objective(model.network))
