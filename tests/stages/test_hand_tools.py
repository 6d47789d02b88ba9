"""`panlect doctor` and `panlect identify`: what they say about a file."""

import pytest

from panlect.curation.hand_tools import doctor_file, evaluate_file, identify_file, visible
from panlect.errors import DataError, FolderError


def test_doctor_shows_before_and_after(tmp_path):
    path = tmp_path / "page.txt"
    shifted = "".join(chr(0x6500 + ord(c)) for c in "Since")
    path.write_text(f"l'Ã©tÃ©\nfine\n{shifted}\nzero\u200bwidth\n", encoding="utf-8")
    found = doctor_file(path)
    assert found["rows"] == 4
    assert found["repaired"] == {
        "shifted_glyphs": {"rows": 1, "places": 1},
        "mojibake": {"rows": 1, "places": 1},
        "controls": {"rows": 1, "places": 1},
    }
    assert [each["after"] for each in found["examples"]] == ["l'été", "Since", "zerowidth"]
    assert found["examples"][2]["before"] == "zero⟨200B⟩width"
    assert doctor_file(path, repairs=["controls"])["repaired"].keys() == {"controls"}
    with pytest.raises(FolderError, match="no such file"):
        doctor_file(tmp_path / "none")
    assert visible("a\tb\n") == "a⟨0009⟩b⏎"


def test_identify_counts_languages_and_compares_with_labels(tmp_path):
    for code, text in {
        "sw": "Soko la samaki hufunguliwa kila siku asubuhi.",
        "th": "ตลาดเปิดทุกเช้าเวลาเจ็ดโมง",
    }.items():
        (tmp_path / "data" / code).mkdir(parents=True)
        (tmp_path / "data" / code / "a.txt").write_text(f"{text}\n" * 3, encoding="utf-8")
    found = identify_file(tmp_path / "data")
    assert found["languages"] == {"swh_Latn": 3, "tha_Thai": 3}
    pattern = r"/(?P<language>[a-z]{2})/a"
    scores = evaluate_file(tmp_path / "data", language_pattern=pattern)
    assert (scores["accuracy"], scores["macro_f1"], scores["rows"]) == (1.0, 1.0, 6)
    with pytest.raises(DataError, match="no text has a language"):
        evaluate_file(tmp_path / "data")
