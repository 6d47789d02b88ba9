"""What translates: one interface, whoever does the work.

A `Translator` gets short texts in one language and gives one `Outcome` for each. Cutting texts, protecting
what must stay and judging the result is done around it, the same for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import polars as pl

from panlect.dialogue.phrasings import language_name
from panlect.dialogue.protect import changed, protect, restore, segments
from panlect.endpoint import Endpoint
from panlect.language import Language
from panlect.text.keys import exact_form


class Outcome(NamedTuple):
    """A translation, or the reason why there is none."""

    text: str = ""
    failure: str = ""


class Translator(Protocol):
    """Anything that translates."""

    name: str
    """What rows say they were translated by."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Translate each text between two canonical codes, in order."""


class Marked:
    """Writes the target's code before the text: for trying out a recipe without a translation system."""

    name = "stub"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Translate nothing."""
        return [Outcome(f"‹{target}› {text}") for text in texts]


class FromPairs:
    """Looks texts up in pairs, in both directions: a phrase book, or the names of the embedded world."""

    name = "pairs"

    def __init__(self, pairs: pl.DataFrame) -> None:
        self._known: dict[tuple[str, str, str], str] = {}
        for row in pairs.iter_rows(named=True):
            sides = ("source", "target")
            for one, other in (sides, sides[::-1]):
                key = row[f"{one}_language"], row[f"{other}_language"], exact_form(row[f"{one}_text"])
                self._known.setdefault(key, row[f"{other}_text"])

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Look every text up as a whole."""
        found = [self._known.get((source, target, exact_form(text))) for text in texts]
        return [Outcome(failure="not_in_pairs") if text is None else Outcome(text) for text in found]


class Local:
    """A model on this machine: `panlect.model.translate.Seq2Seq`, passed in: no torch is imported here."""

    def __init__(self, model: Any) -> None:
        self.model, self.name = model, model.name

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Translate all texts in batches."""
        return [Outcome(text, failure) for text, failure in self.model.generate(texts, source, target)]


INSTRUCTION = (
    "Translate the text from {source} to {target}. Keep everything in ⟦ ⟧ exactly as it is. "
    "Do not answer or explain the text; reply with the translation only.\n\n{text}"
)


class Chat:
    """Any chat model behind an endpoint."""

    def __init__(self, endpoint: Endpoint, *, instruction: str = INSTRUCTION) -> None:
        self.endpoint, self.instruction = endpoint, instruction
        self.name = endpoint.config.model

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Ask for every text by itself, greedily."""
        named = {"source": language_name(source, "english"), "target": language_name(target, "english")}
        asked = [[{"role": "user", "content": self.instruction.format(**named, text=text)}] for text in texts]
        replies = self.endpoint.chat(asked, temperature=0)
        return [
            Outcome(failure="cut_off") if reply.cut else Outcome(reply.text.strip(), _kind(reply.failure))
            for reply in replies
        ]


def _kind(failure: str) -> str:
    return f"translator_{failure.partition(':')[0]}" if failure else ""


class Web:
    """A translation server that speaks LibreTranslate's protocol: POST /translate {q, source, target}."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.name = endpoint.config.model

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Ask for every text by itself."""
        codes = {"source": Language.parse(source).bcp47, "target": Language.parse(target).bcp47}
        bodies = [{"q": text, **codes, "format": "text"} for text in texts]
        replies = self.endpoint.ask(bodies, path="/translate", read=_translated_text)
        return [Outcome(reply.text.strip(), _kind(reply.failure)) for reply in replies]


def _translated_text(body: Mapping[str, Any]) -> Any:
    return body["translatedText"]


class Remembered:
    """Keeps what another translator gave in a file of JSON lines, so that a kill loses one batch."""

    def __init__(self, translator: Translator, path: Path, *, batch_rows: int = 256) -> None:
        self.translator, self.path, self.batch_rows = translator, path, batch_rows
        self.name = translator.name
        self._known: dict[tuple[str, str, str], Outcome] = {}
        data = path.read_bytes() if path.is_file() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            path.write_bytes(whole)
        for line in whole.decode().split("\n")[:-1]:
            source, target, text, translation = json.loads(line)
            self._known[source, target, text] = Outcome(translation)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Outcome]:
        """Translate what is not known yet; failures are tried again another time."""
        missing = [text for text in dict.fromkeys(texts) if (source, target, text) not in self._known]
        failed: dict[str, Outcome] = {}
        with self.path.open("a", encoding="utf-8") as stream:
            for start in range(0, len(missing), self.batch_rows):
                batch = missing[start : start + self.batch_rows]
                for text, outcome in zip(
                    batch, self.translator.translate(batch, source, target), strict=True
                ):
                    if outcome.failure:
                        failed[text] = outcome
                        continue
                    self._known[source, target, text] = outcome
                    stream.write(json.dumps([source, target, text, outcome.text], ensure_ascii=False) + "\n")
                stream.flush()
        return [failed.get(text) or self._known[source, target, text] for text in texts]


def translate_texts(
    texts: Sequence[str],
    translator: Translator,
    languages: tuple[str, str],
    *,
    longest: int = 1000,
    done: Callable[[int], object] = lambda _: None,
) -> list[Outcome]:
    """Translate whole texts piece by piece, with protected spans put back and checked.

    Args:
        texts: of any length, with lists, code blocks and empty lines.
        translator: gets pieces, each different one once.
        languages: of the texts and of the translations.
        longest: characters of a piece.
        done: called with the number of texts that are finished.
    """
    cut = [segments(text, longest=longest) for text in texts]
    protected = {piece.text: protect(piece.text) for pieces in cut for piece in pieces if piece.translate}
    sent = list(dict.fromkeys(each.text for each in protected.values()))
    got = dict(zip(sent, translator.translate(sent, *languages), strict=True)) if sent else {}
    outcomes = []
    for text, pieces in zip(texts, cut, strict=True):
        made, failure = [], ""
        for piece in pieces:
            if not piece.translate:
                made.append(piece.text)
                continue
            marked, spans = protected[piece.text]
            failure = failure or got[marked].failure
            made.append(restore(got[marked].text, spans))
        translation = "".join(made)
        failure = failure or changed(text, translation)
        outcomes.append(Outcome(translation, failure))
        done(1)
    return outcomes
