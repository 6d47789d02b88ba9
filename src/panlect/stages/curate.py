"""`curate`: text in any common format becomes clean, labelled, deduplicated tables.

Rows keep the order of the input. A row that does not stay is not lost: it is in ``dropped/`` with
the reason, the step that found it, and what was measured. The same input gives the same bytes,
whatever the number of workers, and after a kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from panlect.config import Config, nearest
from panlect.curation import cards, effects, samples, skew, summary
from panlect.curation import inputs as incoming
from panlect.curation.benchmarks import write_index
from panlect.curation.decide import Merge, decide
from panlect.curation.engine import Engine, Phase, opened, run_phase, worker_count
from panlect.curation.merge import Tables, write_tables
from panlect.curation.rules import blocklist
from panlect.curation.seeding import train_identifier
from panlect.curation.settings import (
    Aligned,
    BenchmarkSettings,
    FileRule,
    IdentifySettings,
    IncidentalSettings,
    LineSettings,
    NearSettings,
    PairSettings,
    QualitySettings,
    RepeatSettings,
    SourceCard,
    UrlSettings,
)
from panlect.curation.steps import UNKNOWN, Steps, canonical, forget
from panlect.curation.work import Work, run
from panlect.draft import Draft, draft
from panlect.errors import ConfigError, DataError
from panlect.folder import Folder, Input
from panlect.read import Limits
from panlect.text.doctor import REPAIRS
from panlect.text.identify_packaged import load
from panlect.text.needs import needs

VERSION = 3


class CurateConfig(Config):
    """How raw text becomes tables."""

    files: tuple[FileRule, ...] = ()
    """How which files are read; without a matching rule, everything is found out."""
    cards: tuple[SourceCard, ...] = ()
    """What is known about the sources: licence, origin, custodian, domain."""
    languages: tuple[str, ...] = ()
    """Keep these languages only; empty keeps all."""
    language_map: dict[str, str] = Field(default_factory=dict)
    """What a label means here, where the usual reading is wrong: `{zho_Hani: zho_Hant}`."""
    lost_languages: Literal["refuse", "allow"] = "refuse"
    """Whether a language that goes in and does not come out is an error."""
    aligned: tuple[Aligned, ...] = ()
    """Sources whose rows translate each other by their order; they also become pairs."""
    pair_with: tuple[str, ...] = ("eng_Latn",)
    """Every language of an aligned source is paired with these."""
    held_out_share: float = Field(default=0.0, ge=0, lt=1)
    """This share goes to the table `question` (`held_out_text`, `held_out_translation`) and nowhere else;
    a sentence of an aligned source is held out in all languages at once."""
    exact_duplicates: Literal["drop", "drop_across_languages", "keep"] = "drop"
    """What happens to a text that is there already, in another case or spacing at most."""
    doctor: tuple[
        Literal[
            "all",
            "shifted_glyphs",
            "mojibake",
            "tripled_headings",
            "hyphenation",
            "furniture",
            "controls",
            "unicode_form",
        ],
        ...,
    ] = ()
    """Repairs of damaged text; empty: none."""
    identify: IdentifySettings = IdentifySettings()
    """Language identification."""
    quality: QualitySettings = QualitySettings()
    """Quality filters."""
    private: tuple[Literal["email", "ip", "phone", "iban", "card"], ...] = ()
    """Private data that is replaced by placeholders; empty: none."""
    near_duplicates: NearSettings = NearSettings()
    """Near-duplicates."""
    repeats: RepeatSettings = RepeatSettings()
    """Repeated substrings."""
    pairs: PairSettings = PairSettings()
    """Filters for pairs."""
    benchmarks: BenchmarkSettings = BenchmarkSettings()
    """Rows that hold a benchmark's questions."""
    incidental: IncidentalSettings = IncidentalSettings()
    """Translations inside documents."""
    lines: LineSettings = LineSettings()
    """Rules for lines."""
    urls: UrlSettings = UrlSettings()
    """Addresses that are not wanted."""
    unknown_licence: Literal["set_aside", "keep"] = "set_aside"
    """What happens to rows whose licence neither a column, nor a file's rule, nor a source's card says."""
    engine: Literal["pool", "ray"] = "pool"
    """`pool`: processes on this machine; `ray`: a Ray cluster, the one at `RAY_ADDRESS` or one started here.
    The output is the same."""
    row_bytes: int = Field(default=16 << 20, ge=1 << 10)
    """A longer row is set aside."""
    block_bytes: int = Field(default=8 << 20, ge=1 << 12)
    """How much one worker takes at once; a smaller value needs less memory."""


def curate(inputs: Sequence[Input], out: Path, config: CurateConfig) -> Folder:
    """Read text from files, directories, globs or folders, and write documents, pairs and what was dropped.

    Raises:
        FolderError: an input has no files.
        ConfigError: a setting names a language that does not exist, or one source twice.
        DataError: a language was lost, or nothing was left.
    """
    forget()
    work, merge = _settings(config)
    listed = incoming.files(inputs, config.files)
    with draft(out, "curate", VERSION, config, inputs) as work_draft:
        work = _with_own_identifier(work, config, work_draft)
        work = _with_benchmarks(work, config, work_draft)
        size_bytes = sum(Path(file.path).stat().st_size for file in listed)
        with opened(config.engine, worker_count(size_bytes), work_draft.scratch) as engine:
            count = _run(listed, work, work_draft, engine)
            known = decide(work_draft, count, merge, engine)
        tables = write_tables(work_draft, known)
        _finish(work_draft, count, tables, config)
    return work_draft.folder


def _settings(config: CurateConfig) -> tuple[Work, Merge]:
    """Return the settings of the two halves, with every language in its canonical code."""
    sources = [card.source for card in config.cards]
    if twice := {source for source in sources if sources.count(source) > 1}:
        raise ConfigError(f"two cards for the source '{min(twice)}'", where="cards", fix="keep one of them")
    work = Work(
        limits=Limits(row_bytes=config.row_bytes, block_bytes=config.block_bytes),
        languages=frozenset(_code(language, "languages") for language in config.languages),
        language_map=config.language_map,
        aligned=frozenset(each.source for each in config.aligned),
        licences={card.source: card.licence for card in config.cards},
        across_languages=config.exact_duplicates == "drop_across_languages",
        steps=_steps(config),
    )
    for said, meant in config.language_map.items():
        _code(meant, f"language_map.{said}")
    merge = Merge(
        aligned_rows={each.source: each.rows for each in config.aligned},
        pair_with=tuple(_code(language, "pair_with") for language in config.pair_with),
        held_out_share=config.held_out_share,
        keep_duplicates=config.exact_duplicates == "keep",
        quality=config.quality,
        near=config.near_duplicates,
        repeats=config.repeats,
    )
    return work, merge


def _steps(config: CurateConfig) -> Steps:
    """Return what is switched on; packages and files that it needs are asked for before work begins."""
    if config.quality.sets or config.quality.bounds or config.quality.learn.measures:
        from panlect.text.quality import COLUMNS

        asked = {*config.quality.learn.measures, *(bound.measure for bound in config.quality.bounds)}
        for name in sorted(asked - set(COLUMNS)):
            raise ConfigError(f"there is no measure '{name}'", where="quality", fix=nearest(name, COLUMNS))
        needs("numba", "quality")
    if config.near_duplicates.method != "off":
        needs("numba", "near_duplicates")
    if config.repeats.method != "off":
        needs("numba", "repeats")
    if config.identify.model:
        load(config.identify.model)
    if bool(config.identify.seed) != bool(config.identify.gate):
        raise ConfigError(
            "an identifier of your own is trained on one domain and tested on another",
            where="identify.seed, identify.gate",
            expected="two directories of <language>.txt",
            fix="set both, or neither",
        )
    if config.incidental.find:
        load(config.incidental.model)
        if config.incidental.encoder and not (Path(config.incidental.encoder) / "config.json").is_file():
            raise ConfigError(
                "this is no model directory", where=f"incidental.encoder: {config.incidental.encoder}"
            )
    blocklist(config.urls.blocked)
    repairs = tuple(REPAIRS) if "all" in config.doctor else tuple(config.doctor)
    if "mojibake" in repairs:
        needs("ftfy", "doctor: mojibake")
    return Steps(
        doctor=repairs,
        identify=config.identify,
        quality=config.quality,
        private=config.private,
        near=config.near_duplicates,
        benchmarks=config.benchmarks,
        pairs=config.pairs,
        incidental=config.incidental,
        lines=config.lines,
        blocked=config.urls.blocked,
        keep_unknown_licence=config.unknown_licence == "keep",
    )


def _with_own_identifier(work: Work, config: CurateConfig, work_draft: Draft) -> Work:
    """Train the own identifier once, where all workers find it, and say which languages it may name."""
    if not config.identify.seed:
        return work
    path = work_draft.scratch / "identifier.npz"
    results = train_identifier(config.identify, path)
    for each in results:
        work_draft.number(
            "identification_f1", each.f1, language=each.language, group="gate", count=each.gate_texts
        )
        verdict = "may be named" if each.accepted else f"is not named ({each.why})"
        work_draft.log(f"identification: {each.language} {verdict}")
    work_draft.note(identifier=[each._asdict() for each in results])
    base = config.identify.model or "both"
    model = f"{base}+{path}" if any(each.accepted for each in results) else base
    settings = config.identify.model_copy(update={"model": model})
    return replace(work, steps=replace(work.steps, identify=settings))


def _with_benchmarks(work: Work, config: CurateConfig, work_draft: Draft) -> Work:
    """Index the benchmarks once, where all workers find it."""
    if not config.benchmarks.files:
        return work
    needs("numba", "benchmarks")
    path = work_draft.scratch / "benchmarks.npz"
    count = write_index(config.benchmarks, path)
    work_draft.log(f"looking for {count:,} texts of benchmarks")
    return replace(work, steps=replace(work.steps, benchmark_index=str(path)))


def _code(language: str, key: str) -> str:
    code = canonical(language)
    if code == UNKNOWN:
        raise ConfigError(
            f"no language is called '{language}'", where=key, expected="a code such as swh_Latn"
        )
    return code


def _run(listed: Sequence[incoming.File], work: Work, work_draft: Draft, engine: Engine) -> int:
    """Put every file through the workers; return the number of tasks."""
    size_bytes = sum(Path(file.path).stat().st_size for file in listed)
    phase = Phase("rows", work_draft.scratch, partial(run, work=work, scratch=work_draft.scratch))
    with work_draft.progress(size_bytes / 1e6, "MB", "reading") as bar:
        tasks = incoming.tasks(listed, work.limits)
        return run_phase(engine, phase, tasks, lambda task: bar.advance(task.read_bytes / 1e6))


def _finish(work_draft: Draft, count: int, tables: Tables, config: CurateConfig) -> None:
    """Check that no language was lost, and write down what is known about the sources."""
    rows = {name: shards.rows for name, shards in vars(tables).items()}
    dropped = cards.dropped_for(work_draft.path)
    if not rows["documents"] + rows["pairs"]:
        raise _nothing_kept(dropped, where=work_draft.out.name)
    sources = summary.sources(work_draft.scratch, count)
    samples.account(work_draft, count)
    effects.numbers(work_draft)
    skew.numbers(work_draft, config.cards)
    known = cards.complete(work_draft, config.cards)
    work_draft.note(rows=rows, sources=sources, cards=known, licences=summary.licences(sources))
    if config.lost_languages == "refuse":
        _refuse_losses(work_draft, count, tables)
    kept = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in rows.items() if n)
    work_draft.log(f"wrote {kept}")
    if unsaid := dropped["unknown_licence"]:
        work_draft.log(
            f"set aside {unsaid:,} rows whose licence nobody said (cards, or unknown_licence: keep)"
        )


def _nothing_kept(dropped: Counter[str], *, where: str) -> DataError:
    """Say why a whole input was set aside, and what to do about the most frequent reason."""
    if not dropped:
        return DataError("no row was kept: the inputs hold none", where=where, expected="text")
    said = ", ".join(f"{count:,} for {reason}" for reason, count in dropped.most_common(3))
    what_to_do = {
        "no_language": "say it in the file's name (corpus.sw.txt), in a column or under `files`,"
        " or let it be found out (identify.model: both)",
        "unknown_licence": "say it under `files` or `cards`, or ask for rows without one"
        " (unknown_licence: keep)",
    }
    fix = what_to_do.get(dropped.most_common(1)[0][0], "loosen the setting that the reason names")
    return DataError(f"no row was kept: set aside {said}", where=where, expected="rows to keep", fix=fix)


def _refuse_losses(work_draft: Draft, count: int, tables: Tables) -> None:
    """Raise if a language that was read is in no table."""
    kept = tables.documents.languages | tables.pairs.languages | tables.questions.languages
    if lost := sorted(summary.languages_in(work_draft.scratch, count) - kept):
        raise DataError(
            f"{len(lost)} languages went in and did not come out: {', '.join(lost)}",
            where=work_draft.out.name,
            expected="rows of every language that was read",
            fix="see `panlect show --dropped` for the reasons, and loosen those settings for them"
            " or say their licences; or set lost_languages: allow",
        )
