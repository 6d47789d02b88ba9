"""Speed of `curate`'s steps, beside datatrove on the same documents with the same filters.

    python bench/curate.py                                        our own defaults
    python bench/curate.py --datatrove OTHER/bin/python --lid lid.176.ftz    identical work beside it

Real text is needed (PANLECT_DATA). Times are CPU seconds on one core, medians of interleaved rounds.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("PANLECT_DATA", ROOT.parent / "shared" / "data"))
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


def build(path: Path) -> float:
    """Write the corpus with planted copies (a tenth exact, a tenth edited) and junk; return its megabytes."""
    choose, texts = random.Random(7), real_documents(DATA)
    originals = list(texts)
    texts += choose.sample(originals, len(originals) // 10)
    texts += [
        edited(text, choose.uniform(0.02, 0.1), choose)
        for text in choose.sample(originals, len(originals) // 10)
    ]
    words = " ".join(originals[:50]).split()
    texts += [" ".join(choose.choices(words[:50], k=200)) for _ in range(len(originals) // 30)]
    texts += ["café naïve déjà vu ".encode().decode("latin-1") + text for text in originals[:100]]
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


def same_work(corpus: Path, out: Path, model: str) -> dict[str, object]:
    """Do what datatrove does, with its parameters: each step sees what the one before it kept."""
    import ftfy
    import numpy as np
    from fasttext.FastText import _FastText

    from panlect.text import doctor, duplicates
    from panlect.text.private import redact
    from panlect.text.quality import Measuring, bounds, judge_all, measure

    lid = _FastText(model)
    config = doctor._cautious()._replace(remove_control_chars=True)
    doctor._cautious = lambda: config  # type: ignore[assignment]
    spaces = Measuring(words="spaces", character_n=0, word_n=0)
    preset = duplicates.PRESETS["fineweb"]
    duplicates.clusters(duplicates.signatures(["a b c d e f"], preset), preset)  # compiles
    measure(["a b"], spaces)
    clock, reasons = Clock(), {}
    texts, ids = read(corpus)
    clock.mark("read")
    texts = [ftfy.fixes.remove_control_chars(doctor.mojibake(text).text) for text in texts]
    clock.mark("mojibake")
    for text in texts:
        lid.predict(text.replace("\n", " "), k=1)
    clock.mark("identification")
    values = measure(texts, spaces)
    clock.mark("all measures")
    for name, bound in (
        ("gopher repetition", "gopher_repetition"),
        ("gopher quality", "gopher_quality"),
        ("fineweb quality", "fineweb"),
    ):
        verdicts = judge_all(values, bounds((bound,), "eng"))
        reasons |= {i: name for i, verdict in zip(ids, verdicts, strict=True) if verdict}
        good = [number for number, verdict in enumerate(verdicts) if not verdict]
        texts, ids, values = [texts[n] for n in good], [ids[n] for n in good], values[good]
    clock.mark("judging")
    texts = [redact(text, ("email", "ip"))[0] for text in texts]
    clock.mark("private data")
    write(out / "kept.parquet", texts, ids)
    clock.mark("write")
    first = duplicates.clusters(duplicates.signatures(texts, preset), preset)
    clock.mark("near-duplicates")
    reasons |= {ids[n]: "near-duplicates" for n in np.flatnonzero(first != np.arange(len(first)))}
    return {
        "seconds": clock.seconds,
        "reasons": reasons,
        "first": dict(zip(ids, [ids[n] for n in first], strict=True)),
    }


def own_work(corpus: Path, out: Path) -> dict[str, object]:
    """Do what `curate` does with everything switched on, in one process."""
    import numpy as np

    from panlect.text import doctor, duplicates
    from panlect.text.identify import Identifier
    from panlect.text.identify_packaged import load
    from panlect.text.private import redact
    from panlect.text.quality import bounds, judge_all, measure

    identifier, preset = Identifier(load("both")), duplicates.PRESETS["thorough"]
    identifier.identify(["The market opens at seven."])
    duplicates.clusters(duplicates.signatures(["a b c d e f"], preset), preset)
    measure(["a b"])
    clock = Clock()
    texts, ids = read(corpus)
    clock.mark("read")
    texts = [doctor.examine(text)[0] for text in texts]
    clock.mark("doctor, all repairs")
    identifier.identify(texts)
    clock.mark("identification")
    verdicts = judge_all(measure(texts), bounds(("panlect",), "eng"))
    good = [number for number, verdict in enumerate(verdicts) if not verdict]
    texts, ids = [texts[n] for n in good], [ids[n] for n in good]
    clock.mark("quality")
    texts = [redact(text)[0] for text in texts]
    clock.mark("private data")
    write(out / "own.parquet", texts, ids)
    clock.mark("write")
    first = duplicates.clusters(duplicates.signatures(texts, preset), preset)
    clock.mark("near-duplicates")
    return {"seconds": clock.seconds, "dropped": len(ids) - int(np.sum(first == np.arange(len(first))))}


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


def compare(theirs: dict[str, str], ours: dict[str, object], count: int) -> None:
    """Print how often both keep or drop the same documents.

    Of a cluster of copies one is kept; which one is arbitrary in datatrove and the first here. The
    decision is the same where both keep exactly one of our cluster.
    """
    reasons, first = ours["reasons"], ours["first"]
    filtered = [i for i in map(str, range(count)) if "near-duplicates" not in (theirs.get(i), reasons.get(i))]
    same = sum((i in theirs) == (i in reasons) for i in filtered)
    print(f"\nfilters: the same decision on {same / len(filtered):.2%} of {len(filtered)} documents")
    clusters: dict[str, list[str]] = {}
    for i, head in first.items():
        clusters.setdefault(head, []).append(i)
    kept = {head: sum(i not in theirs for i in members) for head, members in clusters.items()}
    different = {head: n for head, n in kept.items() if n != 1}
    print(f"near-duplicates: {len(first) - len(clusters)} removed here, ", end="")
    print(f"{sum(reason == 'near-duplicates' for reason in theirs.values())} by datatrove;", end=" ")
    print(f"the same for {1 - len(different) / len(clusters):.2%} of {len(clusters)} clusters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datatrove", help="an interpreter that has datatrove")
    parser.add_argument("--lid", help="the fastText model that both use")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if not (DATA / "masakhanews").is_dir():
        print("skipped: the real text is not here; name its directory in PANLECT_DATA")
        return
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, inherited by the other side
    own, same, other = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        out, corpus = Path(temporary), Path(temporary) / "corpus.jsonl"
        megabytes = build(corpus)
        count = sum(1 for _ in corpus.open(encoding="utf-8"))
        print(f"{count} documents, {megabytes:.1f} MB of text, one core, {asked.rounds} interleaved rounds")
        for number in range(asked.rounds):
            own.append(own_work(corpus, out))
            if asked.datatrove:
                command = [asked.datatrove, str(ROOT / "bench" / "curate_datatrove.py")]
                arguments = [str(corpus), str(out / f"theirs{number}"), asked.lid]
                done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
                other.append(json.loads(done.stdout.splitlines()[-1]))
                same.append(same_work(corpus, out, asked.lid))
    mine = table("panlect, own defaults, everything on", megabytes, [each["seconds"] for each in own])
    if other:
        theirs = table("datatrove", megabytes, [each["seconds"] for each in other])
        ours = table("panlect, identical work", megabytes, [each["seconds"] for each in same])
        compare(other[0]["reasons"], same[0], count)
        print(f"\nidentical work: {theirs / ours:.1f} times as fast; own defaults: {theirs / mine:.1f} times")
    print(
        f"panlect {version('panlect') if 'panlect' in sys.modules else ''}, python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main()
