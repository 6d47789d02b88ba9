"""The embedded world as a benchmark: generated answers judged by exact names, candidates ranked for RankC.

An answer's final part must be, character by character, the CLDR name of the right concept in the language
asked for. Everything needed to judge is in the question table: `choices` of a row are the names of all rival
concepts in the answer's language, in the same order in every language, so the rows together are the lexicon.

* correct: the right name in the right language;
* wrong: a known name of that language, but of another concept;
* off_target: a known name of any other language (`right_fact` tells whether of the right concept);
* malformed: no known name of any language;
* empty: nothing.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Judge, Row, Verdict
from panlect.world.render import final_answer

ANSWER_TOKENS = 64


def normal(name: str) -> str:
    """NFC with single spaces: the same name however it was typed or decoded."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def answer_language(row: Row) -> str:
    """The language the answer must be in."""
    return str(row.get("answer_language") or row["language"])


def ask(row: Row) -> Ask:
    """The question as a user's message."""
    return Ask("generate", row["prompt"], chat=True, maximum_tokens=ANSWER_TOKENS, stop=("\n",))


def ask_as_text(row: Row) -> Ask | None:
    """The beginning of a document that states the fact, for models that never saw a dialogue."""
    if not row.get("prefix"):
        return None
    return Ask("generate", row["prefix"], maximum_tokens=ANSWER_TOKENS, stop=("\n",))


def rank(row: Row) -> Ask | None:
    """The whole statement with each candidate name in turn: what RankC ranks."""
    if not row.get("prefix"):
        return None
    return Ask("choose", "", choices=tuple(f"{row['prefix']} {name}" for name in row["choices"]))


class Lexicon:
    """Every name in the rows: by language, and by item for the right one."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.of_language: dict[str, set[str]] = defaultdict(set)
        self.right: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            self.of_language[answer_language(row)].update(normal(name) for name in row["choices"] or ())
            self.of_language[answer_language(row)].add(normal(row["answer"]))
            self.right[row["item"]].add(normal(row["answer"]))
        self.known: set[str] = set().union(*self.of_language.values()) if self.of_language else set()
        self.chance = guessing(rows)

    def judge(self, row: Row, answer: Answer) -> Verdict:
        """The verdict on a generated answer; `right_fact` is 1 if it is right in whatever language."""
        first_line = next((line for line in answer.text.splitlines() if line.strip()), "")
        parsed = normal(final_answer(first_line))
        right_fact = float(parsed in self.right[row["item"]] or parsed == normal(row["answer"]))
        extra = {"right_fact": right_fact, "chance": self.chance[row["item"]]}
        if not parsed:
            return Verdict("empty", 0.0, "", extra)
        if parsed == normal(row["answer"]):
            return Verdict("correct", 1.0, parsed, extra)
        if parsed in self.of_language[answer_language(row)]:
            return Verdict("wrong", 0.0, parsed, extra | {"right_fact": 0.0})
        return Verdict("off_target" if parsed in self.known else "malformed", 0.0, parsed, extra)


def lexicon(rows: Sequence[Row]) -> Judge:
    """The judge that knows all names of these rows."""
    return Lexicon(rows).judge


def judge(row: Row, answer: Answer) -> Verdict:
    """The verdict by a single row's own names."""
    return Lexicon([row]).judge(row, answer)


def guessing(rows: Sequence[Row]) -> dict[str, float]:
    """Chance per item: how often a guess that follows the answers of the stated facts is right.

    For each item, the share of its answer's concept among the stated (`seen`) facts of its relation. Items
    whose relation has no stated facts get the share of one choice.
    """
    stated: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["group"] == "seen":
            stated[row.get("relation") or ""][row["item"]] = row.get("concept") or row["answer"]
    out: dict[str, float] = {}
    for row in rows:
        if row["item"] in out:
            continue
        answers = stated[row.get("relation") or ""].values()
        alike = sum(answer == (row.get("concept") or row["answer"]) for answer in answers)
        out[row["item"]] = alike / len(answers) if answers else 1 / max(1, len(row["choices"] or ()))
    return out


WORLD = Benchmark(
    name="world",
    measure="accuracy",
    ask=ask,
    judge=judge,
    source="Unicode CLDR, as shipped with Babel",
    provenance="native",
    licence="Unicode-3.0",
    chance=float("nan"),
    variants={"text": ask_as_text, "rank": rank},
    failures=("off_target", "malformed", "empty"),
    lexicon=lexicon,
)
