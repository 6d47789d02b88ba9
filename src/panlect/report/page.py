"""`report`: one offline HTML page about a run, from manifests, numbers, stored answers and reasons alone.

The page loads nothing: its charts are drawn beforehand as SVG, and its content security policy forbids
requests of any kind. All text is escaped. The order is: the verdict, the worst languages, every language
before and after each step, transfer, consistency, what became of the answers, further measures, groups,
training, samples, the data, and how it was made. What the numbers do not hold is listed, not left out
silently.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from panlect import __version__
from panlect.draft import draft
from panlect.errors import FolderError
from panlect.folder import Folder, Input
from panlect.report import (
    benchmarks,
    consistency,
    curation,
    further,
    making,
    manifest,
    outcomes,
    samples,
    scores,
    tokenizers,
    transfer,
)
from panlect.report.blocks import Missing, Section
from panlect.report.card import card
from panlect.report.record import Record, read
from panlect.report.settings import ReportConfig
from panlect.report.view import View
from panlect.report.wording import listed

VERSION = 1
PAGE = "report.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

SECTIONS: tuple[Callable[[View, ReportConfig], Section | Missing], ...] = (
    scores.verdict,
    scores.worst,
    scores.every_language,
    benchmarks.benchmarks,
    transfer.transfer,
    consistency.consistency,
    outcomes.outcomes,
    further.other_measures,
    scores.groups,
    making.tokens,
    making.training,
    samples.samples,
    tokenizers.tokenizers,
    curation.curation,
    making.mixture,
    making.dropped,
    manifest.manifest,
)
"""The sections in their order. Each reads the view and returns itself, or what it would have needed."""


def report(inputs: Sequence[Input], out: Path, config: ReportConfig) -> Folder:
    """Write ``report.html`` and a model card, ``card.md``, about the folders among the inputs.

    Raises:
        FolderError: none of the inputs is a finished folder.
    """
    record = read(inputs)
    if not record.folders:
        raise FolderError(
            "there is nothing to report on",
            where=", ".join(each.name for each in inputs) or "no inputs",
            expected="finished folders of a run",
            fix="name the folders of the run's steps",
        )
    with draft(out, "report", VERSION, config, inputs) as work:
        text = render(record, config)
        (work.path / PAGE).write_text(text, encoding="utf-8")
        (work.path / "card.md").write_text(card(record, config), encoding="utf-8")
        work.note(page_bytes=len(text.encode()), folders=len(record.folders))
    return work.folder


def render(record: Record, config: ReportConfig) -> str:
    """Return the page; the same record and settings give the same text, byte for byte."""
    view = View(record, config)
    found = [section(view, config) for section in SECTIONS]
    if record.infinite:
        found.append(Missing("Infinite values", f"a look at {listed(record.infinite)}"))
    title = config.title or (record.step_names[-1] if record.folders else "report")
    return page(
        title,
        config.description,
        sections=[each for each in found if isinstance(each, Section)],
        missing=[each for each in found if isinstance(each, Missing)],
    )


def page(
    title: str, description: str, *, sections: Sequence[Section], missing: Sequence[Missing] = ()
) -> str:
    """Lay sections out as one page; the leaderboard uses it too."""
    script = _resource("page.js")
    # The policy allows exactly this script and no request; styles are inline because drawings carry some.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["drawn"] = Markup  # only for Figure.svg, which panlect.report.drawing made
    return environment.from_string(_resource("page.html")).render(
        title=title,
        description=description,
        sections=sections,
        missing=missing,
        version=__version__,
        style=Markup(_resource("page.css")),
        script=Markup(script),
        policy=f"{POLICY}; script-src 'sha256-{digest}'",
    )


_HIDDEN = {
    code: f"[U+{code:04X}]"
    for code in (
        *range(9),
        11,
        12,
        *range(14, 32),
        *range(127, 160),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}
"""Control characters, and those that turn the direction of what follows: an answer must not turn the page."""


def _visible(found: object) -> object:
    """Show such characters by their code; direction marks and joiners stay, because scripts need them."""
    if isinstance(found, Markup) or not isinstance(found, str):
        return found
    return found.translate(_HIDDEN)


@cache
def _resource(name: str) -> str:
    return resources.files("panlect.report").joinpath(name).read_text(encoding="utf-8")
