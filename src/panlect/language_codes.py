"""From any language code or name to the canonical ``xxx_Xxxx``; the rules behind :mod:`panlect.language`.

The order is: canonical code, written-down alias, BCP-47-like tag, name. Everything that is a decision and
not a rule (macro-languages, legacy codes, groups) is a row of a CSV file next to this one. The IANA registry
and names in other languages come from ``langcodes`` and ``language_data``, loaded only when our own tables do
not know the answer. docs/languages.md explains each table.
"""

import csv
import re
from collections.abc import Container, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

CANONICAL = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
WITHDRAWN = frozenset({"iw", "in", "ji", "jw", "mo", "sh", "bh"})
UNDETERMINED = frozenset({"und", "mul", "mis", "zxx", "root"})
TABLES = Path(__file__).parent
# ISO 15924 codes of a style or a part of a script, and the script that a text in them is in.
SCRIPT_VARIANTS = {
    **dict.fromkeys(("Kore", "Jamo"), "Hang"),
    **dict.fromkeys(("Latf", "Latg"), "Latn"),
    **dict.fromkeys(("Syre", "Syrj", "Syrn"), "Syrc"),
    **{"Aran": "Arab", "Cyrs": "Cyrl", "Hanb": "Hant", "Geok": "Geor", "Qaai": "Zinh"},
}
JAPANESE_SCRIPTS = frozenset({"Hrkt", "Hira", "Kana", "Hani", "Hans", "Hant"})
# The members of the macro-language Chinese: their "Hani" means simplified or traditional characters.
SINITIC = frozenset("cdo cjy cmn cnp cpx csp czh czo gan hak hnm hsn luh lzh mnp nan wuu yue".split())  # noqa: SIM905
NO_SCRIPTS = frozenset({"Zinh", "Zmth", "Zsye", "Zsym", "Zxxx", "Zyyy", "Zzzz"})
SCRIPT_WORDS = {
    **{"simplified": "Hans", "traditional": "Hant", "cyrillic": "Cyrl", "hebrew": "Hebr", "bengali": "Beng"},
    **{"latin": "Latn", "roman": "Latn", "romanized": "Latn", "devanagari": "Deva", "gurmukhi": "Guru"},
    **{"arabic": "Arab", "shahmukhi": "Arab", "jawi": "Arab", "ajami": "Arab", "tifinagh": "Tfng"},
    **{"adlam": "Adlm", "nko": "Nkoo", "mongolian": "Mong", "syriac": "Syrc", "thaana": "Thaa"},
}
# Groups whose ``own_code`` column is a scheme of its own.
GROUP_SCHEMES = {"nllb-200": "nllb", "mbart-50": "mbart", "xl-sum": "xl-sum"}


class Row(NamedTuple):
    """One line of languages.csv, every cell as text; an empty cell means that no source gave the fact."""

    code: str
    name: str = ""
    own_name: str = ""
    family: str = ""
    speakers: str = ""
    web_bytes: str = ""
    resource_class: str = ""
    iso639_1: str = ""
    iso639_2: str = ""
    flores: str = ""
    cldr_locale: str = ""


class Subtags(NamedTuple):
    """What a BCP-47-like tag says: language (2 or 3 letters), script and region, empty where it is silent."""

    language: str
    script: str
    region: str


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of one of the package's CSV tables."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache(maxsize=1)
def rows() -> dict[str, Row]:
    """languages.csv by canonical code, in the file's order: the default script first within a language."""
    with (TABLES / "languages.csv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines, None)
        return {cells[0]: Row(*cells) for cells in lines}


@lru_cache(maxsize=1)
def macro_languages() -> dict[tuple[str, str], str]:
    """(macro-language, script or "") to the individual language that stands for it."""
    return {(row["macro"], row["script"]): row["individual"] for row in read_table("language_macros")}


@lru_cache(maxsize=1)
def aliases() -> dict[tuple[str, str], tuple[str, str]]:
    """(scheme or "", key) to (canonical code, or "" for no single language, and the reason)."""
    table = read_table("language_aliases")
    found = {("cldr", fold(row.cldr_locale)): (row.code, "") for row in rows().values() if row.cldr_locale}
    found |= {(row["scheme"], fold(row["alias"])): (row["code"], row["reason"]) for row in table}
    for row in read_table("language_groups"):
        scheme = GROUP_SCHEMES.get(row["group"])
        if scheme:
            found[scheme, fold(row["own_code"])] = (row["code"], "")
    return found


@lru_cache(maxsize=1)
def default_script() -> dict[str, str]:
    """ISO 639-3 individual language to the script of its first row."""
    scripts: dict[str, str] = {}
    for code in rows():
        scripts.setdefault(code[:3], code[4:])
    return scripts


@lru_cache(maxsize=1)
def alpha2_languages() -> dict[str, str]:
    """ISO 639-1 to ISO 639-3, macro-languages unresolved, withdrawn codes left out."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    return {two: three for two, three in LANGUAGE_ALPHA3.items() if len(two) == 2 and two not in WITHDRAWN}


@lru_cache(maxsize=1)
def replaced_languages() -> dict[str, str]:
    """Retired three-letter codes (and the twenty of ISO 639-2/B, ``ger``) to the ISO 639-3 code in use."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3_BIBLIOGRAPHIC, LANGUAGE_REPLACEMENTS, MACROLANGUAGES

    alpha3 = alpha2_languages()
    found = {}
    for old, tag in LANGUAGE_REPLACEMENTS.items():
        new = {"fa-AF": "prs"}.get(tag) or alpha3.get(tag, tag)
        macro = MACROLANGUAGES.get(old, "")
        if len(old) == len(new) == 3 and old != new and alpha3.get(macro, macro) != new:
            found[old] = new
    return found | {code: alpha3[two] for two, code in LANGUAGE_ALPHA3_BIBLIOGRAPHIC.items()}


@lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Case-folded English and own names to canonical code; more web text wins a shared name."""
    default = default_script()

    def less_known(row: Row) -> tuple[bool, int]:
        return default[row.code[:3]] != row.code[4:], -int(row.web_bytes or 0)

    found: dict[str, str] = {}
    order = sorted(rows().values(), key=less_known)
    for name, code in [(row.name, row.code) for row in order] + [(row.own_name, row.code) for row in order]:
        if name:
            found.setdefault(fold(name), code)
    return found


def fold(text: str) -> str:
    """A code or name as a look-up key: case, separators, label prefixes and encodings do not matter."""
    text = re.sub("^__label__", "", text.strip(), flags=re.IGNORECASE)
    text = re.sub(r"^([A-Za-z]{2,3}(?:[_-][A-Za-z]{2})?)\.[A-Za-z0-9-]+", r"\1", text)  # en_US.UTF-8
    return re.sub(r"[\s_@-]+", "-", text.casefold().replace("ʼ", "'").replace("’", "'")).strip("-")


def plain_code(language: str, script: str) -> str:
    """Canonical code of an ISO 639-3 and an ISO 15924 code, macro-languages and script variants resolved."""
    script = SCRIPT_VARIANTS.get(script, script)
    individual = macro_languages().get((language, script)) or macro_languages().get((language, ""), language)
    if individual == "jpn" and script in JAPANESE_SCRIPTS:
        script = "Jpan"
    if individual in SINITIC and script == "Hani":
        script = "Hans" if default_script().get(individual) == "Hans" else "Hant"
    return f"{individual}_{script}"


def resource_class(code: str, web_bytes: int | None) -> str:
    """``high``, ``medium``, ``low``, ``scarce`` or "" (not in the source), by bytes of cleaned web text."""
    if code in UNCOUNTED:
        return UNCOUNTED[code]
    if web_bytes is None:
        return ""
    return next(name for name, least in RESOURCE_CLASSES.items() if web_bytes >= least)


# Least bytes of UTF-8 text in the FineWeb-2 distribution for each class.
RESOURCE_CLASSES = {"high": 50_000_000_000, "medium": 1_000_000_000, "low": 10_000_000, "scarce": 0}
# English is not in FineWeb-2 because it has a corpus of its own; Chinese is counted there without its script.
UNCOUNTED = {"eng_Latn": "high", "cmn_Hant": "high"}


def resolve(text: str, script: str, scheme: str) -> str | None:
    """Canonical code of ``text``, or None when nothing knows it."""
    stripped = text.strip()
    if not scheme and CANONICAL.fullmatch(stripped) and stripped in rows() and script in {"", stripped[4:]}:
        return stripped
    key = fold(text)
    if not key or len(key) > 100:
        return None
    row = (aliases().get((scheme, key)) if scheme else None) or aliases().get(("", key))
    if row is not None:
        return with_script(row[0], script) or None
    if len(key) > 3 and "_" not in text and key in names():  # before tags: Phu Thai is not phu_Thai
        return with_script(names()[key], script)
    return tag_code(key, script) or name_code(key, script)


def with_script(code: str, script: str) -> str:
    """The code in the script that was asked for, if one was."""
    return plain_code(code[:3], script) if code and script and script != code[4:] else code


def tag_code(key: str, script: str) -> str | None:
    """Canonical code of a BCP-47-like tag; a script in the tag wins over the likely one of its region."""
    tag = subtags(key)
    if tag is None:
        return None
    language = iso639_3(tag.language)
    if language is None:
        return None
    script = script or tag.script
    if script:
        return plain_code(language, script)
    likely = likely_script(tag.language, language, tag.region)
    return plain_code(language, likely) if likely else None


def subtags(key: str) -> Subtags | None:
    """Split a folded key into subtags, or None when it is not shaped like a tag or names an unknown part."""
    language, *rest = key.split("-")
    if not re.fullmatch("[a-z]{2,3}", language):
        return None
    script = region = ""
    for part in rest:
        if len(part) == 1:  # an extension or private use: nothing behind it names the language
            break
        if not script and not region and is_extension(language, part):
            language = part
        elif not script and not region and is_script(part.title()):
            script = part.title()
        elif part in SCRIPT_WORDS and not script:
            script = SCRIPT_WORDS[part]
        elif not region and is_region(part.upper()):
            region = part.upper()
        elif not is_variant(part):
            return None
    return Subtags(language, script, region)


@lru_cache(maxsize=4096)
def iso639_3(language: str) -> str | None:
    """The ISO 639-3 code (possibly a macro-language) of a two- or three-letter code, or None."""
    if language in UNDETERMINED or not language:
        return None
    if len(language) == 2:
        return alpha2_languages().get(language) or aliases().get(("", language), ("", ""))[0][:3] or None
    if language in default_script() or (language, "") in macro_languages():
        return language
    if language in replaced_languages():
        return replaced_languages()[language]
    alias, _ = aliases().get(("", language), ("", ""))
    if alias or ("", language) in aliases():  # withdrawn, or a group of languages
        return alias[:3] or None
    import langcodes

    private = re.fullmatch("q[a-t][a-z]", language)
    return language if not private and langcodes.tag_is_valid(language) else None


@lru_cache(maxsize=512)
def is_script(script: str) -> bool:
    """Whether ISO 15924 has this four-letter code and it can be the script of a text."""
    if script in NO_SCRIPTS or script.startswith("Qa"):
        return False
    from langcodes.data_dicts import ALL_SCRIPTS

    if script in ALL_SCRIPTS:
        return True
    from babel import Locale  # knows the scripts that Unicode took in since

    return script in Locale("en").scripts


@lru_cache(maxsize=512)
def is_region(region: str) -> bool:
    """Whether this is an ISO 3166 or UN M.49 region, or mBART's XX for none."""
    if region == "XX":
        return True
    if not re.fullmatch("[A-Z]{2}|[0-9]{3}", region):
        return False
    import langcodes

    return bool(langcodes.tag_is_valid(f"und-{region}"))


@lru_cache(maxsize=512)
def is_extension(language: str, part: str) -> bool:
    """Whether ``part`` is a member of the macro-language before it, as in zh-yue."""
    if not re.fullmatch("[a-z]{3}", part):
        return False
    from langcodes.data_dicts import MACROLANGUAGES

    macro = MACROLANGUAGES.get(part, "")
    return bool(macro) and iso639_3(macro) == iso639_3(language)


@lru_cache(maxsize=512)
def is_variant(variant: str) -> bool:
    """Whether the IANA registry has this variant of a language, as in ca-valencia."""
    if not re.fullmatch("[a-z0-9]{5,8}|[0-9][a-z0-9]{3}", variant):
        return False
    import langcodes

    return variant == "posix" or bool(langcodes.tag_is_valid(f"und-{variant}"))


def likely_script(tag_language: str, language: str, region: str) -> str:
    """The script that Unicode's likely subtags give for the region, else the language's default, else ""."""
    individual = macro_languages().get((language, ""), language)
    if not region and individual in default_script():
        return default_script()[individual]
    from babel.core import get_global

    likely: Mapping[str, str] = get_global("likely_subtags")
    shortest = next((two for two, three in alpha2_languages().items() if three == language), tag_language)
    for key in (f"{shortest}_{region}", shortest, language, individual):
        if key in likely and not (key == shortest and individual in default_script()):
            return likely[key].split("_")[1]
    return default_script().get(individual) or macro_script(individual)


def macro_script(language: str) -> str:
    """The usual script of the macro-language around a member that no source gives a script for, else ""."""
    from langcodes.data_dicts import MACROLANGUAGES

    macro = iso639_3(MACROLANGUAGES.get(language, ""))
    return default_script().get(plain_code(macro, "")[:3], "") if macro else ""


def name_code(key: str, script: str) -> str | None:
    """Canonical code of a name in English, the language itself or (through language_data) other languages."""
    if key in names():
        return names()[key]
    words = [word.strip("()") for word in key.split("-")]
    for position in (-1, 0):
        if len(words) > 1 and words[position] in SCRIPT_WORDS:
            rest = "-".join(words[:-1] if position else words[1:])
            code = name_code(rest, script)
            return plain_code(code[:3], SCRIPT_WORDS[words[position]]) if code else None
    if key.endswith(")") and "-(" in key:
        return name_code(key[: key.rindex("-(")], script)
    tag = foreign_name(key)
    return tag_code(tag, script) if tag else None


def foreign_name(key: str) -> str:
    """The tag that language_data has for exactly this name in any language, else "".

    ``langcodes.find`` would also take any text that begins with a name ("German shepherd").
    """
    if any(ord(letter) < 32 for letter in key):  # the look-up structure keeps control characters to itself
        return ""
    from language_data.names import get_trie_value, normalize_name

    found, name = name_trie(), normalize_name(key.replace("-", " "))
    return str(get_trie_value(found, name)).casefold() if name in found else ""


@lru_cache(maxsize=1)
def name_trie() -> Container[str]:
    """language_data's names of languages, from all languages together."""
    from language_data.names import data_filename, load_trie

    trie: Container[str] = load_trie(data_filename("trie/und/name_to_language.marisa"))
    return trie
