"""The stage with a stand-in model whose answers are known, so that every number can be worked out by hand."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from panlect.config import Config
from panlect.draft import draft
from panlect.endpoint import EndpointConfig
from panlect.errors import FolderError, ModelError
from panlect.folder import External, Folder
from panlect.stages.evaluate import EvaluateConfig, evaluate
from panlect.world.render import Names
from stub_endpoint import completion, serve

PIVOT = "eng_Latn"
NAMES = {
    PIVOT: ["franc", "euro", "yen"],
    "swh_Latn": ["faranga", "yuro", "yeni"],
    "khm_Khmr": ["ហ្វ្រង់", "អឺរ៉ូ", "យ៉េន"],
}
ITEMS = {"currency:SN": 0, "currency:FR": 1, "currency:JP": 2, "currency:BE": 1}
HELD = ("currency:SN", "currency:JP")


class Nothing(Config):
    """No settings."""


def named(language: str, name: str) -> str:
    """A reply as the world writes one: the name behind its language's tag."""
    return Names({"x": language}, {"x": {"concept": name}}, "x").named("concept", "x")


class Score(NamedTuple):
    logprob: float
    tokens: int


class Stub:
    """Knows the right answer in some languages, answers in the pivot language in the others."""

    def __init__(self, able: Sequence[str], calls: list[str]) -> None:
        self.able, self.calls = able, calls
        self.network, self.tokenizer = self, None

    def prompts(self, dialogues: Sequence[Sequence[dict[str, str]]]) -> list[str]:
        return [messages[-1]["content"] for messages in dialogues]

    def to(self, device: Any) -> None:
        """It needs none."""

    def answer(self, prompt: str) -> str:
        item, language = prompt.split(" → ")
        gold = ITEMS[item]
        return named(language, NAMES[language if language in self.able else PIVOT][gold])

    def stream(self, texts: Sequence[str], settings: Any) -> Iterator[tuple[int, str]]:
        for place, text in reversed(
            list(enumerate(texts))
        ):  # the order in which they end is no one's business
            self.calls.append(text)
            yield place, self.answer(text) if " → " in text else f" {NAMES[text.split(':')[0]][0]}"

    def score(self, contexts: Sequence[str], continuations: Sequence[str]) -> list[Score]:
        self.calls += continuations
        return [self.likelihood(text) for text in continuations]

    def likelihood(self, text: str) -> Score:
        language, _, rest = text.partition(": ")
        item, name = rest.split(" ¤ ")
        place = NAMES[language].index(name)
        order = ITEMS[item] if language in self.able else 0
        return Score(-float((place - order) % 3), 2)


def stream_choices(
    stub: Stub, _: None, questions: Sequence[Sequence[tuple[str, str]]], *, begin: bool
) -> Iterator[tuple[int, list[Score]]]:
    """Stands in for the engine's function of that name."""
    for place, pairs in enumerate(questions):
        yield place, stub.score([c for c, _ in pairs], [a for _, a in pairs])


def question(item: str, language: str) -> dict[str, Any]:
    gold = ITEMS[item]
    held = item in HELD
    return {
        "benchmark": "world",
        "id": f"{item}@{language}",
        "item": item,
        "language": language,
        "group": ("pivot" if language == PIVOT else "held_out") if held else "seen",
        "prompt": f"{item} → {language}",
        "choices": NAMES[language],
        "gold": gold,
        "answer": NAMES[language][gold],
        "relation": "currency",
        "concept": f"currency:{gold}",
        "prefix": f"{language}: {item} ¤",
    }


@pytest.fixture
def inputs(tmp_path: Path) -> list[External | Folder]:
    model = tmp_path / "chat"
    model.mkdir()
    (model / "config.json").write_text("{}")
    rows = [question(item, language) for item in ITEMS for language in NAMES]
    rows.append(rows[0])  # a duplicated id
    with draft(tmp_path / "world", "world", 1, Nothing(), []) as work:
        work.write("question", pl.DataFrame(rows))
    return [External(str(model)), work.folder]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    monkeypatch.setattr("panlect.model.load.load", lambda location: Stub([PIVOT, "swh_Latn"], made))
    monkeypatch.setattr("panlect.model.shared_prefix.stream_choices", stream_choices)
    monkeypatch.setattr("panlect.model.shared_prefix.adds_begin", lambda tokenizer: False)
    return made


def value(numbers: pl.DataFrame, measure: str, **columns: str) -> dict[str, Any]:
    wanted = {"benchmark": "world", "language": "", "other_language": "", "group": "held_out"} | columns
    rows = numbers.filter(pl.col("measure") == measure, *(pl.col(k) == v for k, v in wanted.items()))
    assert rows.height == 1, (measure, wanted, rows)
    return rows.to_dicts()[0]


def test_numbers_by_hand(tmp_path: Path, inputs: list[External | Folder], calls: list[str]) -> None:
    folder = evaluate(inputs, tmp_path / "scores", EvaluateConfig())
    numbers = folder.numbers()
    assert set(numbers["step"]) == {"chat"}
    swahili = value(numbers, "accuracy", language="swh_Latn")
    assert (swahili["value"], swahili["count"], swahili["high"]) == (1.0, 2, 1.0)
    assert 0.3 < swahili["low"] < 0.4  # Wilson, 2 of 2
    assert value(numbers, "accuracy", language="khm_Khmr")["value"] == 0
    assert value(numbers, "off_target", language="khm_Khmr")["value"] == 1
    assert value(numbers, "right_fact", language="khm_Khmr")["value"] == 1
    assert value(numbers, "accuracy")["value"] == 0.5  # two languages alike
    assert value(numbers, "accuracy", group="pivot")["value"] == 1
    assert value(numbers, "accuracy", group="seen")["value"] == pytest.approx(2 / 3)
    assert value(numbers, "gap")["value"] == 1
    assert value(numbers, "worst_mean")["value"] == 0.5
    assert value(numbers, "democratisation")["value"] == 50
    # A guess by the stated facts (both answered "euro") is never right about the held-out ones.
    assert value(numbers, "chance", unit="share")["value"] == 0
    assert value(numbers, "conductivity", other_language=PIVOT)["value"] == 0.5
    assert value(numbers, "conductivity", language="swh_Latn", other_language=PIVOT)["value"] == 1
    assert value(numbers, "correct_overlap", language="khm_Khmr", other_language=PIVOT)["value"] == 0


def test_ranked_choices_have_numbers_of_their_own(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str]
) -> None:
    config = EvaluateConfig(rank_groups=("held_out", "pivot"), languages=("swh_Latn", "khm_Khmr"))
    numbers = evaluate(inputs, tmp_path / "scores", config).numbers()
    assert value(numbers, "choice_accuracy", language="swh_Latn")["value"] == 1
    # In Khmer the stub always ranks 0, 1, 2: right for SN (gold 0), wrong for JP (gold 2).
    assert value(numbers, "choice_accuracy", language="khm_Khmr")["value"] == 0.5
    # SN: identical orders, 1. JP: Swahili ranks 2, 0, 1 and Khmer 0, 1, 2 (weights .665 .245 .090):
    # top-1 differ, top-2 share one of two, top-3 all.
    expected = (1 + 0.244728 / 2 + 0.090031) / 2
    pair = value(numbers, "rankc", language="khm_Khmr", other_language="swh_Latn")
    assert pair["value"] == pytest.approx(expected, abs=1e-5)
    assert value(numbers, "rankc")["value"] == pytest.approx(expected, abs=1e-5)
    assert value(numbers, "chance", unit="rankc")["value"] == pytest.approx(0.474930, abs=1e-5)


def test_answers_are_stored_and_bad_rows_counted(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str]
) -> None:
    folder = evaluate(inputs, tmp_path / "scores", EvaluateConfig())
    answers = folder.table("answer")
    generated = answers.filter(pl.col("form") == "generate")
    assert generated.height == len(ITEMS) * len(NAMES)
    khmer = generated.filter(pl.col("id") == "currency:SN@khm_Khmr").to_dicts()[0]
    assert khmer["answer"] == named("khm_Khmr", "franc")
    assert (khmer["parsed"], khmer["gold"], khmer["verdict"]) == ("franc", "ហ្វ្រង់", "off_target")
    assert folder.dropped()["reason"].to_list() == ["duplicated id"]
    assert folder.manifest["notes"]["languages"] == {"world": sorted(NAMES)}


def test_models_that_only_saw_text_are_asked_in_text(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str]
) -> None:
    evaluate(inputs, tmp_path / "scores", EvaluateConfig(form="text", rank_items=0))
    assert set(calls) == {f"{language}: {item} ¤" for language in NAMES for item in ITEMS}


def test_a_killed_run_asks_only_what_is_missing(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = evaluate(inputs, tmp_path / "straight", EvaluateConfig())
    stream = Stub.stream

    def killed(self: Stub, texts: Sequence[str], settings: Any) -> Iterator[tuple[int, str]]:
        for found in stream(self, texts, settings):
            if len(calls) > 17:
                raise KeyboardInterrupt
            yield found

    calls.clear()
    monkeypatch.setattr(Stub, "stream", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(inputs, tmp_path / "scores", EvaluateConfig())
    store = next((tmp_path / "scores.partial" / "scratch").glob("*.jsonl"))
    stored = len(store.read_text().splitlines())
    answered = set(calls[:17])  # four questions ranked, three choices each, and five answered
    store.write_text(store.read_text() + '["cut off by a ki')
    monkeypatch.setattr(Stub, "stream", stream)
    calls.clear()
    folder = evaluate(inputs, tmp_path / "scores", EvaluateConfig())
    assert stored == 4 + 5
    assert len(calls) == 12 - 5
    assert not answered & set(calls)
    assert folder.table("answer").equals(straight.table("answer"))
    assert folder.numbers().equals(straight.numbers())


def test_slices_are_compared_with_the_questions_as_they_are(
    tmp_path: Path, inputs: list[External | Folder], monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    lexicon = tmp_path / "lexicons"
    lexicon.mkdir()
    (lexicon / "en_sw.tsv").write_text("Dakar\tcurrency:SN\ntwo words\tneno moja\n")
    monkeypatch.setattr(Stub, "answer", lambda self, prompt: named("swh_Latn", NAMES["swh_Latn"][0]))
    config = EvaluateConfig(slices=("code_switched",), lexicons=str(lexicon), rank_items=0, languages="sw")
    numbers = evaluate(inputs, tmp_path / "scores", config).numbers()
    assert "Dakar → swh_Latn" in calls
    assert value(numbers, "accuracy", group="held_out, slice=code_switched")["value"] == 1
    versus = value(numbers, "difference", group="held_out, slice=code_switched, versus=unchanged")
    assert (versus["value"], versus["count"]) == (0, 1)  # the other fact's question has no such word


def test_stored_answers_are_judged_again_without_the_model(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(inputs, tmp_path / "first", EvaluateConfig())
    calls.clear()

    def no_model(location: str) -> Any:
        raise AssertionError("the model was opened")

    monkeypatch.setattr("panlect.model.load.load", no_model)
    again = evaluate([first, inputs[1]], tmp_path / "again", EvaluateConfig())
    assert not calls
    assert again.table("answer").sort("id", "purpose").equals(first.table("answer").sort("id", "purpose"))
    assert again.numbers().sort(pl.all()).equals(first.numbers().sort(pl.all()))
    with_model = evaluate([*inputs, first], tmp_path / "both", EvaluateConfig())
    assert with_model.numbers().sort(pl.all()).equals(first.numbers().sort(pl.all()))


def test_a_server_is_evaluated_beside_a_model(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str]
) -> None:
    stub = Stub([PIVOT], [])

    def server(request: dict[str, Any], count: int) -> tuple[int, Any, dict[str, str]]:
        if "messages" not in request:
            return 404, "", {}
        if "JP" in request["messages"][0]["content"]:
            return 503, "", {}
        return 200, completion(stub.answer(request["messages"][0]["content"])), {}

    with serve(server) as running:
        endpoint = EndpointConfig(
            url=running.url, model="org/remote", cache=str(tmp_path / "cache"), attempts=1
        )
        folder = evaluate(inputs, tmp_path / "scores", EvaluateConfig(endpoint=endpoint))
        with pytest.raises(ModelError, match="cannot be asked belebele"):
            mine = EvaluateConfig(
                endpoint=endpoint, benchmarks=("belebele",), data={"belebele": str(tmp_path / "b")}
            )
            (tmp_path / "b").mkdir()
            passage = {"flores_passage": "p", "question": "q", "correct_answer_num": "1"}
            answers = {f"mc_answer{n}": "a" for n in range(1, 5)}
            (tmp_path / "b" / "swh_Latn.jsonl").write_text(json.dumps(passage | answers))
            evaluate(inputs[1:], tmp_path / "mine", mine)
    numbers = folder.numbers().filter(pl.col("step") == "org_remote")
    # Two held-out facts in each of two languages; the one about JP fails and is in no mean.
    assert value(numbers, "accuracy", language="swh_Latn")["value"] == 0
    assert value(numbers, "accuracy", language="swh_Latn")["count"] == 1
    assert value(numbers, "failed", language="swh_Latn")["value"] == 0.5
    assert value(numbers, "off_target", language="swh_Latn")["value"] == 1
    compared = numbers.filter(pl.col("measure") == "difference", pl.col("group") == "pivot, versus=chat")
    assert compared.height == 2  # English, and the mean


def test_nothing_to_ask_and_nobody_to_ask(
    tmp_path: Path, inputs: list[External | Folder], calls: list[str]
) -> None:
    with pytest.raises(FolderError, match="files of 'xcopa' are not there") as caught:
        evaluate(inputs, tmp_path / "a", EvaluateConfig(benchmarks=("xcopa",)))
    assert "set data.xcopa" in str(caught.value)
    with pytest.raises(FolderError, match="no question is left"):
        evaluate(inputs, tmp_path / "b", EvaluateConfig(languages=("yor_Latn",)))
    with pytest.raises(ModelError, match="no model to evaluate"):
        evaluate(inputs[1:], tmp_path / "c", EvaluateConfig())
    with pytest.raises(ModelError, match="same name: chat"):
        evaluate([*inputs, inputs[0]], tmp_path / "d", EvaluateConfig())
    assert not (tmp_path / "c").exists()
    assert json.loads(json.dumps(calls)) == []
