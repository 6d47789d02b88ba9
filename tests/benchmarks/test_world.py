import pytest

from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.world import WORLD, ask, ask_as_text, guessing, rank
from panlect.world.render import Names

NAMES = {
    "eng_Latn": ["CFA franc", "euro", "yen"],
    "fra_Latn": ["franc CFA", "euro", "yen"],
    "khm_Khmr": ["ហ្វ្រង់", "អឺរ៉ូ", "យ៉េន"],
    "urd_Arab": ["فرانک", "یورو", "ین"],
    "nqo_Nkoo": ["ߝߙߊ߲", "ߋߙߏ", "ߦߍߣ"],
}


def row(
    language: str, gold: int = 0, group: str = "held_out", item: str = "currency:SN"
) -> dict[str, object]:
    return {
        "benchmark": "world",
        "id": f"{item}@{language}",
        "item": item,
        "language": language,
        "group": group,
        "prompt": f"Senegal ¤ → {language}",
        "prefix": f"{language}: Senegal ¤",
        "choices": NAMES[language],
        "gold": gold,
        "answer": NAMES[language][gold],
        "relation": "currency",
        "concept": f"currency:{gold}",
        "answer_language": None,
    }


def reply(*parts: tuple[str, str]) -> str:
    """A reply as the world writes one: names behind their languages' tags."""
    texts = []
    for tag, name in parts:
        texts.append(Names({"x": tag}, {"x": {"concept": name}}, "x").named("concept", "x"))
    return "".join(texts)


ROWS = [row(language) for language in NAMES]


@pytest.mark.parametrize(
    ("language", "text", "label", "right_fact"),
    [
        ("fra_Latn", reply(("français", "franc CFA")), "correct", 1),
        (
            "fra_Latn",
            reply(("English", "Senegal ¤ CFA franc"), ("français", "franc CFA")) + "\nmore",
            "correct",
            1,
        ),
        ("fra_Latn", "franc  CFA ", "correct", 1),
        ("fra_Latn", reply(("français", "yen")), "wrong", 0),
        ("fra_Latn", reply(("English", "CFA franc")), "off_target", 1),
        ("khm_Khmr", reply(("ខ្មែរ", "ហ្វ្រង់")), "correct", 1),
        ("khm_Khmr", reply(("ខ្មែរ", "euro")), "off_target", 0),
        ("khm_Khmr", reply(("ខ្មែរ", "អឺរ៉")), "malformed", 0),
        ("urd_Arab", reply(("اردو", "فرانک")), "correct", 1),
        ("nqo_Nkoo", reply(("ߒߞߏ", "ߝߙߊ߲")), "correct", 1),
        ("nqo_Nkoo", reply(("ߒߞߏ", "ین")), "off_target", 0),
        ("eng_Latn", "🙂", "malformed", 0),
        ("eng_Latn", " \n ", "empty", 0),
        ("eng_Latn", reply(("English", "")), "empty", 0),
    ],
)
def test_verdicts(language: str, text: str, label: str, right_fact: int) -> None:
    judge = WORLD.judge_of(ROWS)
    verdict = judge(row(language), Answer(text))
    assert (verdict.label, verdict.scores["right_fact"]) == (label, right_fact)
    assert verdict.score == float(label == "correct")


def test_a_name_shared_by_two_languages_is_right_in_both() -> None:
    judge = WORLD.judge_of([row("fra_Latn", gold=1), row("eng_Latn", gold=1)])
    assert judge(row("fra_Latn", gold=1), Answer("euro")).label == "correct"
    assert judge(row("fra_Latn", gold=0), Answer("euro")).label == "wrong"


def test_decomposed_answers_are_the_same_name() -> None:
    question = row("fra_Latn") | {"answer": "réal", "choices": ["réal"]}
    judge = WORLD.judge_of([question])
    assert judge(question, Answer("re\u0301al")).label == "correct"


def test_guessing_follows_the_stated_facts() -> None:
    # Three stated facts of the relation: two are answered 0, one is answered 1.
    rows = [row("eng_Latn", gold, "seen", f"currency:{n}") for n, gold in enumerate([0, 0, 1])]
    rows += [row("fra_Latn", 0, item="x"), row("fra_Latn", 1, item="y"), row("fra_Latn", 2, item="z")]
    chances = guessing(rows)
    assert [chances[item] for item in "xyz"] == pytest.approx([2 / 3, 1 / 3, 0])
    assert guessing([row("fra_Latn")])["currency:SN"] == pytest.approx(1 / 3)


def test_asks() -> None:
    question = row("khm_Khmr")
    assert ask(question).chat
    beginning = ask_as_text(question)
    assert beginning is not None
    assert beginning.context == "khm_Khmr: Senegal ¤"
    ranked = rank(question)
    assert ranked is not None
    assert ranked.choices[0] == "khm_Khmr: Senegal ¤ ហ្វ្រង់"
    assert rank(question | {"prefix": None}) is None
    assert ask_as_text(question | {"prefix": None}) is None
