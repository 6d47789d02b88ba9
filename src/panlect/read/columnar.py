"""Parquet, row group by row group."""

from collections.abc import Iterator

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from panlect.read.jsonl import take
from panlect.read.rows import Bad, Batch, Block, Limits, Rule


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """One block per row group; the worker opens the file itself."""
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    except (pa.ArrowInvalid, OSError) as error:
        # The index of a parquet file is at its end: without it nothing can be found.
        cut_off = any(word in str(error) for word in ("footer", "magic", "size is 0"))
        reason = "truncated_file" if cut_off else "damaged_file"
        yield Block(path, name, rule, 1, b"", bad=(Bad(name, reason, str(error)[:200]),))
        return
    first = 1
    for index, rows in enumerate(groups):
        yield Block(path, name, rule, first, header=(str(index),))
        first += rows


def parse(block: Block, limits: Limits) -> Batch:
    """Read the block's row group, a few thousand rows at a time."""
    batch = Batch(bad=list(block.bad))
    if not block.header:
        return batch
    number = block.first_row
    try:
        with pq.ParquetFile(block.path) as file:
            for piece in file.iter_batches(1024, row_groups=[int(block.header[0])]):
                for record in piece.to_pylist():
                    take(record, f"{block.name}:{number}", block, batch)
                    number += 1
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        reason = "invalid_utf8" if isinstance(error, UnicodeDecodeError) else "damaged_row_group"
        batch.bad.append(Bad(f"{block.name}:{number}", reason, str(error)[:200]))
    return batch
