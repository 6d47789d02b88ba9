"""Published formats asked of a server whose every answer is known: the numbers are worked out by hand."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect import cli
from panlect.folder import Folder
from stub_endpoint import completion, serve

SAID = {
    "Q1": "คำตอบคือ ๑๒", "Q2": "13",  # 12 is right
    "W1": "the New York City", "W2": "York",  # of New York City: exact; a third of its words
    "Hello": "Habari yako", "Habari": "zzzzz",
    "E1": "(A) one", "C1": "(A)", "E2": "A", "C2": "(B) two",
}  # fmt: skip


def penalty(text: str) -> float:
    """Minus the log-probability of a whole text: marked choices by their marks, letters B C A D in this order."""
    marks = {"①": 1.0, "②": 2.0, "③": 3.0, " B": 1.0, " C": 2.0, " A": 3.0, " D": 4.0}
    return next((value for mark, value in marks.items() if mark in text[-3:]), len(text) / 10)


def server(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    if not request.get("echo"):
        prompt = request["messages"][-1]["content"] if "messages" in request else request["prompt"]
        text = next((answer for key, answer in SAID.items() if key in prompt), "?")
        return 200, completion(text) if "messages" in request else {"choices": [{"text": text}]}, {}
    text = request["prompt"]
    values = [None, *[0.0] * (len(text) - 2), -penalty(text), -1.0]
    logprobs = {"tokens": [*text, "!"], "token_logprobs": values, "text_offset": list(range(len(text) + 1))}
    return 200, {"choices": [{"text": text + "!", "logprobs": logprobs}]}, {}


def write(path: Path, *rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    data = tmp_path_factory.mktemp("data")
    story = {"premise": "P.", "choice1": "moja①", "choice2": "mbili②", "question": "cause"}
    write(data / "xcopa/sw/test.sw.jsonl", story | {"label": 0, "idx": 1}, story | {"label": 1, "idx": 2})
    page = {"flores_passage": "p", "question": "q", **{f"mc_answer{n}": f"a{n}" for n in range(1, 5)}}
    questions = [
        page | {"link": str(n), "question_number": n, "correct_answer_num": gold}
        for n, gold in enumerate("223")
    ]
    write(data / "belebele/swh_Latn.jsonl", *questions)
    write(data / "mgsm/mgsm_th.tsv", "Q1?\t12", "Q2?\t12")
    asked = [
        {"id": name, "question": f"{name}?", "answers": [{"text": "New York City", "answer_start": 0}]}
        for name in ("W1", "W2")
    ]
    squad = {"data": [{"paragraphs": [{"context": "New York City", "qas": asked}]}]}
    write(data / "xquad/xquad.en.json", squad)
    write(data / "flores/eng_Latn.devtest", "Hello there")
    write(data / "flores/swh_Latn.devtest", "Habari yako")
    head = "Prompt\tAns\tCandidate Ans\tSubject"
    write(data / "bmlama/en.tsv", head, "S is <mask>\tc①\ta②, b③, c①\tS")
    write(data / "bmlama/sw.tsv", head, "S ni <mask>\tc①\ta③, b②, c①\tS")
    exam = [
        {"id": n, "English": {"question": f"E{n}", "choices": ["(A) one", "(B) two"], "answer": "(A) one"},
         "Chinese": {"question": f"C{n}", "choices": ["(A) 一", "(B) 二"], "answer": "(A) 一"}}
        for n in (1, 2)
    ]  # fmt: skip
    write(data / "seaeval/cross_mmlu.json", json.dumps(exam))
    with serve(server) as stub:
        sets = [f"data_directory={data}", f"endpoint.url={stub.url}", "endpoint.model=m"]
        sets += [f"endpoint.cache={data / 'cache.jsonl'}"]
        words = [word for each in sets for word in ("--set", each)]
        assert cli.main(["evaluate", "--out", str(data / "scores"), *words]) == 0
    return Folder.open(data / "scores").numbers()


@pytest.mark.parametrize(
    ("benchmark", "measure", "language", "group", "value", "count"),
    [
        ("xcopa", "accuracy", "swh_Latn", "", 1 / 2, 2),  # ① both times
        ("belebele", "accuracy", "swh_Latn", "", 2 / 3, 3),  # B each time
        ("mgsm", "accuracy", "tha_Thai", "", 1 / 2, 2),
        ("mgsm", "strict", "tha_Thai", "", 1 / 2, 2),  # only the first says "the answer is"
        ("xquad", "exact_match", "eng_Latn", "within", 1 / 2, 2),
        ("xquad", "f1", "eng_Latn", "within", (1 + 0.5) / 2, 2),  # precision 1, recall 1/3
        ("flores", "chrf", "swh_Latn", "from eng_Latn", 100, 1),
        ("flores", "chrf", "swh_Latn", "into eng_Latn", 0, 1),
        ("bmlama", "accuracy", "eng_Latn", "", 1, 1),
        ("seaeval", "accuracy", "eng_Latn", "cross_mmlu", 1, 2),
        ("seaeval", "accuracy", "cmn_Hans", "cross_mmlu", 1 / 2, 2),
        ("seaeval", "consistency", "", "cross_mmlu", 1 / 2, 2),
        ("seaeval", "ac3", "", "cross_mmlu", 2 * 0.75 * 0.5 / 1.25, 2),
    ],
)
def test_by_hand(
    numbers: pl.DataFrame, benchmark: str, measure: str, language: str, group: str, value: float, count: int
) -> None:
    wanted = {"benchmark": benchmark, "measure": measure, "language": language, "group": group}
    rows = numbers.filter(
        *(pl.col(name) == each for name, each in wanted.items()), pl.col("other_language") == ""
    )
    assert rows.select("count").to_series().to_list() == [count]
    assert rows["value"][0] == pytest.approx(value)


def test_rankc_by_hand(numbers: pl.DataFrame) -> None:
    """Orders c a b and c b a: the first agrees, the first two half, all three wholly (weights e^-k)."""
    row = numbers.filter(pl.col("measure") == "rankc", pl.col("other_language") == "swh_Latn")
    assert row["value"].to_list() == [pytest.approx(0.665241 + 0.244728 / 2 + 0.090031, abs=1e-6)]
