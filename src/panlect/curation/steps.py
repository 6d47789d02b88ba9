"""The steps that look at one row at a time, each a pure function of `panlect.text` over a column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from panlect.curation.benchmarks import read_index
from panlect.curation.rules import blocklist
from panlect.curation.settings import (
    BenchmarkSettings,
    IdentifySettings,
    IncidentalSettings,
    LineSettings,
    NearSettings,
    PairSettings,
    QualitySettings,
)
from panlect.errors import ConfigError, LanguageError
from panlect.language import Language
from panlect.text import bitext, duplicates, perplexity
from panlect.text.confusable import alike
from panlect.text.contamination import shared
from panlect.text.doctor import examine_all
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import load
from panlect.text.private import redact_all
from panlect.text.quality import (
    COLUMNS,
    EXTRA,
    MEASURES,
    Bound,
    Floats,
    Measuring,
    Verdict,
    bounds,
    judge_all,
    measure,
)

UNKNOWN = "und_Zyyy"
"""The language of a row that says none (BCP-47 `und`, script undetermined)."""

MEASURED = "measured_"
"""Prefix of the working columns that thresholds are learned from."""


@dataclass(frozen=True)
class Steps:
    """What is switched on."""

    doctor: tuple[str, ...] = ()
    identify: IdentifySettings = field(default_factory=IdentifySettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    private: tuple[str, ...] = ()
    near: NearSettings = field(default_factory=NearSettings)
    benchmarks: BenchmarkSettings = field(default_factory=BenchmarkSettings)
    benchmark_index: str = ""
    pairs: PairSettings = field(default_factory=PairSettings)
    incidental: IncidentalSettings = field(default_factory=IncidentalSettings)
    lines: LineSettings = field(default_factory=LineSettings)
    blocked: tuple[str, ...] = ()
    keep_unknown_licence: bool = True


def forget() -> None:
    """Read lists and models anew: between two runs of one process their files may have changed."""
    for cache in (word_lists, perplexity_models, read_index, blocklist, load):
        cache.cache_clear()


def drop(
    frame: pl.DataFrame, where: pl.Expr | pl.Series, reason: str, step: str, dropped: list[pl.DataFrame]
) -> pl.DataFrame:
    """Move rows to `dropped`, with the reason and the step that found it."""
    gone = frame.filter(where)
    dropped.append(gone.with_columns(pl.lit(reason).alias("reason"), pl.lit(step).alias("step")))
    return frame.filter(~where) if gone.height else frame


@lru_cache(maxsize=65536)
def canonical(said: str) -> str:
    """Return the canonical code of a language in any scheme, or `UNKNOWN`."""
    try:
        return Language.parse(said).code if said else UNKNOWN
    except LanguageError:
        return UNKNOWN


def doctored(frame: pl.DataFrame, repairs: tuple[str, ...], dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Mend the texts; the column `repairs` says what was done (``mojibake:2 controls:1``)."""
    if not repairs:
        return frame
    mended = examine_all(frame["text"].to_list(), repairs)
    notes = [" ".join(f"{name}:{count}" for name, count in counts.items()) for _, counts in mended]
    frame = frame.with_columns(
        pl.Series("text", [text for text, _ in mended], pl.String), pl.Series("repairs", notes, pl.String)
    )
    empty = frame["text"].str.strip_chars() == ""
    return drop(frame, empty, "empty_after_repair", "doctor", dropped)


def identified(frame: pl.DataFrame, settings: IdentifySettings, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Name the language of rows that say none, or check what they say."""
    if settings.model and frame.height:
        frame = _identify(frame, settings, dropped)
    return drop(frame, pl.col("language") == UNKNOWN, "no_language", "language", dropped)


def _identify(frame: pl.DataFrame, settings: IdentifySettings, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    identifier = Identifier(load(settings.model), minimum_letters=settings.minimum_letters)
    ask = frame["language"] == UNKNOWN if settings.use == "missing" else pl.Series([True] * frame.height)
    guesses = identifier.identify(frame.filter(ask)["text"].to_list())
    sure = [guess.score >= settings.minimum_score for guess in guesses]
    found = [guess.language if ok else UNKNOWN for guess, ok in zip(guesses, sure, strict=True)]
    places = [int(place) for place in np.flatnonzero(ask.to_numpy())]
    languages: list[str] = frame["language"].to_list()
    scores: list[float | None] = [None] * frame.height
    said = list(languages)
    for place, language, guess in zip(places, found, guesses, strict=True):
        scores[place] = guess.score
        if settings.use == "replace" or said[place] == UNKNOWN:
            languages[place] = language if language not in ("zxx_Zyyy",) else UNKNOWN
    frame = frame.with_columns(
        pl.Series("language", languages, pl.String), pl.Series("identification_score", scores, pl.Float64)
    )
    if settings.use != "check":
        return frame
    same = _tolerance(settings.tolerated)
    wrong = [
        said[place] != UNKNOWN
        and language not in (UNKNOWN, "zxx_Zyyy")
        and not same(said[place], language, identifier.scorer.languages)
        for place, language in zip(places, found, strict=True)
    ]
    frame = frame.with_columns(pl.Series("found_language", found, pl.String))
    return drop(frame, pl.Series(wrong, dtype=pl.Boolean), "other_language_found", "identify", dropped).drop(
        "found_language"
    )


def _tolerance(more: Sequence[Sequence[str]]) -> Callable[[str, str, Sequence[str]], bool]:
    own = [frozenset(canonical(code)[:3] for code in group) for group in more]

    def same(said: str, found: str, known: Sequence[str]) -> bool:
        if alike(said, found) or any(said[:3] in group and found[:3] in group for group in own):
            return True
        # A language that the model does not know can only be contradicted by its script.
        return said[:3] not in {code[:3] for code in known} and said[4:] == found[4:]

    return same


def judged(frame: pl.DataFrame, settings: QualitySettings, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Drop texts that break a bound; keep the measures that bounds are learned from."""
    if not (settings.sets or settings.bounds or settings.learn.measures) or frame.is_empty():
        return frame
    languages = frame["language"].to_list()
    values = _measured(frame, languages, settings)
    for name in settings.learn.measures:
        column = values[:, COLUMNS.index(name)].astype(np.float32)
        frame = frame.with_columns(pl.Series(MEASURED + name, column))
    verdicts = _verdicts(values, languages, settings)
    broken = [verdict is not None for verdict in verdicts]
    if not any(broken):
        return frame
    gone = frame.filter(pl.Series(broken)).with_columns(
        pl.Series("reason", [v.measure for v in verdicts if v], pl.String),
        pl.lit("quality").alias("step"),
        pl.Series("value", [v.value for v in verdicts if v], pl.Float64),
        pl.Series("threshold", [v.threshold for v in verdicts if v], pl.Float64),
    )
    dropped.append(gone)
    return frame.filter(~pl.Series(broken))


def _measured(frame: pl.DataFrame, languages: Sequence[str], settings: QualitySettings) -> Floats:
    """Return the measures and, where there are models and lists for them, the extra ones."""
    texts, how = frame["text"].to_list(), Measuring(words=settings.words)
    values = measure(texts, how, languages=languages, stop_words=word_lists(settings.stop_words))
    extra = np.full((len(texts), len(EXTRA)), np.nan)
    if "identification_score" in frame.columns:
        extra[:, 0] = frame["identification_score"].cast(pl.Float64).to_numpy()
    models, of = perplexity_models(settings.perplexity), np.array(languages)
    for language in sorted(set(languages) & set(models)):
        mine = np.flatnonzero(of == language)
        extra[mine, 1] = models[language].perplexities([texts[place] for place in mine])
    flagged = word_lists(settings.flagged_words)
    if set(languages) & set(flagged):
        counted = measure(texts, how, languages=languages, stop_words=flagged)
        extra[:, 2] = counted[:, MEASURES.index("stop_word_ratio")]
    return np.hstack([values, extra])


def _verdicts(values: Floats, languages: Sequence[str], settings: QualitySettings) -> list[Verdict | None]:
    verdicts: list[Verdict | None] = [None] * len(languages)
    of = np.array(languages)
    for language in sorted(set(languages)):
        places = np.flatnonzero(of == language)
        for place, verdict in zip(places, judge_all(values[places], limits(settings, language)), strict=True):
            verdicts[place] = verdict
    return verdicts


@lru_cache(maxsize=4096)
def limits(settings: QualitySettings, language: str) -> tuple[Bound, ...]:
    """Return the bounds that hold for a language: published ones, except where one is set by hand."""
    own = {
        each.measure: Bound(
            each.measure,
            -np.inf if each.low is None else each.low,
            np.inf if each.high is None else each.high,
        )
        for each in settings.bounds
        if not each.languages or language in {canonical(code) for code in each.languages}
    }
    published = [bound for bound in bounds(settings.sets, language) if bound.measure not in own]
    return (*own.values(), *published)


@lru_cache(maxsize=8)
def word_lists(directory: str) -> dict[str, tuple[str, ...]]:
    """Return the words of every `<language>.txt` in a directory, by canonical code."""
    if not directory:
        return {}
    files = sorted(Path(directory).glob("*.txt"))
    if not files:
        raise ConfigError(
            "the directory holds no <language>.txt", where=directory, expected="one word a line"
        )
    lists = {}
    for file in files:
        words = file.read_text(encoding="utf-8").split()
        if (code := canonical(file.stem)) != UNKNOWN:
            lists[code] = tuple(words)
    return lists


def paired(frame: pl.DataFrame, settings: PairSettings, dropped: list[pl.DataFrame]) -> pl.DataFrame:
    """Drop pairs that cannot be translations of each other."""
    if not settings.check or frame.is_empty():
        return frame
    limits_ = bitext.Limits(settings.length_ratio, settings.shortest, settings.longest, settings.numbers)
    sides = zip(frame["source_text"], frame["target_text"], strict=True)
    reasons = pl.Series("reason", [bitext.fault(left, right, limits_) for left, right in sides], pl.String)
    dropped.append(frame.with_columns(reasons, pl.lit("pairs").alias("step")).filter(reasons != ""))
    return frame.filter(reasons == "")


@lru_cache(maxsize=4)
def perplexity_models(directory: str) -> dict[str, perplexity.Model]:
    """Return the models of a directory by canonical code; clean text is learned from at once."""
    if not directory:
        return {}
    files = [f for f in sorted(Path(directory).glob("*")) if f.suffix in (".txt", ".npz", ".arpa", ".binary")]
    models = {canonical(file.stem): file for file in files if canonical(file.stem) != UNKNOWN}
    if not models:
        raise ConfigError(
            "the directory holds no model", where=directory, expected="<language>.txt, .npz, .arpa or .binary"
        )
    return {language: perplexity.load(file) for language, file in models.items()}


def decontaminated(
    frame: pl.DataFrame, settings: BenchmarkSettings, path: str, dropped: list[pl.DataFrame]
) -> pl.DataFrame:
    """Drop, or mark, the rows that hold a benchmark's questions."""
    if not settings.files:
        return frame
    found = shared(frame["text"].to_list(), read_index(path))
    if settings.rows == "mark":
        return frame.with_columns(pl.Series("benchmark_runs", found, pl.Int64))
    gone = frame.filter(pl.Series(found > 0)).with_columns(
        pl.lit("in_benchmark").alias("reason"),
        pl.lit("contamination").alias("step"),
        pl.Series("value", found[found > 0].astype(np.float64), pl.Float64),
    )
    dropped.append(gone)
    return frame.filter(pl.Series(found == 0))


def redacted(frame: pl.DataFrame, kinds: tuple[str, ...]) -> pl.DataFrame:
    """Replace private data; the column `private` says how much (``email:2 phone:1``)."""
    if not kinds:
        return frame
    done = redact_all(frame["text"].to_list(), kinds)
    notes = [" ".join(f"{name}:{count}" for name, count in sorted(counts.items())) for _, counts in done]
    return frame.with_columns(
        pl.Series("text", [text for text, _ in done], pl.String), pl.Series("private", notes, pl.String)
    )


def signed(frame: pl.DataFrame, settings: NearSettings) -> dict[str, np.ndarray]:
    """Return what finding near-duplicates needs of every row."""
    if settings.method == "off":
        return {}
    texts = frame["text"].to_list()
    if settings.method == "simhash":
        prints, usable = duplicates.simhashes(texts)
        return {"prints": prints, "usable": usable}
    found = duplicates.signatures(texts, duplicates.PRESETS[settings.method])
    return found._asdict()
