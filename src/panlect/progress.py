"""Progress bars with an ETA, and short messages, always on stderr: stdout belongs to results."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)
"""The one console for everything that is not a result; `console.quiet = True` silences it."""


class Bar:
    """One running bar; `advance` moves it and may show a few current values beside it."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, count: float = 1, **shown: object) -> None:
        """Move the bar by `count` units and show the values, such as ``loss=2.31``."""
        if shown:
            values = "  ".join(f"{name} {value}" for name, value in shown.items())
            self._progress.update(self._task, advance=count, values=values)
        else:
            self._progress.update(self._task, advance=count)


@contextmanager
def bar(total: float, unit: str, description: str) -> Iterator[Bar]:
    """Show a bar of `total` units while the block runs.

    Without a terminal (a log file, CI) nothing is drawn but one line at the end.
    """
    progress = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} " + unit),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=console,
        refresh_per_second=4,
        disable=not console.is_terminal,
    )
    with progress:
        yield Bar(progress, progress.add_task(description, total=total, values=""))


def say(text: str) -> None:
    """Print one line on stderr, above any running bar."""
    console.print(text, markup=False)
