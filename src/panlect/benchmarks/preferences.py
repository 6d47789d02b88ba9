"""Reward models: how often is the chosen answer rewarded above the rejected one, in which languages?

Rows are those of a table `preference` (`preferences`), or files of M-RewardBench (Gureja et al. 2024) and of
RewardBench (Lambert et al. 2024), whose columns are `id`, `prompt`, `chosen`, `rejected`, `subset` and, in
several languages, `language`. A reward model gives both dialogues a number; equal numbers are half right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.engines import Answers
from panlect.benchmarks.files import Rows, canonical, files_by_language
from panlect.benchmarks.files import row as row_of
from panlect.benchmarks.summary import Judged, Number
from panlect.errors import ModelError
from panlect.measure.choosing import reward_accuracy
from panlect.measure.interval import Interval
from panlect.rating.bias import probe

PREFERENCES = frozenset({"preferences", "m_rewardbench"})
"""Benchmarks that only reward models are asked."""
_CODES = "ar zh cs nl en fr de el he hi id it ja ko fa pl pt ro ru es tr uk vi zho_Hant"
LANGUAGES = tuple(_CODES.split())
MEASURE = "reward_accuracy"
NOTHING = float("nan")
Dialogue = Sequence[Mapping[str, str]]
Rate = Callable[[Sequence[Dialogue]], NDArray[np.float64]]

_CATEGORIES = {
    "chat": "alpacaeval-easy alpacaeval-length alpacaeval-hard mt-bench-easy mt-bench-med",
    "chat_hard": "mt-bench-hard llmbar-natural llmbar-adver-neighbor llmbar-adver-GPTInst "
    "llmbar-adver-GPTOut llmbar-adver-manual",
    "safety": "refusals-dangerous refusals-offensive xstest-should-refuse xstest-should-respond donotanswer",
    "reasoning": "math-prm hep-cpp hep-go hep-java hep-js hep-python hep-rust",
}
CATEGORY = {subset: name for name, subsets in _CATEGORIES.items() for subset in subsets.split()}
"""Categories of RewardBench by subset."""


def questions(table: pl.DataFrame) -> pl.DataFrame:
    """A table `preference` as questions of `preferences`; a column `item` joins languages."""
    made = [
        _row(
            "preferences",
            row.get("item") or row["id"],
            row["answer_language"],
            [row["prompt"], row["chosen"], row["rejected"]],
            id=row["id"],
            prompt_language=row["prompt_language"],
        )
        for row in table.iter_rows(named=True)
    ]
    return pl.DataFrame(made, infer_schema_length=None)


def _row(name: str, item: str, language: str, turns: Sequence[Dialogue], **columns: Any) -> dict[str, Any]:
    """A question about a prompt and its better and worse answer; the dialogues are kept as JSON."""
    prompt, chosen, rejected = turns
    return row_of(
        name,
        str(item),
        language,
        prompt=prompt[-1]["content"] if prompt else "",
        choices=[chosen[-1]["content"], rejected[-1]["content"]],
        gold=0,
        answer=chosen[-1]["content"],
        asked=json.dumps(prompt, ensure_ascii=False),
        offered=[json.dumps(each, ensure_ascii=False) for each in (chosen, rejected)],
        **columns,
    )


def read(path: Path, languages: Sequence[str]) -> Reading:
    """All pairs; the group is the category of RewardBench that the subset belongs to.

    The language is that of the row, else of the file's directory, else English.
    """
    rows = Rows("m_rewardbench")
    for of_file, file in files_by_language(path, (), _code):
        for place, record in rows.each(of_file, file, ("prompt", "chosen", "rejected")):
            language = canonical(str(record["language"])) if record.get("language") else of_file
            if not language:
                rows.drop(place, of_file, f"the language {record['language']} is not known", record)
            elif record["chosen"] == record["rejected"]:
                rows.drop(place, language, "both answers are the same", record)
            elif not languages or language in languages:
                subset = str(record.get("subset") or "")
                turns = [
                    [{"role": role, "content": str(record[name])}]
                    for role, name in (("user", "prompt"), ("assistant", "chosen"), ("assistant", "rejected"))
                ]
                item = record.get("id", place.rpartition(":")[2])
                made = _row("m_rewardbench", item, language, turns,
                            group=CATEGORY.get(subset, subset), prompt_language=language)  # fmt: skip
                rows.reading.rows.append(made)
    return rows.reading


def _code(file: Path) -> str:
    """The language of a file of the Hub (`arb_Arab/test-….parquet`); translations are another task."""
    if "translation" in file.parts:
        return ""
    return next((part for part in file.parts[:-1] if canonical(part)), "eng_Latn")


def ask(row: Row) -> Ask:
    """The dialogues as JSON, which a reward model's own template makes texts of."""
    return Ask("choose", row["asked"], choices=tuple(row["offered"]), chat=True)


class RewardModel:
    """A reward model as an engine.

    Args:
        rate: from dialogues to their rewards: `panlect.model.reward.rewards` of an opened model.
    """

    chats = True

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    def choose(self, asks: Sequence[Ask]) -> Answers:
        """The reward of each answer; `tokens` are not counted."""
        dialogues = [
            [*json.loads(context), *json.loads(answer)] for one in asks for context, answer in one.pairs()
        ]
        rewards = iter(self.rate(dialogues).tolist())
        for place, one in enumerate(asks):
            yield place, Answer(scores=tuple(next(rewards) for _ in one.choices))

    def generate(self, asks: Sequence[Ask]) -> Answers:
        """Reward models do not talk.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"a reward model cannot answer {len(asks)} questions")

    retrieve = generate


def judge(row: Row, answer: Answer) -> Verdict:
    """Right if the chosen answer has the higher reward, half right if both have the same.

    `length_bias` is what always choosing the longer answer gets.
    """
    chosen, rejected = answer.scores
    lengths = [len(text) for text in row["choices"]]
    longer = 0.5 if lengths[0] == lengths[1] else float(lengths[0] > lengths[1])
    scores = {"length_bias": longer, "chance": 0.5}
    if chosen == rejected:
        return Verdict("scored", 0.5, "", scores)
    right = chosen > rejected
    return Verdict("correct" if right else "wrong", float(right), row["choices"][int(not right)], scores)


def between_languages(judged: Judged, rows: pl.DataFrame, *, seed: int = 0) -> Iterator[Number]:
    """The matrix by prompt and answer language, and whether the model prefers a language as such.

    Args:
        judged: the judged pairs of one group.
        rows: the same rows of the answer table.
        seed: of the probe's intervals.
    """
    chosen, rejected = (rows["choice_scores"].list.get(place).to_list() for place in (0, 1))
    pairs = list(rows.select("language", "prompt_language").iter_rows())
    for (answered, asked), found in reward_accuracy(chosen, rejected, pairs).items():
        yield judged.number(MEASURE, found, language=answered, other_language=asked)
    same = [(item, language, reward) for item, (language, asked), reward in
            zip(rows["item"], pairs, chosen, strict=True) if language == asked]  # fmt: skip
    bias = probe(same, seed=seed)
    if bias is not None:
        for language, offset in bias.offsets.items():
            yield judged.number("reward_offset", offset, language=language, unit="deviations")
        yield judged.number("reward_language_share", Interval(bias.share, NOTHING, NOTHING, bias.items))


def _benchmark(name: str, **facts: Any) -> Benchmark:
    return Benchmark(name=name, measure=MEASURE, ask=ask, judge=judge, chance=0.5, **facts)


TABLE = _benchmark("preferences", source="tables of preferences", licence="as its rows")
M_REWARDBENCH = _benchmark(
    "m_rewardbench",
    languages=LANGUAGES,
    source="CohereLabsCommunity/multilingual-reward-bench",
    provenance="machine-translated",
    licence="ODC-BY",
    read=read,
)
