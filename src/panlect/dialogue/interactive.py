"""Interactive translation: a conversation about one translation, in the manner of BayLing (arXiv 2306.10968).

Every answer is text that people wrote: the translation, another translation of the same sentence, the
sentence in a third language. No turn is invented: a conversation has the kinds of turn that its pairs allow.

* `translate` opens it;
* `constrain`: use this word (where there is another translation that has it);
* `revise`: correct this draft (the translation with words out of place or left out);
* `another`: now in a third language (where the sentence is paired with one);
* `back`: what did I say at first?
* `beside`: original and translation beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field

from panlect.config import Config
from panlect.dialogue.phrasings import PLAIN, ask, language_name
from panlect.dialogue.rows import Origin, Row, choose, row
from panlect.text.keys import share_of

Kind = Literal["constrain", "revise", "another", "back", "beside"]

FOLLOW_UPS: dict[Kind, Sequence[str]] = {
    "constrain": (
        "Please use “{word}” in it.",
        "Could you say it with “{word}”?",
        "I would rather see the word “{word}” there.",
    ),
    "revise": (
        "Somebody gave me this version: “{draft}” Something is wrong with it. Please correct it.",
        "Fix this {target} draft of it: {draft}",
        "Is this right? {draft}\nIf not, write it correctly.",
    ),
    "another": ("Now in {other}.", "And in {other}?", "Please also translate it into {other}."),
    "back": (
        "What was the {source} text again?",
        "Translate it back into {source}.",
        "And back to {source}?",
    ),
    "beside": (
        "Show both beside each other.",
        "Give me the {source} and the {target} line by line.",
    ),
}


class Interactive(Config):
    """Conversations about a translation."""

    turns: int = Field(default=3, ge=2, le=6)
    """How many turns of the user, at most; the first asks for the translation."""
    kinds: tuple[Kind, ...] = ("constrain", "revise", "another", "back", "beside")
    """What the following turns may ask."""
    conversations_per_direction: int = Field(default=0, ge=0)
    """No direction between two languages gets more; 0 takes all."""
    pivot: str = "eng_Latn"
    """The language that the pairs have in common."""
    origin: Origin = "human"
    """Who made the translations."""


class _Sentence(NamedTuple):
    """A sentence of the pivot language with its translations: per language, texts and their pairs."""

    text: str
    translations: dict[str, list[tuple[str, dict[str, Any]]]]


class _State(NamedTuple):
    """What a follow-up may refer to."""

    sentence: _Sentence
    languages: tuple[str, str]
    texts: tuple[str, str]
    key: str


def interactive(pairs: pl.DataFrame, settings: Interactive, *, seed: int) -> Iterator[Row]:
    """One conversation for each translation, in both directions."""
    counts: dict[tuple[str, str], int] = {}
    most = settings.conversations_per_direction
    sentences = sorted(_sentences(pairs, settings.pivot), key=lambda each: share_of(f"{seed}:{each.text}"))
    for sentence in sentences:
        for language in sorted(sentence.translations):
            text, pair = sentence.translations[language][0]
            both = ((settings.pivot, language), (language, settings.pivot))
            for number, languages in enumerate(both):
                counts[languages] = counts.get(languages, 0) + 1
                if most and counts[languages] > most:
                    continue
                texts = (sentence.text, text) if number == 0 else (text, sentence.text)
                state = _State(sentence, languages, texts, f"{seed}:{languages}:{pair['id']}")
                yield _conversation(state, pair, settings)


def _sentences(pairs: pl.DataFrame, pivot: str) -> Iterable[_Sentence]:
    found: dict[str, _Sentence] = {}
    for pair in pairs.iter_rows(named=True):
        for one, other in (("source", "target"), ("target", "source")):
            text, translation = pair[f"{one}_text"].strip(), pair[f"{other}_text"].strip()
            if pair[f"{one}_language"] == pivot and text and translation:
                sentence = found.setdefault(text, _Sentence(text, {}))
                known = sentence.translations.setdefault(pair[f"{other}_language"], [])
                if translation not in [each for each, _ in known]:
                    known.append((translation, pair))
    return found.values()


def _conversation(state: _State, pair: dict[str, Any], settings: Interactive) -> Row:
    turns = [("user", ask(state.texts[0], state.languages, phrasing=PLAIN)), ("assistant", state.texts[1])]
    kinds = ["translate"]
    parents = {pair["id"]: None}
    licences = {pair["licence"]: None}
    order = sorted(settings.kinds, key=lambda kind: share_of(f"{state.key}:{kind}"))
    for kind in order:
        follow = _follow_up(kind, state) if len(kinds) < settings.turns else None
        if follow is None:
            continue
        question, answer, used = follow
        turns += [("user", question), ("assistant", answer)]
        kinds.append(kind)
        if used:
            parents[used["id"]] = licences[used["licence"]] = None
    return row(
        turns,
        state.languages,
        origin=pair.get("origin") or settings.origin,
        source=pair["source"],
        licence=" AND ".join(licences),
        task="interactive_translation",
        parent="+".join(parents),
        turns="+".join(kinds),
    )


def _follow_up(kind: Kind, state: _State) -> tuple[str, str, dict[str, Any] | None] | None:
    """What is asked next, its answer, and the further pair that it is from; None where there is none."""
    source, target = (language_name(code, "english") for code in state.languages)
    asked = choose(FOLLOW_UPS[kind], f"{state.key}:{kind}:phrasing")
    if kind == "back":
        return asked.format(source=source), state.texts[0], None
    if kind == "beside":
        both = f"{source}: {state.texts[0]}\n{target}: {state.texts[1]}"
        return asked.format(source=source, target=target), both, None
    if kind == "revise":
        draft = damaged(state.texts[1], state.key)
        question = asked.format(draft=draft, target=target)
        return (question, state.texts[1], None) if draft != state.texts[1] else None
    if kind == "another":
        others = sorted(set(state.sentence.translations) - set(state.languages))
        if not others:
            return None
        other = choose(others, f"{state.key}:other")
        text, pair = state.sentence.translations[other][0]
        return asked.format(other=language_name(other, "english")), text, pair
    return _constrained(asked, state)


def _constrained(asked: str, state: _State) -> tuple[str, str, dict[str, Any] | None] | None:
    """Ask for a word that another translation has and this one has not."""
    for text, pair in state.sentence.translations.get(state.languages[1], [])[1:]:
        known = set(_words(state.texts[1]))
        words = [word for word in _words(text) if word not in known and len(word) > 2]
        if words:
            return asked.format(word=choose(words, f"{state.key}:word")), text, pair
    return None


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?…“”\"'«»()،؛؟।॥۔") for word in text.split()]


def damaged(text: str, key: str) -> str:
    """A draft with one fault: two words swapped or one left out; characters, where there are no spaces."""
    parts = text.split(" ")
    joint = " "
    if len(parts) < 3:
        parts, joint = list(text), ""
    if len(parts) < 3:
        return text
    place = int(share_of(f"{key}:place") * (len(parts) - 1))
    if share_of(f"{key}:fault") < 0.5:
        parts[place], parts[place + 1] = parts[place + 1], parts[place]
    else:
        del parts[place]
    return joint.join(parts)
