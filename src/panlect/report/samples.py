"""The section of samples: one question per language in its own script and direction, and all answers."""

import hashlib
import re

import polars as pl

from panlect.report.blocks import Missing, Sample, Samples, Saying, Section
from panlect.report.naming import Named, direction, named
from panlect.report.settings import ReportConfig
from panlect.report.view import Slice, View, shown
from panlect.report.wording import measure, value

FROM = re.compile(r"\bfrom ([a-z]{3}_[A-Z][a-z]{3})\b")
MOST_CHARACTERS = 600
SIGNS = {"correct": "✓", "wrong": "✗", "off_target": "⇄", "malformed": "⚠", "empty": "∅"}
TRUTH_COLUMNS = ("gold", "truth", "reference", "expected")


def samples(view: View, config: ReportConfig) -> Section | Missing:
    """Half of the languages are the worst ones, the others add scripts not shown yet."""
    title, answers = "Samples", view.record.answers
    if answers.is_empty() or not config.sample_languages:
        return Missing(title, "stored answers (the table answer of the stage evaluate)")
    if "purpose" in answers.columns:
        answers = answers.filter(pl.col("purpose").fill_null("answer") == "answer")
    part = view.leading
    answers = answers.with_columns(_of_slice(part)).filter(
        pl.col("place") == pl.col("place").min().over("language")
    )
    steps = [step for step in view.single_steps if step in set(answers["step"])]
    steps = shown(steps or answers["step"].unique(maintain_order=True).to_list())
    worst = view.worst_first(part) if part is not None else []
    have = set(answers["language"])
    ranked = [code for code in worst if code in have] + sorted(have - set(worst))
    chosen = choose(ranked, config.sample_languages)
    rows = answers.filter(pl.col("language").is_in(chosen) & pl.col("step").is_in(steps))
    by_language = {key[0]: group for key, group in rows.group_by("language", maintain_order=True)}
    found = tuple(_sample(str(code), by_language[code], steps) for code in chosen if code in by_language)
    return Section("samples", title, [Samples(found)])


def _of_slice(part: Slice | None) -> pl.Expr:
    """0 for answers of the leading slice, then the others in their order; a language shows its first."""
    slices = pl.struct("benchmark", pl.col("group").fill_null("")).rank("dense")
    if part is None:
        return slices.alias("place")
    leading = (pl.col("benchmark") == part.benchmark) & (pl.col("group") == part.group)
    return pl.when(leading).then(0).otherwise(slices).alias("place")


def choose(ranked: list[str], most: int) -> list[str]:
    """The worst languages, then one of each script that is not among them, then again from the worst on."""
    chosen = ranked[: (most + 1) // 2]
    scripts = {named(code).script for code in chosen}
    for code in ranked:
        if len(chosen) < most and named(code).script not in scripts:
            chosen.append(code)
            scripts.add(named(code).script)
    chosen += [code for code in ranked if code not in chosen][: most - len(chosen)]
    return [code for code in ranked if code in set(chosen)]


def _sample(code: str, rows: pl.DataFrame, steps: list[str]) -> Sample:
    """One question that as many steps as possible answered, drawn by a hash so that no one picks it."""
    counts = rows.group_by("id").agg(pl.col("step").n_unique().alias("steps"))
    most = counts.filter(pl.col("steps") == counts["steps"].max())["id"].to_list()
    chosen = min(most, key=lambda name: hashlib.sha256(f"{code} {name}".encode()).hexdigest())
    of_question = rows.filter(pl.col("id") == chosen)
    order = {step: place for place, step in enumerate(steps)}
    first = of_question.row(0, named=True)
    asked, prompt = named(code), named(_prompt_language(first))
    wanted = named(str(first.get("answer_language") or code))
    sayings = tuple(
        Saying(
            step=row["step"],
            text=_cut(_judged(row)),
            whole=_cut(row["answer"]).strip() if _judged(row) != (row["answer"] or "").strip() else "",
            verdict=row["verdict"] or "",
            score=_score(row),
            sign=SIGNS.get(row["verdict"] or "", "·"),
            lang=wanted.lang if _as_wanted(row, wanted) else "und",
            dir=wanted.direction if _as_wanted(row, wanted) else direction(row["answer"] or ""),
        )
        for row in sorted(of_question.iter_rows(named=True), key=lambda row: order[row["step"]])
    )
    truth = next((str(first[name]) for name in TRUTH_COLUMNS if first.get(name)), "")
    return Sample(
        language=asked.name,
        code=code,
        note=Slice("", first["benchmark"], first["group"] or "").title,
        question=_cut(first["prompt"]),
        truth=_cut(truth),
        lang=prompt.lang,
        dir=prompt.direction,
        truth_lang=wanted.lang,
        truth_dir=wanted.direction,
        answers=sayings,
    )


def _as_wanted(row: dict[str, object], wanted: Named) -> bool:
    """Whether an answer is in its language: judged to be, or scored and in letters that are not ASCII."""
    if row["verdict"] != "scored" or wanted.script == "Latin":
        return row["verdict"] in {"correct", "wrong"}
    letters = [letter for letter in str(row["answer"] or "") if letter.isalpha()]
    return 2 * sum(letter.isascii() for letter in letters) < len(letters)


def _prompt_language(row: dict[str, object]) -> str:
    """The language of the prompt: its own column, the source of a translation, or the row's language."""
    for name in ("prompt_language", "source_language"):
        if row.get(name):
            return str(row[name])
    source = FROM.search(str(row["group"]))
    return source[1] if source else str(row["language"])


def _score(row: dict[str, object]) -> str:
    """The score of an answer that is neither right nor wrong, such as a translation's chrF."""
    score = row.get("score")
    if row["verdict"] != "scored" or not isinstance(score, float) or not row.get("measure"):
        return ""
    shape = measure(str(row["measure"]))
    return f"{shape.title} {value(score, shape.kind)}"


def _judged(row: dict[str, object]) -> str:
    """The part of an answer that was judged, where the evaluation says so."""
    return str(row.get("parsed") or row["answer"] or "").strip()


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
