"""Run by an interpreter that has COMET (`panlect.model.comet` starts it); nothing of Panlect is there.

`comet_scores.py MODEL` only looks whether the model is there; with the name of a file, it reads rows of
`src`, `mt` and `ref` as JSON from standard input and writes one score for each to the file.
"""

import json
import os
import sys

BATCH_ROWS = 16
NOT_INSTALLED, NO_MODEL = 3, 4
"""Exit codes."""


def main(name: str, out: str = "") -> int:
    """Score the rows of standard input, or (no `out`) see whether it could be done."""
    try:
        import comet  # type: ignore[import-not-found]
    except ImportError as error:
        print(error, file=sys.stderr)
        return NOT_INSTALLED
    try:
        path = name if os.path.exists(name) else comet.download_model(name)
    except Exception as error:  # the network, the disk, the name: its package raises many kinds
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return NO_MODEL
    if out:
        import torch

        rows = json.load(sys.stdin)
        model = comet.load_from_checkpoint(path)
        found = model.predict(rows, batch_size=BATCH_ROWS, gpus=min(1, torch.cuda.device_count()))
        with open(out, "w", encoding="utf-8") as stream:
            json.dump([float(score) for score in found.scores], stream)
    return 0


if __name__ == "__main__":
    del sys.path[0]  # this directory, which has a comet.py too
    sys.exit(main(*sys.argv[1:]))
