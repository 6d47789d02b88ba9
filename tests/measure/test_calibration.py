import math

import pytest

from panlect.measure.bits import bits_per_byte, bits_per_sentence
from panlect.measure.calibration import brier, calibration_error, calibration_statistics


def test_calibration_by_hand() -> None:
    sure = [0.95, 0.95, 0.55, 0.55]
    right = [1, 1, 1, 0]
    sums = calibration_statistics(sure, right).sum(axis=0)
    assert calibration_error(sums) == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)
    # 0 and 0.1 share the first bin (0 to 0.1], 1 is in the last.
    assert calibration_statistics([0.0, 0.1, 1.0], [1, 1, 0])[:, [0, 9]].tolist() == [
        [1, 0],
        [0.9, 0],
        [0, -1],
    ]
    assert math.isnan(calibration_error(calibration_statistics([], []).sum(axis=0)))
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration_statistics([1.2], [1])


def test_brier_by_hand() -> None:
    assert brier([0.8, 0.2], 0) == pytest.approx(0.04 + 0.04)
    assert brier([0.8, 0.2], 1) == pytest.approx(0.64 + 0.64)


def test_bits_per_byte_divides_sums() -> None:
    texts = ["ab", "ខ្មែរ", "🙂", ""]
    sizes = [2, 15, 4, 0]
    assert [len(t.encode()) for t in texts] == sizes
    result = bits_per_byte([-2 * math.log(2), -15 * math.log(2), -4 * math.log(2), 0.0], texts)
    assert result.value == pytest.approx(1.0)
    assert result.count == 4
    assert bits_per_sentence([-math.log(2), -3 * math.log(2)]).value == pytest.approx(2)
