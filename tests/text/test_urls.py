"""Block-lists: domains with their sub-domains, addresses by themselves, names in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.errors import DataError
from panlect.text.urls import Blocklist, split

LIST = """
# a comment
spam.example
0.0.0.0 ads.example   # as in a hosts file
||tracker.example^
*.wild.example
bücher.example
https://good.example/bad/page?id=1
good.example/other%20page/
https://front.example
"""


@pytest.fixture(scope="module")
def blocklist() -> Blocklist:
    found = Blocklist()
    found.add(LIST.split("\n"), where="list.txt")
    return found


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://spam.example/a", "blocked_domain"),
        ("https://www.SPAM.example:8080/a#b", "blocked_domain"),
        ("https://user:pass@deep.sub.ads.example", "blocked_domain"),
        ("tracker.example/x", "blocked_domain"),
        ("//img.wild.example./x", "blocked_domain"),
        ("http://xn--bcher-kva.example/katalog", "blocked_domain"),
        ("http://shop.BÜCHER.example/katalog", "blocked_domain"),
        ("http://good.example/bad/page?id=1", "blocked_address"),
        ("http://good.example/bad/page?id=1#top", "blocked_address"),
        ("http://good.example/other page", "blocked_address"),
        ("http://front.example/", "blocked_address"),
        ("http://front.example/page", ""),
        ("http://good.example/bad/page?id=2", ""),
        ("http://good.example/", ""),
        ("http://notspam.example/", ""),
        ("http://spam.example.org/", ""),
        ("http://example/spam.example", ""),
        ("", ""),
        ("not an address at all", ""),
    ],
)
def test_what_is_blocked(blocklist, url, reason):
    assert blocklist.reason(url) == reason


def test_a_line_that_is_neither_is_named():
    with pytest.raises(DataError, match=r"neither a domain nor an address(?s:.)*list.txt:2"):
        Blocklist().add(["ok.example", "two words"], where="list.txt")


@given(st.text(max_size=60))
def test_any_address_can_be_split_and_asked(url):
    host, _ = split(url)
    assert host == host.lower()
    found = Blocklist()
    found.domains.add("spam.example")
    assert found.reason(url) in ("", "blocked_domain")
