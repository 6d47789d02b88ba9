"""The engine of a model in this process, with a stand-in for the model."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from panlect.benchmarks.benchmark import Ask
from panlect.benchmarks.engines import Local, Tools, in_order
from panlect.errors import ModelError


class Settings(NamedTuple):
    new_tokens: int
    stops: tuple[str, ...]


class Model:
    """Repeats its prompt and what it was told; reads at most ten characters."""

    def stream(self, texts: Sequence[str], settings: Settings) -> Iterator[tuple[int, str]]:
        if longest := max((len(text) for text in texts if len(text) > 10), default=0):
            raise ModelError(f"the longest prompt needs {longest} positions, the model has 10")
        for place, text in reversed(list(enumerate(texts))):
            yield place, f"{text}|{settings.new_tokens}{''.join(settings.stops)}"

    def prompts(self, dialogues: Sequence[Sequence[dict[str, str]]]) -> list[str]:
        return ["chat " + turns[0]["content"] for turns in dialogues]


def engine(*, chats: bool = True) -> Local:
    return Local(Model(), Tools(Settings, None, None), chats=chats)  # type: ignore[arg-type]


def test_asks_of_all_kinds_come_back_in_order() -> None:
    asks = [
        Ask("generate", "a", chat=True, maximum_tokens=5),
        Ask("generate", "b", maximum_tokens=5),
        Ask("generate", "c", chat=True, maximum_tokens=7, stop=("x",)),
        Ask("generate", "d", chat=True, maximum_tokens=5),
    ]
    assert [a.text for a in in_order(engine().generate(asks))] == ["chat a|5", "b|5", "chat c|7x", "chat d|5"]
    assert [a.text for a in in_order(engine(chats=False).generate(asks))] == ["a|5", "b|5", "c|7x", "d|5"]


def test_a_prompt_that_is_too_long_fails_alone() -> None:
    asks = [Ask("generate", "x" * n) for n in (3, 11, 4, 5, 20, 10)]
    answers = in_order(engine().generate(asks))
    assert [bool(answer.failure) for answer in answers] == [False, True, False, False, True, False]
    assert answers[4].failure == "the longest prompt needs 20 positions, the model has 10"
    assert answers[5].text.startswith("x" * 10)


def test_other_errors_are_not_swallowed() -> None:
    class Broken(Model):
        def stream(self, texts: Sequence[str], settings: Any) -> Iterator[tuple[int, str]]:
            raise ModelError("the tokenizer has no chat template")

    with pytest.raises(ModelError, match="no chat template"):
        list(Local(Broken(), Tools(Settings, None, None), chats=True).generate([Ask("generate", "a")]))  # type: ignore[arg-type]


def test_the_nearest_candidate_is_the_answer() -> None:
    vectors = {"a": (1.0, 0.0), "b": (0.0, 1.0), "x": (0.9, 0.1), "y": (0.0, -1.0), "z": (0.4, 0.5)}
    layers = []

    def embed(network: Any, tokenizer: Any, texts: Sequence[str], layer: int | None) -> Any:
        layers.append(layer)
        return [vectors[text] for text in texts]

    model = SimpleNamespace(network=None, tokenizer=None)
    local = Local(model, Tools(Settings, embed, embed), chats=False)
    asks = [Ask("retrieve", text, choices=("x", "y", "z"), layer=3) for text in "ab"]
    answers = in_order(local.retrieve(asks))
    assert [answer.text for answer in answers] == ["x", "z"]
    assert answers[1].scores == pytest.approx((0.5 / 0.41**0.5,))
    assert layers == [3, 3]
