"""Language identification: script first, then a model that only chooses among that script's languages.

A text's script alone decides Thai, Georgian or Cherokee, and rules out most languages for the rest;
what a model says about Latin letters is not asked for Cyrillic ones. Models are exchangeable: a
`Scorer` gives a log-score per language and text. `identify_packaged` holds those that packages
bring, `identify_ngrams` the one that is trained on a user's own text.

Texts without letters are ``zxx_Zyyy`` (no language: numbers, addresses), texts of too few letters
``und_Zyyy``. Neither is an error: short lines inside a document often are one or the other.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from panlect.errors import LanguageError
from panlect.language import Language
from panlect.text.confusable import alike
from panlect.text.scripts import han_form, main_scripts

UNDETERMINED = "und_Zyyy"
NO_LANGUAGE = "zxx_Zyyy"

Scores = NDArray[np.float32]


class Guess(NamedTuple):
    """The language of a text and how sure the model is, from 0 to 1.

    Languages that are written nearly alike (`panlect.text.confusable`) share their score: a text may
    surely be one of them while nobody can say which.
    """

    language: str
    score: float


class Scorer(Protocol):
    """A model for identification."""

    languages: tuple[str, ...]
    """Canonical codes, one per column of the scores."""

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return posterior probabilities, texts × languages; rows sum to 1."""


_LOOKED_THROUGH_CHARACTERS = 20_000
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_MENTION = re.compile(r"[\w.+-]*@[\w.-]+|#\w+")
_TAG = re.compile(r"<[^<>\n]{1,80}>")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,80}`", re.DOTALL)
_DIGITS = re.compile(r"[\d_]+")


def letters_of(text: str, limit_characters: int = 600) -> str:
    """Return what identification should look at: no addresses, tags, digits or code, no shouting.

    600 characters are enough; of a longer text, a third each from its beginning, middle and end, as pages
    begin with menus. Upper-case text is written in lower case: models are trained on running text
    and take a title in capitals for another language.
    """
    sample = text[:_LOOKED_THROUGH_CHARACTERS]
    if "`" in sample:
        sample = _CODE.sub(" ", sample)
    if len(sample) <= 2 * limit_characters:
        sample = _cleaned(sample)[:limit_characters]
    else:
        each = limit_characters // 3
        starts = (0, len(sample) // 2 - each, len(sample) - 2 * each)
        sample = " ".join(_cleaned(sample[start : start + 2 * each])[:each] for start in starts)
    return sample.lower() if sample.isupper() else sample


def _cleaned(sample: str) -> str:
    if "//" in sample or "www." in sample:
        sample = _ADDRESS.sub(" ", sample)
    if "@" in sample or "#" in sample:
        sample = _MENTION.sub(" ", sample)
    if "<" in sample:
        sample = _TAG.sub(" ", sample)
    return " ".join(_DIGITS.sub(" ", sample).split())


class Identifier:
    """Script first, then the model.

    Args:
        scorer: the model.
        minimum_letters: shorter texts are undetermined, unless their script decides.
        among: choose among these languages only; empty: all that the model knows.
    """

    def __init__(self, scorer: Scorer, *, minimum_letters: int = 4, among: Sequence[str] = ()) -> None:
        self.scorer, self.minimum_letters = scorer, minimum_letters
        wanted = frozenset(among)
        self._columns: dict[str, list[int]] = {}
        self._alike_of: dict[tuple[str, ...], NDArray[np.float32]] = {}
        for column, language in enumerate(scorer.languages):
            for script in _scripts_of(language):
                if not wanted or f"{language[:3]}_{script}" in wanted or language in wanted:
                    self._columns.setdefault(_family(script), []).append(column)

    def identify(self, texts: Sequence[str]) -> list[Guess]:
        """Return one guess per text."""
        samples = [letters_of(text) for text in texts]
        guesses = [Guess(UNDETERMINED, 0.0)] * len(texts)
        asked: dict[str, list[int]] = {}
        for number, (script, letters, share) in enumerate(main_scripts(samples)):
            columns = self._columns.get(_family(script), [])
            if not letters:
                guesses[number] = Guess(NO_LANGUAGE, 1.0)
            elif len(columns) == 1:
                guesses[number] = Guess(self._named(columns[0], script, samples[number]), share)
            elif columns and letters >= self.minimum_letters:
                asked.setdefault(script, []).append(number)
        for script, numbers in asked.items():
            columns = self._columns[_family(script)]
            scores = self.scorer.scores([samples[number] for number in numbers])[:, columns]
            scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-30)
            best = scores.argmax(axis=1)
            sure = (scores * self._alike(columns)[best]).sum(axis=1)
            for number, column, score in zip(numbers, best.tolist(), sure.tolist(), strict=True):
                guesses[number] = Guess(self._named(columns[column], script, samples[number]), score)
        return guesses

    def _alike(self, columns: list[int]) -> NDArray[np.float32]:
        """Which columns are the same language or written nearly alike: between those, doubt is no doubt."""
        names = tuple(self.scorer.languages[column] for column in columns)
        if names not in self._alike_of:
            table = [[alike(left, right) for right in names] for left in names]
            self._alike_of[names] = np.array(table, dtype=np.float32)
        return self._alike_of[names]

    def _named(self, column: int, script: str, sample: str) -> str:
        language = self.scorer.languages[column]
        if language.startswith("cmn_"):
            return f"cmn_{han_form(sample)}"
        return _in_script(language, script)


@lru_cache(maxsize=512)
def _family(script: str) -> str:
    """One name for scripts that characters do not tell apart (Hans, Hant and Hani)."""
    return {"Hans": "Hani", "Hant": "Hani", "Kore": "Hang", "Hira": "Jpan", "Kana": "Jpan"}.get(
        script, script
    )


@lru_cache(maxsize=4096)
def _in_script(language: str, script: str) -> str:
    """Return the language's code in the script that was found, where that is one it is written in."""
    have = language.split("_")[1]
    if _family(have) == _family(script) or script in ("Hani", "Jpan"):
        return language
    return f"{language[:3]}_{script}"


@lru_cache(maxsize=4096)
def _scripts_of(language: str) -> tuple[str, ...]:
    """The scripts that a language is known to be written in, its own code's first."""
    from panlect import language_codes

    iso639_3, script = language.split("_")
    others = [code[4:] for code in language_codes.rows() if code.startswith(f"{iso639_3}_")]
    return tuple(dict.fromkeys([script, *others]))


def canonical(labels: Sequence[str]) -> tuple[str, ...]:
    """Translate a model's labels into canonical codes; those that are none become undetermined."""
    codes = []
    for label in labels:
        try:
            codes.append(Language.parse(label.removeprefix("__label__")).code)
        except LanguageError:
            codes.append(UNDETERMINED)
    return tuple(codes)


# --- mixing ----------------------------------------------------------------------------------------


class Mixing(NamedTuple):
    """How the lines of a document are divided among languages."""

    main: str
    share: float
    """The part of the letters that is in lines of the main language."""
    languages: Mapping[str, float]


def mixing(text: str, identifier: Identifier, *, minimum_letters: int = 20) -> Mixing:
    """Identify line by line; lines with too few letters take no part."""
    lines = [line for line in text.split("\n") if len(line) >= minimum_letters]
    lines = [
        line
        for line, (_, letters, _) in zip(lines, main_scripts(lines), strict=True)
        if letters >= minimum_letters
    ]
    weights: dict[str, float] = {}
    for line, guess in zip(lines, identifier.identify(lines), strict=True):
        weights[guess.language] = weights.get(guess.language, 0.0) + len(line)
    total = sum(weights.values())
    if not total:
        return Mixing(UNDETERMINED, 0.0, {})
    shares = {language: weight / total for language, weight in sorted(weights.items())}
    main = max(shares, key=lambda language: shares[language])
    return Mixing(main, shares[main], shares)
