"""What the default bounds do to clean real text: false drops per language, by document and by sentence.

    python bench/quality.py                the pool of clean corpora, set `panlect`
    python bench/quality.py fineweb2       another set of bounds

Real text is needed (PANLECT_DATA): every row of these corpora was chosen by people and is good text.
"""

import csv
import lzma
import os
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from panlect.config import check
from panlect.curation.settings import QualitySettings
from panlect.curation.steps import limits
from panlect.errors import LanguageError
from panlect.language import Language
from panlect.read import Limits, Rule, blocks, parse
from panlect.text.quality import judge_all, measure

DATA = Path(os.environ.get("PANLECT_DATA", Path(__file__).parents[2] / "shared" / "data"))
UDHR = "{http://efele.net/udhr}"
GOAL_SHARE = 0.02
FEWEST_TEXTS = 50
"""A share of fewer texts says little; such languages take part in the total only."""

Texts = dict[str, list[str]]


def code(label: str) -> str:
    try:
        return Language.parse(label).code
    except LanguageError:
        return ""


def corpus100() -> Texts:
    found: Texts = defaultdict(list)
    with lzma.open(DATA / "corpus100" / "corpus100.tsv.xz", "rt", encoding="utf-8", newline="\n") as stream:
        for line in stream:
            language, _, text = line.rstrip("\r\n").split("\t", 2)
            found[code(language)].append(text)
    return found


def flores() -> Texts:
    files = sorted(DATA.glob("flores200/dev/*.dev"))
    return {code(file.stem): file.read_text(encoding="utf-8").strip().split("\n") for file in files}


def ntrex() -> Texts:
    found: Texts = defaultdict(list)
    for file in sorted(DATA.glob("ntrex128/NTREX-128/newstest2019-ref.*.txt")):
        lines = file.read_text(encoding="utf-8-sig").replace("\r", "").strip().split("\n")
        found[code(file.name.split(".")[1])] += lines
    return found


def ntrex_documents() -> Texts:
    names = (DATA / "ntrex128" / "DOCUMENT_IDS.tsv").read_text(encoding="utf-8").strip().split("\n")
    names = [name.split("\t")[0] for name in names]
    found: Texts = {}
    for language, lines in ntrex().items():
        articles: Texts = defaultdict(list)
        for number, line in enumerate(lines):
            articles[f"{number // len(names)} {names[number % len(names)]}"].append(line)
        found[language] = ["\n".join(each) for each in articles.values()]
    return found


def news() -> Texts:
    found: Texts = {}
    for file in sorted(DATA.glob("masakhanews/*/dev.tsv")):
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        found[code(file.parts[-2])] = [row["text"] for row in rows]
    return found


def read(pattern: str, rows: Literal["auto", "line"]) -> Texts:
    """Return what the readers of `curate` make of the files."""
    found: Texts = defaultdict(list)
    for file in sorted(DATA.glob(pattern)):
        for block in blocks(str(file), file.name, Rule(rows=rows), Limits()):
            for document in parse(block, Limits()).documents:
                found[code(document.language)].append(document.text)
    return found


def udhr() -> Texts:
    """Return the paragraphs of the declarations, without their headings ("Article 1" is no text)."""
    found: Texts = defaultdict(list)
    for file in sorted(DATA.glob("udhr/udhr_*.xml")):
        root = ElementTree.parse(file).getroot()
        script = root.get("iso15924", "")
        language = code(root.get("iso639-3", "") + (f"_{script}" if script else ""))
        paragraphs = (" ".join("".join(each.itertext()).split()) for each in root.iter(f"{UDHR}para"))
        found[language] += [text for text in paragraphs if text]
    return found


POOL: dict[str, Callable[[], Texts]] = {
    "corpus100 sentences": corpus100,
    "flores200 dev sentences": flores,
    "ntrex128 sentences": ntrex,
    "ntrex128 articles": ntrex_documents,
    "masakhanews articles": news,
    "bible_nt chapters": lambda: read("bible_nt/bibles/*.xml", "auto"),
    "bible_nt verses": lambda: read("bible_nt/bibles/*.xml", "line"),
    "udhr declarations": lambda: read("udhr/*.xml", "auto"),
    "udhr paragraphs": udhr,
}


def dropped(texts: list[str], language: str, settings: QualitySettings) -> Iterator[tuple[str, str]]:
    """Yield the measure by which each dropped text fell, and the text."""
    verdicts = judge_all(measure(texts), limits(settings, language))
    yield from ((v.measure, text) for v, text in zip(verdicts, texts, strict=True) if v)


def main(names: list[str]) -> None:
    settings = check(QualitySettings, {"sets": names or ["panlect"]}, where="set")
    show = int(os.environ.get("SHOW", "0"))
    print("| corpus | languages | texts | dropped | by | worst languages | languages over 2 % |")
    print("|---|---|---|---|---|---|---|")
    start = time.process_time()
    size_bytes = 0
    for name, of in POOL.items():
        texts = {language: rows for language, rows in of().items() if language and rows}
        shares: dict[str, float] = {}
        reasons: Counter[str] = Counter()
        total = 0
        for language, rows in sorted(texts.items()):
            gone = list(dropped(rows, language, settings))
            total += len(rows)
            size_bytes += sum(map(len, rows))
            reasons.update(measure for measure, _ in gone)
            if len(rows) >= FEWEST_TEXTS:
                shares[language] = len(gone) / len(rows)
            if show and (len(rows) < FEWEST_TEXTS or shares[language] > GOAL_SHARE):
                for measure_, text in gone[:show]:
                    print("   ", name, language, measure_, repr(text[:160]), file=sys.stderr)
        worst = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        over = sum(share > GOAL_SHARE for share in shares.values())
        why = ", ".join(f"{measure} {count}" for measure, count in reasons.most_common(4))
        bad = ", ".join(f"{language} {share:.1%}" for language, share in worst[:4] if share)
        lost = sum(reasons.values())
        print(
            f"| {name} | {len(texts)} | {total:,} | {lost:,} ({lost / total:.2%}) | {why} | {bad} | {over} |"
        )
    print(f"\n{size_bytes:,} characters in {time.process_time() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
