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
    languages: tuple[str, ...] = ()
    """Its languages; a row in another one is an error. Empty: those that are found."""


class Aligned(Config):
    """A source whose i-th row is the same sentence in every language (FLORES, NTREX)."""

    source: str
    """The source's name."""
    rows: int = Field(ge=1)
    """How many sentences it has; a language with several translations has a multiple of that."""


class IdentifySettings(Config):
    """Language identification."""

    model: str = ""
    """`wide`, `both`, `langid`, `cld2`, `heliport`, a fastText file or a trained model; empty: rows keep what
    they say."""
    use: Literal["missing", "check", "replace"] = "missing"
    """`missing`: name the language of rows that say none; `check`: also drop rows whose text is in another
    language than they say; `replace`: believe the model only."""
    minimum_score: float = Field(default=0.5, ge=0, le=1)
    """Below this the model's answer counts as undetermined."""
    minimum_letters: int = Field(default=20, ge=1)
    """Shorter texts are not checked, and get no language from the model unless their script decides."""
    tolerated: tuple[tuple[str, ...], ...] = ()
    """Groups of languages that `check` does not tell apart, beside those of the package."""
    seed: str = ""
    """A directory of clean text by language (`dag.txt`) for languages that the model lacks and for the
    neighbours that they could be confused with: a small model of our own is trained on it."""
    gate: str = ""
    """A directory of text by language from another domain than `seed`; the trained model must hold there."""
    gate_f1: float = Field(default=0.8, ge=0, le=1)
    """A new language that reaches less than this F1 on the gate's text is not identified."""

    def files_named(self) -> tuple[str, ...]:
        """The model's file, if it is one, and the seed's and the gate's directories."""
        names = (*model_files(self.model), self.seed, self.gate)
        return tuple(name for name in names if name)


def model_files(model: str) -> tuple[str, ...]:
    """Return the files in the name of an identifier: ``model.bin``, ``both+own.npz``."""
    return tuple(part for part in model.split("+") if part.endswith((".bin", ".ftz", ".npz")))


class BoundSetting(Config):
    """A bound set by hand; it replaces published and learned bounds of the same measure."""

    measure: str
    """A measure of `panlect.text.quality`."""
    low: float | None = None
    """Least value kept."""
    high: float | None = None
    """Greatest value kept."""
    languages: tuple[str, ...] = ()
    """For these languages; empty: for all."""


class LearnSettings(Config):
    """Bounds read off the distribution of each language."""

    measures: tuple[str, ...] = ()
    """Which measures get a learned bound; empty: none."""
    mode: Literal["percentile", "iqr"] = "percentile"
    """How: the q-th percentile, or k interquartile ranges beyond the quartile."""
    q: float = Field(default=5.0, gt=0, lt=50)
    """Percentile that is cut off (CulturaX began with 10)."""
    k: float = Field(default=1.5, gt=0)
    """Reach of `iqr`."""
    minimum_sample: int = Field(default=500, ge=20)
    """A language with fewer rows keeps the published bounds."""


class QualitySettings(Config):
    """Quality filters."""

    sets: tuple[
        Literal["panlect", "roots", "gopher_repetition", "gopher_quality", "fineweb", "fineweb2", "mc4"], ...
    ] = ()
    """Published sets of bounds; empty: none."""
    bounds: tuple[BoundSetting, ...] = ()
    """Bounds set by hand."""
    learn: LearnSettings = LearnSettings()
    """Bounds learned per language."""
    words: Literal["script", "spaces"] = "script"
    """`script`: a character is a word where the script has no spaces; `spaces`: as datatrove does without a
    tokenizer."""
    stop_words: str = ""
    """A directory of `<language>.txt`, one word a line; without a list, stop-word bounds do not apply."""
    flagged_words: str = ""
    """A directory of `<language>.txt`; without a list, `flagged_ratio` does not apply."""
    perplexity: str = ""
    """A directory of models by language: clean text (`swh.txt`), `.npz`, `.arpa` or KenLM `.binary`; without
    one, `perplexity` does not apply. ROOTS' bounds are meant for KenLM models of words."""

    def files_named(self) -> tuple[str, ...]:
        """The directories of lists and models."""
        return tuple(name for name in (self.stop_words, self.flagged_words, self.perplexity) if name)


class LineSettings(Config):
    """The line rules of C4, with the sentence ends of every script."""

    rules: tuple[
        Literal[
            "all",
            "terminal",
            "few_words",
            "long_words",
            "javascript",
            "policy",
            "citations",
            "lorem_ipsum",
            "curly_bracket",
            "few_sentences",
        ],
        ...,
    ] = ()
    """Which rules hold; empty: none. `lorem_ipsum`, `curly_bracket` and `few_sentences` drop the document,
    the others take lines (or citation marks) out of it."""
    minimum_words: int = Field(default=3, ge=1)
    """`few_words`: fewest words of a line (three times as many characters where a script has no spaces)."""
    longest_word: int = Field(default=1000, ge=1)
    """`long_words`: most characters of a word; scripts without spaces are not asked."""
    minimum_sentences: int = Field(default=5, ge=1)
    """`few_sentences`: fewest sentences of a document, after its lines were taken out."""


class UrlSettings(Config):
    """Addresses that are not wanted."""

    blocked: tuple[str, ...] = ()
    """Files of domains and addresses, one a line (also in the format of a hosts file). A domain blocks its
    sub-domains; an address blocks itself only. Empty: none."""

    def files_named(self) -> tuple[str, ...]:
        """The lists."""
        return self.blocked


class IncidentalSettings(Config):
    """Translations that hide inside documents of two languages."""

    find: bool = False
    """Whether neighbouring lines that look like translations of each other become pairs."""
    model: str = "both"
    """The identifier that tells the lines' languages; see `identify.model`."""
    minimum_letters: int = Field(default=15, ge=4)
    """Shorter lines take no part."""
    minimum_score: float = Field(default=0.8, ge=0, le=1)
    """How sure the identifier must be of both lines."""
    length_ratio: float = Field(default=2.0, gt=1)
    """Longest line per shortest, in characters weighted by script."""
    encoder: str = ""
    """A directory with a model that gives sentences vectors (LaBSE, multilingual E5): then lines anywhere in
    a document can be translations of each other, by the margin of their similarity."""
    margin: float = Field(default=1.06, ge=1)
    """Least similarity per mean similarity to the nearest lines of the other language."""
    documents: Literal["keep", "drop"] = "keep"
    """`drop` sets aside the documents in which pairs were found."""

    def files_named(self) -> tuple[str, ...]:
        """The identifier's file, if it is one, and the encoder's directory."""
        return (*model_files(self.model), *([self.encoder] if self.encoder else [])) if self.find else ()


class RepeatSettings(Config):
    """Spans of bytes that occur more than once anywhere in the corpus."""

    method: Literal["off", "cut_later", "cut_all"] = "off"
    """`cut_later` leaves the first occurrence, `cut_all` none."""
    window_bytes: int = Field(default=50, ge=8)
    """The shortest span (ROOTS: 50)."""
    shortest: int = Field(default=50, ge=1)
    """A document from which something was cut and that has fewer characters left is set aside."""
    memory_bytes: int = Field(default=2 << 30, ge=1 << 20)
    """How much memory to use; with less, the corpus is passed over more often."""


class PairSettings(Config):
    """Filters for rows that are pairs."""

    check: bool = False
    """Whether pairs are checked: sides that differ, lengths that fit, numbers and placeholders preserved."""
    length_ratio: float = Field(default=3.0, gt=1)
    """Longest side per shortest, in characters weighted by script."""
    shortest: int = Field(default=1, ge=1)
    """Fewest characters of a side."""
    longest: int = Field(default=5_000, ge=1)
    """Most characters of a side."""
    numbers: float = Field(default=0.5, ge=0, le=1)
    """Least share of the numbers that both sides have."""


class BenchmarkSettings(Config):
    """Rows that hold a benchmark's questions."""

    files: tuple[str, ...] = ()
    """The benchmarks, as JSON lines, parquet, TSV or text; every string in them counts. Empty: none."""
    run_words: int = Field(default=13, ge=8)
    """A row is contaminated if it shares a run of so many words (three times as many characters where a
    script has no spaces)."""
    rows: Literal["drop", "mark"] = "drop"
    """`mark` keeps them, with the number of shared runs in the column `benchmark_runs`."""

    def files_named(self) -> tuple[str, ...]:
        """The benchmarks."""
        return self.files


class NearSettings(Config):
    """Near-duplicates."""

    method: Literal["off", "thorough", "light", "fineweb", "simhash"] = "off"
    """MinHash of three strengths, or SimHash as in ROOTS."""
    across_languages: bool = False
    """Whether rows of different languages can be duplicates."""
    minimum_shingles: int = Field(default=20, ge=1)
    """Shorter texts are compared exactly only: two short sentences that share most words are not copies."""
    rehydrate: bool = False
    """Repeat what is kept by the size of its cluster, as FineWeb-2 does."""
