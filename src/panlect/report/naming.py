"""Names, scripts and directions of the languages that stand in the numbers, for people to read.

A code that `panlect.language` does not know (an evaluator may have invented one) is shown as it is:
a report about a finished run never fails over a name.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from panlect.errors import LanguageError

_HAN = {"Hans": "Han, simplified", "Hant": "Han, traditional"}
"""The two that CLDR names by an adjective only."""


@dataclass(frozen=True)
class Named:
    """One language as the page shows it."""

    code: str
    name: str
    own_name: str
    script: str
    """English name of the script, its code where there is none."""
    family: str
    resource_class: str
    lang: str
    """BCP 47 tag for the ``lang`` attribute."""
    direction: str
    """ltr, rtl, or auto where it is not known."""


@lru_cache(maxsize=4096)
def named(code: str) -> Named:
    """Return what is known about the language with that code."""
    from panlect.language import Language

    try:
        language = Language.parse(code)
    except LanguageError:
        script = code.rsplit("_", 1)[1] if "_" in code else ""
        name = "Language not known" if code.startswith("und") else code
        return Named(code, name, "", script_name(script), "", "", "und", "auto")
    return Named(
        code=code,
        name=language.name,
        own_name=language.own_name,
        script=script_name(language.script),
        family=language.family,
        resource_class=language.resource_class,
        lang=language.bcp47,
        direction=language.direction,
    )


@lru_cache(maxsize=512)
def script_name(code: str) -> str:
    """Return the English name of an ISO 15924 script: ``Deva`` is Devanagari."""
    from babel import Locale

    return _HAN.get(code) or str(Locale("en").scripts.get(code, code))


def direction(text: str) -> str:
    """Where a text of an unknown language begins: rtl where most of its letters run from right to left.

    HTML's own ``auto`` asks the first letter alone, and an Arabic answer may begin with a Latin name.
    """
    classes = Counter(unicodedata.bidirectional(letter) for letter in text)
    return "rtl" if classes["R"] + classes["AL"] > classes["L"] else "ltr"


def labels(codes: list[str]) -> dict[str, str]:
    """Return one label per code: the English name, with the code where two languages share a name."""
    names = [named(code).name for code in codes]
    twice = {name for name in names if names.count(name) > 1}
    return {
        code: f"{name} ({code})" if name in twice else name for code, name in zip(codes, names, strict=True)
    }
