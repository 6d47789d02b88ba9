"""The stages: one file, one verb, one docs page each.

A stage's file holds ``VERSION``, its settings class (``MixConfig`` for ``mix``) and the function of
the same name, ``(inputs, out, config) -> Folder``; `panlect.stage.load` imports it. This table is the
only registration, and its strings keep ``panlect --help`` from importing anything.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """Where a stage is and what it does, in one line."""

    module: str
    summary: str


STAGES: Mapping[str, Entry] = MappingProxyType(
    {
        "world": Entry("panlect.stages.world", "build the embedded world: facts and names in 100 languages"),
        "curate": Entry(
            "panlect.stages.curate", "read text in any format; every row is kept, or set aside with a reason"
        ),
        "mix": Entry("panlect.stages.mix", "decide how much of which language is seen, and when"),
        "tokenizer": Entry("panlect.stages.tokenizer", "train a tokenizer on a mixture"),
        "audit": Entry("panlect.stages.audit", "measure what tokenizers make of each language"),
        "extend": Entry("panlect.stages.extend", "give a model's vocabulary pieces for new languages"),
        "trim": Entry("panlect.stages.trim", "drop vocabulary entries that the languages never use"),
        "pretrain": Entry("panlect.stages.pretrain", "train a language model, new or continued"),
        "dialogues": Entry("panlect.stages.dialogues", "read or make dialogues to learn from"),
        "instruct": Entry("panlect.stages.instruct", "fine-tune on dialogues, loss on the answers only"),
        "feedback": Entry("panlect.stages.feedback", "make preference pairs, each with a typed reason"),
        "rank": Entry(
            "panlect.stages.rank", "put a model's own answers in order: agreement, alignment, judge"
        ),
        "reward": Entry("panlect.stages.reward", "train a reward model, and measure it by language"),
        "prefer": Entry("panlect.stages.prefer", "align with preference pairs"),
        "reinforce": Entry("panlect.stages.reinforce", "learn from rewards for own answers: PPO, GRPO, RLOO"),
        "distill": Entry("panlect.stages.distill", "let a student learn from a teacher"),
        "contrast": Entry("panlect.stages.contrast", "pull parallel sentences together inside a model"),
        "evaluate": Entry("panlect.stages.evaluate", "measure models in every language, with intervals"),
        "report": Entry("panlect.report.page", "write one offline page about a run"),
        "leaderboard": Entry("panlect.report.leaderboard", "rank the models of several evaluations"),
    }
)
