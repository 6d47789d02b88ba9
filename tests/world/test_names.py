"""What is read from CLDR: a language's own names, cleaned, and nothing that leaked in from another
language."""

import unicodedata
from contextlib import suppress

import pytest
from babel import Locale

from panlect.language import group
from panlect.world import cldr
from panlect.world.build import build
from panlect.world.plan import WorldConfig

LOCALES = [language.cldr_locale for language in group("cldr-100")]


def test_german_january_stays_german_after_japanese_and_swahili_are_loaded():
    before = cldr.names("de")["month:1"]
    for locale in ("ja", "sw", "de"):
        # The way that leaks: Babel writes what an alias resolves to into data that locales share.
        for data in (Locale.parse(locale).months, Locale.parse(locale).days):
            for context in ("stand-alone", "format"):
                with suppress(KeyError):
                    dict(data[context]["wide"])
    assert (before, cldr.names("de")["month:1"]) == ("Januar", "Januar")
    assert cldr.names("de")["weekday:1"] == "Dienstag"
    assert cldr.names("ja")["month:1"] == "1月"
    assert cldr.names("sw")["weekday:1"] == "Jumanne"


@pytest.mark.parametrize("locale", LOCALES)
def test_names_are_nfc_single_spaced_free_of_separators_and_not_their_code(locale):
    found = cldr.names(locale)
    assert len(found) > 200
    for concept, name in found.items():
        assert unicodedata.is_normalized("NFC", name)
        assert name == " ".join(name.split())
        assert name.casefold() != concept.partition(":")[2].casefold()
        assert not any(mark in name for mark in cldr.RESERVED)


def test_two_things_of_one_kind_never_share_a_name():
    for locale in LOCALES:
        found = cldr.names(locale)
        for kind in cldr.KINDS:
            names = [name.casefold() for concept, name in found.items() if concept.startswith(f"{kind}:")]
            assert len(names) == len(set(names))


def test_known_names():
    assert cldr.names("fr")["territory:SN"] == "Sénégal"
    assert cldr.names("th")["territory:SN"] == "เซเนกัล"
    assert cldr.names("nqo")["territory:ML"] == "ߡߊ߬ߟߌ߬"
    assert cldr.names("chr")["language:fr"] == "ᎦᎸᏥ"
    assert cldr.names("km")["weekday:0"] == "ចន្ទ"
    assert cldr.autonym("sr_Latn", cldr.names("sr_Latn")) == "srpski (latinica)"


def test_a_name_that_holds_a_separator_is_left_out():
    assert cldr.clean("A → B") is None
    assert cldr.clean(" e\u0301 \u00a0b ") == "é b"
    assert cldr.clean("\u3000") is None


def test_no_two_languages_are_nearly_the_same():
    """Where two languages spell most things alike, answering in one cannot be told from the other."""
    world = build(WorldConfig(languages="cldr-100"))
    names = world.names.of
    concepts = sorted({c for fact in world.facts for c in (fact.subject, fact.answer)})
    languages = world.languages
    for at, one in enumerate(languages):
        for other in languages[at + 1 :]:
            both = [c for c in concepts if c in names[one] and c in names[other]]
            same = sum(names[one][c] == names[other][c] for c in both) / len(both)
            assert same < 0.75, (one, other, same)
