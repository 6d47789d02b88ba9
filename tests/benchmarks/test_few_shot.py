"""Examples before questions: where they come from, and the exact text."""

import json
from pathlib import Path
from typing import Any

import pytest

from panlect.benchmarks import agenda, benchmark, catalog, few_shot
from panlect.benchmarks.files import row
from panlect.benchmarks.prompting import Prompts, Ranking

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
