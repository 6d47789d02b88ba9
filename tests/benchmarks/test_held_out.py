import math

import numpy as np
import polars as pl
import pytest
import sacrebleu

from panlect.benchmarks.answers import answer_rows, numbers_of_answers
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.held_out import (
    HELD_OUT_TEXT,
    HELD_OUT_TRANSLATION,
    arrange_direction,
    ask_translation,
    ask_translation_as_text,
)


def row(benchmark: str, item: str, language: str, answer: str, **other: object) -> dict[str, object]:
    basic = {
        "benchmark": benchmark,
        "id": f"{item}@{language}",
        "item": item,
        "language": language,
        "group": "held_out",
        "prompt": "",
        "choices": [],
        "gold": -1,
        "answer": answer,
    }
    return basic | other


def number(numbers: list[dict[str, object]], measure: str, **columns: str) -> dict[str, object]:
    wanted = {"measure": measure, "language": "", "other_language": ""} | columns
    found = [n for n in numbers if all(n[k] == v for k, v in wanted.items())]
    assert len(found) == 1, (wanted, found)
    return found[0]


def test_bits_per_byte_of_a_corpus_is_a_ratio_of_sums() -> None:
    texts = {"swh_Latn": ["abcd", "a"], "khm_Khmr": ["ខ្មែរ"]}
    bits = {"swh_Latn": [4.0, 6.0], "khm_Khmr": [30.0]}
    rows = [
        row("held_out_text", str(n), language, text)
        for language, found in texts.items()
        for n, text in enumerate(found)
    ]
    answers = [Answer(scores=(-b * math.log(2),), tokens=(3,)) for found in bits.values() for b in found]
    jobs = [Job(r, ask) for r in rows if (ask := HELD_OUT_TEXT.ask(r)) is not None]
    table = answer_rows("base", {"held_out_text": HELD_OUT_TEXT}, rows, jobs, answers)
    numbers = numbers_of_answers(table, pivot="eng_Latn", seed=0)
    swahili = number(numbers, "bits_per_byte", language="swh_Latn")
    assert (swahili["value"], swahili["count"], swahili["unit"]) == (2.0, 2, "bits")
    assert swahili["low"] == 1.0
    assert swahili["high"] == 6.0
    assert number(numbers, "bits_per_byte", language="khm_Khmr")["value"] == pytest.approx(2.0)
    assert number(numbers, "bits_per_byte")["value"] == pytest.approx(2.0)
    assert not [n for n in numbers if n["measure"] == "conductivity"]


def test_directions_are_groups() -> None:
    into = arrange_direction(row("t", "1", "eng_Latn", "x", prompt_language="swh_Latn"))
    assert (into["language"], into["group"], into["answer_language"]) == (
        "swh_Latn",
        "into eng_Latn",
        "eng_Latn",
    )
    out = arrange_direction(row("t", "1", "swh_Latn", "x", prompt_language="eng_Latn"))
    assert (out["language"], out["group"], out["answer_language"]) == (
        "swh_Latn",
        "from eng_Latn",
        "swh_Latn",
    )
    third = arrange_direction(row("t", "1", "fra_Latn", "x", prompt_language="deu_Latn"))
    assert (third["language"], third["group"]) == ("fra_Latn", "from deu_Latn")


def test_translations_score_like_sacrebleu() -> None:
    sources = ["I like rice.", "The house is big."]
    references = {"swh_Latn": ["Ninapenda wali.", "Nyumba ni kubwa."], "tha_Thai": ["ฉันชอบข้าว", "บ้านหลังใหญ่"]}
    outputs = {"swh_Latn": ["Ninapenda wali", "The house is big."], "tha_Thai": [" ฉันชอบข้าวมาก\nx", ""]}
    rows = [
        arrange_direction(
            row(
                "held_out_translation",
                str(n),
                language,
                found[n],
                prompt=sources[n],
                prompt_language="eng_Latn",
            )
        )
        for language, found in references.items()
        for n in range(2)
    ]
    answers = [Answer(text) for found in outputs.values() for text in found]
    jobs = [Job(r, ask_translation(r)) for r in rows]
    benchmarks = {"held_out_translation": HELD_OUT_TRANSLATION}
    table = answer_rows("chat", benchmarks, rows, jobs, answers)
    numbers = numbers_of_answers(table, pivot="eng_Latn", seed=0)
    judged = {"swh_Latn": outputs["swh_Latn"], "tha_Thai": ["ฉันชอบข้าวมาก", ""]}
    for language, found in judged.items():
        expected = sacrebleu.corpus_chrf(found, [references[language]]).score
        assert number(numbers, "chrf", language=language)["value"] == pytest.approx(expected)
        words = sacrebleu.corpus_chrf(found, [references[language]], word_order=2).score
        assert number(numbers, "chrf++", language=language)["value"] == pytest.approx(words)
    bleu = sacrebleu.corpus_bleu(judged["tha_Thai"], [references["tha_Thai"]], tokenize="char").score
    assert number(numbers, "bleu", language="tha_Thai")["value"] == pytest.approx(bleu)
    macro = np.mean([number(numbers, "chrf", language=code)["value"] for code in judged])
    assert number(numbers, "chrf")["value"] == pytest.approx(macro)
    assert number(numbers, "copied_source", language="swh_Latn")["value"] == 0.5
    assert number(numbers, "empty", language="tha_Thai")["value"] == 0.5
    assert {n["group"] for n in numbers} == {"from eng_Latn"}
    # Everything can be made again from the stored table.
    again = numbers_of_answers(pl.read_parquet(_stored(table)), pivot="eng_Latn", seed=0)
    assert again == numbers


def _stored(table: pl.DataFrame) -> bytes:
    import io

    stream = io.BytesIO()
    table.write_parquet(stream)
    return stream.getvalue()


def test_prompts_name_both_languages() -> None:
    question = arrange_direction(
        row("t", "1", "swh_Latn", "x", prompt="I like rice.", prompt_language="eng_Latn")
    )
    assert ask_translation(question).context == "Translate from English to Swahili: I like rice."
    assert ask_translation_as_text(question).context == "English: I like rice.\nSwahili:"
