"""The leaderboard's first table: every model with what it does well, what it does badly, and what it cost.

The **cost** of a model is the processor seconds of the steps that made it and that are not the same for all
models: its own training, the answers it drew, what a judge said. Steps are found by the manifests, beside the
evaluation's folder; a step whose folder has gone, or has been made again since, leaves its cost unknown.
"""

from collections.abc import Mapping
from statistics import fmean

from panlect.errors import FolderError
from panlect.folder import Folder
from panlect.report.blocks import Cell, Column, Prose, Section, Table
from panlect.report.tabling import score_cell
from panlect.report.view import Score, Slice, View, presented
from panlect.report.wording import measure, seconds

BESIDE = ("off_target", "malformed", "rankc", "conductivity")
"""Measures of the leading slice that stand beside its mean."""


def glance(view: View, leading: Slice, means: Mapping[str, Score]) -> Section:
    """One row per model, the best first.

    Args:
        view: where the scores are.
        leading: the slice that models are ranked by.
        means: the models' means on the leading slice, the best first, as the ranking below gives them.
    """
    beside = [part for part in _beside(view, leading) if any(view.whole(part, step) for step in means)]
    columns = [leading, *beside]
    shapes = [presented(part, view.rows(part)) for part in columns]
    spent = costs(view)
    rows = []
    for step, mean in means.items():
        wholes = [view.whole(part, step) for part in columns[1:]]
        cells = [score_cell(mean, shapes[0])]
        cells += [
            score_cell(whole[0] if whole else None, shape)
            for whole, shape in zip(wholes, shapes[1:], strict=True)
        ]
        if spent:
            cells.append(
                Cell(seconds(spent[step]), sort=spent[step]) if step in spent else Cell("–", sort=-1.0)
            )
        rows.append((Cell(step), *cells))
    heads = [Column("Model"), *(Column(_head(part, leading), number=True) for part in columns)]
    heads += [Column("Own processor time", number=True)] if spent else []
    text = (
        "Own processor time is that of all steps that made a model, without those that all models share."
        if spent
        else ""
    )
    caption = "Means over languages, the best first; every column is a table of its own below."
    return Section(
        "glance", "At a glance", [*([Prose(text)] if text else []), Table(caption, tuple(heads), tuple(rows))]
    )


def _head(part: Slice, leading: Slice) -> str:
    title = measure(part.measure).title
    return title if part[1:] == leading[1:] and part != leading else f"{title}, {part.title}"


def _beside(view: View, leading: Slice) -> list[Slice]:
    """What else is told of each model: other slices of the same measure, then its ways of failing."""
    way = view.way_of(leading)
    others = [part for part in view.slices(leading.measure) if part != leading and view.way_of(part) == way]
    failures = [leading._replace(measure=name) for name in BESIDE]
    return [*others, *(part for part in failures if view.rows(part).height)]


def costs(view: View) -> dict[str, float]:
    """Processor seconds of the steps that made each model and are not shared by all, as a mean over seeds."""
    made = {step: found for step in view.single_steps if (found := _ancestors(view, step)) is not None}
    # Each seed has steps of its own; what is shared is shared within a seed.
    arm_of = {step: (arm, seed) for arm, members in view.arms.items() for step, seed in members.items()}
    spent: dict[str, list[float]] = {}
    for step, folders in made.items():
        arm, seed = arm_of.get(step, (step, ""))
        mates = [each for other, each in made.items() if arm_of.get(other, (other, ""))[1] == seed]
        shared = set.intersection(*(set(each) for each in mates)) if len(mates) > 1 else set()
        times = [folder.manifest.get("cpu_seconds") for key, folder in folders.items() if key not in shared]
        if None not in times:
            spent.setdefault(arm, []).append(sum(float(time) for time in times if time is not None))
    return {arm: fmean(values) for arm, values in spent.items()}


def _ancestors(view: View, step: str) -> dict[str, Folder] | None:
    """The model's folder and all that it was made from, by fingerprint; None if one cannot be found."""
    found: dict[str, Folder] = {}
    evaluations = (
        (folder, entry)
        for folder in view.record.folders
        for entry in folder.manifest.get("inputs", ())
        if entry["name"] == step
    )
    open_ = [next(evaluations, None)]
    while open_:
        if (place := open_.pop()) is None:
            return None
        reader, entry = place
        if entry["fingerprint"] in found:
            continue
        try:
            folder = Folder.open(reader.path.resolve().parent / entry["name"])
        except FolderError:
            return None
        if folder.fingerprint != entry["fingerprint"]:
            return None
        found[folder.fingerprint] = folder
        open_ += [(folder, each) for each in folder.manifest.get("inputs", ())]
    return found
