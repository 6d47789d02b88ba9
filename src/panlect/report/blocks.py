"""What a page is made of: plain data that the template turns into HTML.

Nothing here is markup. Every string is text, escaped by the template; the one exception is
`Figure.svg`, which `panlect.report.drawing` makes from a chart specification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    """What is shown."""
    note: str = ""
    """A smaller second line: an interval, a code."""
    foreign: str = ""
    """A second text in another language: a language's name for itself."""
    lang: str = ""
    """BCP 47 tag of `foreign`."""
    dir: str = ""
    """Direction of `foreign`: ltr, rtl or auto."""
    share: float | None = None
    """A bar behind the number, from 0 to 1."""
    sort: float | str | None = None
    """What the column sorts by, in full precision; None sorts by the text."""
    verdict: str = ""
    """Colour and sign of the cell: good, fair, poor, or empty."""


@dataclass(frozen=True)
class Column:
    """The head of a table's column."""

    title: str
    number: bool = False
    """Whether the cells are numbers, and so are aligned at their end."""


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first cell of every row is its heading."""

    block: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: str = ""
    """The line to open it by, where the table is long; empty: shown at once."""


@dataclass(frozen=True)
class Figure:
    """One or more drawings under one caption."""

    block: ClassVar[str] = "figure"
    svg: tuple[str, ...]
    caption: str
    legend: tuple[tuple[str, str], ...] = ()
    """Pairs of a colour and what it stands for, where the drawing has no legend of its own."""
    grid: str = ""
    """Numbers behind a heat map as JSON, for the read-out under the pointer; empty: none."""


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    block: ClassVar[str] = "prose"
    text: str


@dataclass(frozen=True)
class Card:
    """One large number with its label."""

    label: str
    value: str
    note: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Cards:
    """The numbers that somebody reads who reads nothing else."""

    block: ClassVar[str] = "cards"
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Saying:
    """One stored answer of a model, or a row of a text with what became of it."""

    step: str
    """Who said it."""
    text: str
    """What was judged: the answer, or its last part where it thinks aloud before."""
    verdict: str
    sign: str
    lang: str
    dir: str
    score: str = ""
    """Its score, where it is neither right nor wrong."""
    whole: str = ""
    """The whole answer, where it is longer than `text`."""


@dataclass(frozen=True)
class Sample:
    """One question in its own script, and what each model answered; or rows of a text, without a question."""

    language: str
    code: str
    answers: tuple[Saying, ...]
    note: str = ""
    """Which benchmark the question is from."""
    question: str = ""
    truth: str = ""
    lang: str = ""
    dir: str = ""
    truth_lang: str = ""
    truth_dir: str = ""


@dataclass(frozen=True)
class Samples:
    """Questions and answers, one per language."""

    block: ClassVar[str] = "samples"
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Listing:
    """Text that a machine wrote, kept as it is: a configuration, a log."""

    block: ClassVar[str] = "listing"
    title: str
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    block: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Folded:
    """Blocks behind one line, which says the most important thing about them."""

    block: ClassVar[str] = "folded"
    title: str
    blocks: "tuple[Block, ...]"


Block = Table | Figure | Prose | Cards | Samples | Listing | Heading | Folded


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    name: str
    """Its anchor."""
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Missing:
    """A part that the numbers do not allow, and what would."""

    title: str
    needs: str
