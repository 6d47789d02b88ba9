"""Identification beside the packaged identifiers by themselves: macro F1 per domain, and speed on one core.

    python bench/identify.py                 every model that is installed
    python bench/identify.py both langid     these

Real labelled text is needed (PANLECT_DATA). F1 is the mean over all languages of a domain, also those that no
model knows; languages are compared without their script. The identifiers by themselves see each text as it
is, without our script rule, and their labels are read by `Language.parse`.
"""

import csv
import os
import statistics
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from panlect.errors import LanguageError, PanlectError
from panlect.language import Language
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import NAMES, load
from panlect.text.identify_scores import evaluate

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("PANLECT_DATA", ROOT.parent / "shared" / "data"))
UDHR = "{http://efele.net/udhr}"
Labelled = list[tuple[str, str]]


def code(label: str) -> str:
    try:
        return Language.parse(label).code
    except LanguageError:
        return ""


def lingua() -> Iterator[tuple[str, str]]:
    for file in sorted(DATA.glob("lingua_testdata/*/testdata/sentences.txt")):
        lines = [line for line in file.read_bytes().decode().split("\n") if line.strip()]
        yield from ((line, code(file.parts[-3])) for line in lines[:150])


def flores() -> Iterator[tuple[str, str]]:
    for file in sorted(DATA.glob("flores200/dev/*.dev")):
        lines = file.read_text(encoding="utf-8").strip().split("\n")
        yield from ((line, code(file.stem)) for line in lines[::10])


def udhr() -> Iterator[tuple[str, str]]:
    for file in sorted(DATA.glob("udhr/udhr_*.xml")):
        root = ElementTree.parse(file).getroot()
        script = root.get("iso15924", "")
        language = code(root.get("iso639-3", "") + (f"_{script}" if script else ""))
        paras = [" ".join("".join(para.itertext()).split()) for para in root.iter(f"{UDHR}para")]
        yield from ((text, language) for text in paras[:40] if text and language)


def news() -> Iterator[tuple[str, str]]:
    for file in sorted(DATA.glob("masakhanews/*/dev.tsv")):
        with file.open(encoding="utf-8", newline="") as stream:
            yield from ((row["text"], code(file.parts[-2])) for row in csv.DictReader(stream, delimiter="\t"))


def web() -> Iterator[tuple[str, str]]:
    """Common Crawl's own WET record (an.wikipedia), extracted articles, and technical pages, by document."""
    from panlect.read import Limits, Rule, blocks, parse

    path = str(DATA / "web/warc_whirlwind/whirlwind.warc.wet.gz")
    for block in blocks(path, "wet", Rule(), Limits()):
        yield from ((document.text, "arg_Latn") for document in parse(block, Limits()).documents)
    for file in sorted(DATA.glob("web/newspaper4k/txt/*_article*.txt")):
        yield file.read_text(encoding="utf-8"), code(file.stem.split("_")[0])
    for file in sorted(DATA.glob("web/fastapi_docs/*/**/*.md")):
        name = file.relative_to(DATA / "web/fastapi_docs").parts[0]
        yield file.read_text(encoding="utf-8"), code(name.replace("zh-hant", "zh-Hant"))


DOMAINS: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "lingua sentences": lingua,
    "FLORES dev": flores,
    "UDHR paragraphs": udhr,
    "MasakhaNEWS": news,
    "web documents": web,
}


def plain(name: str) -> Callable[[Sequence[str]], list[str]]:
    """Return a packaged identifier as its own documentation calls it."""
    if name == "py3langid":
        import py3langid

        return lambda texts: [code(py3langid.classify(text)[0]) for text in texts]
    if name == "pycld2":
        import pycld2

        def cld2(text: str) -> str:
            try:
                return code(pycld2.detect(text)[2][0][1])
            except pycld2.error:
                return ""

        return lambda texts: [cld2(text) for text in texts]
    if name == "heliport":
        import heliport

        model = heliport.Identifier()
        return lambda texts: [code(model.identify(text.replace("\n", " "))) for text in texts]
    raise PackageNotFoundError(name)


def ours(name: str) -> Callable[[Sequence[str]], list[str]]:
    identifier = Identifier(load(name))
    return lambda texts: [guess.language for guess in identifier.identify(texts)]


def main(names: Sequence[str]) -> None:
    rows = {domain: list(read()) for domain, read in DOMAINS.items()}
    for domain, labelled in rows.items():
        languages = {language[:3] for _, language in labelled}
        print(f"{domain}: {len(labelled):,} texts, {len(languages)} languages", flush=True)
    results: dict[str, dict[str, float]] = {}
    for name in names:
        packaged = name in PACKAGED
        try:
            identify = plain(name) if packaged else ours(name)
        except (PanlectError, ImportError, PackageNotFoundError) as error:
            print(f"{name}: not measured ({str(error).splitlines()[0]})")
            continue
        label = f"{name} {version(name)}" if packaged else f"panlect `{name}`"
        results[label] = {}
        identify([text for text, _ in rows["lingua sentences"][:50]])
        for domain, labelled in rows.items():
            truth = [f"{language[:3]}_Zyyy" for _, language in labelled]
            guesses = [f"{guess[:3]}_Zyyy" for guess in identify([text for text, _ in labelled])]
            results[label][domain] = statistics.mean(score.f1 for score in evaluate(guesses, truth))
        speeds, texts = [], [text for text, _ in rows["lingua sentences"]]
        for _ in range(5):
            start = time.process_time()
            identify(texts)
            speeds.append(len(texts) / (time.process_time() - start))
        results[label]["sentences/s"] = statistics.median(speeds)
        shown = " ".join(f"{key} {value:.4g}" for key, value in results[label].items())
        print(f"{label}: {shown}", flush=True)
    columns = [*rows, "sentences/s"]
    print("\n| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for label, values in results.items():
        cells = [f"{values[c]:,.0f}" if c == "sentences/s" else f"{values[c]:.3f}" for c in columns]
        print(f"| {label} | " + " | ".join(cells) + " |")


PACKAGED = ("py3langid", "pycld2", "heliport")

if __name__ == "__main__":
    main(sys.argv[1:] or [*PACKAGED, *NAMES])
