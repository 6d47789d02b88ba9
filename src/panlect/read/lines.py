"""Cutting a stream of bytes into blocks of whole lines, whatever the lines hold."""

from collections.abc import Iterator

from panlect.read.rows import Bad, Block, Limits, Rule, sample
from panlect.read.stream import Stream

BOM = b"\xef\xbb\xbf"
NEWLINE = b"\n"


def line_blocks(
    path: str, name: str, rule: Rule, limits: Limits, *, header: tuple[str, ...] = (), quoted: bool = False
) -> Iterator[Block]:
    r"""Cut a file into blocks of whole lines.

    A line longer than the limit is set aside without ever being held in memory as a whole. With
    ``quoted``, a newline inside an open double quote does not end a row.
    """
    stream = Stream(path, limits)
    cutter = _Cutter(limits, quoted, name)
    for chunk in stream:
        for payload, first, bad in cutter.push(chunk):
            yield Block(path, name, rule, first, payload, header, bad=bad)
    payload, first, bad = cutter.end(stream.trouble)
    if payload or bad:
        yield Block(path, name, rule, first, payload, header, bad=bad)


class _Cutter:
    """Collects bytes until a block's worth of whole rows is there."""

    def __init__(self, limits: Limits, quoted: bool, name: str) -> None:
        self.limits, self.quoted, self.name = limits, quoted, name
        self.pending, self.line, self.skipping = bytearray(), 1, False
        self.bad: list[Bad] = []

    def push(self, chunk: bytes) -> Iterator[tuple[bytes, int, tuple[Bad, ...]]]:
        if self.skipping:
            end = chunk.find(b"\n")
            if end < 0:
                return
            self.skipping, chunk, self.line = False, chunk[end + 1 :], self.line + 1
        self.pending += chunk
        while len(self.pending) >= self.limits.block_bytes:
            cut = self._cut(self.limits.block_bytes)
            if not cut:
                if len(self.pending) <= self.limits.row_bytes:
                    return  # one long row; wait for its end
                if not self._set_aside():
                    return
                continue
            yield self._take(cut)

    def end(self, trouble: str) -> tuple[bytes, int, tuple[Bad, ...]]:
        if trouble:
            # What follows the last newline was cut off in the middle; it is not a row.
            cut = self.pending.rfind(b"\n") + 1
            place = f"{self.name}:{self.line + self.pending.count(NEWLINE)}"
            self.bad.append(Bad(place, f"{trouble}_file", sample(bytes(self.pending[cut:][:8000]))))
            del self.pending[cut:]
        return self._take(len(self.pending))

    def _cut(self, size: int) -> int:
        """Where the last whole row among the first `size` bytes ends, or the first whole row after them."""
        if not self.quoted:
            cut = self.pending.rfind(b"\n", 0, size) + 1
            return cut or self.pending.find(b"\n", size) + 1
        cut = self.pending.rfind(b"\n", 0, size) + 1
        while cut and self.pending.count(b'"', 0, cut) % 2:
            cut = self.pending.rfind(b"\n", 0, cut - 1) + 1
        return cut

    def _set_aside(self) -> bool:
        """Drop the overlong row at the front; true if its end was already in memory."""
        place = f"{self.name}:{self.line}"
        self.bad.append(Bad(place, "row_too_large", sample(bytes(self.pending[:8000]))))
        end = self.pending.find(b"\n")
        self.skipping = end < 0
        if self.skipping:
            self.pending.clear()
            return False
        del self.pending[: end + 1]
        self.line += 1
        return True

    def _take(self, cut: int) -> tuple[bytes, int, tuple[Bad, ...]]:
        payload, first, bad = bytes(self.pending[:cut]), self.line, tuple(self.bad)
        self.line += payload.count(b"\n")
        del self.pending[:cut]
        self.bad.clear()
        return payload, first, bad


def lines_of(block: Block, limits: Limits, bad: list[Bad]) -> Iterator[tuple[int, bytes]]:
    """Yield a block's lines that are not too long, each with its number, without its line end.

    Only LF and CR LF end a line: U+0085 and U+2028 occur inside real sentences.
    """
    for number, line in enumerate((block.payload or b"").split(b"\n"), block.first_row):
        if number == 1:
            line = line.removeprefix(BOM)
        line = line.removesuffix(b"\r")
        if len(line) > limits.row_bytes:
            bad.append(Bad(f"{block.name}:{number}", "row_too_large", sample(line)))
        elif line:
            yield number, line


def decode(line: bytes, place: str, bad: list[Bad]) -> str | None:
    """Return the line as text, or set it aside when it is not UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        bad.append(Bad(place, "invalid_utf8", sample(line)))
        return None
