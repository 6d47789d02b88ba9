"""Private data: found in any script's digits, checked where a checksum exists, replaced by placeholders.

| kind | what counts |
|---|---|
| `email` | an address with a domain that has a dot |
| `ip` | IPv4 and IPv6 addresses that can be reached from outside (not 127.0.0.1, not 192.168.x.x) |
| `phone` | +country numbers of 8 to 15 digits, and national numbers with a grouped area code |
| `iban` | bank accounts whose length and ISO 7064 checksum (97) are right |
| `card` | 13 to 19 digits of a card issuer's range whose Luhn checksum is right |

A placeholder is stable within its text: the same address is ``<EMAIL_1>`` each time it occurs.
"""

import ipaddress
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from panlect.text.signs import EVERY_SIGN, Sign, signs_of

_EMAIL = re.compile(
    r"(?<![\w.+/-])[\w.!#$%&'*+=?^`{|}~-]{1,64}@(?:[\w](?:[\w-]{0,61}[\w])?\.){1,8}[^\W\d_](?:[\w-]{0,61}[\w])(?![\w-])"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_PHONE = re.compile(
    r"(?<![\w+])(?<!\d[ .,/-])(?:"
    r"(?:\+|00)[1-9](?:[\s./()‐‑–-]{0,2}\d){7,13}"
    r"|\(0?\d{2,5}\)[\s./‐‑–-]?\d{3,4}[\s./‐‑–-]?\d{3,5}"
    r"|\d{3}[.‐‑–-]\d{3}[.‐‑–-]\d{4}"
    r"|0[1-9]\d{0,3}[ ./‐‑–-]\d{3,4}[ ./‐‑–-]\d{3,5}"
    r")(?![\w])"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?!\w)")
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")

_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 "
    "DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 "
    "GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 "
    "LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 "
    "PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 "
    "TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "
)
IBAN_LENGTHS: Mapping[str, int] = MappingProxyType({each[:2]: int(each[2:]) for each in _IBANS.split()})
"""Length of a bank account number by country (SWIFT's IBAN registry)."""


def ascii_digits(text: str) -> str:
    """Write every script's digits as 0-9, one character for one character."""
    if text.isascii():
        return text
    return _DIGIT.sub(lambda match: str(unicodedata.digit(match.group())), text)


_DIGIT = re.compile(r"[^\D0-9]")


def is_iban(text: str) -> bool:
    """Whether country, length and checksum are those of a bank account (ISO 13616, ISO 7064 mod 97-10)."""
    compact = text.replace(" ", "")
    if IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Whether the digits pass the Luhn checksum and are no repetition of one digit."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [
        digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def is_public_address(text: str) -> bool:
    """Whether an IP address belongs to somebody (it is neither private nor reserved nor a version number)."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return 8 <= digits <= 15


def _always(text: str) -> bool:
    return True


KINDS: Mapping[str, tuple[re.Pattern[str], Callable[[str], bool]]] = MappingProxyType(
    {
        "email": (_EMAIL, _always),
        "iban": (_IBAN, is_iban),
        "card": (_CARD, is_card),
        "ip": (_IPV4, is_public_address),
        "ip6": (_IPV6, is_public_address),
        "phone": (_PHONE, _is_phone),
    }
)
"""Patterns and checks, the more certain ones first: what one found, the next does not see."""

_GROUPS = re.compile(r"(?:[0-9A-Fa-f]{1,4}:){6}")
_LONG_NUMBER = re.compile(r"\d(?:[\s./()‐‑–-]{0,2}\d){6}|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d")


def redact(
    text: str, kinds: tuple[str, ...] = ("email", "ip", "phone", "iban", "card")
) -> tuple[str, Counter[str]]:
    """Replace private data by placeholders; return the text and how many of each kind were replaced."""
    return _redacted(text, kinds, EVERY_SIGN)


def redact_all(
    texts: Sequence[str], kinds: tuple[str, ...] = ("email", "ip", "phone", "iban", "card")
) -> list[tuple[str, Counter[str]]]:
    """Replace private data in many texts: what `redact` returns for each, some ten times as fast."""
    return [_redacted(text, kinds, int(of)) for text, of in zip(texts, signs_of(texts), strict=True)]


def _redacted(text: str, kinds: tuple[str, ...], signs: int) -> tuple[str, Counter[str]]:
    present = {
        "email": signs & Sign.EMAIL and "@" in text,
        "ip6": signs & Sign.ADDRESS and ("::" in text or bool(_GROUPS.search(text))),
        "number": signs & Sign.NUMBER and bool(_LONG_NUMBER.search(text)),
    }
    if not any(present.values()):
        return text, Counter()
    plain, counts, numbers = ascii_digits(text), Counter[str](), dict[str, dict[str, int]]()
    for name, (pattern, is_real) in KINDS.items():
        kind = name.removesuffix("6")
        if kind not in kinds or not present.get(name, present["number"]):
            continue
        text, plain, count = _replace(text, plain, pattern, is_real, kind, numbers.setdefault(kind, {}))
        counts.update({kind: count} if count else {})
    return text, counts


def _replace(
    text: str,
    plain: str,
    pattern: re.Pattern[str],
    is_real: Callable[[str], bool],
    kind: str,
    numbers: dict[str, int],
) -> tuple[str, str, int]:
    """Replace in the text what is found in its plain form, where every place is the same place."""
    pieces: list[tuple[int, int, str]] = []
    for match in pattern.finditer(plain):
        if is_real(match.group()):
            number = numbers.setdefault(match.group(), len(numbers) + 1)
            pieces.append((*match.span(), f"<{kind.upper()}_{number}>"))
    for first, last, placeholder in reversed(pieces):
        text = text[:first] + placeholder + text[last:]
        plain = plain[:first] + placeholder + plain[last:]
    return text, plain, len(pieces)
