"""`panlect evaluate` as it is typed, against a server on this machine."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect import cli
from panlect.folder import Folder
from stub_endpoint import Stub, character_scores, completion, serve

GOOD = {"premise": "P.", "question": "cause", "changed": False}


def xcopa(directory: Path) -> Path:
    """Swahili with every kind of bad row, and Thai; Hindi is no language of XCOPA."""
    rows: list[Any] = [
        GOOD | {"choice1": f"a{n}.", "choice2": "zzz.", "label": 0, "idx": n} for n in range(4)
    ]
    bad = [
        GOOD | {"choice1": "a.", "choice2": "b.", "label": 2, "idx": 8},
        rows[0],
        "{cut off",
        {"premise": "x"},
    ]
    for code, lines in (("sw", [*rows, *bad]), ("th", rows)):
        file = directory / "xcopa" / code / f"test.{code}.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in lines))
    return directory


def scored(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    """Scores characters: "a" is likelier than "z"."""
    if "messages" in request:
        return 200, completion("4"), {}
    return 200, character_scores(request["prompt"]), {}


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., int]:
    xcopa(tmp_path / "data")

    def run(url: str, *words: str) -> int:
        server = ["url=" + url, "model=org/stub", f"cache={tmp_path / 'cache.jsonl'}"]
        quick = ["attempts=3", "first_pause_seconds=0.01", "longest_pause_seconds=0.05", "concurrency=2"]
        sets = [f"endpoint.{each}" for each in (*server, *quick)] + [f"data_directory={tmp_path / 'data'}"]
        settings = [word for each in sets for word in ("--set", each)]
        return cli.main(["evaluate", "--out", str(tmp_path / "scores"), *settings, *words])

    return run


def test_bad_rows_missing_languages_and_what_there_is(tmp_path: Path, evaluate: Callable[..., int]) -> None:
    with serve(scored) as stub:
        assert evaluate(stub.url, "--languages", "swh,hin_Deva,th") == 0
    folder = Folder.open(tmp_path / "scores")
    reasons = sorted(folder.dropped()["reason"].to_list())
    assert reasons == [
        "duplicated id", "label or question of another kind", "no choice1, choice2, question, label", "not JSON",
    ]  # fmt: skip
    coverage = pl.read_csv(folder.path / "coverage.csv")
    of = {
        (b, c): (n, why) for b, c, n, why in coverage.select(pl.col("*").exclude("chance"))[:, :4].iter_rows()
    }
    assert of["xcopa", "swh_Latn"] == (4, "")
    assert of["xcopa", "hin_Deva"] == (0, "not published in this language")
    assert of["xnli", "hin_Deva"] == (0, "the files of 'xnli' are not there")
    log = (folder.path / "log.txt").read_text()
    assert re.search(r"questions +swh_Latn +hin_Deva +tha_Thai", log)
    assert re.search(r"xcopa +4 +– +4", log)
    numbers = folder.numbers().filter(pl.col("measure") == "accuracy")
    assert dict(numbers.select("language", "value").iter_rows()) == {
        "": 1.0,
        "swh_Latn": 1.0,
        "tha_Thai": 1.0,
    }
    assert numbers["count"].to_list() == [4, 4, 8]


def test_a_dead_server(evaluate: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    with serve(scored) as stub:
        url = stub.url
    assert evaluate(url) == 2
    error = capsys.readouterr().err
    assert "the endpoint does not answer" in error
    assert url in error


def test_a_rate_limited_server(tmp_path: Path, evaluate: Callable[..., int]) -> None:
    def limited(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        return (429, "slow down", {"Retry-After": "0"}) if count < 3 else scored(request, count)

    with serve(limited) as stub:
        assert evaluate(stub.url, "--languages", "sw") == 0
    answers = Folder.open(tmp_path / "scores").table("answer")
    assert answers["verdict"].to_list() == ["correct"] * 4
    # Three texts of the probe, four right choices, the wrong one of all and the premise of all, three times each
    # and never again.
    assert len(stub.requests) == 27


def test_a_server_that_ignores_logprobs_is_refused(
    tmp_path: Path, evaluate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def chats_only(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        if "messages" in request:
            return scored(request, count)
        return 200, {"choices": [{"text": " 4", "logprobs": None}]}, {}

    with serve(chats_only) as stub:
        assert evaluate(stub.url) == 2
        error = capsys.readouterr().err
        assert "cannot be asked xcopa (logprobs are left out" in error
        assert "leave these benchmarks out" in error
        # What is generated can be asked of it all the same.
        (tmp_path / "data" / "mgsm").mkdir()
        (tmp_path / "data" / "mgsm" / "mgsm_sw.tsv").write_text("Mbili na mbili?\t4\nMoja?\t1\nbad\n")
        assert evaluate(stub.url, "--benchmarks", "mgsm") == 0
    numbers = Folder.open(tmp_path / "scores").numbers()
    accuracy = numbers.filter(pl.col("measure") == "accuracy", pl.col("language") == "swh_Latn")
    assert accuracy.select("value", "count").rows() == [(0.5, 2)]


def test_a_server_that_fails_now_and_then(tmp_path: Path, evaluate: Callable[..., int]) -> None:
    def partly(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        return (503, "", {}) if "a1" in request.get("prompt", "") else scored(request, count)

    with serve(partly) as stub:
        assert evaluate(stub.url, "--languages", "sw") == 0
    numbers = Folder.open(tmp_path / "scores").numbers().filter(pl.col("language") == "swh_Latn")
    found = {m: (v, n) for m, v, n in numbers.select("measure", "value", "count").iter_rows()}
    assert found["accuracy"] == (1.0, 3)
    assert found["failed"] == (0.25, 4)
    log = (tmp_path / "scores" / "log.txt").read_text()
    assert "1 of 4 questions were not answered" in log
    assert "failed: status 503" in log


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--languages", "swahilli"), "did you mean swh_Latn"),
        (("--benchmarks", "xcoppa"), "xcopa"),
        (("--languages", "yor"), "no question is left"),
        (("--benchmarks", "belebele"), "set data.belebele"),
    ],
)
def test_mistakes(
    evaluate: Callable[..., int], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with serve(scored) as stub:
        assert evaluate(stub.url, *words) == 2
    assert said in capsys.readouterr().err
    assert isinstance(stub, Stub)
