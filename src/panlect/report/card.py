"""A model card in Markdown, from the facts of the folders alone: what it is, how it was made, how good.

It has the layout that model hubs show (YAML front matter with the languages and the licence, then text).
Every score carries its interval, and the worst languages come first.
"""

import json
from collections.abc import Sequence

from panlect.report.naming import named
from panlect.report.record import Record
from panlect.report.settings import ReportConfig
from panlect.report.view import Slice, View, presented
from panlect.report.wording import counted, interval, seconds, value

MOST_LANGUAGES = 400


def card(record: Record, config: ReportConfig, *, step: str = "") -> str:
    """Return the card of one evaluated step; empty for the last one."""
    view = View(record, config)
    part = view.leading
    if part and view.steps_of(part):
        step = step or view.final(part)
    codes = sorted(view.worst_first(part)) if part else _trained(record)
    lines = [*_front(record, codes, config), f"# {_plain(config.title or step or 'model')}", ""]
    if config.description:
        lines += [_plain(config.description), ""]
    lines += (
        [f"{counted(len(codes), 'language')}: {', '.join(_plain(named(code).name) for code in codes)}.", ""]
        if codes
        else []
    )
    lines += _scores(view, part, step, config) if part else ["No scores were measured in this run.", ""]
    lines += _gates(config) + _making(record)
    lines += [
        "## Limits",
        "",
        "Scores are those of the benchmarks named above and of nothing else; a language that is not in the"
        " table was not measured. A small model of a demonstration is no source of facts.",
        "",
    ]
    return "\n".join(lines)


def _front(record: Record, codes: Sequence[str], config: ReportConfig) -> list[str]:
    tags = list(dict.fromkeys(named(code).lang.split("-")[0] for code in codes if named(code).lang != "und"))
    licences = list(
        dict.fromkeys(
            name for folder in record.folders for name in folder.manifest.get("notes", {}).get("licences", {})
        )
    )
    lines = ["---", "library_name: transformers", "tags: [panlect, multilingual]"]
    if tags:
        # JSON strings: `no` is Norwegian, not false.
        lines.append("language: [" + ", ".join(json.dumps(tag) for tag in tags[:MOST_LANGUAGES]) + "]")
    if licences:
        lines.append("data_licences: " + json.dumps(licences, ensure_ascii=False))
    return [*lines, "---", ""]


def _trained(record: Record) -> list[str]:
    rows = record.numbers
    return sorted(set(rows["language"]) - {""})


def _scores(view: View, part: Slice, step: str, config: ReportConfig) -> list[str]:
    shape = presented(part, view.rows(part))
    steps, scores = view.steps_of(part), view.scores(part)
    lines = [f"## {shape.title}, {_plain(part.title)}, worst languages first", ""]
    level = view.chance(part)
    if level is not None:
        lines += [f"Guessing reaches {value(level, shape.kind)}.", ""]
    lines.append("| language | code | " + " | ".join(_plain(each) for each in steps) + " |")
    lines.append("|---|---|" + "---:|" * len(steps))

    def entry(name: str, code: str) -> str:
        cells = []
        for each in steps:
            score = scores.get((each, code))
            ends = interval(score.low, score.high, shape.kind) if score else ""
            cells.append((value(score.value, shape.kind) + (f" ({ends})" if ends else "")) if score else "–")
        return f"| {_plain(name)} | {code} | " + " | ".join(cells) + " |"

    if any(code == "" for _, code in scores):
        lines.append(entry("all languages", ""))
    lines += [entry(named(code).name, code) for code in view.worst_first(part)]
    return [*lines, ""]


def _gates(config: ReportConfig) -> list[str]:
    if not config.verdicts:
        return []
    lines = [f"- {'holds' if each.holds else 'FAILED'}: {_plain(each.sentence)}" for each in config.verdicts]
    return ["## Gates", "", *lines, ""]


def _making(record: Record) -> list[str]:
    lines = [
        "## How it was made",
        "",
        "| step | stage | from | time | fingerprint |",
        "|---|---|---|---:|---|",
    ]
    for folder in record.folders:
        facts = folder.manifest
        sources = ", ".join(each["name"] for each in facts.get("inputs", [])) or "–"
        stage = f"{facts.get('stage', '')} {facts.get('stage_version', '')}".strip()
        time = seconds(facts.get("seconds", 0.0))
        lines.append(
            f"| {_plain(folder.name)} | {stage} | {_plain(sources)} | {time} | `{folder.fingerprint}` |"
        )
    return [*lines, ""]


def _plain(text: str) -> str:
    """Keep text from becoming markup: no HTML, no table cells, no links of somebody's name."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
