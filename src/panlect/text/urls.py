"""Block-lists of web addresses: a domain blocks all its sub-domains, an address blocks itself only.

Hosts are compared in lower case and in their ASCII form, so that ``bücher.example`` and
``xn--bcher-kva.example`` are one; user names, ports, default pages' slashes and fragments do not count.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from panlect.errors import DataError

_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_HOSTS_FILE = re.compile(r"^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(?P<host>\S+)$")
_ADBLOCK = re.compile(r"^\|\|(?P<host>[^/^$|*]+)\^?$")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.:-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")


def split(url: str) -> tuple[str, str]:
    """Return an address's host (lower case, ASCII form) and the rest that tells pages apart."""
    rest = _SCHEME.sub("", url.strip()).partition("#")[0]
    cut = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=len(rest))
    host, path = rest[:cut].rpartition("@")[2], rest[cut:]
    if not host.endswith("]"):
        host = re.sub(r":\d*$", "", host)
    return _ascii(host.rstrip(".")), unquote(path).rstrip("/")


def _ascii(host: str) -> str:
    host = host.lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # a label that is too long or empty: no such host exists
        return host


class Blocklist:
    """Domains and addresses that are not wanted."""

    def __init__(self) -> None:
        self.domains: set[str] = set()
        self.addresses: set[tuple[str, str]] = set()

    def add(self, lines: Iterable[str], *, where: str = "") -> None:
        """Take lines: a domain, an address with ``http://`` or a path, a line of a hosts file, ``||domain^``.

        Raises:
            DataError: a line is none of these.
        """
        for number, line in enumerate(lines, 1):
            line = line.split(" #")[0].split("\t#")[0].strip().removeprefix("\ufeff")
            if not line or line.startswith(("#", "!")):
                continue
            match = _HOSTS_FILE.match(line) or _ADBLOCK.match(line)
            entry = match["host"] if match else line.removeprefix("*.")
            host, path = split(entry)
            if re.search(r"\s", entry) or not _HOST.fullmatch(host):
                raise DataError(
                    f"this is neither a domain nor an address: {line[:80]}",
                    where=f"{where}:{number}",
                    expected="example.org, https://example.org/page, or a line of a hosts file",
                )
            if path or _SCHEME.match(entry):
                self.addresses.add((host, path))
            else:
                self.domains.add(host)

    def reason(self, url: str) -> str:
        """Return why an address is blocked, ``blocked_domain`` or ``blocked_address``, or ""."""
        if not url:
            return ""
        host, path = split(url)
        if (host, path) in self.addresses:
            return "blocked_address"
        labels = host.split(".")
        parents = (".".join(labels[start:]) for start in range(len(labels)))
        return "blocked_domain" if any(parent in self.domains for parent in parents) else ""
