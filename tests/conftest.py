"""Fixtures that many tests share."""

import os
from pathlib import Path
from types import MappingProxyType

import pytest

from panlect import cli, progress, stage, stages
from panlect.stages import Entry

ROOT = Path(__file__).parents[1]
TOYS = {"letters": Entry("toy_stages", "write letters"), "doubled": Entry("toy_stages", "double letters")}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep progress bars out of the tests' output."""
    monkeypatch.setattr(progress.console, "quiet", True)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the two toy stages beside the real ones."""
    table = MappingProxyType({**stages.STAGES, **TOYS})
    for module in (stages, stage, cli):
        monkeypatch.setattr(module, "STAGES", table)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the directory of real text; skip the test where there is none."""
    path = Path(os.environ.get("PANLECT_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("the real text is not part of the project; name its directory in PANLECT_DATA")
    return path
