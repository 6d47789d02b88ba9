"""Answers of a model in place of the ones that came with the questions.

Self-distillation: what a model is then trained on keeps its own style, so that it learns languages and not
manners (SDRRL, Zhang et al. 2024, arXiv 2402.12204).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.checks import Checks, loops
from panlect.dialogue.rows import Made, Messages, row
from panlect.endpoint import EndpointConfig
from panlect.text.keys import share_of

Answers = Callable[[Sequence[Messages]], Sequence[str]]
"""From dialogues that end with a question to the answers; "" where there is none."""


class Distil(Config):
    """Which questions a model answers, and which."""

    language: str = "eng_Latn"
    """Questions in this language."""
    rows: int = Field(default=0, ge=0)
    """How many; 0 takes all."""
    endpoint: EndpointConfig | None = None
    """A model behind an address; without it, the one model among the inputs."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    new_tokens: int = Field(default=256, ge=1)
    """The longest answer."""


def distilled(frame: pl.DataFrame, settings: Distil, answers: Answers, name: str, *, seed: int) -> Made:
    """Ask the last question of each dialogue again; empty and looping answers are left out."""
    sides = pl.all_horizontal(pl.col("language", "answer_language") == settings.language)
    rows = sorted(frame.filter(sides).to_dicts(), key=lambda each: share_of(f"{seed}:{each['id']}"))
    rows = rows[: settings.rows or None]
    asked = [list(each["messages"][:-1]) for each in rows]
    made = Made([], [])
    for each, prompt, answer in zip(rows, asked, answers(asked), strict=True):
        turns = [(turn["role"], turn["content"]) for turn in prompt]
        new = row(
            [*turns, ("assistant", answer.strip())],
            (settings.language, settings.language),
            origin="generated",
            source=each["source"],
            licence=each["licence"],
            task="distilled",
            parent=each["id"],
            item=each.get("item") or each["id"],
            model=name,
        )
        reason = "empty" if not answer.strip() else "repeated" if loops(answer, Checks().repeats) else ""
        if reason:
            made.left_out.append({**new, "reason": reason})
        else:
            made.rows.append(new)
    return made
