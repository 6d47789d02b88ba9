"""Parquet, row group by row group."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from panlect.read.jsonl import take
from panlect.read.rows import Bad, Batch, Block, Limits, Rule, sample


def blocks(path: str, name: str, rule: Rule, limits: Limits) -> Iterator[Block]:
    """One block per row group; the worker opens the file itself."""
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    except (pa.ArrowInvalid, OSError) as error:
        cut_off = any(word in str(error) for word in ("footer", "magic", "size is 0"))
        reason = "truncated_file" if cut_off else "damaged_file"
        why = f"a parquet file's index is at its end; without it no row can be found ({str(error)[:200]})"
        yield Block(path, name, rule, 1, b"", bad=(Bad(name, reason, why),))
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
                for record in _records(piece):
                    place = f"{block.name}:{number}"
                    if isinstance(record, UnicodeDecodeError):
                        batch.bad.append(Bad(place, "invalid_utf8", sample(record.object)))
                    else:
                        take(record, place, block, batch)
                    number += 1
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        batch.bad.append(Bad(f"{block.name}:{number}", "damaged_row_group", str(error)[:200]))
    return batch


def _records(piece: pa.RecordBatch) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    """Yield each row, or why it is no text: a column of strings may hold any bytes."""
    try:
        yield from piece.to_pylist()
        return
    except UnicodeDecodeError:
        pass
    for row in range(piece.num_rows):
        try:
            yield piece.slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield error
