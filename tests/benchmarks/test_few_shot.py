"""Examples before questions: where they come from, and the exact text."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect.benchmarks import agenda, benchmark, catalog, few_shot
from panlect.benchmarks.files import row
from panlect.benchmarks.prompting import Prompts, Ranking
from panlect.errors import DataError

NONE = Ranking(0, (), 0)


def prompts(rows: list[Any], shots: few_shot.Shots, variant: str = "upstream") -> Prompts:
    found = {each["benchmark"]: benchmark(each["benchmark"]) for each in rows}
    return Prompts(found, shots, variant, None, NONE)


def test_xcopa_lends_its_validation_rows(tmp_path: Path) -> None:
    for code in ("sw", "th"):
        for split in ("val", "test"):
            file = tmp_path / "xcopa" / code / f"{split}.{code}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                {"premise": f"P{split}{n}.", "choice1": "Yes.", "choice2": "No.", "question": "cause", "label": n % 2,
                 "idx": n}
                for n in range(3)
            ]  # fmt: skip
            file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    places = catalog.Places({}, str(tmp_path))
    rows = agenda.gather([], ["xcopa"], places, ()).rows
    assert {each["item"][:5] for each in rows} == {"test:"}
    kept, shots = few_shot.choose(rows, agenda.examples(["xcopa"], places, ()), 2, 0)
    assert kept == rows
    jobs = prompts(rows, shots).jobs(kept, chats=False)
    assert {job.benchmark for job in jobs} == {"xcopa:2-shot"}
    swahili = [job for job in jobs if job.row["language"] == "swh_Latn"]
    first = shots["xcopa", "", "swh_Latn"]
    assert len(first) == 2
    answers = ["yes." if each["gold"] == 0 else "no." for each in first]
    before = "".join(
        f"P{each['item'].replace(':', '')} kwa sababu {a}\n\n" for each, a in zip(first, answers, strict=True)
    )
    assert [job.ask.context for job in swahili] == [f"{before}Ptest{n} kwa sababu" for n in range(3)]
    assert [each["item"] for each in first] == [each["item"] for each in shots["xcopa", "", "tha_Thai"]]


def test_others_hold_some_items_out_in_every_language() -> None:
    rows = [
        row("mgsm", str(n), language, question=f"Q{n}?", answer=str(n), code=code)
        for language, code in (("swh_Latn", "sw"), ("tha_Thai", "th"))
        for n in range(10)
    ]
    kept, shots = few_shot.choose(rows, [], 2, 7)
    held = {each["item"] for each in shots["mgsm", "", "swh_Latn"]}
    assert held == {each["item"] for each in shots["mgsm", "", "tha_Thai"]}
    assert len(kept) == 16
    assert not held & {each["item"] for each in kept}
    (job, *_) = prompts(rows, shots).jobs(kept, chats=False)
    first, second = shots["mgsm", "", "swh_Latn"]
    assert job.ask.context == (
        f"Swali: {first['question']}\nAnswer: {first['answer']}\n\n"
        f"Swali: {second['question']}\nAnswer: {second['answer']}\n\n"
        f"Swali: {job.row['question']}\nAnswer:"
    )
    assert few_shot.choose(list(reversed(rows)), [], 2, 7)[1] == shots


def test_a_passage_of_an_example_is_not_asked_about() -> None:
    rows = [
        row("xquad", str(n), "tha_Thai", passage=f"passage {n // 2}", question=f"q{n}", answer="a", code="th")
        for n in range(8)
    ]
    kept, shots = few_shot.choose(rows, [], 1, 0)
    (shot,) = shots["xquad", "", "tha_Thai"]
    assert len(kept) == 6
    assert shot["passage"] not in {each["passage"] for each in kept}


def test_contexts_that_differ_by_choice_and_variants() -> None:
    rows = [
        row("xwinograd", str(n), "eng_Latn", choices=["a", "b"], gold=n % 2, before=f"x{n} ", after=" z.")
        for n in range(3)
    ]
    kept, shots = few_shot.choose(rows, [], 1, 0)
    (shot,) = shots["xwinograd", "", "eng_Latn"]
    (job, *_) = prompts(rows, shots, "corrected").jobs(kept, chats=False)
    assert job.benchmark == "xwinograd:corrected, 1-shot"
    worked = f"x{shot['item']} {'ab'[shot['gold']]} z.\n\n"
    assert [context.startswith(worked) for context, _ in job.ask.pairs()] == [True, True]
    slices = [each | {"group": "slice=typos"} for each in kept]
    assert prompts(rows, shots).jobs(slices, chats=False)[0].ask.contexts[0].startswith("x")


def test_no_examples_change_nothing() -> None:
    rows = [row("mgsm", "1", "swh_Latn", question="Q?", answer="1", code="sw")]
    (job,) = prompts(rows, {}).jobs(rows, chats=False)
    assert job.benchmark == "mgsm"
    assert job.ask == benchmark("mgsm").ask(rows[0])


@pytest.mark.real_data
def test_real_validation_rows_precede_real_test_rows(real_data: Path) -> None:
    places = catalog.Places({}, str(real_data))
    rows = agenda.gather([], ["xcopa"], places, ("swh_Latn",)).rows
    kept, shots = few_shot.choose(rows, agenda.examples(["xcopa"], places, ("swh_Latn",)), 5, 0)
    assert len(shots["xcopa", "", "swh_Latn"]) == 5
    premises = {each["premise"] for each in shots["xcopa", "", "swh_Latn"]}
    assert not premises & {each["premise"] for each in kept if not each["group"]}


EXEMPLARS = """
'''Prompts for mgsm.'''
EXEMPLAR_NUMBER_ANSWERS = [11, 5]
MGSM_EXEMPLARS = {
    "en": {
        "1": {"q": "Question: Roger has 5 balls and buys 6. How many?",
              "a": "Step-by-Step Answer: Roger has 5. "
                   "5 + 6 = 11. The answer is 11."},
        "2": {"q": "Question: 3 cars and 2 more: how many?", "a": "Step-by-Step Answer: 3 + 2 = 5. The answer is 5."},
    },
    "ru": {
        "1": {"q": "Задача: У Роджера 5 мячей и ещё 6. Сколько?",
              "a": "Пошаговое решение: 5 + 6 = 11. Ответ — 11."},
        "2": {"q": "Задача: 3 машины и ещё 2: сколько?", "a": "Пошаговое решение: 3 + 2 = 5. Ответ — 5."},
    },
    "zh": {
        "1": {"q": "问题：罗杰有 5 个球，又买了 6 个。一共多少？", "a": "逐步解答：5 + 6 = 11。答案是 11。"},
        "2": {"q": "问题：3 辆车又来 2 辆？", "a": "逐步解答：3 + 2 = 5。答案是 5。"},
    },
}
"""
"""A short text in the form of the authors' exemplars.py."""


def mgsm_files(directory: Path) -> None:
    directory.mkdir(parents=True)
    for code, question in (("ru", "Сколько будет 1 + 1?"), ("zh", "1 + 1 等于多少？")):
        (directory / f"mgsm_{code}.tsv").write_text(f"{question}\t2\n" * 2)


def mgsm_hub_files(directory: Path) -> None:
    """The Hub's columns: worked steps in `train` only; the answer of a test row is null."""
    namespace: dict[str, Any] = {}
    exec(EXEMPLARS, namespace)
    for code, problems in namespace["MGSM_EXEMPLARS"].items():
        train = [
            {
                "question": each["q"],
                "answer": each["a"],
                "answer_number": number,
                "equation_solution": f"= {number}.",
            }
            for each, number in zip(problems.values(), (11, 5), strict=True)
        ]
        test = [{"question": "1 + 1 = ?", "answer": None, "answer_number": 2, "equation_solution": None}] * 2
        for split, found in (("train", train), ("test", test)):
            file = directory / code / f"{split}-00000-of-00001.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame(found).write_parquet(file)


def mgsm_jobs(directory: Path, variant: str) -> dict[str, Any]:
    places = catalog.Places({}, str(directory))
    languages = ("rus_Cyrl", "cmn_Hans")
    rows = agenda.gather([], ["mgsm"], places, languages).rows
    kept, shots = few_shot.choose(rows, agenda.examples(["mgsm"], places, languages), 8, 0)
    assert kept == rows
    assert len(rows) == 4
    return {job.row["language"]: job for job in prompts(rows, shots, variant).jobs(kept, chats=False)}


@pytest.mark.parametrize("layout", ["authors", "hub"])
def test_chains_of_thought_are_shown_with_their_steps(tmp_path: Path, layout: str) -> None:
    if layout == "hub":
        mgsm_hub_files(tmp_path / "mgsm")
    else:
        mgsm_files(tmp_path / "mgsm")
        (tmp_path / "mgsm" / "exemplars.py").write_text(EXEMPLARS)
    native = mgsm_jobs(tmp_path, "native_steps")
    assert native["rus_Cyrl"].benchmark == "mgsm:native_steps, 2-shot"
    russian = native["rus_Cyrl"].ask.context
    shown = "Задача: У Роджера 5 мячей и ещё 6. Сколько?\nПошаговоерешение: 5 + 6 = 11. Ответ — 11.\n\n"
    assert shown in russian
    assert russian.count("Пошаговоерешение:") == 3
    assert russian.endswith("\nПошаговоерешение:")
    chinese = native["cmn_Hans"].ask.context
    assert "问题： 3 辆车又来 2 辆？\n逐步解答: 3 + 2 = 5。答案是 5。\n\n" in chinese
    english = mgsm_jobs(tmp_path, "english_steps")["rus_Cyrl"].ask.context
    assert "сколько?\nStep-by-Step Answer: 3 + 2 = 5. The answer is 5.\n\n" in english
    assert "Сколько?\nStep-by-Step Answer: Roger has 5. 5 + 6 = 11. The answer is 11.\n\n" in english
    direct = mgsm_jobs(tmp_path, "upstream")["rus_Cyrl"].ask.context
    assert "сколько?\nAnswer: 5\n\n" in direct
    assert "5 + 6" not in direct


def test_steps_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    """English steps without an English file: the question is asked without examples, under its own name."""
    mgsm_files(tmp_path / "mgsm")
    alone = EXEMPLARS[: EXEMPLARS.index('    "en"')] + EXEMPLARS[EXEMPLARS.index('    "ru"') :]
    (tmp_path / "mgsm" / "exemplars.py").write_text(alone)
    job = mgsm_jobs(tmp_path, "english_steps")["rus_Cyrl"]
    assert job.benchmark == "mgsm:english_steps"
    assert job.ask.context.count("Step-by-Step Answer:") == 1


@pytest.mark.parametrize(
    "text", ["MGSM_EXEMPLARS = {", "MGSM_EXEMPLARS = run()", "OTHER = 1", "MGSM_EXEMPLARS = {'en': 1}"]
)
def test_a_damaged_file_of_examples_is_named(tmp_path: Path, text: str) -> None:
    mgsm_files(tmp_path / "mgsm")
    (tmp_path / "mgsm" / "exemplars.py").write_text(text)
    with pytest.raises(DataError, match="cannot be read") as caught:
        mgsm_jobs(tmp_path, "native_steps")
    assert "exemplars.py" in str(caught.value)
