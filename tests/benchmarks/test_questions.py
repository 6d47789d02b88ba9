from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panlect.benchmarks import BENCHMARKS, benchmark
from panlect.benchmarks.benchmark import BAD_LABELS, Answer, Benchmark
from panlect.benchmarks.questions import ask, faults, judge, sample
from panlect.benchmarks.summary import FROM_SUMS, WITHOUT_INTERVAL
from panlect.errors import ConfigError, FolderError


def row(item: str, language: str = "swh_Latn", **other: object) -> dict[str, object]:
    basic = {
        "benchmark": "mine",
        "id": f"{item}@{language}",
        "item": item,
        "language": language,
        "group": "",
        "prompt": "2 + 2 =",
        "choices": ["3", "4"],
        "gold": 1,
        "answer": "4",
    }
    return basic | other


ROWS = [row(str(item), language) for item in range(40) for language in ("swh_Latn", "khm_Khmr")]


@given(st.integers(1, 50), st.integers(0, 3), st.randoms())
def test_a_sample_is_the_same_items_in_every_language(size: int, seed: int, random: object) -> None:
    chosen = sample(ROWS, size, seed)
    items = defaultdict(set)
    for kept in chosen:
        items[kept["language"]].add(kept["item"])
    assert items["swh_Latn"] == items["khm_Khmr"]
    assert len(items["swh_Latn"]) == min(size, 40)
    shuffled = list(ROWS)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {r["id"] for r in sample(shuffled, size, seed)} == {r["id"] for r in chosen}
    assert {r["id"] for r in chosen} <= {r["id"] for r in sample(ROWS, size + 1, seed)}


def test_no_limit_keeps_everything_and_seeds_differ() -> None:
    assert sample(ROWS, 0, 0) == ROWS
    assert sample(ROWS, 5, 0) != sample(ROWS, 5, 1)


def test_bad_rows_are_set_aside_with_a_reason() -> None:
    rows = [
        row("a"),
        row("a"),
        row("b", gold=2),
        row("c", gold=-1),
        row("d", prompt=" ", choices=[]),
        row("e", choices=[], gold=None, answer=None),
        row("f", choices=[], gold=None, answer="four"),
    ]
    kept, dropped = faults(rows)
    assert [r["item"] for r in kept] == ["a", "f"]
    assert [r["reason"] for r in dropped] == [
        "duplicated id",
        "gold 2 is not one of 2 choices",
        "gold -1 is not one of 2 choices",
        "empty prompt",
        "neither choices nor an answer",
    ]


def test_a_table_without_a_benchmark_of_its_own() -> None:
    question = row("a")
    asked = ask(question)
    assert asked is not None
    assert asked.pairs() == [("2 + 2 =", " 3"), ("2 + 2 =", " 4")]
    assert judge(question, Answer(scores=(-2.0, -1.0))).label == "correct"
    assert judge(question, Answer(scores=(-1.0, -2.0))).label == "wrong"
    written = row("b", choices=[], gold=None, answer="nne")
    assert [judge(written, Answer(text)).label for text in ("\n nne \nyes", "tano", "\n")] == [
        "correct",
        "wrong",
        "empty",
    ]


def test_every_registered_benchmark_loads() -> None:
    for name in BENCHMARKS:
        found = benchmark(name)
        assert isinstance(found, Benchmark)
        assert found.licence
        assert found.source
    with pytest.raises(ConfigError, match="no benchmark 'wrold'"):
        benchmark("wrold")


def test_the_pages_name_every_benchmark_and_measure() -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "evaluate.md").read_text(encoding="utf-8")
    measures = (docs / "measures.md").read_text(encoding="utf-8")
    for name in BENCHMARKS:
        found = benchmark(name)
        assert f"| `{name}` | {found.measure} |" in page
        assert f"`{found.measure}`" in measures
    for name in (*BAD_LABELS, *FROM_SUMS, *WITHOUT_INTERVAL):
        assert f"`{name}`" in measures, name


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    from panlect.benchmarks import catalog

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def no_network(repository: str) -> Path:
        raise ConnectionError

    monkeypatch.setattr(catalog, "_snapshot", no_network)
    with pytest.raises(FolderError, match="the Hub cannot be reached from here") as caught:
        catalog.read("xcopa", catalog.Places({}, "", hub=True), ())
    assert "set data.xcopa" in str(caught.value)
