"""The last section: everything needed to repeat the run."""

import json
from typing import Any

from panlect import __version__
from panlect.report.blocks import Block, Cell, Column, Listing, Missing, Section, Table
from panlect.report.settings import ReportConfig
from panlect.report.view import View
from panlect.report.wording import seconds, value


def manifest(view: View, config: ReportConfig) -> Section | Missing:
    """Steps, settings, fingerprints, versions, licences, seconds."""
    folders = view.record.folders
    if not folders:
        return Missing("How it was made", "folders (only numbers were given)")
    columns = tuple(
        Column(each) for each in ("Step", "Stage", "From", "Rows", "Time", "Fingerprint", "Finished")
    )
    rows = []
    for folder in folders:
        facts = folder.manifest
        total = sum(entry["rows"] for table in facts.get("counts", {}).values() for entry in table.values())
        rows.append(
            (
                Cell(folder.name),
                Cell(f"{facts.get('stage', '')} {facts.get('stage_version', '')}".strip()),
                Cell(", ".join(each["name"] for each in facts.get("inputs", [])) or "–"),
                Cell(value(total, "count") if total else "–", sort=total),
                Cell(seconds(facts.get("seconds", 0.0)), sort=facts.get("seconds", 0.0)),
                Cell(folder.fingerprint),
                Cell(str(facts.get("finished", ""))),
            )
        )
    total_seconds = sum(folder.manifest.get("seconds", 0.0) for folder in folders)
    caption = f"The {len(folders)} steps in order; {seconds(total_seconds)} together."
    blocks: list[Block] = [Table(caption, columns, tuple(rows)), _versions(view)]
    if licences := _licences(view):
        blocks.append(licences)
    for folder in folders:
        kept = {
            key: folder.manifest[key] for key in ("config", "inputs", "notes") if folder.manifest.get(key)
        }
        text = json.dumps(kept, ensure_ascii=False, indent=1)
        blocks.append(Listing(f"Settings of {folder.name}", text))
    return Section("manifest", "How it was made", blocks)


def _versions(view: View) -> Table:
    found: dict[str, list[str]] = {"panlect": [__version__]}
    for folder in view.record.folders:
        facts: dict[str, Any] = {
            "panlect": folder.manifest.get("panlect", ""),
            **folder.manifest.get("machine", {}),
        }
        facts |= folder.manifest.get("packages", {})
        for name, version in facts.items():
            if version and str(version) not in found.setdefault(name, []):
                found[name].append(str(version))
    rows = tuple((Cell(name), Cell(", ".join(versions))) for name, versions in found.items())
    return Table("Versions and machine", (Column("What"), Column("Version")), rows)


def _licences(view: View) -> Table | None:
    """Licences as the stages noted them: ``notes["licences"]``, a mapping of licence to rows or a list."""
    rows = []
    for folder in view.record.folders:
        noted = folder.manifest.get("notes", {}).get("licences", {})
        pairs = noted.items() if isinstance(noted, dict) else [(name, None) for name in noted]
        rows += [
            (Cell(folder.name), Cell(str(name)), Cell("" if count is None else str(count)))
            for name, count in pairs
        ]
    columns = (Column("Step"), Column("Licence"), Column("Rows", number=True))
    return Table("Licences of the data", columns, tuple(rows)) if rows else None
