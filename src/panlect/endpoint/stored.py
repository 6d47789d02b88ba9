"""Every request and its reply in one file of JSON lines.

A line is appended when a request is over, whatever came of it. A last line that a kill cut off is dropped.
The reply is kept as the text that arrived, so replaying gives the same bytes to the same parser.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from panlect.errors import FolderError

_BEGIN = b'{"path": "'


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished request.

    `status` is the HTTP status, 0 where no reply came. The tokens are those that the server reports, or the
    most that the request can have used where it does not or where the reply was lost.
    """

    path: str
    request: str
    status: int
    reply: str
    prompt_tokens: int = 0
    answer_tokens: int = 0

    @property
    def key(self) -> str:
        """Identifies the request."""
        return key_of(self.path, self.request)


def written(body: Mapping[str, Any]) -> str:
    """A request's body as it is sent: the same for equal bodies, whatever the order of their keys."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def key_of(path: str, request: str) -> str:
    """Identify a request by its path and body; the server's address does not count, the model's name does."""
    return hashlib.sha256(f"{path}\0{request}".encode()).hexdigest()


class Store:
    """The file, open for one process at a time; threads may share it.

    Raises:
        FolderError: another process has it open, or it holds something else.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.prompt_tokens = self.answer_tokens = 0
        self._last: dict[str, Exchange] = {}
        self._lock = threading.Lock()
        self._stream: BinaryIO | None = None
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab")
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def get(self, key: str) -> Exchange | None:
        """What came of this request: a good reply if there ever was one, else the last failure."""
        return self._last.get(key)

    def add(self, exchange: Exchange) -> None:
        """Keep one more, on disk before this returns."""
        assert self._stream is not None, "opened to read only"
        line = json.dumps(asdict(exchange), ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()
            self._take(exchange)

    def close(self) -> None:
        """Give the file back."""
        if self._stream is not None:
            self._stream.close()

    def _take(self, exchange: Exchange) -> None:
        self.prompt_tokens += exchange.prompt_tokens
        self.answer_tokens += exchange.answer_tokens
        known = self._last.get(exchange.key)
        if known is None or known.status != 200 or exchange.status == 200:
            self._last[exchange.key] = exchange

    def _open(self) -> None:
        if self._stream is not None:
            self._claim(self._stream)
        data = self.path.read_bytes() if self.path.is_file() else b""
        *whole, rest = data.split(b"\n")
        for number, line in enumerate(whole, 1):
            self._take(self._parsed(line, number))
        if rest and not rest.startswith(_BEGIN[: len(rest)]):
            raise self._foreign(len(whole) + 1)
        if rest and self._stream is not None:
            self._stream.truncate(len(data) - len(rest))

    def _claim(self, stream: BinaryIO) -> None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderError(
                "another process is using this cache",
                where=str(self.path),
                fix="wait for it, or name another file in endpoint.cache",
            ) from error

    def _parsed(self, line: bytes, number: int) -> Exchange:
        try:
            return Exchange(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise self._foreign(number) from error

    def _foreign(self, number: int) -> FolderError:
        # Checked before anything is cut off: the user may have named the wrong file.
        return FolderError(
            "this is no cache of requests",
            where=f"{self.path}:{number}",
            fix="name another file in endpoint.cache",
        )
