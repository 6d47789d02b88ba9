"""Faults that can be seen beside the right answer, planted in many scripts; native answers beside translated ones."""

import pytest

from panlect.rating.origins import by_origin
from panlect.rating.reference import by_reference, fault
from panlect.rating.samples import Samples

RIGHT = {
    "swh_Latn": "Mtoto alikwenda sokoni asubuhi kununua matunda na mboga kwa ajili ya familia yake.",
    "tha_Thai": "เด็กไปตลาดในตอนเช้าเพื่อซื้อผลไม้และผักให้ครอบครัวของเขา",
    "khm_Khmr": "ក្មេងនោះបានទៅផ្សារនៅពេលព្រឹកដើម្បីទិញផ្លែឈើនិងបន្លែសម្រាប់គ្រួសាររបស់គាត់",
    "urd_Arab": "بچہ صبح کو بازار گیا تاکہ اپنے خاندان کے لیے پھل اور سبزیاں خرید سکے۔",
    "hin_Deva": "बच्चा सुबह अपने परिवार के लिए फल और सब्ज़ियाँ खरीदने बाज़ार गया।",
    "nqo_Nkoo": "ߘߋ߲ߣߍ߲ ߕߊ߯ߘߊ߫ ߟߐ߯ߝߍ߬ ߛߐ߰ߡߊ߬ ߞߵߊ߬ ߘߊ߲ߕߊ߲ ߣߌ߫ ߖߌ߬ߙߌ߬ߘߋ߲ ߠߎ߬ ߛߊ߲߬",
    "rus_Cyrl": "Утром ребёнок пошёл на рынок, чтобы купить фрукты и овощи для своей семьи.",
}
ENGLISH = "In the morning the child went to the market to buy fruit and vegetables for the family."
QUESTION = "Tell me what the child did."


def samples(language: str, *texts: str, gold: str | None = None, asked_in: str = "") -> Samples:
    facts = {"id": f"q@{language}", "source": "s", "licence": "CC0-1.0"}
    right = RIGHT[language] if gold is None else gold
    prompt = [{"role": "user", "content": QUESTION}]
    return Samples(prompt, (asked_in or language, language), texts, "q", right, facts)


@pytest.mark.parametrize("language", RIGHT)
def test_each_planted_fault_is_named_and_a_right_answer_has_none(language):
    right = RIGHT[language]
    asked = samples(language)
    assert fault(asked, right) == ""
    assert fault(asked, ENGLISH) == "wrong_language"
    assert fault(asked, QUESTION) == "unhelpful"
    assert fault(asked, f"{right}\n{right}") == "off_format"
    assert fault(asked, "na " * 9) == "off_format"
    assert fault(asked, f"{right} {ENGLISH}") in ("code_switched", "wrong_language")
    assert fault(asked, f"{right * 3}. {ENGLISH}") == "code_switched"
    assert fault(asked, right[: len(right) // 2]) == ""
    assert fault(asked, right[: len(right) // 2], least_chrf=95.0) == "unlike_reference"


def test_what_is_true_of_the_right_answer_too_is_no_fault():
    mixed = f"{RIGHT['tha_Thai']} {ENGLISH}"
    assert fault(samples("tha_Thai", gold=mixed), f"ครับ {mixed}") == ""
    assert fault(samples("swh_Latn", gold=ENGLISH), ENGLISH + " Yes.") == "", "the label may be wrong"


def test_numbers_are_right_in_any_digits_or_wrong():
    asked = samples("hin_Deva", gold="42")
    assert fault(asked, "उत्तर ४२ है") == ""
    assert fault(asked, "उत्तर 41 है") == "wrong_fact"
    assert fault(samples("hin_Deva", gold=""), ENGLISH) == "", "without a right answer nothing is wrong"


def test_pairs_set_the_right_answer_against_each_fault_once():
    found = samples(
        "swh_Latn", ENGLISH, RIGHT["swh_Latn"], ENGLISH, RIGHT["rus_Cyrl"], " ", asked_in="eng_Latn"
    )
    rows = list(by_reference([found]))
    assert [row["rejected"][0]["content"] for row in rows] == [ENGLISH, RIGHT["rus_Cyrl"]]
    assert {row["chosen"][0]["content"] for row in rows} == {RIGHT["swh_Latn"]}
    assert {row["reason"] for row in rows} == {"wrong_language"}
    assert {(row["prompt_language"], row["answer_language"]) for row in rows} == {("eng_Latn", "swh_Latn")}
    assert len(list(by_reference([found], pairs_per_prompt=1))) == 1


def dialogue(item: str, origin: str, answer: str, language: str = "swh_Latn") -> dict:
    messages = [{"role": "user", "content": f"{item}?"}, {"role": "assistant", "content": answer}]
    return {
        "id": f"{item}-{origin}-{answer}", "messages": messages, "language": language,
        "answer_language": language, "item": item, "origin": origin, "source": "s", "licence": None,
    }  # fmt: skip


def test_native_answers_are_preferred_to_translated_ones_of_the_same_item_and_language():
    rows = [
        dialogue("a", "human", "mwenyeji"),
        dialogue("a", "translated", "tafsiri"),
        dialogue("a", "translated", "mwenyeji "),
        dialogue("a", "human", "ฉัน", "tha_Thai"),
        dialogue("b", "translated", "tafsiri"),
        dialogue("", "human", "x"),
        dialogue("", "translated", "y"),
        dialogue("c", "human", "moja"),
        dialogue("c", "translated", "mbili"),
    ]
    made = list(by_origin(rows, per_language=5, seed=0))
    found = {(row["item"], row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in made}
    assert found == {("a", "mwenyeji", "tafsiri"), ("c", "moja", "mbili")}
    assert {row["reason"] for row in made} == {"translationese"}
    assert len(list(by_origin(rows, per_language=1, seed=0))) == 1
