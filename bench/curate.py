"""Speed of `curate`'s steps, beside datatrove on the same documents with the same filters.

    python bench/curate.py --lid lid.176.ftz                                 ours alone
    python bench/curate.py --lid lid.176.ftz --datatrove OTHER/bin/python    beside it

Real text is needed (PANLECT_DATA). Times are CPU seconds on one core, medians of interleaved rounds.
"""

import argparse
import csv
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from panlect.text.quality import Measuring

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("PANLECT_DATA", ROOT.parent / "shared" / "data"))
SPACES = Measuring(words="spaces", character_n=0, word_n=0)
FILTERS = {
    "gopher repetition": "gopher_repetition",
    "gopher quality": "gopher_quality",
    "fineweb quality": "fineweb",
}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
UDHR = "{http://efele.net/udhr}para"


def real_documents(data: Path) -> list[str]:
    """Return news, web pages, technical pages, declarations and bible chapters in some 450 languages."""
    texts: list[str] = []
    for file in sorted(data.glob("masakhanews/*/dev.tsv")):
        with file.open(encoding="utf-8", newline="") as stream:
            texts += [row["text"] for row in csv.DictReader(stream, delimiter="\t")]
    with (data / "web" / "webtext_from_html.jsonl").open(encoding="utf-8") as stream:
        texts += [json.loads(line)["text"] for line in stream]
    texts += [file.read_text(encoding="utf-8") for file in sorted(data.glob("web/*_*/**/*.md"))]
    for file in sorted(data.glob("udhr/udhr_*.xml")):
        texts.append("\n".join("".join(para.itertext()) for para in ElementTree.parse(file).iter(UDHR)))
    for file in sorted(data.glob("bible_nt/bibles/*.xml")):
        verses = [" ".join((verse.text or "").split()) for verse in ElementTree.parse(file).iter("seg")]
        texts += ["\n".join(verses[at : at + 20]) for at in range(0, len(verses), 20)]
    return [text for text in texts if text.strip()]


def edited(text: str, share: float, choose: random.Random) -> str:
    words = text.split(" ")
    for at in choose.sample(range(len(words)), max(1, int(share * len(words)))):
        words[at] = choose.choice(words)
    return " ".join(words)


def build(path: Path, documents: int) -> float:
    """Write the corpus with planted copies (a tenth exact, a tenth edited) and junk; return its megabytes."""
    choose, texts = random.Random(7), real_documents(DATA)
    originals = choose.sample(texts, min(documents, len(texts)))
    texts = list(originals)
    texts += choose.sample(originals, len(originals) // 10)
    texts += [
        edited(text, choose.uniform(0.02, 0.1), choose)
        for text in choose.sample(originals, len(originals) // 10)
    ]
    words = " ".join(originals[:50]).split()
    texts += [" ".join(choose.choices(words[:50], k=200)) for _ in range(len(originals) // 30)]
    texts += [
        "café naïve déjà vu ".encode().decode("latin-1") + text for text in originals[: len(originals) // 50]
    ]
    choose.shuffle(texts)
    rows = [
        json.dumps({"text": text, "id": str(number)}, ensure_ascii=False) for number, text in enumerate(texts)
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return sum(len(text.encode()) for text in texts) / 1e6


class Clock:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.process_time()

    def mark(self, name: str) -> None:
        """Book the time since the last mark."""
        now = time.process_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self.last
        self.last = now


def read(path: Path) -> tuple[list[str], list[str]]:
    import orjson

    rows = [orjson.loads(line) for line in path.read_bytes().split(b"\n") if line]
    return [row["text"] for row in rows], [row["id"] for row in rows]


def write(path: Path, texts: list[str], ids: list[str]) -> None:
    import polars as pl

    pl.DataFrame({"id": ids, "text": texts}).write_parquet(path, compression="zstd")


def warm(model: str) -> Callable[[list[str]], Any]:
    """Load the model and compile every loop, outside of the timing; return what asks the model."""
    import orjson  # noqa: F401 - imported before the clock starts
    import polars  # noqa: F401

    from panlect.text import doctor, duplicates, private
    from panlect.text.fasttext_file import read as read_model
    from panlect.text.quality import measure

    for preset in (duplicates.PRESETS["fineweb"], duplicates.PRESETS["thorough"]):
        duplicates.clusters(duplicates.signatures(["a b c d e f"] * 2, preset), preset)
    for how in (SPACES, Measuring()):
        measure(["a b"], how)
    doctor.examine_all(["caf\u00c3\u00a9 a@b.org"])
    private.redact_all(["a@b.org"])
    probabilities = read_model(model).probabilities
    probabilities(["a b"])
    return probabilities


def same_work(corpus: Path, out: Path, model: str) -> dict[str, Any]:
    """Do what datatrove does, with its parameters: each step sees what the one before it kept."""
    from panlect.text import duplicates
    from panlect.text.private import redact_all

    probabilities = warm(model)
    clock = Clock()
    texts, ids = read(corpus)
    clock.mark("read")
    texts = decoded(texts)
    clock.mark("mojibake")
    probabilities(texts).argmax(axis=1)
    clock.mark("identification")
    texts, ids, reasons = filtered(texts, ids)
    clock.mark("filters")
    texts = [text for text, _ in redact_all(texts, ("email", "ip"))]
    clock.mark("private data")
    write(out / "kept.parquet", texts, ids)
    clock.mark("write")
    preset = duplicates.PRESETS["fineweb"]
    first = duplicates.clusters(duplicates.signatures(texts, preset), preset)
    clock.mark("near-duplicates")
    found = dict(zip(ids, [ids[n] for n in first], strict=True))
    return {
        "seconds": clock.seconds,
        "reasons": reasons,
        "first": found,
        "texts": dict(zip(ids, texts, strict=True)),
    }


def decoded(texts: list[str]) -> list[str]:
    """Mend mojibake with datatrove's settings of ftfy, which also remove controls."""
    import ftfy

    from panlect.text import doctor
    from panlect.text.signs import Sign, signs_of

    config = doctor._cautious()._replace(remove_control_chars=True)
    doctor._cautious = lambda: config  # type: ignore[assignment]
    mended = [text for text, _ in doctor.examine_all(texts, ("mojibake",))]
    shown = zip(mended, signs_of(mended), strict=True)
    return [ftfy.fixes.remove_control_chars(text) if signs & Sign.CONTROL else text for text, signs in shown]


def filtered(texts: list[str], ids: list[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """Return texts and identifiers that pass the three sets of filters, and the reasons of the others."""
    from panlect.text.quality import bounds, judge_all, measure

    values, reasons = measure(texts, SPACES), {}
    for name, bound in FILTERS.items():
        verdicts = judge_all(values, bounds((bound,), "eng"))
        reasons |= {i: name for i, verdict in zip(ids, verdicts, strict=True) if verdict}
        good = [number for number, verdict in enumerate(verdicts) if not verdict]
        texts, ids, values = [texts[n] for n in good], [ids[n] for n in good], values[good]
    return texts, ids, reasons


def own_work(corpus: Path, out: Path, model: str) -> dict[str, Any]:
    """Do what `curate` does with every step of its recipe switched on, in one process."""
    from panlect.text import doctor, duplicates
    from panlect.text.identify import Identifier
    from panlect.text.identify_packaged import load
    from panlect.text.private import redact_all
    from panlect.text.quality import bounds, judge_all, measure

    warm(model)
    identifier, preset = Identifier(load("both")), duplicates.PRESETS["thorough"]
    identifier.identify(["The market opens at seven."])
    clock = Clock()
    texts, ids = read(corpus)
    clock.mark("read")
    texts = [text for text, _ in doctor.examine_all(texts)]
    clock.mark("doctor, all repairs")
    identifier.identify(texts)
    clock.mark("identification")
    verdicts = judge_all(measure(texts), bounds(("panlect",), "eng"))
    good = [number for number, verdict in enumerate(verdicts) if not verdict]
    texts, ids = [texts[n] for n in good], [ids[n] for n in good]
    clock.mark("quality")
    texts = [text for text, _ in redact_all(texts)]
    clock.mark("private data")
    write(out / "own.parquet", texts, ids)
    clock.mark("write")
    duplicates.clusters(duplicates.signatures(texts, preset), preset)
    clock.mark("near-duplicates")
    return {"seconds": clock.seconds}


def table(title: str, megabytes: float, rounds: list[dict[str, float]]) -> float:
    """Print medians by step; return the total seconds."""
    print(f"\n{title}\n{'step':24} {'seconds':>9} {'MB/s':>9}")
    total = 0.0
    for name in rounds[0]:
        seconds = statistics.median(each[name] for each in rounds)
        total += seconds
        print(f"{name:24} {seconds:9.3f} {megabytes / max(seconds, 1e-9):9.1f}")
    print(f"{'total':24} {total:9.3f} {megabytes / total:9.2f}")
    return total


def same_words(text: str) -> frozenset[tuple[str, ...]]:
    """Cut shingles as datatrove does: five words, lower case, without marks, numbers as 0."""
    plain = re.sub(r"[^\w\s]|_", " ", NUMBER.sub("0", text.lower()))
    decomposed = unicodedata.normalize("NFD", plain)
    words = "".join(c for c in decomposed if unicodedata.category(c) != "Mn").split()
    return frozenset(zip(*(words[n:] for n in range(5)), strict=False))


def jaccard(left: frozenset[Any], right: frozenset[Any]) -> float:
    return len(left & right) / len(left | right) if left or right else 0.0


def partition(cluster: dict[str, Any], ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return each document's cluster as a set; a document without one stands alone."""
    members: dict[Any, set[str]] = {}
    for i in ids:
        members.setdefault(cluster.get(i, ("alone", i)), set()).add(i)
    return {i: frozenset(mine) for mine in members.values() for i in mine}


def compare(theirs: dict[str, Any], ours: dict[str, Any], count: int) -> None:
    """Print how often both decide the same about a document, and what the true similarities say where not.

    Of a cluster of copies one is kept; which one is arbitrary in datatrove and the first here. The
    decision on a document is the same where both filter it for the same reason or both put it
    into the same cluster.
    """
    reasons, first = ours["reasons"], ours["first"]
    filters = {i: r for i, r in theirs["reasons"].items() if r != "near-duplicates"}
    everything = [str(number) for number in range(count)]
    differ = [i for i in everything if (i in filters) != (i in reasons)]
    print(f"\nfilters: the same decision on {1 - len(differ) / count:.2%} of {count} documents", differ[:9])
    both = [i for i in first if i not in filters]
    mine, other = partition(first, both), partition(theirs["clusters"], both)
    apart = [i for i in both if mine[i] != other[i]]
    alike = [i for i in both if (len(mine[i]) > 1) == (len(other[i]) > 1)]
    print(
        f"near-duplicates: a copy or not, the same for {len(alike) / len(both):.2%} of {len(both)} documents;"
    )
    print(f"the same cluster for {1 - len(apart) / len(both):.2%}; the others by their true similarities:")
    decided(apart, (mine, other), ours["texts"])
    total = 1 - (len(differ) + len(both) - len(alike)) / count
    print(f"all steps: kept, filtered or a copy, the same for {total:.2%} of {count} documents")


def decided(apart: list[str], clusters: tuple[Any, Any], texts: dict[str, str]) -> None:
    """Count the pairs that only one side links, by their true similarity under datatrove's shingles."""
    mine, other = clusters
    threshold = (1 / 14) ** (1 / 8)
    shingles = {i: same_words(texts[i]) for i in {j for i in apart for j in mine[i] | other[i]}}
    rows: dict[tuple[str, str], int] = {}
    for i in apart:
        for side, found, missing in (("panlect", mine, other), ("datatrove", other, mine)):
            for j in found[i] - missing[i] - {i}:
                if i < j:
                    true = jaccard(shingles[i], shingles[j])
                    near = (
                        "within .1"
                        if abs(true - threshold) < 0.1
                        else "above"
                        if true > threshold
                        else "below"
                    )
                    rows[side, near] = rows.get((side, near), 0) + 1
    for (side, near), pairs in sorted(rows.items()):
        print(f"  linked by {side} only, true similarity {near} of {threshold:.3f}: {pairs} pairs")


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datatrove", help="an interpreter that has datatrove")
    parser.add_argument("--lid", required=True, help="the fastText model that both use")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=int, default=5000, help="before copies and junk are planted")
    return parser.parse_args()


def rounds(options: argparse.Namespace, corpus: Path) -> dict[str, list[dict[str, Any]]]:
    """Run the sides by turns."""
    out, done = corpus.parent, {"own": [], "same": [], "datatrove": []}
    for number in range(options.rounds):
        done["own"].append(own_work(corpus, out, options.lid))
        if options.datatrove:
            command = [options.datatrove, str(ROOT / "bench" / "curate_datatrove.py")]
            arguments = [str(corpus), str(out / f"theirs{number}"), options.lid]
            ran = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
            done["datatrove"].append(json.loads(ran.stdout.splitlines()[-1]))
        done["same"].append(same_work(corpus, out, options.lid))
    return done


def main() -> None:
    options = asked()
    if not (DATA / "masakhanews").is_dir():
        print("skipped: the real text is not here; name its directory in PANLECT_DATA")
        return
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, inherited by the other side
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary) / "corpus.jsonl"
        megabytes = build(corpus, options.documents)
        count = sum(1 for _ in corpus.open(encoding="utf-8"))
        print(f"{count} documents, {megabytes:.1f} MB of text, one core, {options.rounds} interleaved rounds")
        done = rounds(options, corpus)
    total = {
        side: table(side, megabytes, [each["seconds"] for each in runs])
        for side, runs in done.items()
        if runs
    }
    if "datatrove" in total:
        compare(done["datatrove"][0], done["same"][0], count)
        for side in ("same", "own"):
            print(f"{side} work: {total['datatrove'] / total[side]:.1f} times as fast as datatrove")
        print(f"datatrove {done['datatrove'][0]['version']}")
    print(f"panlect {version('panlect')}, python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
