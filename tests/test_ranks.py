"""Which of several processes this is, and that work which cannot be shared does not look for the others."""

from pathlib import Path

import pytest

from panlect import ranks
from panlect.config import Config
from panlect.stage import Stage


def seen(stage: Stage) -> list[int]:
    stage.make([], Path("unused"), stage.config())
    return COUNTS


COUNTS: list[int] = []


def count_processes(*_: object) -> object:
    COUNTS[:] = [ranks.count()]
    return None


@pytest.mark.parametrize(("parallel", "count"), [(True, 2), (False, 1)])
def test_only_a_stage_that_shares_its_work_sees_the_others(
    monkeypatch: pytest.MonkeyPatch, parallel: bool, count: int
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    stage = Stage("toy", count_processes, Config, 1, None, None, parallel)  # type: ignore[arg-type]
    assert seen(stage) == [count]
    assert ranks.count() == 2


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert (ranks.rank(), ranks.count()) == (0, 1)
