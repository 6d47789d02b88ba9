"""Is a written answer right? Exact match and token F1 by language, and numbers in any digits.

* `span`: answers cut out of a passage, as in MLQA (Lewis et al. 2020). Lower case, punctuation of every
  script
  removed, articles of the answer's language removed, Chinese ideographs one by one. Languages that MLQA does
  not have but that are written without spaces are compared by character.
* `open`: answers to open questions, as in MKQA (Longpre et al. 2021). Only ASCII punctuation is removed;
  Chinese,
  Japanese, Thai and Khmer are compared by character. The reference cuts French and Italian articles off the
  beginning of any word ("lemon" loses "le"); so does this, for comparison.
* Numbers, as MGSM needs them (Shi et al. 2022): compared as numbers. Ignoring punctuation instead, as is
  common,
  makes 3.5 equal 35 and -5 equal 5.

An average over languages mixes words and characters; `unit_of` says which a language uses.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

Task = Literal["span", "open"]

_SHARED = {
    "eng": r"\b(a|an|the)\b",
    "spa": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vie": r"\b(của|là|cái|chiếc|những)\b",
    "deu": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
}
ARTICLES: Mapping[Task, Mapping[str, str]] = {
    "span": _SHARED | {"arb": r"(?:^|\s)ال"},
    "open": _SHARED
    | {
        "arb": r"ال",
        "nld": r"\b(de|het|een|des|der|den)\b",
        "swe": r"\b(en|ett)\b",
        "dan": r"\b(en|et)\b",
        "nob": r"\b(en|et|ei)\b",
        "fra": r"\b(le|la|les|du|de|des|un|une)",
        "por": r"\b(o|a|os|as|um|uma|uns|umas)\b",
        "ita": r"\b(il|lo|la|i|gli|le|del|dello|della|dei|degli|delle|uno|una|un)",
        "fin": r"\b(se|yks|yksi)\b",
        "hun": r"\b(a|az|egy)\b",
    },
}
"""Articles by ISO 639-3, as the references of the two tasks remove them."""

_CHINESE = frozenset({"cmn", "zho", "yue"})
BY_CHARACTER: Mapping[Task, frozenset[str]] = {
    "span": _CHINESE | {"jpn", "tha", "lao", "khm", "mya", "bod"},
    "open": _CHINESE | {"jpn", "tha", "khm"},
}


def unit_of(language: str, task: Task = "span") -> str:
    """Whether F1 counts words or characters in this language."""
    return "characters" if language.partition("_")[0] in BY_CHARACTER[task] else "words"


def words(text: str, language: str, task: Task = "span") -> list[str]:
    """The pieces of an answer that are compared."""
    code = language.partition("_")[0]
    plain = "".join(
        c for c in text.lower() if c not in string.punctuation and not (task == "span" and _mark(c))
    )
    if article := ARTICLES[task].get(code):
        plain = re.sub(article, " ", plain)
    if unit_of(language, task) == "words":
        return plain.split()
    if task == "span" and code in _CHINESE:
        return re.sub(r"([\u4e00-\u9fa5])", r" \1 ", plain).split()
    return [character for character in plain if not character.isspace()]


def _mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "P"


def exact_match(answer: str, accepted: Sequence[str], language: str, task: Task = "span") -> float:
    """1 if the normalised answer equals an accepted one."""
    ours = words(answer, language, task)
    return float(any(ours == words(other, language, task) for other in accepted))


def token_f1(answer: str, accepted: Sequence[str], language: str, task: Task = "span") -> float:
    """Best F1 of shared words (or characters) over the accepted answers; two empty answers agree fully."""
    return max((_f1(words(answer, language, task), words(o, language, task)) for o in accepted), default=0.0)


def _f1(ours: Sequence[str], theirs: Sequence[str]) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


_SEPARATORS = {"٫": ".", "٬": ",", "，": ",", "．": ".", "،": ",", "−": "-", "﹣": "-", "－": "-", "–": "-"}
_NUMBER = re.compile(r"-?\d[\d.,'’  ]*")


def ascii_digits(text: str) -> str:
    """Digits of every script as 0-9, and the separators that go with them in ASCII."""
    out = []
    for character in text:
        digit = unicodedata.decimal(character, None)
        out.append(str(digit) if digit is not None else _SEPARATORS.get(character, character))
    return "".join(out)


def numbers_in(text: str) -> list[Decimal]:
    """All numbers of a text, in order, with their thousands separators understood."""
    found = []
    for match in _NUMBER.finditer(ascii_digits(text)):
        start = match.start()
        literal = match.group()
        # A hyphen between word and number, as in "COVID-19" or "10-12", is no minus sign.
        before = text[start - 1] if start else ""
        if literal.startswith("-") and (before.isalnum()):
            literal = literal[1:]
        value = parse_number(literal)
        if value is not None:
            found.append(value)
    return found


def parse_number(literal: str) -> Decimal | None:
    """One number, or None. `2,125` and `2.125.000` have thousands separators, `3.5` and `3,5` a decimal one.

    One separator followed by exactly three digits is read as a thousands comma (2,125) but a decimal point
    (2.125): that is how the benchmark's gold answers are written.
    """
    text = re.sub(r"[’'  ]", "", ascii_digits(literal)).strip().rstrip(".,")
    commas, points = text.count(","), text.count(".")
    if commas and points:
        last = max(text.rfind(","), text.rfind("."))
        whole = re.sub(r"[.,]", "", text[:last])
        text = f"{whole}.{text[last + 1 :]}"
    elif commas > 1 or (commas == 1 and re.fullmatch(r"-?\d{1,3},\d{3}", text)):
        text = text.replace(",", "")
    elif commas == 1:
        text = text.replace(",", ".")
    elif points > 1:
        text = text.replace(".", "")
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def same_number(answer: str, gold: str) -> bool:
    """Whether two literals are the same number."""
    ours, theirs = parse_number(answer), parse_number(gold)
    return ours is not None and ours == theirs


def last_number(text: str) -> str:
    """The last number of a text as a plain literal, "" if there is none."""
    found = numbers_in(text)
    return f"{found[-1].normalize():f}" if found else ""
