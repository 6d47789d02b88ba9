"""A model's own answers beside the right one: whatever is wrong with a sample becomes the reason of a pair.

No judge is asked. Language, script, form and numbers can be seen; whether a sentence is true cannot, so a
sample without a visible fault gives no pair, unless it is far from the reference in its letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from panlect.benchmarks.language_check import check
from panlect.benchmarks.language_check import scores as language_scores
from panlect.dialogue.checks import loops
from panlect.measure.confusion import MINIMUM_LETTERS, judgeable, language_verdict
from panlect.rating.agreement import chrf
from panlect.rating.samples import Row, Samples, distinct, is_number, is_right, pair
from panlect.text.characters import terminals
from panlect.text.keys import exact_form
from panlect.text.scripts import main_scripts

MIXED_SHARE = 0.2
"""An answer with more of its letters in a foreign script is code-switched, if the right answer is not."""
_SENTENCE_ENDS = re.compile(rf"[{re.escape(''.join(sorted(terminals())))}\n]+")
LOOP = 6
"""A word so many times in a row is a loop of the decoder."""


def by_reference(
    found: Iterable[Samples], *, least_chrf: float = 0.0, pairs_per_prompt: int = 0
) -> Iterator[Row]:
    """Pairs of the right answer with samples at fault.

    Args:
        found: samples of prompts whose right answer is known; others give nothing.
        least_chrf: a sample without another fault is `unlike_reference` below it, 0 to 100.
        pairs_per_prompt: the first so many; 0 takes all.
    """
    for samples in found:
        made = (
            pair(samples, samples.gold, text, reason)
            for text in distinct(samples.texts)
            if (reason := fault(samples, text, least_chrf=least_chrf))
        )
        rows = [row for row in made if row]
        yield from rows[: pairs_per_prompt or None]


def fault(samples: Samples, text: str, *, least_chrf: float = 0.0) -> str:
    """What is wrong with a sample; "" where nothing can be seen.

    What can be said of the right answer too is not held against a sample.

    Returns:
        The first that applies: `unhelpful` (the prompt again), `off_format` (a word or a line over and
        over), `wrong_language`, `code_switched` (letters of a foreign script, or a sentence in another
        language), `wrong_fact` (another number), `unlike_reference`.
    """
    gold, asked = samples.gold, samples.prompt[-1]["content"]
    if not gold or not text.strip():
        return ""
    if exact_form(text) == exact_form(asked):
        return "unhelpful"
    if _repeats(text) and not _repeats(gold):
        return "off_format"
    if _elsewhere(samples, text) and not _elsewhere(samples, gold):
        return "wrong_language"
    if _mixed(samples, text) and not _mixed(samples, gold):
        return "code_switched"
    if is_number(gold):
        return "" if is_right(text, gold) else "wrong_fact"
    return "unlike_reference" if chrf(text, gold) < least_chrf else ""


def _repeats(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return len(set(lines)) < len(lines) or loops(text, LOOP)


def _elsewhere(samples: Samples, text: str) -> bool:
    """Whether a text is in another language than the one asked for; False where nobody can tell."""
    asked_in, answered_in = samples.languages
    found = language_scores(text, answered_in, prompt=samples.prompt[-1]["content"], prompt_language=asked_in)
    return found.get("off_target", 0.0) > 0


def _mixed(samples: Samples, text: str) -> bool:
    ((_, letters, share),) = main_scripts([judgeable(text)])
    if letters >= MINIMUM_LETTERS and 1 - share > MIXED_SHARE:
        return True
    among = (samples.languages[0], "eng_Latn")  # among few languages a sentence is enough to tell
    return any(
        language_verdict(sentence, samples.languages[1], check().identify, candidates=among) == "off_target"
        for sentence in _SENTENCE_ENDS.split(text)
    )
