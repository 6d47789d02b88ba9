"""BMLAMA (Qi, Fernández, Bisazza 2023): cloze facts in up to 53 languages, candidates ranked for RankC.

TSV `Prompt, Ans, Candidate Ans, Subject`; rows are parallel across languages by their number, the right
candidate is the last of the list, and candidates are matched across languages by their place. Whole sentences
are scored, with each candidate in the place of `<mask>`; ranks are by mean log-probability per token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, files_by_language
from panlect.measure.choices import pick

MASK = "<mask>"


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All rows; a row whose list of candidates has lost one, against the other languages, is set aside."""
    rows = Rows("bmlama")
    needed = ("Prompt", "Ans", "Candidate Ans")
    for language, file in files_by_language(path, languages, lambda each: each.stem, (".tsv",)):
        for place, record in rows.each(language, file, needed):
            candidates = [each.strip() for each in record["Candidate Ans"].split(", ")]
            if MASK not in record["Prompt"] or candidates[-1] != record["Ans"].strip():
                rows.drop(place, language, "no mask, or the answer is not the last candidate", record)
                continue
            rows.add(place.rpartition(":")[2], language, choices=candidates, gold=len(candidates) - 1,
                     template=record["Prompt"])  # fmt: skip
    return _equal_lists(rows)


def _equal_lists(rows: Rows) -> Reading:
    """Keep rows with as many candidates as most languages have: a comma inside a name splits it in two."""
    sizes: dict[str, Counter[int]] = {}
    for row in rows.reading.rows:
        sizes.setdefault(row["item"], Counter())[len(row["choices"])] += 1
    usual = {item: found.most_common(1)[0][0] for item, found in sizes.items()}
    kept = []
    for row in rows.reading.rows:
        if len(row["choices"]) == usual[row["item"]]:
            kept.append(row)
        else:
            reason = f"{len(row['choices'])} candidates, in most languages {usual[row['item']]}"
            rows.reading.dropped.append(row | {"reason": reason})
    return Reading(kept, rows.reading.dropped)


def ask(row: Row) -> Ask:
    """The whole sentence with each candidate."""
    return Ask("choose", "", choices=tuple(row["template"].replace(MASK, each) for each in row["choices"]))


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the sentence with the right candidate has the highest mean log-probability per token."""
    best = pick(answer.scores, [max(1, n) for n in answer.tokens])
    right = float(best == row["gold"])
    chance = {"chance": 1 / len(row["choices"])}
    return Verdict("correct" if right else "wrong", right, str(row["choices"][best]), chance, choice=best)


BMLAMA = Benchmark(
    name="bmlama",
    measure="accuracy",
    ask=ask,
    judge=judge,
    source="https://github.com/Betswish/Cross-Lingual-Consistency",
    provenance="machine-translated",
    licence="Apache-2.0",
    chance=float("nan"),
    read=read,
    inputs=("template",),
    ranked=True,
)
