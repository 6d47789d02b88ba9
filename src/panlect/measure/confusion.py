"""Does the model answer in the language it was asked for? Off-target rate, line and word pass rates.

Off-target: of the answers long enough to judge, the share whose language is not the requested one. Empty
answers and answers too short to judge are counted apart, never as right or wrong. Line and word pass rates
follow Marchisio et al. 2024, "Understanding and Mitigating Language Confusion in LLMs".

Identification is passed in as a function `identify(text, candidates) -> code`, because this floor knows no
models; "und" (undetermined) is an answer it may give.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from panlect.measure.interval import Interval, wilson

Identify = Callable[[str, Sequence[str]], str]
Verdict = Literal["on_target", "off_target", "undetermined", "empty"]

MINIMUM_LETTERS = 20
MINIMUM_LINE_TOKENS = 5  # Marchisio et al. 2024: shorter lines are not judged
MINIMUM_WORD_LETTERS = 4  # "length > 3"
# Scripts in which an English word stands out; Marchisio et al. 2024 report the word pass rate for these only.
WORD_PASS_LANGUAGES = ("arb_Arab", "hin_Deva", "jpn_Jpan", "kor_Hang", "rus_Cyrl", "zho_Hans", "cmn_Hans")

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+")
_ENGLISH_WORD = re.compile(r"[A-Za-z]+")


class OffTarget(NamedTuple):
    """Off-target share of the judged answers, and how many answers could not be judged."""

    rate: Interval
    undetermined: int
    empty: int


def judgeable(text: str, prompt: str = "") -> str:
    """The part of an answer that says something about its language: no echo, code, addresses or numbers."""
    body = text.removeprefix(prompt) if prompt else text
    for pattern in (_CODE, _ADDRESS):
        body = pattern.sub(" ", body)
    return _without(body, "N")


def _without(text: str, categories: str) -> str:
    """Put spaces for characters whose Unicode category begins with one of these letters, then trim spaces."""
    kept = (" " if unicodedata.category(character)[0] in categories else character for character in text)
    return " ".join("".join(kept).split())


def letters(text: str) -> int:
    """Letters of any script, combining marks not counted (they belong to their letter)."""
    return sum(unicodedata.category(character)[0] == "L" for character in text)


def language_verdict(
    text: str,
    requested: str,
    identify: Identify,
    *,
    candidates: Iterable[str] = (),
    prompt: str = "",
    minimum_letters: int = MINIMUM_LETTERS,
) -> Verdict:
    """Judge one answer. `candidates` are the languages it may plausibly be in besides the requested one."""
    if not text.strip():
        return "empty"
    body = judgeable(text, prompt)
    if letters(body) < minimum_letters:
        return "undetermined"
    found = identify(body, tuple(dict.fromkeys([requested, *candidates])))
    if found in ("und", ""):
        return "undetermined"
    return "on_target" if found == requested else "off_target"


def off_target(verdicts: Iterable[str]) -> OffTarget:
    """Rate over judged answers with its Wilson interval.

    >>> result = off_target(["on_target"] * 6 + ["off_target"] * 2 + ["empty", "undetermined"])
    >>> result.rate.value, result.rate.count, result.undetermined, result.empty
    (0.25, 8, 1, 1)
    """
    counts = Counter(verdicts)
    judged = counts["on_target"] + counts["off_target"]
    return OffTarget(wilson(counts["off_target"], judged), counts["undetermined"], counts["empty"])


def line_pass(
    response: str,
    requested: str,
    identify: Identify,
    tokenise: Callable[[str], Sequence[str]] = str.split,
    candidates: Sequence[str] = (),
) -> bool | None:
    """True if every judgeable line is in the requested language; None if no line is long enough to judge.

    A line whose language cannot be determined is an error, as in the reference. `tokenise` matters for
    scripts without spaces: a whole Thai line is one token to `str.split` and would never be judged.
    """
    judged = 0
    for line in response.splitlines():
        body = _without(line, "PS")
        if len(tokenise(body)) < MINIMUM_LINE_TOKENS:
            continue
        judged += 1
        if identify(body, tuple(dict.fromkeys([requested, *candidates]))) != requested:
            return False
    return True if judged else None


def word_pass(response: str, english_words: Collection[str]) -> bool:
    """True if no English dictionary word of four letters or more occurs (compared in lower case)."""
    return not any(
        len(word) >= MINIMUM_WORD_LETTERS and word.lower() in english_words
        for word in _ENGLISH_WORD.findall(response)
    )


def line_pass_rate(passes: Iterable[bool | None]) -> Interval:
    """LPR: share of responses without a line error. Responses with no judgeable line count as passing."""
    results = [passed is not False for passed in passes]
    return wilson(sum(results), len(results))


def word_pass_rate(line_passes: Sequence[bool | None], word_passes: Sequence[bool]) -> Interval:
    """WPR: among responses that pass by line, the share without an English word."""
    kept = [word for line, word in zip(line_passes, word_passes, strict=True) if line is not False]
    return wilson(sum(kept), len(kept))
