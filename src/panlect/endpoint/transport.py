"""One HTTP request, with the standard library: no redirects, a bounded reply, a time limit."""

from __future__ import annotations

import email.utils
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple

REPLY_BYTES = 64 << 20


class Response(NamedTuple):
    """What came back. `status` 0 means that nothing usable did; then `text` says why."""

    status: int
    text: str
    wait_seconds: float | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to a host that nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(url: str, body: str, headers: Mapping[str, str], timeout_seconds: float) -> Response:
    """Send a JSON body; failures of the network come back as status 0."""
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    request = urllib.request.Request(url, body.encode(), sent, method="POST")
    try:
        with _OPENER.open(request, timeout=timeout_seconds) as reply:
            return _read(reply, reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error, error.code)
    except (OSError, HTTPException) as error:
        return Response(0, f"{type(error).__name__}: {error}")


def _read(reply: Any, status: int) -> Response:
    try:
        data = reply.read(REPLY_BYTES + 1)
    except (OSError, HTTPException) as error:
        return Response(0, f"{type(error).__name__}: the reply broke off")
    if len(data) > REPLY_BYTES:
        return Response(0, f"the reply is longer than {REPLY_BYTES} bytes")
    try:
        return Response(status, data.decode("utf-8"), _wait(reply.headers.get("Retry-After")))
    except UnicodeDecodeError:
        return Response(0, "the reply is not UTF-8")


def _wait(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds a number or a date (RFC 9110, section 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
