"""The line rules of C4 (Raffel et al. 2020, section 2.2, and its published code), for every script.

They keep lines that end a sentence and have a few words, and drop lines about scripts and cookies and pages
of filler or code. Made for English, two of them mean something else elsewhere: the marks that end a
sentence are those of all scripts (Unicode property Sentence_Terminal and the Tibetan shad), and are not
asked for where writing has none (Thai, Lao, Tai Viet); words are counted as letters where there are no
spaces.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from panlect.text.characters import terminals
from panlect.text.scripts import UNSPACED, main_script

LINE_RULES = ("long_words", "citations", "terminal", "few_words", "javascript", "policy")
"""Rules that take lines out, or citation marks out of lines, in the order in which they are asked."""
PAGE_RULES = ("lorem_ipsum", "curly_bracket", "few_sentences")
"""Rules that drop the whole text."""

WITHOUT_MARKS = frozenset({"Thai", "Laoo", "Tavt"})
"""Scripts whose sentences end without a mark."""
LETTERS_PER_WORD = 3
"""How many letters stand for a word where there are no spaces."""
CHARACTERS_PER_SENTENCE = 100
"""How many characters count as a sentence where no mark ends it."""

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_MARKS = "".join(sorted(terminals() | {"།", "༎"}))
_CLOSING = "\"'”“’»›」』）)]】〉》༽"
STAND_INS: Mapping[str, str] = MappingProxyType(
    {"Armn": ":", "Beng": "৷|", "Deva": "|", "Orya": "|", "Guru": "|", "Olck": "|", "Arab": "-", "Tibt": "ག"}
)
"""What else ends sentences in practice: keys that look like the mark (a colon for the Armenian full stop, a
bar for the danda); and after the Tibetan letter ga the shad is left out by rule."""
_ENDS = re.compile(rf"[{re.escape(_MARKS)}]+")
_END = re.compile(rf"[{re.escape(_MARKS)}\"'”“»」』][{re.escape(_CLOSING)}\s]*$")
_ELLIPSIS = re.compile(rf"(?:\.\.\.|…)[{re.escape(_CLOSING)}\s]*$")


class Limits(NamedTuple):
    """The numbers in the rules."""

    minimum_words: int = 3
    longest_word: int = 1000
    minimum_sentences: int = 5


class Refined(NamedTuple):
    """A text after the rules."""

    text: str
    removed: dict[str, int]
    """Lines (or citation marks) taken out, by rule."""
    reason: str
    """The rule that drops the whole text, or ""."""
    value: float = float("nan")
    """How many sentences were left, where `reason` is `few_sentences`."""


def refine(
    text: str,
    rules: Collection[str] = (*LINE_RULES, *PAGE_RULES),
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> Refined:
    """Apply rules to a text.

    Args:
        text: lines.
        rules: some of `LINE_RULES` and `PAGE_RULES`.
        limits: the numbers in them.
    """
    lowered = text.lower()
    if "lorem_ipsum" in rules and "lorem ipsum" in lowered:
        return Refined(text, {}, "lorem_ipsum")
    if "curly_bracket" in rules and "{" in text:
        return Refined(text, {}, "curly_bracket")
    script = main_script(text)
    kept, removed, sentences = [], dict[str, int](), 0
    for line in text.split("\n"):
        line, cited = _without_citations(line.strip(), rules)
        if cited:
            removed["citations"] = removed.get("citations", 0) + cited
        rule = _broken(line, script, rules, limits)
        if rule:
            removed[rule] = removed.get(rule, 0) + 1
        else:
            kept.append(line)
            sentences += _sentences(line, script)
    if "few_sentences" in rules and sentences < limits.minimum_sentences:
        return Refined(text, removed, "few_sentences", float(sentences))
    return Refined("\n".join(kept).strip() if removed else text, removed, "")


def _without_citations(line: str, rules: Collection[str]) -> tuple[str, int]:
    return _CITATION.subn("", line) if "citations" in rules and "[" in line else (line, 0)


def _broken(line: str, script: str, rules: Collection[str], limits: Limits) -> str:
    """Return the first rule that a line breaks. An empty line breaks none: it parts paragraphs."""
    if not line:
        return ""
    spaced = not (script in UNSPACED or script == "Jpan")
    words = line.split()
    if "long_words" in rules and spaced and max(map(len, words)) > limits.longest_word:
        return "long_words"
    if "terminal" in rules and script not in WITHOUT_MARKS and not ends_a_sentence(line, script):
        return "terminal"
    size = len(words) if spaced else sum(map(str.isalpha, line)) / LETTERS_PER_WORD
    if "few_words" in rules and size < limits.minimum_words:
        return "few_words"
    lowered = line.lower()
    if "javascript" in rules and "javascript" in lowered:
        return "javascript"
    if "policy" in rules and any(phrase in lowered for phrase in _POLICY):
        return "policy"
    return ""


def ends_a_sentence(line: str, script: str = "") -> bool:
    """Whether a line ends with a sentence mark of any script, perhaps inside quotation marks or brackets.

    With the line's script, what stands in for a mark in practice counts too (`STAND_INS`).

    Three dots do not end a sentence: they stand where a teaser was cut off.
    """
    if line.rstrip(_CLOSING).endswith(tuple(STAND_INS.get(script, ""))):
        return True
    return bool(_END.search(line)) and not _ELLIPSIS.search(line)


def _sentences(line: str, script: str) -> int:
    if not line:
        return 0
    if script in WITHOUT_MARKS:
        return 1 + len(line) // CHARACTERS_PER_SENTENCE
    # A dot inside 3.5 or example.org ends nothing; the marks of unspaced scripts need no space behind them.
    marks = _ENDS.finditer(line)
    ends = sum(
        mark.group()[-1] not in ".!?" or mark.end() == len(line) or not line[mark.end()].isalnum()
        for mark in marks
    )
    return max(1, ends)
