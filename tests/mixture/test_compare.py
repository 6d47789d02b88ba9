import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from panlect.mixture.compare import compare, strategies

DATA = Path(os.environ.get("PANLECT_DATA", Path(__file__).parents[3] / "shared" / "data"))


def test_every_strategy_spends_the_same_budget_or_says_so() -> None:
    sizes = np.array([1000.0, 500.0, 20.0, 5.0, 0.0])
    table = compare(sizes, strategies(sizes, 800), 800)
    assert [name for name, row in table.items() if row.spent < 0.999] == []
    assert table["uniform"].epochs_most == pytest.approx(40)
    assert table["unimax 4"].epochs_most == pytest.approx(4)
    assert table["proportional"].share_of_largest == pytest.approx(1000 / 1525)
    assert table["uniform"].effective_languages == pytest.approx(4)
    short = compare(sizes, strategies(sizes, 4000), 4000)
    assert short["unimax 1"].spent == pytest.approx(1525 / 4000)


@pytest.mark.real_data
def test_on_the_real_sizes_of_fineweb_2() -> None:
    file = DATA / "language_metadata" / "fineweb2-language-distribution.csv"
    if not file.is_file():
        pytest.skip("the FineWeb-2 size table is not here; set PANLECT_DATA to its directory")
    frame = pl.read_csv(file, infer_schema_length=0).filter(
        (pl.col("split") == "train") & ~pl.col("subset").str.ends_with("_removed")
    )
    sizes = frame["utf8_bytes"].cast(pl.Float64).to_numpy()
    assert len(sizes) > 1800
    budget = float(sizes.sum()) / 10
    table = compare(sizes, strategies(sizes, budget), budget)
    assert table["temperature 0.3"].over_four > 1000, (
        "the known failure: the tail is repeated hundreds of times"
    )
    assert table["temperature 0.3"].epochs_most > 100
    assert table["unimax 4"].over_four == 0
    assert table["unimax 4"].tail_share > table["proportional"].tail_share
