"""What a benchmark is: rows of a question table, how to ask them, and how to judge an answer.

A benchmark covers all its languages at once; language is a column of its rows, never a branch of its code. It
touches no model: `ask` turns a row into an `Ask`, some engine turns that into an `Answer`, `judge` turns row
and answer into a `Verdict`. Answers are stored, so judging can be repeated without the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from panlect.errors import ConfigError

Row = Mapping[str, Any]
"""A row of a question table, with the benchmark's own columns beside those of the schema."""

Provenance = Literal[
    "native", "human-translated", "post-edited", "machine-translated", "constructed", "mixed"
]
Label = Literal["correct", "wrong", "off_target", "malformed", "undetermined", "empty", "scored", "failed"]

BAD_LABELS: tuple[Label, ...] = ("off_target", "malformed", "undetermined", "empty", "failed")
"""Ways to fail that say more than "wrong"; each has a measure of its own name."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an engine is given for one row.

    Attributes:
        form: `generate` an answer, `choose`: score continuations by log-probability, or `retrieve`: find the
            nearest of the choices by hidden states.
        context: the text before the answer.
        choices: continuations to score, each with whatever delimiter belongs before it.
        contexts: one context per choice, where the choices differ before a shared continuation (XWinograd).
        chat: put the context into the model's chat template as one user message.
        maximum_tokens: length at which generation is cut.
        stop: texts at which generation ends; they are not part of the answer.
        layer: the block whose outputs are compared in retrieval, from 0; None is the middle one.
        worked: what stands as the answer if this is an example before a question; None is the row's answer,
            and "" says that it cannot be one.
    """

    form: Literal["generate", "choose", "retrieve"]
    context: str
    choices: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    chat: bool = False
    maximum_tokens: int = 64
    stop: tuple[str, ...] = ()
    layer: int | None = None
    worked: str | None = None

    @property
    def longest(self) -> int:
        """Bytes of the longest text that goes through the model."""
        if self.form == "retrieve":
            return len(self.context.encode())
        return max((len((a + b).encode()) for a, b in self.pairs()), default=len(self.context.encode()))

    def pairs(self) -> list[tuple[str, str]]:
        """(context, continuation) of every choice."""
        contexts = self.contexts or (self.context,) * len(self.choices)
        return list(zip(contexts, self.choices, strict=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine returned: a text, or per choice a sum of natural-log probabilities and a token count.

    `failure` says why there is neither; such an answer is counted and not judged.
    """

    text: str = ""
    scores: tuple[float, ...] = ()
    tokens: tuple[int, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one answer.

    Attributes:
        label: what kind of answer it is; `scored` where right and wrong are a matter of degree.
        score: the benchmark's main measure for this answer, usually 0 or 1.
        parsed: the part of the answer that was judged.
        scores: further measures of this answer by name.
        statistics: counts by name of a measure that is a function of summed counts (chrF, bits per byte);
            see `benchmarks.summary.FROM_SUMS`.
        choice: the place of the choice that was made, -1 for none.
    """

    label: Label
    score: float
    parsed: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    statistics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    choice: int = -1


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows read from files, and rows set aside; each of these has a `reason`."""

    rows: list[dict[str, Any]]
    dropped: list[dict[str, Any]] = field(default_factory=list)


AskRow = Callable[[Row], Ask | None]
"""None: this row cannot be asked in this way."""
Judge = Callable[[Row, Answer], Verdict]


def _no_files(path: Path, languages: Sequence[str]) -> Reading:
    raise ConfigError(
        "this benchmark has no files of its own: its questions come from a folder",
        where=str(path),
        fix="give the folder that holds its table 'question'",
    )


@dataclass(frozen=True)
class Benchmark:
    """One benchmark in all its languages.

    Attributes:
        name: as in the `benchmark` column.
        measure: name of the main measure (`accuracy`, `chrf`, …).
        ask: the prompt of a row, as the benchmark's authors or its usual harness wrote it.
        judge: the verdict on an answer.
        languages: codes it has published rows for; empty means whatever its rows say.
        source: repository on the Hub, or address, that its files come from.
        provenance: how its text came to be in languages other than the first.
        licence: of the data, as published.
        chance: score of uniform guessing, 0..1; NaN where it differs by row or is not defined.
        read: reads its published files from a directory.
        examples: reads its files for worked examples; None: some questions are held out for that.
        shows_steps: variants whose examples show how an answer is found; only `examples` has such.
        variants: other prompts by name; `corrected` mends a documented defect of the usual one, `text` is for
            models that only saw text, `rank` (`text_rank`) has the choices scored as well.
        lexicon: makes a judge that needs to know all rows (the world's names).
        arrange: completes the rows of a question table before they are asked.
        unit: of the main measure.
        inputs: columns with what a user would type; slices of typos and the like change these.
        failures: labels of failing that its judge tells apart; their shares are numbers even where 0.
        ranked: its choices are the same in all languages, so RankC is made from their scores.
    """

    name: str
    measure: str
    ask: AskRow
    judge: Judge
    languages: tuple[str, ...] = ()
    source: str = ""
    provenance: Provenance = "mixed"
    licence: str = ""
    chance: float = 0.0
    read: Callable[[Path, Sequence[str]], Reading] = _no_files
    examples: Callable[[Path, Sequence[str]], Reading] | None = None
    shows_steps: tuple[str, ...] = ()
    variants: Mapping[str, AskRow] = field(default_factory=dict)
    lexicon: Callable[[Sequence[Row]], Judge] | None = None
    arrange: Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]] | None = None
    unit: str = "share"
    inputs: tuple[str, ...] = ("prompt",)
    failures: tuple[Label, ...] = ()
    ranked: bool = False

    def variant(self, name: str) -> Benchmark:
        """This benchmark with another prompt: `upstream` (the default) or one of `variants`."""
        if name == "upstream":
            return self
        return replace(self, ask=self.variants[name])

    def judge_of(self, rows: Sequence[Row]) -> Judge:
        """The judge for these rows."""
        return self.lexicon(rows) if self.lexicon else self.judge
