"""Bytes of a file, decompressed as they are read, with everything before a cut or a damaged spot.

The standard library's file objects raise at a truncated end and lose what they had buffered; a
`Stream` gives every byte that can be recovered first, and says afterwards what was wrong.
"""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from panlect.errors import DataError
from panlect.read.rows import Limits

COMPRESSED = (".gz", ".bgz", ".bz2", ".xz", ".zst", ".zstd")
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_CHUNK_BYTES = 1 << 20
_STEP_BYTES = 16 << 10  # compressed bytes fed at once: even at 1,000 times they expand to 16 MiB only
_PIECE_BYTES = 4 << 20
_BOMB_FLOOR_BYTES = 256 << 20  # small files may expand a lot; nobody's memory suffers


class Stream:
    """A file's bytes, decompressed, in chunks of a few MiB.

    Attributes:
        trouble: after iterating, why reading ended early: "" (it did not), "truncated", "damaged",
            "bomb" (expanded beyond the limit) or "nested" (compressed twice).
    """

    def __init__(self, path: str | Path, limits: Limits) -> None:
        self.path, self.limits, self.trouble = Path(path), limits, ""

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            kind = compression(file.read(6))
            file.seek(0)
            raw = iter(lambda: file.read(_CHUNK_BYTES), b"")
            yield from self._decompressed(raw, kind) if kind else raw

    def _decompressed(self, raw: Iterator[bytes], kind: str) -> Iterator[bytes]:
        member, read_bytes, given_bytes = _Member(kind), 0, 0
        for chunk in raw:
            for start in range(0, len(chunk), _STEP_BYTES):
                data = chunk[start : start + _STEP_BYTES]
                read_bytes += len(data)
                while data:
                    if member.done:
                        if not data.strip(b"\0"):
                            break  # padding between members
                        member = _Member(kind)
                    for piece in member.feed(data):
                        if not given_bytes and compression(piece):
                            self.trouble = "nested"
                            return
                        given_bytes += len(piece)
                        yield piece
                        if given_bytes > max(_BOMB_FLOOR_BYTES, read_bytes * self.limits.expansion):
                            self.trouble = "bomb"
                            return
                    if member.damaged:
                        self.trouble = "damaged"
                        return
                    data = member.rest
        if not member.done:
            self.trouble = "truncated"


class _Member:
    """One compressed member; gzip, bzip2, xz and zstd files may hold several in a row."""

    def __init__(self, kind: str) -> None:
        self.kind, self.damaged, self.rest = kind, False, b""
        self.decoder = _decoder(kind)

    @property
    def done(self) -> bool:
        return bool(self.decoder.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            if self.kind in ("bzip2", "xz"):  # these can expand without limit, and can be asked to pause
                piece = self.decoder.decompress(data, _PIECE_BYTES)
                while piece:
                    yield piece
                    more = not self.decoder.eof and not self.decoder.needs_input
                    piece = self.decoder.decompress(b"", _PIECE_BYTES) if more else b""
            elif piece := self.decoder.decompress(data):
                yield piece
        except Exception as error:
            if not isinstance(error, (zlib.error, lzma.LZMAError, OSError, EOFError, _zstd_error())):
                raise
            self.damaged = True
        self.rest = bytes(self.decoder.unused_data) if self.done else b""


def _decoder(kind: str) -> Any:  # four libraries' objects with the same three attributes
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    if kind == "bzip2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor()
    return _zstandard().ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise DataError(
            "reading .zst files needs the package zstandard",
            fix="pip install 'panlect[curate]', or decompress the file first",
        ) from error
    return zstandard


def _zstd_error() -> type[Exception]:
    try:
        import zstandard
    except ImportError:
        return zlib.error
    error: type[Exception] = zstandard.ZstdError
    return error


def compression(head: bytes) -> str:
    """Return the compression that these first bytes announce, or ""."""
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")


def plain_name(path: str | Path) -> str:
    """Return the file's name in lower case without compression suffixes: ``x.jsonl`` for ``X.jsonl.gz``."""
    name = Path(path).name.lower()
    while name.endswith(COMPRESSED):
        name = name[: name.rfind(".")]
    return name


def head(path: str | Path, limits: Limits, size: int = 64 << 10) -> bytes:
    """Return the first decompressed bytes of a file."""
    start = b""
    for chunk in Stream(path, limits):
        start += chunk
        if len(start) >= size:
            break
    return start[:size]
