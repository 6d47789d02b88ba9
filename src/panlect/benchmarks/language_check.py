"""In which language is an open answer? Off-target shares for benchmarks whose answers are sentences.

Identification chooses among the language asked for, English, the prompt's language and the languages people
use most; it knows about 140 languages. An answer in the right script of a language it does not know is
undetermined, not right. Without its package (`py3langid`) scripts alone decide, and the name of the check
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from panlect.errors import ConfigError
from panlect.measure.confusion import language_verdict
from panlect.text.confusable import alike
from panlect.text.scripts import main_scripts

MOST_USED = (
    "eng_Latn", "cmn_Hans", "spa_Latn", "hin_Deva", "arb_Arab", "fra_Latn", "rus_Cyrl", "por_Latn",
    "deu_Latn", "jpn_Jpan", "ind_Latn", "tur_Latn", "kor_Hang", "vie_Latn", "ita_Latn",
)  # fmt: skip
UNDETERMINED = "und"
Guess = Callable[[str, tuple[str, ...]], str]


class Check:
    """Identifies with whatever is installed.

    Attributes:
        name: what identifies: `langid`, or `script`.
        known: languages that it can tell from others of their script.
    """

    def __init__(self, name: str, known: Sequence[str], guess: Guess) -> None:
        self.name, self.known, self._guess = name, frozenset(known), guess

    def identify(self, text: str, candidates: Sequence[str]) -> str:
        """The candidate a text is in, `und` if nobody can tell; the first is the one requested."""
        requested = candidates[0]
        script = main_scripts([text])[0][0]
        if not _same_script(script, requested):
            return next((code for code in candidates if _same_script(script, code)), f"other_{script}")
        rivals = [code for code in candidates[1:] if _same_script(script, code)]
        if not rivals:
            return requested  # the script alone decides
        if requested not in self.known:
            return UNDETERMINED
        found = self._guess(text, tuple(candidates))
        return requested if alike(found, requested) else found


def _same_script(script: str, language: str) -> bool:
    mixed = {"Hans": "Hani", "Hant": "Hani", "Kore": "Hang"}
    theirs = mixed.get(language[4:], language[4:])
    ours = mixed.get(script, script)
    return ours == theirs or (theirs == "Jpan" and ours in ("Hani", "Hira", "Kana", "Jpan"))


@lru_cache(maxsize=1)
def check() -> Check:
    """The check that this installation can do."""
    try:
        from panlect.text.identify_packaged import load

        scorer = load("langid")
    except (ConfigError, ImportError):
        return Check("script", (), lambda text, candidates: UNDETERMINED)
    return Check("langid", scorer.languages, lambda text, candidates: _identifier(candidates)(text))


@lru_cache(maxsize=512)
def _identifier(candidates: tuple[str, ...]) -> Callable[[str], str]:
    from panlect.text.identify import Identifier
    from panlect.text.identify_packaged import load

    identifier = Identifier(load("langid"), among=candidates)
    return lambda text: identifier.identify([text])[0].language


def scores(
    text: str, requested: str, *, prompt: str = "", prompt_language: str = "", among: Sequence[str] = ()
) -> dict[str, float]:
    """`off_target` 0 or 1 if an answer can be judged, else `undetermined` 1; nothing for an empty answer.

    `among` are further languages that the answer may be in.
    """
    candidates = [code for code in (prompt_language, *MOST_USED, *among) if code]
    verdict = language_verdict(text, requested, check().identify, candidates=candidates, prompt=prompt)
    if verdict == "empty":
        return {}
    undetermined = {"undetermined": float(verdict == "undetermined")}
    return (
        undetermined
        if verdict == "undetermined"
        else undetermined | {"off_target": float(verdict == "off_target")}
    )
