"""Readers: files of the formats that text corpora come in, as rows, with every bad row told apart.

One file per format family. Reading has two halves, so that one big file keeps many workers busy:

1. ``blocks`` walks a file once, in order, and cuts it where a row ends. It never looks inside rows.
2. ``parse`` turns one block into documents and pairs. Blocks are independent, so any worker may
   parse any of them, and the result does not depend on where the cuts were.

A row that cannot be read becomes a `Bad` with its place and a reason; the rows around it survive.
"""

from panlect.read.files import LAYOUTS, Layout, blocks, layout_of, parse
from panlect.read.rows import Bad, Batch, Block, Document, Limits, Pair, Rule

__all__ = [
    "LAYOUTS",
    "Bad",
    "Batch",
    "Block",
    "Document",
    "Layout",
    "Limits",
    "Pair",
    "Rule",
    "blocks",
    "layout_of",
    "parse",
]
