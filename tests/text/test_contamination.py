"""Contamination: planted benchmark questions are found, other text is not."""

from panlect.text.contamination import index, shared

QUESTION = (
    "Which of these rivers flows through the capital city of the country that lies north of the great lake?"
)
THAI = "ตลาดในเมืองเปิดเวลาเจ็ดโมงเช้าและชาวนาก็มาขายของกันในเวลานั้นทุกวันไม่มีวันหยุดเลยแม้แต่วันเดียว"


def test_a_planted_question_is_found_in_any_spelling():
    benchmark = index([QUESTION, THAI])
    texts = [
        f"Quiz. {QUESTION.upper().replace(' ', '  ')} Answer below.",
        f"ข้อความ {THAI} จบ",
        "Which of these rivers flows through the capital city? The great lake lies in the north of the country.",
        "ตลาดในเมืองเปิดเวลาเจ็ดโมงเช้า",
        "",
    ]
    found = shared(texts, benchmark).tolist()
    assert found[0] == len(QUESTION.split()) - 12
    assert found[1] > 0
    assert found[2:] == [0, 0, 0]


def test_short_questions_count_as_a_whole():
    benchmark = index(["what is the capital of the republic of kenya", "too short"])
    texts = [
        "so: What is the capital of the republic of Kenya? It is",
        "too short",
        "what is the capital of kenya",
    ]
    assert shared(texts, benchmark).tolist() == [1, 0, 0]
    assert shared(["a"], index([])).tolist() == [0]
