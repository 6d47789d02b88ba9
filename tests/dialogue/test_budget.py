import polars as pl

from panlect.dialogue.budget import within


def test_fewer_rows_than_directions_leave_out_no_part_of_the_alphabet() -> None:
    codes = [f"{letter}aa_Latn" for letter in "abcdefghijklmnopqrstuvwxyz"]
    frame = pl.DataFrame(
        [{"id": f"{a}{b}", "language": a, "answer_language": b} for a in codes for b in codes if a != b]
    )
    kept = within(frame, 200, ("language", "answer_language"), seed=1)
    assert kept.height == 200
    for side in ("language", "answer_language"):
        assert kept[side].n_unique() >= 24
        assert 60 < kept.filter(pl.col(side) > "n").height < 140
    assert within(frame, 200, ("language", "answer_language"), seed=1).equals(kept)
