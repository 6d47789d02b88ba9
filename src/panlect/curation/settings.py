"""The settings of `curate` that need a class of their own."""

from typing import Literal

from pydantic import Field

from panlect.config import Config
from panlect.read import Rule


class FileRule(Config):
    """How the files that a pattern matches are read; the first matching rule counts."""

    files: str = "*"
    """Which files: a pattern matched against the path (`*` also crosses directories)."""
    layout: Literal[
        "auto", "jsonl", "parquet", "tsv", "text", "warc", "xml", "wikipedia", "gettext", "html", "skip"
    ] = "auto"
    """The format; `auto` goes by the file's ending and its first bytes, `skip` leaves the files out."""
    name: str = ""
    """The source's name; empty: the column `source`, or else the file's name."""
    licence: str = ""
    """The licence of these texts, where no column and no card says it; empty: `unknown`."""
    language: str = ""
    """The language of all these texts, in any common scheme."""
    language_pattern: str = ""
    """A regular expression over the path whose group `language` is the language."""
    columns: tuple[str, ...] = ()
    """The names of the columns of a TSV or CSV file that has no header."""
    text_column: str = ""
    """Where the text is (dotted paths reach into nested records); empty: found out."""
    language_column: str = ""
    """Where the language is; empty: found out."""
    source_column: str = ""
    """Where the source's name is; empty: found out."""
    licence_column: str = ""
    """Where the licence is; empty: found out."""
    keep_columns: tuple[str, ...] = ()
    """Further columns that are carried along as text."""
    rows: Literal["auto", "line", "paragraph", "file"] = "auto"
    """What is one document in a plain text file; `auto`: a line, or the file if it is Markdown."""
    other_side: str = ""
    """Moses pairs: the file name's ending of the translation (`en` for corpus.en beside corpus.sw)."""
    other_language: str = ""
    """Moses pairs: the language of the other side."""

    def rule(self) -> Rule:
        """Return the part that readers need."""
        fields = self.model_dump(exclude={"files", "other_side", "other_language"})
        return Rule(**fields)


class SourceCard(Config):
    """What is known about one source."""

    source: str
    """The name that rows carry in their column `source`."""
    licence: str = "unknown"
    """The licence under which its texts may be used, as an SPDX identifier where there is one."""
    origin: str = ""
    """Where it was taken from: an address, or a person."""
    custodian: str = ""
    """Who answers for it."""
    domain: str = ""
    """What kind of text it is (bible, wikipedia, news ...), for the table of domain skew."""


class Aligned(Config):
    """A source whose i-th row is the same sentence in every language (FLORES, NTREX)."""

    source: str
    """The source's name."""
    rows: int = Field(ge=1)
    """How many sentences it has; a language with several translations has a multiple of that."""
