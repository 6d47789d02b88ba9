"""The command line: finds the verb, runs it, turns errors into exit codes. A verb is imported when asked for.

Exit codes: 0 done, 1 a gate failed, 2 the user's input or configuration is wrong, 130 interrupted.
Results go to stdout (with ``--json`` exactly one JSON object); progress and messages to stderr.
"""

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from panlect import __version__
from panlect.errors import ConfigError, PanlectError
from panlect.stages import STAGES
from panlect.verbs import DONE, INTERRUPTED, VERBS, WRONG_INPUT


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
    if name in STAGES:
        entry, function, parser = (
            "panlect.verbs.stage",
            "stage",
            _Parser(
                prog=f"panlect {name}",
                description=STAGES[name].summary,
                epilog=f"settings: panlect explain {name}",
            ),
        )
        parser.set_defaults(stage=name)
    elif name in VERBS:
        entry, function, parser = (
            VERBS[name].module,
            name,
            _Parser(prog=f"panlect {name}", description=VERBS[name].summary),
        )
    else:
        from panlect.config import nearest

        raise ConfigError(f"there is no verb '{name}'", where="panlect", fix=nearest(name, [*VERBS, *STAGES]))
    module = importlib.import_module(entry)
    getattr(module, f"build_{function}")(parser)
    code = getattr(module, function)(parser.parse_args(rest))
    assert isinstance(code, int)
    return code


def _help() -> str:
    lines = ["panlect teaches open language models the languages their users speak, and proves it", ""]
    lines += ["usage: panlect VERB ... (`panlect VERB --help` for its arguments)", ""]
    lines += [f"  {name:<11} {entry.summary}" for name, entry in VERBS.items()]
    lines += [
        "",
        "stages: panlect STAGE INPUT... --out DIR [--config FILE]... [--set key=value]... [--json]",
        "",
    ]
    lines += [f"  {name:<11} {entry.summary}" for name, entry in STAGES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
