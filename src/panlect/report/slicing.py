"""One slice of a measure as a heading, a drawing and a table, or folded behind one line."""

from panlect.report.blocks import Block, Folded, Heading, Table
from panlect.report.naming import named
from panlect.report.settings import ReportConfig
from panlect.report.tabling import language_dots, score_table
from panlect.report.view import Slice, View, presented
from panlect.report.wording import value


def sliced(
    view: View, part: Slice, config: ReportConfig, *, name: str, shown_at_once: bool = False
) -> list[Block]:
    """A slice as a drawing (where it has a name) and a table; all but the leading one are folded."""
    codes = view.worst_first(part)
    title = f"{presented(part, view.rows(part)).title}, {part.title}"
    drawn = [language_dots(view, part, name=name)] if name and len(codes) > 1 else []
    folded = f"All {len(codes)} languages as a table" if shown_at_once and len(codes) > 1 else ""
    caption = f"{title}, worst first, with 95\u00a0% intervals where they were measured."
    table = score_table(view, codes, Table(caption, (), (), folded), part=part, config=config)
    if shown_at_once:
        return [Heading(title), *drawn, table]
    return [Folded(summary(view, part, title), (*drawn, table))]


def summary(view: View, part: Slice, title: str) -> str:
    """One line: the first and the final step over all languages, and the worst language."""
    shape, final, codes = presented(part, view.rows(part)), view.final(part), view.worst_first(part)
    steps = list(dict.fromkeys([view.steps_of(part)[0], final]))
    wholes = [whole[0].value for step in steps if (whole := view.whole(part, step))]
    parts = [" → ".join(value(number, shape.kind) for number in wholes)]
    if len(codes) > 1 and shape.kind != "count" and (score := view.scores(part).get((final, codes[0]))):
        parts.append(f"worst {named(codes[0]).name} {value(score.value, shape.kind)}")
    return f"{title}: {', '.join(parts)}"
