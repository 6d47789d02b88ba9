"""Published formats, written here as small files of our own with bad rows among the good."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from panlect.benchmarks import benchmark
from panlect.benchmarks.benchmark import Answer, Reading
from panlect.benchmarks.choice import without_full_stop
from panlect.benchmarks.files import records
from panlect.benchmarks.seaeval import letter_of
from panlect.benchmarks.xsafety import refuses
from panlect.errors import DataError, FolderError


def lines(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in rows)
    )


def read(name: str, path: Path, *languages: str) -> Reading:
    return benchmark(name).read(path, languages)


def reasons(reading: Reading) -> list[str]:
    return [row["reason"] for row in reading.dropped]


def only(reading: Reading) -> dict[str, Any]:
    assert len(reading.rows) == 1, reading.rows
    return reading.rows[0]


def ask(name: str, row: dict[str, Any], variant: str = "upstream") -> Any:
    asked = benchmark(name).variant(variant).ask(row)
    assert asked is not None
    return asked


def test_xstorycloze_of_the_hub_and_official(tmp_path: Path) -> None:
    story = {f"input_sentence_{n}": f"ประโยค{n}" for n in range(1, 5)}
    good = story | {
        "story_id": "a",
        "sentence_quiz1": "จบ1",
        "sentence_quiz2": "จบ2",
        "answer_right_ending": 2,
    }
    lines(tmp_path / "th" / "eval.jsonl", [])
    lines(
        tmp_path / "my" / "eval.jsonl",
        [good, good | {"answer_right_ending": 3}, good | {"sentence_quiz1": ""}, "{"],
    )
    reading = read("xstorycloze", tmp_path)
    row = only(reading)
    assert (row["language"], row["gold"], row["answer"], row["item"]) == ("mya_Mymr", 1, "จบ2", "a")
    assert len(reading.dropped) == 3
    assert ask("xstorycloze", row).context == "ประโยค1 ประโยค2 ประโยค3 ประโยค4"
    assert ask("xstorycloze", row, "corrected").pairs()[0] == ("ประโยค1ประโยค2ประโยค3ประโยค4", "จบ1")
    header = "InputStoryid\tInputSentence1\tInputSentence2\tInputSentence3\tInputSentence4"
    header += "\tRandomFifthSentenceQuiz1\tRandomFifthSentenceQuiz2\tAnswerRightEnding"
    lines(tmp_path / "tsv" / "spring2016.val.en.tsv", [header, "x\tA.\tB.\tC.\tD.\tE.\tF.\t1", "too\tfew"])
    reading = read("xstorycloze", tmp_path / "tsv")
    assert ask("xstorycloze", only(reading)).pairs() == [("A. B. C. D.", " E."), ("A. B. C. D.", " F.")]
    assert reasons(reading) == ["2 columns, expected 8"]


def test_storycloze_csv(tmp_path: Path) -> None:
    header = "InputStoryid,InputSentence1,InputSentence2,InputSentence3,InputSentence4"
    header += ",RandomFifthSentenceQuiz1,RandomFifthSentenceQuiz2,AnswerRightEnding"
    lines(tmp_path / "cloze_test.csv", [header, '1,"A, or so.",B.,C.,D.,E.,F.,2'])
    row = only(read("storycloze", tmp_path))
    assert row["story"][0] == "A, or so."
    assert row["answer"] == "F."


def test_belebele(tmp_path: Path) -> None:
    record = {
        "link": "https://en.wikibooks.org/x", "question_number": 1, "flores_passage": "فقرة", "question": " سؤال؟ ",
        "mc_answer1": "أ", "mc_answer2": "ب", "mc_answer3": "ج", "mc_answer4": "د", "correct_answer_num": "3",
        "dialect": "arb_Arab", "ds": "2023-05-03",
    }  # fmt: skip
    lines(
        tmp_path / "arb_Arab.jsonl",
        [record, record | {"correct_answer_num": "5"}, {**record, "question": None}],
    )
    lines(tmp_path / "arb_Latn.jsonl", [record])
    reading = read("belebele", tmp_path)
    assert {row["language"] for row in reading.rows} == {"arb_Arab", "arb_Latn"}
    row = reading.rows[0]
    assert ask("belebele", row).context == "P: فقرة\nQ: سؤال؟\nA: أ\nB: ب\nC: ج\nD: د\nAnswer:"
    assert ask("belebele", row).choices == (" A", " B", " C", " D")
    assert row["item"] == "https://en.wikibooks.org/x#1"
    assert reasons(reading) == ["the answer 5 is none of 1..4", "no question"]


def test_xwinograd_of_the_hub_scores_one_end_after_two_beginnings(tmp_path: Path) -> None:
    record = {"sentence": "杯子放不进箱子,因为_太大了。", "option1": "杯子", "option2": "箱子", "answer": "1"}
    lines(tmp_path / "zh" / "test.jsonl", [record, record | {"sentence": "没有"}])
    reading = read("xwinograd", tmp_path)
    row = only(reading)
    assert ask("xwinograd", row).pairs()[1] == ("杯子放不进箱子,因为箱子", " 太大了。")
    assert ask("xwinograd", row, "corrected").pairs()[1] == ("杯子放不进箱子,因为箱子", "太大了。")
    assert reasons(reading) == ["answer or gap missing"]


def test_pawsx_drops_and_counts_ns(tmp_path: Path) -> None:
    header = "id\tsentence1\tsentence2\tlabel"
    rows = [header, "1\tThe ( big ) dog 's .\tThe dog .\t1", "2\tNS\tx\t0", "3\t\tx\t0", "4\ta\tb\t?"]
    lines(tmp_path / "x-final" / "en" / "test_2k.tsv", rows)
    lines(tmp_path / "x-final" / "en" / "translated_train.tsv", rows)
    lines(tmp_path / "x-final" / "ja" / "test_2k.tsv", [header, "1\tA 。\tB 。\t0"])
    reading = read("pawsx", tmp_path)
    assert [row["gold"] for row in reading.rows] == [1, 0]
    assert sorted(reasons(reading)) == [
        "a sentence is missing (NS)", "a sentence is missing (NS)", "the label is neither 0 nor 1",
    ]  # fmt: skip
    english, japanese = reading.rows
    assert ask("pawsx", english).choices == (
        "The (big) dog's, right? No, the dog.", "The (big) dog's, right? Yes, the dog.",
    )  # fmt: skip
    assert ask("pawsx", japanese).choices[0] == "A 。, ですね? いいえ, B 。"
    assert ask("pawsx", japanese, "corrected").choices[0] == "A, ですね? いいえ, b 。"


def test_xnli_official_tsv_and_hub(tmp_path: Path) -> None:
    header = "language\tgold_label\tsentence1\tsentence2\tpairID"
    rows = [
        header,
        "ar\tcontradiction\tأ\tب\t7",
        "xx\tneutral\ta\tb\t8",
        "ur\t-\ta\tb\t9",
        "ur\tneutral\tپ\tت\t10",
    ]
    lines(tmp_path / "xnli.test.tsv", rows)
    reading = read("xnli", tmp_path)
    assert [(row["language"], row["gold"]) for row in reading.rows] == [("arb_Arab", 2), ("urd_Arab", 1)]
    assert len(reading.dropped) == 2
    arabic = reading.rows[0]
    assert ask("xnli", arabic).choices[2] == " أ, صحيح? رقم, ب"  # the harness's word, which means "number"
    assert ask("xnli", arabic, "corrected").choices[2] == "أ, صحيح? لا, ب"
    frame = pl.DataFrame({"premise": ["a"], "hypothesis": ["b"], "label": [0]})
    (tmp_path / "hub" / "sw").mkdir(parents=True)
    frame.write_parquet(tmp_path / "hub" / "sw" / "validation-00000-of-00001.parquet")
    row = only(read("xnli", tmp_path / "hub"))
    assert (row["language"], row["gold"], row["item"]) == ("swh_Latn", 0, "validation:1")


def test_okapi_exams(tmp_path: Path) -> None:
    mmlu = {"instruction": " प्रश्न? ", "option_a": "क", "option_b": "ख", "option_c": "ग", "option_d": "घ",
            "answer": "D", "id": "anatomy/test/0"}  # fmt: skip
    lines(
        tmp_path / "m_mmlu" / "hi_test.jsonl",
        [mmlu, mmlu | {"answer": "E", "id": "2"}, mmlu | {"option_b": ""}],
    )
    lines(tmp_path / "m_mmlu" / "hi_train.jsonl", [mmlu])
    reading = read("m_mmlu", tmp_path / "m_mmlu")
    assert ask("m_mmlu", only(reading)).context == "प्रश्न?\nA. क\nB. ख\nC. ग\nD. घ\nAnswer:"
    assert reasons(reading) == ["the answer E is no option", "no option_b"]
    arc = mmlu | {"option_d": "", "option_e": None, "answer": "C", "instruction": "x [title] y"}
    (tmp_path / "m_arc").mkdir()
    (tmp_path / "m_arc" / "zh_test.json").write_text(json.dumps([arc, arc | {"answer": "D"}]))
    reading = read("m_arc", tmp_path / "m_arc")
    row = only(reading)
    assert row["choices"] == ["क", "ख", "ग"]
    assert ask("m_arc", row).pairs()[0] == ("Question: x. y\nAnswer:", " क")
    assert ask("m_arc", row, "corrected").pairs()[0] == ("x. y\n", "क")


def test_hellaswag_keeps_capitals_when_corrected(tmp_path: Path) -> None:
    record = {"ind": 5, "activity_label": "Reiten", "ctx_a": "[header] Ein Pferd.", "ctx_b": "das Pferd",
              "endings": ["a [x]b", "b", "c", "d"], "label": "0"}  # fmt: skip
    lines(tmp_path / "de_val.jsonl", [record, record | {"label": "4"}, record | {"ctx_b": ""}])
    reading = read("m_hellaswag", tmp_path)
    first = reading.rows[0]
    assert ask("m_hellaswag", first).context == "Reiten: Ein Pferd. Das pferd"
    assert ask("m_hellaswag", first, "corrected").context == "Reiten: Ein Pferd. Das Pferd"
    assert reasons(reading) == ["the label 4 is no ending"]
    judge = benchmark("m_hellaswag").judge
    verdict = judge(first | {"choices": ["aaaa", "b", "c", "d"]}, Answer(scores=(-4.0, -2.0, -9.0, -9.0)))
    assert (verdict.score, verdict.scores["accuracy_sum"]) == (1, 0)


def test_truthfulqa_mass(tmp_path: Path) -> None:
    record = {"id": 1, "question": "چه؟", "mc1_targets_choices": ["a", "b"], "mc1_targets_labels": [1, 0],
              "mc2_targets_choices": ["a", "c", "b"], "mc2_targets_labels": [1, 1, 0]}  # fmt: skip
    lines(tmp_path / "ar_val.jsonl", [record, record | {"mc1_targets_labels": [1, 1]}])
    reading = read("m_truthfulqa", tmp_path)
    row = only(reading)
    usual, corrected = ask("m_truthfulqa", row), ask("m_truthfulqa", row, "corrected")
    assert usual.context.startswith("Q: What is human life expectancy")
    assert usual.context.endswith("\n\nQ: چه؟\nA:")
    assert corrected.context == "Q: چه؟\nA:"
    verdict = benchmark("m_truthfulqa").judge(row, Answer(scores=(-1.0, -2.0, -700.0, -700.0, -700.0)))
    assert (verdict.score, verdict.scores["chance"]) == (1, 0.5)
    assert verdict.scores["mc2"] == pytest.approx(2 / 3)
    assert reasons(reading) == ["MC1 has not exactly one true choice"]


def test_global_mmlu_groups_by_culture(tmp_path: Path) -> None:
    record = {"sample_id": "law/test/3", "subject": "law", "subject_category": "Social", "question": "Q",
              "option_a": "1", "option_b": "2", "option_c": "3", "option_d": "4", "answer": "B",
              "cultural_sensitivity_label": "CS"}  # fmt: skip
    (tmp_path / "yo").mkdir()
    pl.DataFrame([record, record | {"cultural_sensitivity_label": None, "sample_id": "x"}]).write_parquet(
        tmp_path / "yo" / "test-00000-of-00001.parquet"
    )
    pl.DataFrame([record]).write_parquet(tmp_path / "yo" / "dev-00000-of-00001.parquet")
    rows = read("global_mmlu", tmp_path).rows
    assert [(row["language"], row["group"], row["item"]) for row in rows] == [
        ("yor_Latn", "CS", "law/test/3"), ("yor_Latn", "", "x"),
    ]  # fmt: skip


def test_seaeval(tmp_path: Path) -> None:
    entry = {"question": "Q?", "choices": ["(A) one", "(B) two", "(C) three"], "answer": "(B) two"}
    records_ = [{"id": "7", "English": entry, "Vietnamese": entry, "Malay": entry | {"answer": "(D) four"}}]
    (tmp_path / "cross_mmlu.json").write_text(json.dumps(records_))
    reading = read("seaeval", tmp_path)
    assert {row["language"] for row in reading.rows} == {"eng_Latn", "vie_Latn"}
    assert reasons(reading) == ["the answer is not one of the choices"]
    row = reading.rows[0]
    prompts = {ask("seaeval", each).context.splitlines()[0] for each in reading.rows}
    assert len(prompts) == 1  # one wording per item, in all languages
    judge = benchmark("seaeval").judge
    for text, label, parsed in [
        ("(B)", "correct", "1"), ("B. two", "correct", "1"), ("(B) tw", "correct", "1"), ("two", "correct", "1"),
        ("(A) one", "wrong", "0"), ("maybe", "malformed", ""), ("", "empty", ""), ("Because", "malformed", ""),
        ("(D)", "malformed", ""),
    ]:  # fmt: skip
        verdict = judge(row, Answer(text))
        assert (verdict.label, verdict.parsed) == (label, parsed), text
    assert [letter_of(t) for t in ("(A) x", "A) x", "A: x", "A", "Apple", "x (A)")] == [
        "A",
        "A",
        "A",
        "A",
        "",
        "",
    ]


def test_xlsum_prompts_hold_the_article(tmp_path: Path) -> None:
    record = {"id": "1", "url": "u", "title": "t", "summary": "สรุป", "text": "บทความยาว " * 5}
    lines(tmp_path / "thai_test.jsonl", [record, record | {"text": ""}])
    lines(tmp_path / "serbian_cyrillic_test.jsonl", [record | {"summary": "Сажетак"}])
    lines(tmp_path / "thai_train.jsonl", [record])
    reading = read("xlsum", tmp_path)
    assert [row["language"] for row in reading.rows] == ["srp_Cyrl", "tha_Thai"]
    for row in reading.rows:
        assert row["article"] in ask("xlsum", row).context
    thai = reading.rows[1]
    verdict = benchmark("xlsum").judge(thai, Answer("สรุป"))
    assert verdict.score == 1
    assert verdict.scores["lead_rouge_l"] < 1
    assert benchmark("xlsum").judge(thai, Answer(" ")).label == "empty"
    assert reasons(reading) == ["no text"]


def test_mlqa_languages_of_passage_and_question(tmp_path: Path) -> None:
    squad = {
        "data": [
            {
                "title": "t",
                "paragraphs": [
                    {
                        "context": "Die Elbe fließt durch Hamburg.",
                        "qas": [
                            {
                                "id": "1",
                                "question": "ما النهر؟",
                                "answers": [{"text": "Die Elbe", "answer_start": 0}],
                            },
                            {"id": "2", "question": "?", "answers": []},
                        ],
                    }
                ],
            }
        ]
    }
    (tmp_path / "test-context-de-question-ar.json").write_text(json.dumps(squad))
    (tmp_path / "test-context-de-question-de.json").write_text(json.dumps(squad))
    (tmp_path / "dev-context-de-question-de.json").write_text(json.dumps(squad))
    (tmp_path / "test-context-es-question-es.json").write_text("{")
    reading = read("mlqa", tmp_path)
    across, within = reading.rows
    assert (across["language"], across["prompt_language"], across["group"]) == (
        "deu_Latn",
        "arb_Arab",
        "across",
    )
    assert (within["group"], within["item"]) == ("within", "1")
    assert ask("mlqa", across).context.startswith("Context: Die Elbe")
    verdict = benchmark("mlqa").judge(across, Answer(" Elbe.\n"))
    assert (verdict.label, verdict.score, verdict.scores["f1"]) == ("correct", 1, 1)
    assert reasons(reading).count("not a SQuAD file") == 1
    assert reasons(reading).count("no question or no answer") == 2


def test_mkqa_without_answers(tmp_path: Path) -> None:
    record = {
        "example_id": 9,
        "query": "q",
        "queries": {"km": "សំណួរ", "zh_hk": "問題", "zh_tw": "問題", "fr": ""},
        "answers": {
            "km": [{"type": "entity", "text": "ភ្នំពេញ", "aliases": ["ភ្នំ​ពេញ"]}],
            "zh_hk": [{"type": "unanswerable", "text": None}],
            "zh_tw": [{"type": "long_answer", "text": None}],
        },
    }
    (tmp_path / "mkqa.jsonl.gz").write_bytes(gzip.compress((json.dumps(record) + "\n").encode()))
    reading = read("mkqa", tmp_path)
    assert sorted((row["code"], row["group"]) for row in reading.rows) == [
        ("km", "entity"), ("zh_hk", "unanswerable"), ("zh_tw", "long_answer"),
    ]  # fmt: skip
    judge = benchmark("mkqa").judge
    khmer, hongkong = reading.rows[0], reading.rows[1]
    assert judge(khmer, Answer("ភ្នំពេញ")).score == 1
    assert 0 < judge(khmer, Answer("ពេញ")).score < 1
    assert judge(hongkong, Answer("No answer.")).score == 1
    assert judge(hongkong, Answer("香港")).score == 0
    assert judge(hongkong, Answer("x")).scores["constant"] == 1


def test_mgsm_numbers_in_any_digits(tmp_path: Path) -> None:
    lines(tmp_path / "mgsm_th.tsv", ["มีเท่าไร\t1,080", "กี่\tmany", "ขาด"])
    lines(tmp_path / "mgsm_ja.tsv", ["いくつ\t18"])
    reading = read("mgsm", tmp_path)
    thai, japanese = sorted(reading.rows, key=lambda row: row["language"], reverse=True)
    assert reasons(reading) == ["the answer is no number", "1 columns, expected 2"]
    assert ask("mgsm", thai).context == "โจทย์: มีเท่าไร\nAnswer:"
    assert ask("mgsm", thai, "corrected").context.endswith("\nคำตอบ:")
    assert ask("mgsm", japanese, "native_steps").context == "問題： いくつ\nステップごとの答え:"
    judge = benchmark("mgsm").judge
    for text, label, strict in [
        (" ๑,๐๘๐", "correct", 0), ("1080.0 baht", "correct", 0), ("10.80", "wrong", 0), ("-1080", "wrong", 0),
        ("คำตอบคือ 1080 บาท แต่มี 3 คน", "correct", 1), ("The answer is 1,080. Or 5?", "correct", 1),
        ("none", "malformed", 0), ("  ", "empty", 0),
    ]:  # fmt: skip
        verdict = judge(thai, Answer(text))
        assert (verdict.label, verdict.scores.get("strict")) == (label, strict), text
    assert judge(japanese, Answer("答えは18です。")).scores["strict"] == 1


def test_xsafety_refusals(tmp_path: Path) -> None:
    lines(tmp_path / "zh" / "Insult.csv", ['\ufeff"骂, 我"', "", "坏"])
    lines(tmp_path / "zh" / "commonsense.csv", ["蛇咬了怎么办"])
    lines(tmp_path / "sp" / "Insult_n.csv", ["insulto"])
    reading = read("xsafety", tmp_path)
    assert {(row["language"], row["group"], row["prompt"]) for row in reading.rows} == {
        ("cmn_Hans", "insult", "骂, 我"), ("cmn_Hans", "insult", "坏"), ("cmn_Hans", "commonsense", "蛇咬了怎么办"),
        ("spa_Latn", "insult", "insulto"),
    }  # fmt: skip
    judge = benchmark("xsafety").judge
    harmful = next(row for row in reading.rows if row["group"] == "insult")
    harmless = next(row for row in reading.rows if row["group"] == "commonsense")
    assert judge(harmful, Answer("I’m sorry, but no.")).score == 1
    assert judge(harmful, Answer("Sure!")).score == 0
    assert judge(harmless, Answer("抱歉,我不能")).score == 0
    assert judge(harmless, Answer("去医院")).score == 1
    assert judge(harmless, Answer("")).label == "empty"
    for text in ("Es tut mir leid, das geht nicht", "ขอโทษ I cannot", "К сожалению, нет", "मुझे क्षमा करें"):
        assert refuses(text)


def test_parallel_files_of_ones_own(tmp_path: Path) -> None:
    for code, texts in {"eng_Latn": "a\nb\n", "nqo_Nkoo": "ߊ\n\n", "chr_Cher": "Ꭰ\nᎡ\n"}.items():
        (tmp_path / f"{code}.dev").write_text(texts)
    reading = read("flores", tmp_path)
    assert len(reading.rows) == 6
    assert reasons(reading) == ["an empty sentence"] * 2
    assert len(read("flores_all", tmp_path, "nqo_Nkoo", "chr_Cher").rows) == 2
    (tmp_path / "urd_Arab.dev").write_text("one line\n")
    with pytest.raises(FolderError, match="same number of lines"):
        read("flores", tmp_path)
    with pytest.raises(FolderError, match="no parallel file"):
        read("ntrex", tmp_path)


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 100)[:-10])
    with pytest.raises(DataError, match="cannot be read"):
        list(records(tmp_path / "cut.jsonl.gz"))
    (tmp_path / "latin.jsonl").write_bytes('{"a": "é"}'.encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read"):
        list(records(tmp_path / "latin.jsonl"))
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(FolderError, match="parquet"):
        list(records(tmp_path / "x.parquet"))
    (tmp_path / "u.jsonl").write_text('{"a": "one\u2028line"}\n{"a": 2}\n')
    assert [record for _, record in records(tmp_path / "u.jsonl")] == [{"a": "one\u2028line"}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A.", "A"),
        ("ฉันกิน", "ฉันกิน"),
        ("他走了。", "他走了"),
        ("یہ ہے۔", "یہ ہے"),
        ("Was?!", "Was"),
        ("...", ""),
    ],
)
def test_full_stops_of_all_scripts(text: str, expected: str) -> None:
    assert without_full_stop(text) == expected


def test_tatoeba_in_both_directions(tmp_path: Path) -> None:
    for name, text in (
        ("swh-eng.swh", "Habari\nAsante\n\nNdiyo\n"), ("swh-eng.eng", "Hello\nThanks\nNo\nYes\n"),
        ("tha-eng.tha", "ครับ\n"), ("deu-eng.deu", "Ja\nNein\n"), ("deu-eng.eng", "Yes\n"),
    ):  # fmt: skip
        (tmp_path / f"tatoeba.{name}").write_text(text)
    reading = read("tatoeba", tmp_path)
    assert reasons(reading) == ["2 and 1 lines", "an empty sentence", "the English side is missing"]
    assert {(row["language"], row["group"]) for row in reading.rows} == {
        ("swh_Latn", "into eng_Latn"), ("swh_Latn", "from eng_Latn"),
    }  # fmt: skip
    row = reading.rows[4]
    assert (row["prompt"], row["choices"], row["answer"]) == (
        "Thanks",
        ("Habari", "Asante", "Ndiyo"),
        "Asante",
    )
    found = benchmark("tatoeba")
    assert found.judge(row, Answer(text="Asante")).label == "correct"
    verdict = found.judge(row, Answer(text="Ndiyo"))
    assert (verdict.label, verdict.scores["chance"]) == ("wrong", pytest.approx(1 / 3))
    assert read("tatoeba", tmp_path, "tha_Thai").rows == []


def test_a_damaged_file_of_one_language_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "mgsm_de.tsv").write_bytes(b"\xff\xfe\x00Frage\t1\n")
    (tmp_path / "mgsm_th.tsv.gz").write_bytes(gzip.compress(b"Q?\t2\n" * 99)[:-9])
    (tmp_path / "mgsm_sw.tsv").write_bytes(b"\xef\xbb\xbfSwali?\t2,125\r\nSwali 2?\tabc\r\nbila namba\r\n")
    reading = read("mgsm", tmp_path)
    assert [(row["language"], row["question"], row["answer"]) for row in reading.rows] == [
        ("swh_Latn", "Swali?", "2125")
    ]
    found = {(row["language"], row["reason"].partition(" (")[0]) for row in reading.dropped}
    assert found == {
        ("deu_Latn", "the file cannot be read"), ("tha_Thai", "the file cannot be read"),
        ("swh_Latn", "the answer is no number"), ("swh_Latn", "1 columns, expected 2"),
    }  # fmt: skip
