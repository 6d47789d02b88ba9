"""Bitext: bad pairs have a reason, good ones in any script have none; planted pairs are found."""

from itertools import pairwise

import pytest

from panlect.text.bitext import Limits, fault, incidental
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import load


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("The market opens at 7:30.", "Soko hufunguliwa saa 7:30.", ""),
        ("In 2024 the price was 1,250.50.", "Mwaka 2024 bei ilikuwa 1.250,50.", ""),
        ("In 1994", "سنة ١٩٩٤", ""),
        ("The market opens at seven in the morning every day.", "市场每天早上七点开门。", ""),
        ("The market opens at seven in the morning.", "ตลาดเปิดเวลาเจ็ดโมงเช้า", ""),
        ("Yes", "Ndiyo", ""),
        ("Hello, World!", "hello world", "identical_sides"),
        ("***", "***", "identical_sides"),
        ("Yes", "Hii ni sentensi ndefu sana ambayo haiwezi kuwa tafsiri ya neno moja tu.", "length_ratio"),
        ("In 1994 it was built", "Ilijengwa mwaka 1987", "numbers_differ"),
        ("Open %s now", "Fungua sasa", "placeholders_differ"),
        ("Open {name}", "Fungua {name}", ""),
        ("Click <b>here</b>", "Bofya <b>hapa", "placeholders_differ"),
        ("50% of it", "asilimia 50 yake", ""),
        ("", "x", "side_too_short"),
    ],
)
def test_faults(source, target, reason):
    assert fault(source, target) == reason
    assert fault(target, source) == reason


def test_limits_are_settings():
    assert fault("a b c", "x" * 60, Limits(length_ratio=30)) == ""
    assert fault("x" * 11, "y" * 9, Limits(longest=10)) == "side_too_long"


def test_planted_pairs_are_found_in_a_document():
    text = "\n".join(
        [
            "Soko la samaki hufunguliwa kila siku asubuhi na mapema.",
            "The fish market opens every day early in the morning.",
            "",
            "Wavuvi huja na boti zao kuuza samaki wengi sana hapa.",
            "Watu wengi hununua samaki na mboga kwa ajili ya chakula.",
            "Рыбаки приходят на лодках в 1998 году и продают рыбу.",
            "12:30",
            "The fishermen come with their boats in 2005 to sell fish.",
        ]
    )
    [[pair], nothing] = incidental([text, text.split("\n")[0]], Identifier(load("both")))
    assert nothing == []
    assert (pair.first_language, pair.second_language) == ("swh_Latn", "eng_Latn")
    assert pair.second.startswith("The fish market")


@pytest.mark.real_data
def test_real_translations_have_few_faults(real_data):
    import lzma

    rows: dict[str, list[str]] = {}
    with lzma.open(
        real_data / "corpus100" / "corpus100.tsv.xz", "rt", encoding="utf-8", newline="\n"
    ) as file:
        for line in file:
            language, source, text = line.rstrip("\n").split("\t")
            if source == "ntrex":
                rows.setdefault(language, []).append(text)
    english = rows.pop("eng_Latn")
    shares = {}
    for language, texts in rows.items():
        pairs = list(zip(english, texts[: len(english)], strict=True))[::25]
        shares[language] = sum(bool(fault(a, b)) for a, b in pairs) / len(pairs)
        shifted = sum(bool(fault(a, b)) for (a, _), (_, b) in pairwise(pairs)) / len(pairs)
        assert shifted > shares[language], language
    worst = max(shares, key=lambda language: shares[language])
    assert sum(shares.values()) / len(shares) < 0.04
    assert shares[worst] < 0.25, worst
