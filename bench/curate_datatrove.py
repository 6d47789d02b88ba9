"""The datatrove side of `bench/curate.py`: run by an interpreter that has datatrove, prints one JSON object.

Words are cut at white space instead of by its tokenizers, which is kinder to its speed (spaCy halves it) and
the only way to compare decisions.
"""

import json
import sys
import time
from pathlib import Path


def main(corpus: str, out: str, model: str) -> None:
    import datatrove.pipeline.dedup.minhash as minhash
    import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
    import datatrove.pipeline.filters.gopher_quality_filter as gopher_quality
    import datatrove.pipeline.filters.gopher_repetition_filter as gopher_repetition
    import datatrove.utils.lid as lid
    from datatrove.pipeline.filters import LanguageFilter
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter

    for module in (gopher_quality, gopher_repetition, fineweb):
        module.split_into_words = lambda text, language: text.split()

    class Spaces:
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

    minhash.load_word_tokenizer = lambda language: Spaces()
    lid.cached_asset_path_or_download = lambda *arguments, **named: model
    path, work, seconds = Path(corpus), Path(out), {}
    steps = {
        "mojibake": FTFYFormatter(),
        "identification": LanguageFilter(label_only=True),
        "gopher repetition": gopher_repetition.GopherRepetitionFilter(),
        "gopher quality": gopher_quality.GopherQualityFilter(min_stop_words=None),
        "fineweb quality": fineweb.FineWebQualityFilter(),
        "private data": PIIFormatter(),
    }
    start = time.process_time()
    documents = list(JsonlReader(str(path.parent), glob_pattern=path.name).run())
    seconds["read"] = time.process_time() - start
    reasons = {}
    for name, step in steps.items():
        if name == "identification":
            step.model.model  # noqa: B018 - loads the model outside the timing
        start = time.process_time()
        before = {document.id for document in documents}
        documents = list(step.run(iter(documents)))
        seconds[name] = time.process_time() - start
        reasons |= dict.fromkeys(before - {document.id for document in documents}, name)
    start = time.process_time()
    with ParquetWriter(str(work / "parquet")) as writer:
        for document in documents:
            writer.write(document)
    seconds["write"] = time.process_time() - start
    start = time.process_time()
    settings = minhash.MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    minhash.MinhashDedupSignature(str(work / "signatures"), settings).run(iter(documents))
    for bucket in range(14):
        minhash.MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"), config=settings).run(
            None, bucket, 14
        )
    minhash.MinhashDedupCluster(str(work / "buckets"), str(work / "remove"), config=settings).run(None)
    kept = [document.id for document in minhash.MinhashDedupFilter(str(work / "remove")).run(iter(documents))]
    seconds["near-duplicates"] = time.process_time() - start
    left = set(kept)
    reasons |= {document.id: "near-duplicates" for document in documents if document.id not in left}
    print(json.dumps({"seconds": seconds, "reasons": reasons}))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*sys.argv[1:])
    else:
        print("this file is run by bench/curate.py --datatrove")
