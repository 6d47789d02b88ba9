"""Raters: golden utilities, planted truths, judges that lie in known ways, and a scorer that batches cannot fool."""

import numpy as np
import pytest

from panlect.config import check
from panlect.endpoint import Endpoint, EndpointConfig
from panlect.measure.choosing import minimum_risk
from panlect.rating.agreement import by_agreement, chrf, rated_utilities, utilities
from panlect.rating.alignment import by_alignment, scores, stripped
from panlect.rating.bias import language_bias
from panlect.rating.judge import agreement, cases_of, judge, judged_pairs, read_verdict, reliability
from panlect.rating.samples import Samples, is_right, last_number, pair
from stub_endpoint import completion, serve

PIVOT = "eng_Latn"


def samples(
    *texts: str, language: str = "tha_Thai", item: str = "q1", gold: str = "", question: str = "Q"
) -> Samples:
    facts = {"id": f"{item}@{language}", "source": "s", "licence": "CC0-1.0"}
    return Samples([{"role": "user", "content": question}], (language, language), texts, item, gold, facts)


def test_expected_utilities_by_hand():
    best, expected = minimum_risk([[1, 0.6, 0.5], [0.6, 1, 0.7], [0.5, 0.7, 1]])
    assert best == 1
    assert expected == pytest.approx([0.7, 0.766667, 0.733333], abs=1e-4)
    best, expected = minimum_risk([[1, 0.6, 0.5], [0.6, 1, 0.7], [0.5, 0.7, 1]], include_self=False)
    assert (best, expected.tolist()) == (1, pytest.approx([0.55, 0.65, 0.60]))


def test_the_sample_that_others_agree_with_is_chosen():
    texts = ("ตลาดเปิดเจ็ดโมง", "ตลาดเปิดเจ็ดโมงเช้า", "ตลาดเปิดแปดโมง", "ฝนตก")
    (made,) = by_agreement([samples(*texts)])
    table = {(one, other): chrf(one, other) for one in texts for other in texts}
    expected = {one: np.mean([table[one, other] for other in texts]) for one in texts}
    assert made["chosen"][0]["content"] == max(expected, key=expected.get)
    assert made["rejected"][0]["content"] == "ฝนตก" == min(expected, key=expected.get)
    (middle,) = by_agreement([samples(*texts)], against="middle")
    assert middle["rejected"][0]["content"] not in ("ฝนตก", middle["chosen"][0]["content"])
    assert not list(by_agreement([samples("same", "same"), samples("Same ", "same")]))


def test_duplicates_keep_their_weight():
    def same(one, other):
        return float(one == other)

    (made,) = by_agreement([samples("a", "b", "b", "c")], [utilities(("a", "b", "b", "c"), same)])
    assert made["chosen"][0]["content"] == "b"
    assert utilities(("a", "b", "b"), same).sum(axis=1).tolist() == [1, 2, 2]


def test_a_metric_that_reads_the_source_is_asked_once_for_all_prompts():
    calls = []

    def rate(sources, translations, references):
        """Agreement of lengths, but only where the source is named."""
        calls.append(len(sources))
        return [
            float(one == other) + (source == "B") * len(one)
            for source, one, other in zip(sources, translations, references, strict=True)
        ]

    found = [samples("x", "yy", "x"), samples("x", "yy", "x")]
    matrices = rated_utilities(found, ["A", "B"], rate)
    assert calls == [2 * 4]
    assert matrices[0].tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert matrices[1].tolist() == [[2, 1, 2], [2, 3, 2], [2, 1, 2]]
    first, second = by_agreement(found, matrices)
    assert (first["chosen"][0]["content"], second["chosen"][0]["content"]) == ("x", "yy")


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("so it is 1,234.5", "1234.5", True),
        ("3.5", "35", False),
        ("-5", "5", False),
        ("คำตอบคือ ๑๒", "12", True),
        ("12.0009", "12", True),
        ("12.01", "12", False),
        ("no number", "12", False),
        ("→English Senegal ¤ CFA franc→français franc CFA", "→français franc CFA", True),
        ("→English Senegal ¤ CFA franc→français euro", "→français franc CFA", False),
        ("anything", "", False),
    ],
)
def test_right_answers(text, gold, right):
    assert is_right(text, gold) is right


def test_last_numbers():
    assert [str(last_number(text)) for text in ("a 1 b 2", "٣٫٥", "−7", "none", "१,२३४")] == [
        "2",
        "3.5",
        "-7",
        "None",
        "1234",
    ]


# --- alignment with the pivot language -----------------------------------------------------------------


def test_mapo_by_hand():
    found = [
        samples("English 12", "English also 12", "English 13", language=PIVOT, gold="12"),
        samples("ดี 12", "แย่ 12", "ผิด 13", "ดี 12", gold="12"),
        samples("อื่น 12", "อีก 12", item="q2", gold="12"),
    ]
    losses = {"ดี 12": (0.5, 1.0), "แย่ 12": (2.0, 2.0), "ผิด 13": (1.0, 1.0)}
    asked = []

    def cross_entropy(sources, targets, source, target):
        asked.append((source, target))
        return [
            losses[text][("English 12", "English also 12").index(reference)]
            for text, reference in zip(sources, targets, strict=True)
        ]

    rows = list(by_alignment(found, cross_entropy, pivot=PIVOT))
    assert asked == [("tha_Thai", PIVOT)], "nothing to compare with for q2, nothing asked"
    # Scores: (1/0.5 + 1/1)/2 = 1.5, 0.5 and 1.0. The wrong answer may be rejected, never chosen.
    assert [
        (row["chosen"][0]["content"], row["rejected"][0]["content"], row["reason"], row["margin"])
        for row in rows
    ] == [
        ("ดี 12", "แย่ 12", "less_aligned", "1"),
        ("ดี 12", "ผิด 13", "wrong_fact", "0.5"),
    ]
    assert len(list(by_alignment(found, cross_entropy, pivot=PIVOT, pairs_per_prompt=1))) == 1
    assert scores(["a"], ["r", "s"], [0.5, 1.0]).tolist() == [1.5]


def test_marks_of_a_calculator_are_no_reasoning():
    assert stripped("3 + 4 = <<3+4=7>>7 apples\n#### 7") == "3 + 4 = 7 apples"


# --- judges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("… [[A]]", "first"),
        ("[[A]] no, [[b]]", "second"),
        ("[[tie]]", "tie"),
        ("[[C]]", "tie"),
        ("A", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_verdicts(reply, verdict):
    assert read_verdict(reply) == verdict


def many(count: int, language: str) -> list[Samples]:
    return [
        samples(f"good {i}", f"bad {i}", language=language, item=f"q{i}", question=f"Q{i}")
        for i in range(count)
    ]


def test_a_fair_judge_a_biased_one_and_a_mumbling_one():
    cases = cases_of([*many(40, "tha_Thai"), *many(40, PIVOT)], seed=0)

    def fair(asked):
        return ["[[A]]" if "Answer A:\ngood" in turns[0]["content"] else "[[B]]" for turns in asked]

    judgements = judge(cases, fair)
    rows = list(judged_pairs(cases, judgements))
    assert len(rows) == 80
    assert all(row["chosen"][0]["content"].startswith("good") for row in rows)
    known = reliability(cases, judgements)["tha_Thai"]
    assert (known.readable.value, known.consistent.value, known.first_place.value) == (1, 1, 0.5)
    assert agreement(cases, judgements, PIVOT)["tha_Thai"].value == 1

    first = judge(cases, lambda asked: ["I prefer [[A]]"] * len(asked))
    assert not list(judged_pairs(cases, first)), "a judge that only looks at the place decides nothing"
    known = reliability(cases, first)[PIVOT]
    assert (known.consistent.value, known.first_place.value) == (0, 1)

    silent = judge(cases, lambda asked: [""] * len(asked))
    assert not list(judged_pairs(cases, silent))
    assert reliability(cases, silent)[PIVOT].readable.value == 0


def test_a_judge_that_fails_in_one_language_is_found_out():
    cases = cases_of([*many(60, "tha_Thai"), *many(60, PIVOT)], seed=0)

    def partial(asked):
        replies = []
        for turns in asked:
            text = turns[0]["content"]
            good_first = "Answer A:\ngood" in text
            turned = "should be in Thai" in text and int(text.split("Q")[1].split("\n")[0]) % 2
            replies.append("[[A]]" if good_first != bool(turned) else "[[B]]")
        return replies

    found = agreement(cases, judge(cases, partial), PIVOT)["tha_Thai"]
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert found.high < 0.7


def test_a_judge_behind_an_endpoint_with_failures(tmp_path):
    def reply(request, count):
        text = request["messages"][0]["content"]
        if "Q3" in text:
            return 400, {"error": "no"}, {}
        if count < 2:
            return 429, "", {}
        return 200, completion("[[A]]" if "Answer A:\ngood" in text else "[[B]]"), {}

    cases = cases_of(many(6, "tha_Thai"), seed=0)
    with serve(reply) as stub:
        values = {
            "url": stub.url,
            "model": "judge",
            "cache": str(tmp_path / "c"),
            "first_pause_seconds": 0.01,
        }
        with Endpoint(check(EndpointConfig, values, where="t")) as endpoint:
            judgements = judge(
                cases, lambda asked: [each.text for each in endpoint.chat(asked, temperature=0)]
            )
    assert [each.result for each in judgements].count("tie") == 1
    assert len(list(judged_pairs(cases, judgements))) == 5


# --- reward models --------------------------------------------------------------------------------------


def test_a_taste_for_a_language_is_measured():
    generator = np.random.default_rng(0)
    quality = generator.normal(size=(300, 1))
    fair = quality + 0.3 * generator.normal(size=(300, 4))
    languages = [PIVOT, "tha_Thai", "swh_Latn", "khm_Khmr"]
    found = language_bias(fair, languages)
    assert found.trusted
    assert found.share < 0.02
    taste = fair + np.array([0.6, 0, 0, -0.6])
    found = language_bias(taste, languages)
    assert not found.trusted
    assert found.offsets[PIVOT].value == pytest.approx(0.6, abs=0.1)
    assert found.offsets["khm_Khmr"].high < 0
    assert found.offsets["tha_Thai"].low < 0 < found.offsets["tha_Thai"].high
    assert found.share > 0.5


def test_pairs_that_read_the_same_are_refused():
    assert pair(samples("a", "b"), "Same  text", "same text", "x") is None
    assert pair(samples("a", "b"), "a", " ", "x") is None
    made = pair(samples("a", "b"), "a", "b", "x")
    assert made["parent"] == "q1@tha_Thai"
