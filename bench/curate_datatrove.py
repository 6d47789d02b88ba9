"""The datatrove side of `bench/curate.py`: run by an interpreter that has datatrove, prints one JSON object.

Words are cut at white space instead of by its tokenizers, which is kinder to its speed (spaCy halves it) and
the only way to compare decisions.
"""

import json
import struct
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

BUCKETS = 14


def patched(model: str) -> None:
    """Cut words at white space, and identify with the model that the other side has."""
    import datatrove.pipeline.dedup.minhash as minhash
    import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
    import datatrove.pipeline.filters.gopher_quality_filter as gopher_quality
    import datatrove.pipeline.filters.gopher_repetition_filter as gopher_repetition
    import datatrove.utils.lid as lid

    class Spaces:
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

    for module in (gopher_quality, gopher_repetition, fineweb):
        module.split_into_words = lambda text, language: text.split()
    minhash.load_word_tokenizer = lambda language: Spaces()
    lid.cached_asset_path_or_download = lambda *arguments, **named: model


def steps() -> dict[str, Any]:
    """The steps that look at one document at a time; models and packages are loaded outside of the timing."""
    import ftfy  # noqa: F401
    import orjson  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    from datatrove.pipeline.filters import (
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter

    identification = LanguageFilter(label_only=True)
    identification.model.model  # noqa: B018 - loads
    return {
        "mojibake": FTFYFormatter(),
        "identification": identification,
        "gopher repetition": GopherRepetitionFilter(),
        "gopher quality": GopherQualityFilter(min_stop_words=None),
        "fineweb quality": FineWebQualityFilter(),
        "private data": PIIFormatter(),
    }


def deduplicated(documents: list[Any], work: Path) -> list[Any]:
    """Return the documents that MinHash keeps; leave the clusters in `work`."""
    import datatrove.pipeline.dedup.minhash as minhash

    settings = minhash.MinhashConfig(n_grams=5, num_buckets=BUCKETS, hashes_per_bucket=8)
    signatures, buckets, remove = (str(work / name) for name in ("signatures", "buckets", "remove"))
    minhash.MinhashDedupSignature(signatures, settings).run(iter(documents))
    for bucket in range(BUCKETS):
        minhash.MinhashDedupBuckets(signatures, buckets, config=settings).run(None, bucket, BUCKETS)
    minhash.MinhashDedupCluster(buckets, remove, config=settings, save_cluster_id=True).run(None)
    return list(minhash.MinhashDedupFilter(remove).run(iter(documents)))


def clusters(documents: list[Any], work: Path) -> dict[str, int]:
    """Return the cluster of every document that has one."""
    pairs = struct.iter_unpack("<II", (work / "remove" / "000000.clusters").read_bytes())
    return {documents[place].id: cluster for place, cluster in pairs}


def main(corpus: str, out: str, model: str) -> None:
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter

    patched(model)
    path, work, seconds = Path(corpus), Path(out), {}
    todo, reasons = steps(), {}
    start = time.process_time()
    documents = list(JsonlReader(str(path.parent), glob_pattern=path.name).run())
    seconds["read"] = time.process_time() - start
    for name, step in todo.items():
        start, before = time.process_time(), {document.id for document in documents}
        documents = list(step.run(iter(documents)))
        seconds[name] = time.process_time() - start
        reasons |= dict.fromkeys(before - {document.id for document in documents}, name)
    start = time.process_time()
    with ParquetWriter(str(work / "parquet")) as writer:
        for document in documents:
            writer.write(document)
    seconds["write"] = time.process_time() - start
    start = time.process_time()
    left = {document.id for document in deduplicated(documents, work)}
    seconds["near-duplicates"] = time.process_time() - start
    reasons |= {document.id: "near-duplicates" for document in documents if document.id not in left}
    found = {"seconds": seconds, "reasons": reasons, "clusters": clusters(documents, work)}
    print(json.dumps(found | {"version": version("datatrove")}))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*sys.argv[1:])
    else:
        print("this file is run by bench/curate.py --datatrove")
