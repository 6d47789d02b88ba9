"""The command line: verbs only. Everything heavy is imported inside the verb that needs it.

Exit codes: 0 done, 1 a gate failed, 2 the user's input or configuration is wrong, 130 interrupted.
Results go to stdout (with ``--json`` exactly one JSON object); progress and messages to stderr.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from panlect import __version__
from panlect.errors import ConfigError, PanlectError

if TYPE_CHECKING:
    # For annotations only: `--help` must not import them.
    from panlect.config import Config
    from panlect.folder import Folder, Input
    from panlect.run import Outcome
    from panlect.stage import Stage

DONE, GATE_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

LISTED_SETTINGS = ("languages", "benchmarks")
"""Settings that are lists of names and may be written --languages swh,hin_Deva."""

Verb = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line like every other mistake of the user's."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, where=self.prog, fix=f"see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _dispatch(words)
    except PanlectError as error:
        _report_error(error, as_json="--json" in words)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it was", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # `panlect show … | head` closes our stdout early; that is no error.
        sys.stderr.close()
        return DONE


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _report_error(error: PanlectError, *, as_json: bool) -> None:
    print(f"error: {error}", file=sys.stderr)
    if as_json:
        facts = {"kind": type(error).__name__, "what": error.what, "where": error.where}
        print(
            json.dumps({"error": facts | {"expected": error.expected, "fix": error.fix}}, ensure_ascii=False)
        )


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_help())
        return DONE
    if words[0] in {"-V", "--version"}:
        print(f"panlect {__version__}")
        return DONE
    name, *rest = words
    from panlect.stages import STAGES

    if name in STAGES:
        return _stage(_stage_parser(name, STAGES[name].summary).parse_args(rest))
    if name not in VERBS:
        from panlect.config import nearest

        raise ConfigError(f"there is no verb '{name}'", where="panlect", fix=nearest(name, [*VERBS, *STAGES]))
    verb, build, summary = VERBS[name]
    parser = _Parser(prog=f"panlect {name}", description=summary)
    build(parser)
    return verb(parser.parse_args(rest))


def _help() -> str:
    from panlect.stages import STAGES

    lines = ["panlect teaches open language models the languages their users speak, and proves it", ""]
    lines += ["usage: panlect VERB ... (`panlect VERB --help` for its arguments)", ""]
    lines += [f"  {name:<10} {summary}" for name, (_, _, summary) in VERBS.items()]
    lines += [
        "",
        "stages: panlect STAGE INPUT... --out DIR [--config FILE]... [--set key=value]... [--json]",
        "",
    ]
    lines += [f"  {name:<10} {entry.summary}" for name, entry in STAGES.items()]
    return "\n".join(lines)


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, default=str))


# --- a stage -------------------------------------------------------------------------------------


def _stage_parser(name: str, summary: str) -> _Parser:
    parser = _Parser(prog=f"panlect {name}", description=summary, epilog=f"settings: panlect explain {name}")
    parser.set_defaults(stage=name)
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="finished folders, files, globs or hub ids"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to make")
    parser.add_argument(
        "--config", type=Path, action="append", default=[], metavar="FILE", help="settings in YAML"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; wins")
    for setting in LISTED_SETTINGS:
        parser.add_argument(f"--{setting}", metavar="A,B", help=f"short for --set {setting}=[A, B]")
    parser.add_argument("--plan", action="store_true", help="only say what it would do")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _stage(options: argparse.Namespace) -> int:
    from panlect import config
    from panlect.folder import resolve
    from panlect.stage import load

    stage = load(options.stage)
    settings = config.check(stage.config, _settings(options), where=_sources(options))
    inputs = [resolve(each) for each in options.inputs]
    if options.plan:
        return _plan_stage(stage, inputs, settings)
    if options.out is None:
        raise ConfigError("where to write is missing", where=f"panlect {options.stage}", expected="--out DIR")
    _print_folder(_make(stage, inputs, options.out, settings), as_json=options.json)
    return DONE


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    from panlect import config

    values: dict[str, Any] = {}
    for file in options.config:
        values |= config.read_yaml(file)
    for setting in LISTED_SETTINGS:
        if (text := getattr(options, setting)) is not None:
            values[setting] = [each.strip() for each in text.split(",") if each.strip()]
    for text in options.set:
        _set(values, *config.parse_setting(text))
    return values


def _make(stage: Stage, inputs: Sequence[Input], out: Path, settings: Config) -> Folder:
    """Run a stage, unless the folder holds just this result already."""
    from panlect.draft import fingerprint
    from panlect.folder import MANIFEST, Folder
    from panlect.progress import say

    wanted = fingerprint(stage.name, stage.version, settings, [each.fingerprint for each in inputs])
    if (out / MANIFEST).is_file() and (folder := Folder.open(out)).fingerprint == wanted:
        say(f"{out}: finished before")
        return folder
    return stage.function(inputs, out, settings)


def _plan_stage(stage: Stage, inputs: Sequence[Input], settings: Config) -> int:
    if stage.plan is not None:
        print(stage.plan(inputs, settings))
    elif stage.estimate is not None:
        _print_json(dict(stage.estimate(inputs, settings)))
    else:
        raise ConfigError(f"the stage '{stage.name}' has no plan", where="--plan", fix="leave --plan out")
    return DONE


def _sources(options: argparse.Namespace) -> str:
    return " + ".join([*map(str, options.config), *(["--set"] if options.set else [])]) or options.stage


def _set(values: dict[str, Any], keys: list[str], value: object) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def _print_folder(folder: Folder, *, as_json: bool) -> None:
    from panlect import show

    if as_json:
        _print_json(show.summary(folder))
        return
    print(folder.path)


# --- run -----------------------------------------------------------------------------------------


def _build_run(parser: _Parser) -> None:
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a recipe in YAML")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's directory (runs/<recipe name>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. steps.base.seed=2"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(options: argparse.Namespace) -> int:
    from panlect import run
    from panlect.config import parse_setting
    from panlect.recipe import read_recipe

    recipe = read_recipe(options.recipe, [parse_setting(text) for text in options.set])
    out = options.out or Path("runs") / recipe.name
    if options.dry_run:
        from panlect import plan

        plan.show(run.plan(recipe, out, where=str(options.recipe)), as_json=options.json)
        return DONE
    outcome = run.run(recipe, out, where=str(options.recipe))
    if options.json:
        _print_json(json.loads((out / "run.json").read_text(encoding="utf-8")))
    else:
        _show_outcome(outcome)
    return DONE if outcome.holds else GATE_FAILED


def _show_outcome(outcome: Outcome) -> None:
    from rich.console import Console

    from panlect.report import terminal

    console = Console()
    console.print(terminal.final_table(outcome.numbers))
    for verdict in outcome.verdicts:
        print(f"{'✓' if verdict.holds else '✗'} {verdict.sentence}")
    print(f"report: {outcome.out / 'report.html'}  ({outcome.seconds:.0f} s)")


# --- looking at things ---------------------------------------------------------------------------


def _build_show(parser: _Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--dropped", action="store_true", help="the rows that were set aside, with their reasons"
    )
    parser.add_argument("--language", metavar="CODE", help="only this language")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _show(options: argparse.Namespace) -> int:
    from rich.console import Console

    from panlect import show
    from panlect.folder import Folder
    from panlect.language import Language

    folder = Folder.open(options.folder)
    language = Language.parse(options.language).code if options.language else None
    if options.dropped:
        frame = show.dropped(folder, language)
        if options.json:
            _print_json({"folder": str(folder.path), "dropped": frame.to_dicts()})
        else:
            Console().print(show.dropped_table(frame))
    elif options.json:
        _print_json(show.summary(folder, language))
    else:
        Console().print(*show.summary_tables(folder, language), sep="\n")
    return DONE


def _build_stage_name(parser: _Parser) -> None:
    parser.add_argument("stage", metavar="STAGE")


def _explain(options: argparse.Namespace) -> int:
    from panlect import config, stage

    print(config.explain(stage.load(options.stage).config), end="")
    return DONE


def _schema(options: argparse.Namespace) -> int:
    from panlect import config, stage

    _print_json(config.schema(stage.load(options.stage).config))
    return DONE


def _build_lang(parser: _Parser) -> None:
    parser.add_argument("codes", nargs="*", metavar="CODE", help="codes, names or groups such as cldr-100")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _lang(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from panlect.language import Language, describe, group, groups

    if not options.codes:
        print("\n".join(groups()))
        return DONE
    found = [
        language
        for code in options.codes
        for language in (group(code) if code in groups() or ":" in code else [Language.parse(code)])
    ]
    rows = [describe(language) for language in found]
    if options.json:
        _print_json({"languages": rows})
        return DONE
    shown = ("code", "name", "own_name", "script", "direction", "family", "resource_class", "bcp47")
    table = Table(*shown)
    for row in rows:
        table.add_row(*("" if row.get(key) is None else str(row[key]) for key in shown))
    Console().print(table)
    return DONE


def _build_chat(parser: _Parser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="a folder with a model, a Hugging Face directory or a hub id"
    )
    parser.add_argument("--max-tokens", type=int, default=128, metavar="N", help="the longest answer (128)")


def _chat(options: argparse.Namespace) -> int:
    from panlect.serve.chat import chat

    chat(options.model, max_tokens=options.max_tokens)
    return DONE


# --- the curator's hand tools --------------------------------------------------------------------


def _build_doctor(parser: _Parser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a file, or a directory of files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _doctor(options: argparse.Namespace) -> int:
    from panlect.curation import hand_tools as tools

    found = tools.doctor_file(options.file)
    print(json.dumps(found, ensure_ascii=False) if options.json else tools.doctor_text(found))
    return DONE


def _build_identify(parser: _Parser) -> None:
    _build_doctor(parser)
    parser.add_argument("--model", default="both", help="both, langid, cld2, a fastText file ...")
    parser.add_argument("--evaluate", action="store_true", help="compare with the labels of the file")
    parser.add_argument("--language-pattern", default="", metavar="P", help="labels from the path")


def _identify(options: argparse.Namespace) -> int:
    from panlect.curation import hand_tools as tools

    if options.evaluate:
        pattern = options.language_pattern
        found = tools.evaluate_file(options.file, model=options.model, language_pattern=pattern)
    else:
        found = tools.identify_file(options.file, model=options.model)
    print(json.dumps(found, ensure_ascii=False) if options.json else tools.identify_text(found))
    return DONE


VERBS: Mapping[str, tuple[Verb, Callable[[_Parser], None], str]] = {
    "run": (_run, _build_run, "run a recipe; continues where it was; --dry-run shows the plan"),
    "show": (_show, _build_show, "show a finished folder, or what it dropped"),
    "explain": (_explain, _build_stage_name, "print a stage's settings as annotated YAML"),
    "schema": (_schema, _build_stage_name, "print a stage's settings as JSON Schema"),
    "lang": (_lang, _build_lang, "show languages; without codes, the groups"),
    "chat": (_chat, _build_chat, "talk to a model in the terminal"),
    "doctor": (_doctor, _build_doctor, "show what damage a text file has and how it would be repaired"),
    "identify": (_identify, _build_identify, "name the languages of a file; --evaluate compares with labels"),
}


if __name__ == "__main__":
    sys.exit(main())
