"""Rewards by rule: what a right, a wrong, a foreign and a broken answer is worth, gated by language or not."""

import pytest

from panlect.rating.rules import Rules, names_of

ASKED = {
    "id": "continent:SN",
    "language": "fra_Latn",
    "answer_language": "fra_Latn",
    "messages": [
        {"role": "user", "content": "→français Sénégal 🌍"},
        {"role": "assistant", "content": "→français Afrique"},
    ],
}
RIGHT = [
    ("continent:SN", "fra_Latn", "→français Afrique"),
    ("continent:JP", "fra_Latn", "→français Asie"),
    ("continent:SN", "tha_Thai", "→ไทย แอฟริกา"),
]


@pytest.mark.parametrize(
    ("text", "finished", "ungated", "gated", "label"),
    [
        ("→français Afrique", True, (1, 1, 1), (1, 1, 1), "correct"),
        ("→français Asie", True, (0, 1, 1), (0, 1, 1), "wrong"),
        # Well-formed, but in Thai: the form is worth nothing once rewards are gated.
        ("→ไทย แอฟริกา", True, (0, 0, 1), (0, 0, 0), "off_target"),
        ("→français Afrique", False, (1, 1, 0), (1, 1, 0), "correct"),
        ("→français Afr", True, (0, 0, 0), (0, 0, 0), "malformed"),
        ("", True, (0, 0, 0), (0, 0, 0), "empty"),
    ],
)
def test_a_name_says_its_language(text, finished, ungated, gated, label):
    names = names_of(RIGHT, [])
    for rules, expected in ((Rules(names), ungated), (Rules(names, gated=True), gated)):
        assert rules.rate(ASKED, text, finished=finished) == (*expected, label)


def test_a_right_number_in_the_wrong_language_is_worth_nothing_when_gated():
    asked = {
        "id": "q", "language": "deu_Latn", "answer_language": "deu_Latn",
        "messages": [
            {"role": "user", "content": "Wie viele Äpfel bleiben übrig, wenn man von zwölf Äpfeln fünf isst?"},
            {"role": "assistant", "content": "7"},
        ],
    }  # fmt: skip
    german = "Von den zwölf Äpfeln werden fünf gegessen, also bleiben am Ende genau 7"
    thai = "จากแอปเปิลสิบสองลูก กินไปห้าลูก ดังนั้นจึงเหลือแอปเปิลทั้งหมด 7"
    assert Rules().rate(asked, thai, finished=True)[:3] == (1, 0, 1)
    assert Rules(gated=True).rate(asked, thai, finished=True)[:3] == (0, 0, 0)
    assert Rules(gated=True).rate(asked, german, finished=True)[:3] == (1, 1, 1)
    # Nobody can tell the language of a bare number: half of everything, as much as in any language.
    assert Rules().rate(asked, "7", finished=True)[:3] == (1, 0.5, 1)
    assert Rules(gated=True).rate(asked, "7", finished=True)[:3] == (0.5, 0.5, 0.5)
