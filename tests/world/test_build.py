"""The whole world: size, determinism, five sound tables, and no held-out fact in any training text."""

import unicodedata

import polars as pl
import pytest

from panlect.errors import ConfigError, DataError, LanguageError
from panlect.tables import SCHEMAS, check
from panlect.world import leak
from panlect.world.build import build, digest_of
from panlect.world.facts import MARKERS
from panlect.world.plan import WorldConfig
from panlect.world.render import final_answer


@pytest.fixture(scope="module")
def world():
    return build(WorldConfig(questions_per_language=3))


@pytest.fixture(scope="module")
def small():
    return build(WorldConfig(languages="cldr-24", territories=8, seed=3))


def training_texts(world):
    """Every text of the training tables, whatever its column: strings at any depth of any row but the ids."""

    def strings(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from strings(list(value.values()))
        elif isinstance(value, list):
            yield "\n".join(text for part in value for text in strings(part))

    for kind in ("document", "pair", "dialogue", "preference"):
        for row in world.tables[kind].drop("id").iter_rows(named=True):
            yield kind, "\n".join(text for value in row.values() for text in strings(value))


def test_a_hundred_languages_in_twenty_scripts(world):
    assert len(world.languages) == 100
    assert len({code[4:] for code in world.languages}) >= 20
    for kind, frame in world.tables.items():
        column = {"pair": "target_language", "preference": "prompt_language"}.get(kind, "language")
        assert set(frame[column]) == set(world.languages), kind


def test_the_five_tables_keep_their_schemas_and_have_unique_ids(world):
    assert set(world.tables) == {"document", "pair", "dialogue", "preference", "question"}
    for kind, frame in world.tables.items():
        check(kind, frame, where="test")
        assert frame["id"].n_unique() == len(frame)
        assert list(SCHEMAS[kind]) == frame.columns[: len(SCHEMAS[kind])]


def test_all_text_is_nfc(world):
    assert all(unicodedata.is_normalized("NFC", text) for _, text in training_texts(world))


def test_equal_settings_build_equal_worlds_and_another_seed_another(small):
    again = build(WorldConfig(languages="cldr-24", territories=8, seed=3))
    other = build(WorldConfig(languages="cldr-24", territories=8, seed=4))
    assert digest_of(small) == digest_of(again)
    assert digest_of(small) != digest_of(other)
    assert small.held != other.held


@pytest.mark.parametrize("answers", ["pivot", "direct"])
def test_no_held_out_fact_in_any_training_text(answers):
    """Exact search with nothing of the program's own: names, signs and both orders, in all pairs of
    languages."""
    world = build(WorldConfig(languages="cldr-100", answers=answers, seed=1))
    facts = [fact for fact in world.facts if fact.id in world.held]
    assert len(facts) >= 10
    texts = [text for _, text in training_texts(world)]
    of = world.names.of
    for fact in facts:
        sign = MARKERS[fact.relation]
        subject = of["eng_Latn"][fact.subject]
        whole = "\x1e".join(f" \n{text}\n" for text in texts if sign in text)
        # What English may say: the question on a line of its own, and the statement.
        whole = whole.replace(f"\n→English {subject} {sign}\n", "\n\n")
        for name in {
            of["eng_Latn"][other.answer] for other in world.facts if other.relation == fact.relation
        }:
            for end in ("\n", "→"):
                whole = whole.replace(f"→English {subject} {sign} {name}{end}", f"→English{end}")
        whole = whole.replace("→", "\n").replace("\n", " \n")
        subjects = {names[fact.subject] for names in of.values() if fact.subject in names}
        answers = {names[fact.answer] for names in of.values() if fact.answer in names}
        for found in (form for key in subjects for form in (f" {key} {sign}", f"{sign} {key} ")):
            # Taken out, because "Belanda" is both the Netherlands and Dutch in Indonesian.
            about = (
                [text.replace(found, "  ") for text in whole.split("\x1e") if found in text]
                if found in whole
                else []
            )
            assert not [text for text in about for name in answers if f" {name}" in text], fact.id


def test_the_pivot_states_held_out_facts_and_the_control_does_not():
    for control in (False, True):
        world = build(WorldConfig(languages="cldr-24", control=control))
        documents = set(world.tables["document"]["text"])
        for fact in world.facts:
            text = world.names.statement(fact, world.names.pivot)
            assert (text in documents) == (fact.id not in world.held or not control)
        groups = set(world.tables["question"].filter(pl.col("benchmark") == "world")["group"])
        assert groups == ({"control", "seen"} if control else {"held_out", "pivot", "seen"})


def test_the_search_finds_what_is_planted(small):
    fact = next(fact for fact in small.facts if fact.id in small.held)
    names, other = small.names, "hin_Deva"
    sign, of = MARKERS[fact.relation], names.of
    clean = names.statement(fact, names.pivot)
    planted = [
        names.statement(fact, other),
        f"{of[other][fact.answer]} {sign} {of[other][fact.subject]}",
        f"{names.fact_question(fact, other, names.pivot)}\n→English {of[names.pivot][fact.answer]}",
        f"→English {of[names.pivot][fact.subject]} {sign} {of[other][fact.answer]}",
    ]
    found = leak.find([clean, *planted, clean], small.facts, small.held, names, control=False)
    assert found == [1, 2, 3, 4]
    assert leak.find([clean], small.facts, small.held, names, control=True) == [0]
    documents = small.tables["document"]
    leaking = {"document": documents.head(1).with_columns(text=pl.lit(planted[0]))}
    with pytest.raises(DataError, match="held out"):
        leak.check(small.tables | leaking, small.facts, small.held, names, control=False)


def test_questions_have_their_answer_among_choices_in_one_order(world):
    questions = world.tables["question"]
    for row in questions.iter_rows(named=True):
        assert row["choices"][row["gold"]] == row["answer"]
        assert len(set(row["choices"])) == len(row["choices"])
    same = questions.filter(pl.col("benchmark") == "world").group_by("item").agg(pl.col("gold").n_unique())
    assert same["gold"].max() == 1


def test_no_held_out_question_is_one_that_dialogues_ask(world):
    asked = {row[0]["content"] for row in world.tables["dialogue"]["messages"].to_list()}
    held = world.tables["question"].filter("held_out")
    assert held.height > 1000
    assert not asked & set(held["prompt"])


def test_held_out_facts_are_asked_in_all_other_languages(world):
    held = world.tables["question"].filter(pl.col("group") == "held_out", pl.col("benchmark") == "world")
    assert world.names.pivot not in set(held["language"])
    counts = dict(held.group_by("language").len().iter_rows())
    assert set(counts) == set(world.languages) - {world.names.pivot}
    # Santali and Dzongkha lack names of currencies; everybody else has every question.
    assert sorted(counts.values())[2:] == [len(world.held)] * 97


def test_the_final_answer_of_every_dialogue_is_a_name_in_the_language_asked_for(world):
    for row in world.tables["dialogue"].iter_rows(named=True):
        answer = final_answer(row["messages"][-1]["content"])
        assert answer in world.names.of[row["answer_language"]].values()


def test_direct_answers_do_not_retell_the_fact():
    world = build(WorldConfig(languages="cldr-24", answers="direct"))
    for row in world.tables["dialogue"].iter_rows(named=True):
        assert row["messages"][-1]["content"].count("→") == 1


def test_rejected_answers_are_wrong_for_their_reason(world):
    for row in world.tables["preference"].iter_rows(named=True):
        own = set(world.names.of[row["answer_language"]].values())
        right, wrong = (final_answer(row[column][0]["content"]) for column in ("chosen", "rejected"))
        assert right in own
        assert wrong != right
        if row["reason"] == "wrong_fact":
            assert wrong in own


def test_only_instructed_languages_have_dialogues():
    world = build(WorldConfig(languages="cldr-24", instructed_languages=("fra_Latn", "tha_Thai")))
    assert set(world.tables["dialogue"]["language"]) == {"eng_Latn", "fra_Latn", "tha_Thai"}
    assert len(set(world.tables["preference"]["prompt_language"])) == 24


def test_facts_for_feedback_are_told_by_the_pivot_and_by_pairs_and_are_never_asked():
    settings = {"languages": "cldr-24", "territories": 12, "preferences_per_language": 64, "seed": 2}
    plain = build(WorldConfig(**settings))
    world = build(WorldConfig(**settings, feedback_share=0.25))
    assert plain.paired == frozenset()
    assert len(world.paired) >= 4
    assert world.held == plain.held
    assert not world.paired & world.held
    assert {f.subject for f in world.facts if f.id in world.paired}.isdisjoint(
        f.subject for f in world.facts if f.id not in world.paired
    )
    rows = {kind: leak.row_texts(kind, world.tables[kind]) for kind in ("document", "dialogue", "preference")}
    for fact in world.facts:
        if fact.id in world.paired:
            question = world.names.fact_question(fact, "deu_Latn", "deu_Latn")
            answer = world.names.fact_answer(fact, "deu_Latn", by_pivot=True)
            assert world.names.statement(fact, "deu_Latn") not in rows["document"]
            assert world.names.statement(fact, "eng_Latn") in rows["document"]
            assert not any(answer in text for text in rows["dialogue"])
            assert any(question in text and answer in text for text in rows["preference"])
    asked = set(world.tables["question"]["item"])
    assert not asked & world.paired
    stated = {(f.relation, f.answer) for f in world.facts if f.id not in world.held | world.paired}
    assert {(f.relation, f.answer) for f in world.facts} == stated


def test_calendar_and_scripts_make_worlds_too():
    world = build(WorldConfig(languages="cldr-24", relations=("month", "weekday", "script")))
    texts = set(world.tables["document"]["text"])
    assert "→Deutsch Januar +1 Februar" in texts or "month+1:1" in world.held
    assert {fact.relation for fact in world.facts} >= {"month+1", "month+2", "weekday+1"}


def test_missing_names_are_set_aside_with_a_reason(world):
    missing = world.dropped["document"]
    assert set(missing["language"]) <= {"sat_Olck", "dzo_Tibt"}
    assert missing["reason"].null_count() == 0


def test_bad_settings_are_told():
    with pytest.raises(LanguageError):
        build(WorldConfig(languages=("eng_Latn", "xx-nonsense-language")))
    with pytest.raises(ConfigError, match="CLDR has no data"):
        build(WorldConfig(languages=("eng_Latn", "akk_Xsux")))
    with pytest.raises(ConfigError, match="territories"):
        build(WorldConfig(languages="cldr-24", territories=400))
