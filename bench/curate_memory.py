"""How much memory `curate` takes for streams of growing size, one process, near-duplicates on.

    python bench/curate_memory.py 0.25 0.5 1 2    sizes in GB; made-up rows, a tenth of them copies

Prints the peak resident memory of each run and the slope between the sizes.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = {"unknown_licence": "keep", "near_duplicates": {"method": "thorough"}, "lost_languages": "allow"}


def write_stream(path: Path, size_bytes: int) -> int:
    """Write rows of some 2 kB; a twentieth are exact copies, a twentieth differ in one sentence."""
    choose = random.Random(1)
    words = [
        "".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=choose.randrange(2, 10)))
        for _ in range(20_000)
    ]
    sentences = [" ".join(choose.choices(words, k=20)) for _ in range(100_000)]
    rows, written, last = 0, 0, choose.choices(sentences, k=15)
    with path.open("w", encoding="utf-8") as stream:
        while written < size_bytes:
            kind = choose.random()
            if kind > 0.1:
                last = choose.choices(sentences, k=15)
            elif kind > 0.05:
                last[choose.randrange(15)] = choose.choice(sentences)
            written += stream.write(json.dumps({"text": " ".join(last), "language": "eng_Latn"}) + "\n")
            rows += 1
    return rows


def curated(path: Path, out: Path) -> dict[str, float]:
    """Run the stage in this process; return seconds and the peak of its memory in MB."""
    from panlect.config import check
    from panlect.folder import External
    from panlect.stages.curate import CurateConfig, curate

    start = time.process_time()
    folder = curate([External(str(path))], out, check(CurateConfig, SETTINGS, where="bench"))
    rows = folder.manifest["notes"]["rows"]
    return {
        "cpu_seconds": time.process_time() - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "kept": rows["documents"],
        "dropped": rows["dropped_documents"],
    }


def measured(path: Path) -> dict[str, float]:
    """Run the stage in a process of its own."""
    command = [sys.executable, __file__, "--stream", str(path)]
    environment = os.environ | {"PANLECT_WORKERS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(sizes: list[float], scratch: Path) -> None:
    """Print one line per size as soon as it is done."""
    before: tuple[float, float] | None = None
    print(
        f"{'GB':>6} {'rows':>10} {'kept':>10} {'CPU s':>8} {'MB/s':>6} {'peak MB':>8} {'MB per GB more':>15}"
    )
    for size in sizes:
        rows = write_stream(scratch / "rows.jsonl", int(size * 1e9))
        took = measured(scratch / "rows.jsonl")
        slope = (took["peak_mb"] - before[1]) / (size - before[0]) if before else float("nan")
        before = (size, took["peak_mb"])
        speed = size * 1e3 / took["cpu_seconds"]
        figures = f"{took['cpu_seconds']:8.1f} {speed:6.1f} {took['peak_mb']:8.0f} {slope:15.1f}"
        print(f"{size:6.2f} {rows:10,} {took['kept']:10,} {figures}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=float, help="GB")
    parser.add_argument("--stream", help="run the stage on this file, and print what it took")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("PANLECT_SCRATCH")) as temporary:
        if asked.stream:
            print(json.dumps(curated(Path(asked.stream), Path(temporary) / "out")))
        else:
            compare(asked.sizes, Path(temporary))


if __name__ == "__main__":
    main()
