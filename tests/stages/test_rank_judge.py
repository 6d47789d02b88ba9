"""`rank` by a judge behind a stub of an endpoint that limits its rate, mumbles, refuses, or is gone."""

from pathlib import Path

import polars as pl
import pytest

from panlect.errors import DataError
from panlect.folder import Folder
from panlect.stages.rank import rank
from stages.test_rank import config, model, planned, prompts  # noqa: F401
from stub_endpoint import completion, serve


@pytest.fixture
def inputs(model, prompts, monkeypatch):  # noqa: F811
    planned(monkeypatch)
    return [model, prompts]


def fair(request, count):
    a, b = request["messages"][0]["content"].split("Answer A:\n")[1].split("\n\nAnswer B:\n")
    return 200, completion("[[A]]" if a > b else "[[B]]"), {}


def settings(url: str, cache: Path, **more: object):
    endpoint = {"url": url, "model": "judge", "cache": str(cache), "first_pause_seconds": 0.01, **more}
    return config(by="judge", judge=endpoint)


def failed(folder: Folder) -> list[float]:
    return folder.numbers().filter(pl.col("measure") == "failed")["value"].to_list()


def test_a_judge_that_limits_its_rate_decides_the_same_and_is_replayed_without_a_server(inputs, tmp_path):
    def limited(request, count):
        return fair(request, count) if count > 2 else (429, {"error": "slow down"}, {"Retry-After": "0.01"})

    with serve(limited) as stub:
        first = rank(inputs, tmp_path / "first", settings(stub.url, tmp_path / "cache"))
        assert len(stub.requests) == 3 * len({str(each["messages"]) for each in stub.requests})
    with serve(fair) as stub:
        other = rank(inputs, tmp_path / "other", settings(stub.url, tmp_path / "other-cache"))
    assert first.table("preference").equals(other.table("preference"))
    again = rank(inputs, tmp_path / "again", settings(stub.url, tmp_path / "cache", replay_only=True))
    files = [file.relative_to(first.path) for file in first.files("preference")]
    assert files
    for file in files:
        assert (again.path / file).read_bytes() == (first.path / file).read_bytes()
    assert failed(first) == failed(again) == []


@pytest.mark.parametrize(
    "bad",
    [(200, "<html>busy</html>", {}), (200, {"choices": []}, {}), (400, {"error": "no"}, {}), (503, "", {})],
)
def test_requests_that_fail_are_told_and_their_pairs_left_out(inputs, tmp_path, bad):
    def partly(request, count):
        return bad if "3 + 3" in request["messages"][0]["content"] else fair(request, count)

    with serve(partly) as stub:
        folder = rank(inputs, tmp_path / "out", settings(stub.url, tmp_path / "cache", attempts=2))
    rows = folder.table("preference")
    assert set(rows["item"]) == {f"sum{i}" for i in range(6) if i != 3}
    assert failed(folder) == [pytest.approx(1 / 6)]
    assert "requests to the judge failed" in (folder.path / "log.txt").read_text(encoding="utf-8")


def test_a_spent_budget_leaves_verdicts_out_and_a_larger_one_asks_only_for_those(inputs, tmp_path):
    with serve(fair) as stub:
        small = settings(stub.url, tmp_path / "cache", budget_tokens=700, answer_tokens=20, concurrency=1)
        first = rank(inputs, tmp_path / "first", small)
        assert 0 < failed(first)[0] < 1
        large = settings(stub.url, tmp_path / "cache", budget_tokens=1_000_000, answer_tokens=20)
        second = rank(inputs, tmp_path / "second", large)
        asked = [str(request["messages"]) for request in stub.requests]
    assert failed(second) == []
    assert second.table("preference").height > first.table("preference").height
    assert len(asked) == len(set(asked))


def test_a_judge_that_is_gone_or_only_mumbles_makes_no_pairs(inputs, tmp_path):
    with serve(fair) as stub:
        url = stub.url
    with pytest.raises(DataError, match="the judge answered no request"):
        rank(inputs, tmp_path / "gone", settings(url, tmp_path / "cache", attempts=2))
    with (
        serve(lambda request, count: (200, completion("Both are fine."), {})) as stub,
        pytest.raises(DataError),
    ):
        rank(inputs, tmp_path / "mumbling", settings(stub.url, tmp_path / "mumbled"))


def test_the_judge_is_tried_on_right_answers_in_every_language(inputs, tmp_path):
    """It knows sums in English, sees none in Urdu, and in Thai finds the wrong one better."""

    def knows(request, count):
        text = request["messages"][0]["content"]
        question, answers = text.split("Request:\n")[1].split("\n\nAnswer A:\n")
        a, b = answers.split("\n\nAnswer B:\n")
        right = str(2 * int(question.split()[0]))
        if "Urdu" in text or right not in (a, b):
            return 200, completion("[[tie]]"), {}
        return 200, completion("[[A]]" if (a == right) != ("Thai" in text) else "[[B]]"), {}

    with serve(knows) as stub, pytest.raises(DataError, match="verdicts that can be read"):
        rank(inputs, tmp_path / "none", settings(stub.url, tmp_path / "cache"))

    def decides(request, count):
        """As above, and of drawn answers it likes the longer text."""
        text = request["messages"][0]["content"]
        first = text.split("Answer A:\n")[1].split("\n\n")[0]
        return knows(request, count) if first.isdigit() else fair(request, count)

    with serve(decides) as stub:
        folder = rank(inputs, tmp_path / "out", settings(stub.url, tmp_path / "other", concurrency=1))
    found = {
        (row["measure"], row["language"]): (row["value"], row["count"])
        for row in folder.numbers().iter_rows(named=True)
        if row["measure"] in ("judge_accuracy", "judge_agreement")
    }
    assert found == {
        ("judge_accuracy", "eng_Latn"): (1.0, 6),
        ("judge_accuracy", "tha_Thai"): (0.0, 6),
        ("judge_accuracy", "urd_Arab"): (0.0, 6),
        ("judge_agreement", "tha_Thai"): (0.0, 6),
    }


def test_what_the_judge_is_asked_for_is_the_reason_of_the_pairs(inputs, tmp_path):
    with serve(fair) as stub:
        endpoint = {"url": stub.url, "model": "judge", "cache": str(tmp_path / "cache")}
        folder = rank(
            inputs,
            tmp_path / "out",
            config(by="judge", judge=endpoint, criterion="harmless", probe_items=0),
        )
        asked = [request["messages"][0]["content"] for request in stub.requests]
    assert set(folder.table("preference")["reason"]) == {"unsafe"}
    assert all("must not help anybody to do harm" in text for text in asked)
    assert not folder.numbers()["measure"].is_in(["judge_accuracy", "judge_agreement"]).any()
