"""The curator's hand tools: look at one file, or a directory, without making a folder.

They return plain values; the command line prints them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from panlect.curation.inputs import files
from panlect.curation.settings import FileRule
from panlect.curation.steps import UNKNOWN, canonical
from panlect.errors import DataError, FolderError
from panlect.folder import External
from panlect.read import Bad, Document, Limits, blocks, parse
from panlect.text.doctor import REPAIRS, examine
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import load
from panlect.text.identify_scores import evaluate

EXAMPLE_CHARACTERS = 160


def _rows(path: Path, rule: FileRule, bad: list[Bad]) -> Iterator[Document]:
    if not path.exists():
        raise FolderError("there is no such file", where=str(path))
    limits = Limits()
    for file in files([External(str(path))], [rule]):
        for block in blocks(file.path, file.name, file.rule, limits):
            batch = parse(block, limits)
            bad += batch.bad
            yield from batch.documents


def doctor_file(path: Path, *, repairs: Sequence[str] = tuple(REPAIRS), examples: int = 10) -> dict[str, Any]:
    """Examine every text of a file: what would be repaired, how often, and some places before and after.

    Nothing is written. Plain text is taken line by line unless the file is Markdown.

    Raises:
        FolderError: there is no such file.
    """
    counts: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    shown: list[dict[str, str]] = []
    bad: list[Bad] = []
    rows = 0
    for document in _rows(path, FileRule(), bad):
        rows += 1
        mended, found = examine(document.text, tuple(repairs))
        counts += found
        touched.update(found.keys())
        # At most three of a kind: a page with one frequent defect should not hide the rare ones.
        if found and len(shown) < examples and any(touched[name] <= 3 for name in found):
            before, after = _around_difference(document.text, mended)
            shown.append(
                {"place": document.place, "repairs": ", ".join(found), "before": before, "after": after}
            )
    repaired = {name: {"rows": touched[name], "places": counts[name]} for name in REPAIRS if counts[name]}
    reasons = Counter(each.reason for each in bad)
    return {
        "file": str(path),
        "rows": rows,
        "repaired": repaired,
        "unreadable": dict(reasons),
        "examples": shown,
    }


def _around_difference(before: str, after: str) -> tuple[str, str]:
    """Cut both texts to where they first differ."""
    first = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(0, first - 30)
    window = slice(start, start + EXAMPLE_CHARACTERS)
    return visible(before[window]), visible(after[window])


def visible(text: str) -> str:
    """Write invisible characters as their code points, so that a repair can be seen."""
    return "".join(c if c.isprintable() or c == " " else f"⟨{ord(c):04X}⟩" for c in text.replace("\n", "⏎"))


def identify_file(path: Path, *, model: str = "both", limit: int = 20) -> dict[str, Any]:
    """Identify every text of a file: how many of each language, and the first few texts.

    Raises:
        FolderError: there is no such file.
        ConfigError: the model does not exist, or its package is not installed.
    """
    identifier, bad = Identifier(load(model)), list[Bad]()
    documents = list(_rows(path, FileRule(), bad))
    guesses = identifier.identify([document.text for document in documents])
    counts = Counter(guess.language for guess in guesses)
    shown = [
        {"place": d.place, "language": g.language, "score": round(g.score, 3), "text": visible(d.text[:80])}
        for d, g in list(zip(documents, guesses, strict=True))[:limit]
    ]
    return {
        "file": str(path),
        "model": model,
        "rows": len(documents),
        "languages": dict(counts.most_common()),
        "first": shown,
    }


def evaluate_file(path: Path, *, model: str = "both", language_pattern: str = "") -> dict[str, Any]:
    """Compare an identifier with the labels of a file or directory, language by language.

    Labels come from the column `language`, or from the path by a pattern.

    Raises:
        DataError: no row has a label.
    """
    identifier, bad = Identifier(load(model)), list[Bad]()
    rule = FileRule(language_pattern=language_pattern)
    labelled = [(d.text, canonical(d.language)) for d in _rows(path, rule, bad)]
    labelled = [(text, code) for text, code in labelled if code != UNKNOWN]
    if not labelled:
        raise DataError(
            "no text has a language to compare with",
            where=str(path),
            expected="a column `language`, or --language-pattern with a group `language` for the path",
        )
    truth = [code for _, code in labelled]
    guesses = [guess.language for guess in identifier.identify([text for text, _ in labelled])]
    scores = evaluate(guesses, truth)
    macro = sum(score.f1 for score in scores) / len(scores)
    accuracy = sum(guess[:3] == code[:3] for guess, code in zip(guesses, truth, strict=True)) / len(truth)
    languages = [score._asdict() for score in sorted(scores, key=lambda score: score.f1)]
    return {
        "file": str(path),
        "model": model,
        "rows": len(labelled),
        "accuracy": accuracy,
        "macro_f1": macro,
        "languages": languages,
    }


def doctor_text(found: Mapping[str, Any]) -> str:
    """Write what `doctor_file` found for a terminal."""
    lines = [f"{found['rows']:,} texts in {found['file']}"]
    for name, counts in found["repaired"].items():
        lines.append(f"  {name:<18} {counts['places']:>8,} places in {counts['rows']:,} texts")
    if not found["repaired"]:
        lines.append("  no damage found")
    for reason, count in found["unreadable"].items():
        lines.append(f"  {reason:<18} {count:>8,} rows cannot be read")
    for each in found["examples"]:
        lines += ["", f"{each['place']}  {each['repairs']}", f"  - {each['before']}", f"  + {each['after']}"]
    return "\n".join(lines)


def identify_text(found: Mapping[str, Any]) -> str:
    """Write what `identify_file` or `evaluate_file` found for a terminal, worst languages first."""
    if "macro_f1" not in found:
        lines = [f"{found['rows']:,} texts in {found['file']}, model {found['model']}"]
        lines += [f"  {language:<10} {count:>8,}" for language, count in found["languages"].items()]
        lines += [
            "",
            *(f"{each['language']}  {each['score']:.2f}  {each['text']}" for each in found["first"]),
        ]
        return "\n".join(lines)
    head = f"accuracy {found['accuracy']:.3f}, macro F1 {found['macro_f1']:.3f} over {found['rows']:,} texts"
    lines = [head, "", "language      texts     F1  accuracy  in its group  most often taken for"]
    for each in found["languages"]:
        row = f"{each['language']:<10} {each['texts']:>8,}  {each['f1']:.3f}     {each['accuracy']:.3f}"
        lines.append(f"{row}         {each['accuracy_in_group']:.3f}  {each['most_common_error']}")
    return "\n".join(lines)
