"""What readers take and give: rules, blocks, documents, pairs, and rows set aside."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Cut = Literal["line", "file", "paragraph"]

SAMPLE_CHARACTERS = 2_000
"""How much of a row that cannot be read is kept with its reason."""


class Limits(NamedTuple):
    """How much one row and one block may hold, in bytes after decompression."""

    row_bytes: int = 16 << 20
    block_bytes: int = 8 << 20
    expansion: int = 1_000
    """A compressed file that grows more than this many times is stopped (a decompression bomb)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one file is read; an empty value means: find out.

    The column names may be dotted paths into nested records (``metadata.language``).
    """

    layout: str = "auto"
    name: str = ""
    licence: str = ""
    language: str = ""
    language_pattern: str = ""
    columns: tuple[str, ...] = ()
    text_column: str = ""
    language_column: str = ""
    source_column: str = ""
    licence_column: str = ""
    keep_columns: tuple[str, ...] = ()
    rows: Cut | Literal["auto"] = "auto"
    other_side: str = ""
    """Moses pairs: the path of the other side, whose line i translates line i of this file."""


class Document(NamedTuple):
    """One text, with what the file itself says about it (empty where it says nothing)."""

    text: str
    place: str
    language: str = ""
    source: str = ""
    licence: str = ""
    url: str = ""
    kept: tuple[str, ...] = ()
    """The values of `Rule.keep_columns`, as text."""


class Pair(NamedTuple):
    """Two texts that translate each other."""

    source_text: str
    target_text: str
    place: str
    source_language: str
    target_language: str
    source: str = ""
    licence: str = ""


class Bad(NamedTuple):
    """A row that could not be read: where it is, why, and how it begins."""

    place: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a file that can be parsed by itself.

    Attributes:
        path: the file.
        name: the file's name in places and reasons (relative to what the user gave).
        rule: how to read it.
        first_row: the number of its first row (lines count from 1).
        payload: the bytes, or nothing where the parser opens the file itself.
        header: what the file's first row said (column names).
        bad: rows that the cutter already had to set aside.
    """

    path: str
    name: str
    rule: Rule
    first_row: int = 1
    payload: bytes | None = None
    header: tuple[str, ...] = ()
    other_payload: bytes | None = None
    bad: tuple[Bad, ...] = ()

    @property
    def weight_bytes(self) -> int:
        """What handing the block to a worker costs."""
        return len(self.payload or b"") + len(self.other_payload or b"") + 1


@dataclass(slots=True)
class Batch:
    """Everything one block held."""

    documents: list[Document] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    def add(self, document: Document) -> None:
        """Take a document, or set it aside when its text is empty or holds NUL."""
        if not document.text or document.text.isspace():
            self.bad.append(Bad(document.place, "empty", ""))
        elif "\0" in document.text:
            self.bad.append(Bad(document.place, "nul_character", sample(document.text)))
        else:
            self.documents.append(document)

    def add_pair(self, pair: Pair) -> None:
        """Take a pair, or set it aside when a side is empty or holds NUL."""
        sides = pair.source_text + "\t" + pair.target_text
        if not pair.source_text.strip() or not pair.target_text.strip():
            self.bad.append(Bad(pair.place, "empty_side", sample(sides)))
        elif "\0" in sides:
            self.bad.append(Bad(pair.place, "nul_character", sample(sides)))
        else:
            self.pairs.append(pair)


def sample(text: str | bytes) -> str:
    """Return the beginning of a bad row as text that parquet can hold."""
    if isinstance(text, bytes):
        text = text[: 4 * SAMPLE_CHARACTERS].decode("utf-8", errors="replace")
    # Lone surrogates cannot be encoded; NUL survives parquet but not every tool behind it.
    text = text[:SAMPLE_CHARACTERS].replace("\0", "\N{SYMBOL FOR NULL}")
    return text.encode("utf-8", errors="replace").decode("utf-8")
