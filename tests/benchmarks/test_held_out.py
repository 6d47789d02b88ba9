import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
import sacrebleu

from panlect.benchmarks.answers import answer_rows, numbers_of_answers
from panlect.benchmarks.asking import Job
from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.engines import Local, Tools
from panlect.benchmarks.held_out import (
    HELD_OUT_TEXT,
    HELD_OUT_TRANSLATION,
    arrange_direction,
    arrange_translations,
    ask_translation,
    ask_translation_as_text,
)
from panlect.benchmarks.prompting import Prompts, Ranking


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


SENTENCES = {
    "eng_Latn": ["I like rice.", "The house is big.", "It rains.", "She sings.", "Who is there?"],
    "swh_Latn": ["Ninapenda wali.", "Nyumba ni kubwa.", "Mvua inanyesha.", "Anaimba.", "Nani yuko hapo?"],
    "tha_Thai": ["ฉันชอบข้าว", "บ้านหลังใหญ่", "ฝนตก", "เธอร้องเพลง", "ใครอยู่ที่นั่น"],
}


def parallel() -> list[dict[str, object]]:
    """Five sentences from English into two languages and back."""
    directions = [(a, b) for a in SENTENCES for b in SENTENCES if a != b and "eng_Latn" in (a, b)]
    return arrange_translations(
        [
            row("held_out_translation", str(n), target, SENTENCES[target][n], prompt=text, prompt_language=source)
            | {"id": f"{n}{source}{target}"}
            for source, target in directions
            for n, text in enumerate(SENTENCES[source])
        ]
    )  # fmt: skip


def test_candidates_are_the_same_items_in_every_language() -> None:
    rows = parallel()
    item_of = {text: n for texts in SENTENCES.values() for n, text in enumerate(texts)}
    assert len(rows) == 20
    for item in range(5):
        mine = [each for each in rows if each["item"] == str(item)]
        assert len(mine) == 4
        assert len({tuple(item_of[text] for text in each["choices"]) for each in mine}) == 1
        for each in mine:
            assert len(set(each["choices"])) == 4
            assert each["choices"][each["gold"]] == each["prompt"]
    assert len({each["gold"] for each in rows}) > 1


def test_a_single_sentence_has_nothing_to_be_told_apart_from() -> None:
    (only,) = arrange_translations(
        [row("held_out_translation", "1", "swh_Latn", "Wali", prompt="Rice", prompt_language="eng_Latn")]
    )
    assert only["choices"] == []
    assert HELD_OUT_TRANSLATION.variants["rank"](only) is None
    assert HELD_OUT_TRANSLATION.variants["text_rank"](only) is None


@pytest.mark.parametrize("chats", [True, False])
def test_the_source_of_a_translation_is_found_by_what_is_scored_after_it(chats: bool) -> None:
    rows = [each for each in parallel() if each["group"] == "from eng_Latn"]
    found = {"held_out_translation": HELD_OUT_TRANSLATION}
    jobs = [
        job
        for job in Prompts(found, {}, "upstream", None, Ranking(5, ("from eng_Latn",), 0)).jobs(rows, chats=chats)
        if job.purpose == "rank"
    ]  # fmt: skip
    assert len(jobs) == 10
    right = dict(zip(SENTENCES["eng_Latn"], SENTENCES["swh_Latn"], strict=True))

    def score(network, tokenizer, questions, *, begin):
        """Two bits a byte after the right source in Swahili, three after any other; Thai the reverse."""
        for place, pairs in enumerate(questions):
            scores = []
            for context, text in pairs:
                text = text if chats else text.removeprefix(" ")
                assert context.startswith("<user>Translate from English to" if chats else "English: ")
                knows = any(source in context and theirs == text for source, theirs in right.items())
                scores.append(Score(-(2 if knows else 3) * len(text.encode()) * math.log(2), 3))
            yield place, scores

    engine = Local(Spoken(), Tools(None, score, None), chats=chats)
    answers = [answer for _, answer in sorted(engine.choose([job.ask for job in jobs]))]
    numbers = numbers_of_answers(answer_rows("chat", found, rows, jobs, answers), pivot="eng_Latn", seed=0)
    assert number(numbers, "choice_accuracy", language="swh_Latn")["value"] == 1
    # All of Thai is equally likely: the first candidate is taken.
    first = sum(job.row["gold"] == 0 for job in jobs if job.row["language"] == "tha_Thai")
    assert number(numbers, "choice_accuracy", language="tha_Thai")["value"] == first / 5
    assert number(numbers, "choice_chance")["value"] == 0.25
    assert number(numbers, "bits_per_byte", language="swh_Latn")["value"] == pytest.approx(2)
    assert number(numbers, "bits_per_byte", language="tha_Thai")["value"] == pytest.approx(3)


def test_nothing_is_generated_where_only_choices_are_asked_for_and_answers_may_be_short() -> None:
    rows = [each for each in parallel() if each["group"] == "from eng_Latn"]
    every = Prompts(
        {"held_out_translation": HELD_OUT_TRANSLATION},
        {},
        "upstream",
        None,
        Ranking(2, ("from eng_Latn",), 0),
    )
    forms = [job.ask.form for job in every.jobs(rows, chats=True)]
    assert (forms.count("generate"), forms.count("choose")) == (10, 4)
    chosen = replace(every, forms=("choose",)).jobs(rows, chats=True)
    assert [job.ask.form for job in chosen] == ["choose"] * 4
    short = replace(every, forms=("generate",), answer_tokens=9).jobs(rows, chats=True)
    assert {job.ask.maximum_tokens for job in short} == {9}
    assert len(short) == 10


class Score(NamedTuple):
    """As the floor of models has it."""

    logprob: float
    tokens: int


class Spoken:
    """A model with a chat template."""

    network = tokenizer = None

    def prompts(self, dialogues):
        return [f"<user>{turns[0]['content']}<assistant>" for turns in dialogues]


def test_an_answer_may_be_in_any_of_the_languages_asked_for() -> None:
    """Zulu for Swahili is off target if Zulu is asked for too; it is none of the languages most used."""
    zulu = "Abantu abaningi bathanda ukudla irayisi nenyama ekhaya labo ngoba kumnandi kakhulu."
    swahili = row("held_out_translation", "1", "swh_Latn", "x", prompt="y", prompt_language="eng_Latn")
    other = row("held_out_translation", "1", "zul_Latn", "x", prompt="y", prompt_language="eng_Latn")
    rows = arrange_translations([swahili, other | {"id": "2"}])
    judge = HELD_OUT_TRANSLATION.judge_of(rows)
    assert judge(rows[0], Answer(zulu)).scores["off_target"] == 1
    assert judge(rows[1], Answer(zulu)).scores["off_target"] == 0
