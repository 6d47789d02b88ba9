import math

import pytest

from panlect.measure.bits import bits_per_byte, bits_per_sentence
from panlect.measure.calibration import brier, expected_calibration_error, reliability


def test_calibration_by_hand() -> None:
    sure = [0.95, 0.95, 0.55, 0.55]
    right = [1, 1, 1, 0]
    assert expected_calibration_error(sure, right) == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)
    assert [b.count for b in reliability([0.0, 0.1, 1.0], [0, 0, 1])] == [2, 1]
    assert math.isnan(expected_calibration_error([], []))
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability([1.2], [1])


def test_brier_by_hand() -> None:
    assert brier([[0.8, 0.2], [0.5, 0.5]], [0, 1]) == pytest.approx((0.04 + 0.04 + 0.25 + 0.25) / 2)
    assert math.isnan(brier([], []))


def test_bits_per_byte_divides_sums() -> None:
    texts = ["ab", "ខ្មែរ", "🙂", ""]
    sizes = [2, 15, 4, 0]
    assert [len(t.encode()) for t in texts] == sizes
    result = bits_per_byte([-2 * math.log(2), -15 * math.log(2), -4 * math.log(2), 0.0], texts)
    assert result.value == pytest.approx(1.0)
    assert result.count == 4
    assert bits_per_sentence([-math.log(2), -3 * math.log(2)]).value == pytest.approx(2)
