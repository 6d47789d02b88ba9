"""Translation between any languages of a parallel set: FLORES-200, NTREX-128, or files of one's own.

One sentence a line, line i of every file translating line i of every other: `<code>.dev`, `<code>.devtest`
(FLORES; NLLB Team 2022), `newstest2019-{src,ref}.<code>.txt` (NTREX; Federmann et al. 2022), or
`<name>.<code>` with the same number of lines. `flores` and `ntrex` translate from and into English, the names
with `_all` between all pairs. Two files of one language (NTREX has several for some) would be one code: the
first by name is taken, the others are set aside with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from panlect.benchmarks.benchmark import Benchmark, Reading
from panlect.benchmarks.files import Rows, canonical, lines_of, text_of
from panlect.benchmarks.held_out import (
    PIVOT,
    arrange_direction,
    ask_translation,
    ask_translation_as_text,
    judge_translation,
)
from panlect.errors import FolderError

_FLORES = re.compile(r"^([a-z]{3}_[A-Z][a-z]{3})\.(devtest|dev)$")
_NTREX = re.compile(r"^newstest2019-(?:src|ref)\.([A-Za-z-]+)\.txt$")


def sentences(path: Path, pattern: re.Pattern[str], rows: Rows) -> dict[str, list[str]]:
    """Sentences by language; `devtest` is preferred to `dev` where both are there.

    Raises:
        FolderError: no file's name has the pattern.
    """
    # A source text goes before translations of the same language (NTREX has British and Indian English too).
    files = sorted(path.rglob("*"), key=lambda file: ("-src." not in file.name, file.name))
    named = [(pattern.match(file.name), file) for file in files]
    found = [(match, file) for match, file in named if match]
    if not found:
        raise FolderError("no parallel file is there", where=str(path), expected=pattern.pattern)
    splits = {match[2] for match, _ in found if match.re.groups > 1}
    out: dict[str, list[str]] = {}
    for match, file in found:
        if "devtest" in splits and match[2] != "devtest":
            continue
        language = canonical(match[1])
        if not language or language in out:
            reason = "another file of the same language was taken" if language else "unknown language"
            rows.drop(file.name, language or "und_Zyyy", reason, {})
            continue
        out[language] = lines_of(text_of(file))
    return out


def directions(languages: Sequence[str], every: bool) -> Iterator[tuple[str, str]]:
    """(source, target) pairs: all of them, or those from and into English."""
    for source in languages:
        for target in languages:
            if source != target and (every or PIVOT in (source, target)):
                yield source, target


def _reader(name: str, pattern: re.Pattern[str], every: bool) -> Callable[[Path, Sequence[str]], Reading]:
    def read(path: Path, languages: Sequence[str]) -> Reading:
        """Every direction of every sentence; the pivot is kept whatever languages are asked for."""
        rows = Rows(name)
        texts = sentences(path, pattern, rows)
        wanted = [
            code for code in texts if not languages or code in languages or (code == PIVOT and not every)
        ]
        lengths = {len(texts[code]) for code in wanted}
        if len(lengths) > 1:
            odd = min(wanted, key=lambda code: [len(texts[c]) for c in wanted].count(len(texts[code])))
            raise FolderError("the files do not have the same number of lines", where=f"{path}: {odd}")
        for source, target in directions(wanted, every):
            for number, (ours, theirs) in enumerate(zip(texts[source], texts[target], strict=True), start=1):
                made = f"{number}:{source}"
                if not ours.strip() or not theirs.strip():
                    rows.drop(f"{target}:{number}", target, "an empty sentence", {"source": source})
                    continue
                rows.add(made, target, prompt=ours, answer=theirs, prompt_language=source)
        rows.reading.rows[:] = [
            arrange_direction(row) | {"item": row["item"].partition(":")[0]} for row in rows.reading.rows
        ]
        return rows.reading

    return read


def _set(name: str, pattern: re.Pattern[str], source: str, licence: str, every: bool = False) -> Benchmark:
    return Benchmark(
        name=name,
        measure="chrf",
        ask=ask_translation,
        judge=judge_translation,
        source=source,
        provenance="human-translated",
        licence=licence,
        chance=float("nan"),
        read=_reader(name, pattern, every),
        variants={"text": ask_translation_as_text},
        failures=("empty",),
        unit="points",
    )


FLORES = _set("flores", _FLORES, "facebook/flores", "CC-BY-SA-4.0")
FLORES_ALL = _set("flores_all", _FLORES, "facebook/flores", "CC-BY-SA-4.0", every=True)
NTREX = _set("ntrex", _NTREX, "https://github.com/MicrosoftTranslator/NTREX", "CC-BY-SA-4.0")
NTREX_ALL = _set(
    "ntrex_all", _NTREX, "https://github.com/MicrosoftTranslator/NTREX", "CC-BY-SA-4.0", every=True
)
