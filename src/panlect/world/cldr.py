"""Names of things in each language's own CLDR data.

Babel is read through `localedata.load(..., merge_inherited=False)`: a language's own data and nothing
inherited. `Locale.months` and its like are not usable with many locales at once: Babel resolves their
aliases by writing into data that locales share, so German January reads "1月" once Japanese and Swahili have
been loaded.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from babel import localedata

KINDS = ("territory", "continent", "language", "currency", "script", "month", "weekday")
"""Kinds of concept. A concept is `kind:code`, for example `territory:SN`, `month:1`, `weekday:0` (Monday)."""

CONTINENTS = ("002", "019", "142", "150", "009")
"""UN M49 codes of Africa, the Americas, Asia, Europe and Oceania, in the order of CLDR's containment."""

RESERVED = ("→", "¤", "🗣", "🌍", "🖋", "+", "<|", "∅", "↑")
"""What a name may not contain, because texts of the world use it as a separator (or CLDR as an inheritance
mark)."""


def clean(name: str) -> str | None:
    """The name in NFC without outer white space, or None where it cannot stand in a text of the world."""
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    return None if not name or any(mark in name for mark in RESERVED) else name


def names(locale: str) -> dict[str, str]:
    """All names a locale gives of its own, by concept (`territory:SN` → `Sénégal`).

    Names equal to their code (`XOF` for `currency:XOF`) and names that two concepts of one kind share are
    left out: the first say nothing, the second have no single truth.
    """
    data = localedata.load(locale, merge_inherited=False)
    found: dict[str, str] = {}
    for kind in KINDS:
        entries = {code: clean(name) for code, name in _entries(data, kind)}
        usable = {c: n for c, n in entries.items() if n is not None and n.casefold() != c.casefold()}
        shared = Counter(name.casefold() for name in usable.values())
        found |= {f"{kind}:{c}": n for c, n in usable.items() if shared[n.casefold()] == 1}
    return found


def autonym(locale: str, own: Mapping[str, str]) -> str | None:
    """A locale's name of its own language (`français`), with that of its script where CLDR has two."""
    language, _, script = locale.partition("_")
    plain = own.get(f"language:{language}")
    if not script:
        return plain
    combined = own.get(f"language:{locale}")
    scripted = own.get(f"script:{script}")
    return combined or (f"{plain} ({scripted})" if plain and scripted else plain)


def _entries(data: Mapping[str, object], kind: str) -> Iterable[tuple[str, str]]:
    """Code and name of one kind in a locale's own data; sub-entries and non-strings are skipped."""
    if kind in ("month", "weekday"):
        yield from _calendar(data, "months" if kind == "month" else "days")
        return
    field = {"territory": "territories", "continent": "territories", "language": "languages",
             "currency": "currency_names", "script": "scripts"}[kind]  # fmt: skip
    entries = data.get(field)
    for code, name in entries.items() if isinstance(entries, Mapping) else ():
        wanted = {"territory": len(str(code)) == 2, "continent": code in CONTINENTS}.get(kind, True)
        if wanted and isinstance(name, str):
            yield str(code), name


def _calendar(data: Mapping[str, object], field: str) -> Iterable[tuple[str, str]]:
    """Wide names of months or weekdays: the stand-alone form if there is one, else the format form."""
    contexts = data.get(field)
    if not isinstance(contexts, Mapping):
        return
    for context in ("stand-alone", "format"):
        widths = contexts.get(context)
        wide = widths.get("wide") if isinstance(widths, Mapping) else None
        if isinstance(wide, Mapping):
            yield from ((str(number), name) for number, name in wide.items() if isinstance(name, str))
            return
