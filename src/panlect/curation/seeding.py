"""An identifier trained on the user's own seed text, believed only where it holds on another domain.

A model that has only seen a bible recognises bibles. So each new language must reach an F1 on text of another
domain, together with its neighbours; a language that does not is left out, and the rest is tested again,
because what was taken for it now goes elsewhere.
"""

from pathlib import Path
from typing import NamedTuple

from panlect.curation.settings import IdentifySettings
from panlect.curation.steps import UNKNOWN, canonical
from panlect.errors import ConfigError
from panlect.text.identify import Identifier, Scorer
from panlect.text.identify_ngrams import Extended, Ngrams
from panlect.text.identify_packaged import load
from panlect.text.identify_scores import Score, evaluate


class Gated(NamedTuple):
    """What the gate says about a new language."""

    language: str
    seed_texts: int
    gate_texts: int
    f1: float | None
    accepted: bool
    why: str
    """Why not: no gate text, or too low an F1 and what it is most often taken for."""


def train_identifier(settings: IdentifySettings, path: Path) -> list[Gated]:
    """Train on the seed's text, test on the gate's, and save the model with the languages that hold.

    Raises:
        ConfigError: a directory has no text, or the model knows all of the seed's languages already.
    """
    packaged = load(settings.model or "both")
    seed = _texts(settings.seed, "identify.seed")
    gate = _texts(settings.gate, "identify.gate")
    new = [code for code in seed if code not in packaged.languages]
    if not new:
        raise ConfigError(
            "the model knows all languages of the seed text already",
            where=f"identify.seed: {settings.seed}",
            expected="text in a language that it lacks, and in the neighbours",
            fix="leave out `seed` and `gate`",
        )
    model = Ngrams.train(seed)
    offered = [code for code in new if code in gate]
    scores: dict[str, Score] = {}
    while offered:
        model.offered = tuple(offered)
        tested = _tested(Extended(packaged, model), gate)
        scores |= {code: tested[code] for code in offered}
        if all(tested[code].f1 >= settings.gate_f1 for code in offered):
            break
        offered.remove(min(offered, key=lambda code: tested[code].f1))
    if offered:
        model.save(path)
    return [
        _gated(code, len(seed[code]), len(gate.get(code, ())), scores.get(code), code in offered)
        for code in new
    ]


def _tested(scorer: Scorer, gate: dict[str, list[str]]) -> dict[str, Score]:
    texts = [text for mine in gate.values() for text in mine]
    truth = [code for code, mine in gate.items() for _ in mine]
    guesses = [guess.language for guess in Identifier(scorer).identify(texts)]
    return {score.language: score for score in evaluate(guesses, truth)}


def _gated(language: str, seed_texts: int, gate_texts: int, score: Score | None, accepted: bool) -> Gated:
    if score is None:
        return Gated(language, seed_texts, gate_texts, None, False, "no text in identify.gate")
    taken = f", most often taken for {score.most_common_error}" if score.most_common_error else ""
    why = "" if accepted else f"F1 {score.f1:.2f} on the gate's text{taken}"
    return Gated(language, seed_texts, gate_texts, score.f1, accepted, why)


def _texts(directory: str, where: str) -> dict[str, list[str]]:
    """Return the lines of every `<language>.txt`, by canonical code."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(directory).glob("*.txt")):
        if (code := canonical(file.stem)) != UNKNOWN:
            lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
            found.setdefault(code, []).extend(line.strip() for line in lines if line.strip())
    found = {code: lines for code, lines in found.items() if lines}
    if len(found) < 2:
        raise ConfigError(
            "the directory holds no text in two languages",
            where=f"{where}: {directory}",
            expected="<language>.txt, one text a line, for the new language and for its neighbours",
        )
    return found
