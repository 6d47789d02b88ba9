"""Private data in any digits; numbers that are something else stay."""

import pytest

from panlect.text.private import is_card, is_iban, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to jane.doe@example.co.ke or иван@пример.рф!", "write to <EMAIL_1> or <EMAIL_2>!"),
        ("a@b.com, a@b.com and c@d.org", "<EMAIL_1>, <EMAIL_1> and <EMAIL_2>"),
        ("call +254 712 345 678 or (020) 7946 0018", "call <PHONE_1> or <PHONE_2>"),
        ("फ़ोन +९१ ९८७६५ ४३२१०", "फ़ोन <PHONE_1>"),
        ("هاتف ٠٠٢٠ ١٠٠ ١٢٣ ٤٥٦٧", "هاتف <PHONE_1>"),
        ("from 8.8.8.8 and 2001:4860:4860::8888", "from <IP_1> and <IP_2>"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN <IBAN_1>."),
        ("card 4111 1111 1111 1111", "card <CARD_1>"),
    ],
)
def test_what_is_private_is_replaced(text, redacted):
    assert redact(text)[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "in 2019-2020, 10.000.000.000 people, ISBN 978-3-16-148410-0",
        "version v1.2.3.4, host 192.168.0.1, 127.0.0.1, at 12:30:45",
        "card 4111 1111 1111 1112, DE88 3704 0044 0532 0130 00",
        "3.14159265358979, 1 234 567 890, 12/11/2024",
        "@user mentioned #tag and a @ b",
        "std::vector<int> a::b::c",
    ],
)
def test_other_numbers_stay(text):
    assert redact(text) == (text, {})


def test_checksums():
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB82 WEST 1234 5698 7654 33")
    assert is_card("5500005555555559")
    assert not is_card("0000000000000000")


def test_only_what_was_asked_for():
    assert redact("a@b.com 8.8.8.8", ("ip",)) == ("a@b.com <IP_1>", {"ip": 1})
