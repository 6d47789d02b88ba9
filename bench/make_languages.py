"""Compile src/panlect/languages.csv from public sources; docs/languages.md says which column is from where.

    python bench/make_languages.py --metadata DIR

DIR holds ``fineweb2-language-distribution.csv`` (the FineWeb-2 repository) and
``url-nlp_language_metadata.tsv`` (Google's url-nlp repository). Everything else comes from the
installed Babel, langcodes, language_data and python-iso639 packages. The output depends on nothing but these.
"""

import argparse
import csv
import re
from pathlib import Path

import iso639
import regex
from babel import Locale
from babel.core import get_global
from babel.localedata import load, locale_identifiers
from langcodes import Language as Tag
from langcodes.data_dicts import LANGUAGE_ALPHA3, MACROLANGUAGES

from panlect.language_codes import (
    Row,
    aliases,
    alpha2_languages,
    macro_languages,
    plain_code,
    read_table,
    replaced_languages,
    resource_class,
)

OUTPUT = Path(__file__).parents[1] / "src" / "panlect" / "languages.csv"
ALPHA3_TO_2 = {three: two for two, three in alpha2_languages().items()}
FAMILIES = {
    "Oto-Manguean": "Otomanguean",
    "Artificial Language": "Constructed",
    "Constructed language": "Constructed",
    "Atlantic-Congo": "Niger-Congo",
    "Language isolate": "Isolate",
    "Mixed language": "Mixed",
    "-": "",
}
OWN_NAMES = {"prs_Arab": "دری", "tgl_Latn": "Tagalog", "arz_Arab": "مصرى", "ary_Arab": "الدارجة"}
# Where Unicode's likely script is not the one that most text (FineWeb-2) and the benchmarks (FLORES) are in.
SCRIPT_OF = {"crh": "Latn", "lad": "Latn", "tzm": "Tfng"}
# FineWeb-2 leaves English out, counts Tagalog as Filipino and has no Kongo.
FAMILY_OF = {"eng": "Indo-European", "tgl": "Austronesian", "kon": "Niger-Congo"}


def canonical(language: str, script: str) -> str:
    """The canonical code of an ISO 639-3 code (retired ones replaced) and a script."""
    alias, _ = aliases().get(("", language), ("", ""))
    return plain_code(alias[:3] or replaced_languages().get(language, language), script)


def default_scripts() -> dict[str, str]:
    """The likely script of every language that Unicode knows, by ISO 639-3 individual code."""
    scripts = dict(SCRIPT_OF)
    for tag, full in get_global("likely_subtags").items():
        if re.fullmatch("[a-z]{2,3}", tag):
            language = LANGUAGE_ALPHA3.get(tag, tag)
            script = full.split("_")[1]
            code = canonical(language, script)
            scripts.setdefault(code[:3], code[4:])
    return scripts


def web_rows(path: Path) -> dict[str, dict[str, object]]:
    """Bytes, family and name of every language of the FineWeb-2 training split."""
    rows: dict[str, dict[str, object]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] != "train" or row["subset"].endswith("_removed") or row["code"] == "und":
                continue
            code = canonical(row["code"], row["script"])
            family = FAMILIES.get(row["family"], row["family"]).replace("’", "'")
            seen = rows.setdefault(code, {"web_bytes": 0, "family": family, "name": row["name"]})
            seen["web_bytes"] = int(str(seen["web_bytes"])) + int(row["utf8_bytes"])
    return rows


def speaker_rows(path: Path) -> dict[str, dict[str, str]]:
    """Speakers, scripts and names by individual code; its own row wins over its macro-language's."""
    found: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in sorted(rows, key=lambda row: "macrolanguage" in row["Name (Glottolog)"]):
        language = row["ISO 639 code"]
        scripts = [script for script in row["Writing system(s), ISO 15924"].split(",") if len(script) == 4]
        collective = ("", language) in aliases() and not aliases()["", language][0]
        if not re.fullmatch("[a-z]{3}", language) or not scripts or collective:
            continue
        individual = canonical(language, "")[:3]
        found.setdefault(individual, {
            "scripts": " ".join(scripts), "speakers": row["Number of speakers (rounded)"],
            "name": re.sub(r" \(macrolanguage\)", "", row["Name (Glottolog)"]), "endonyms": row["Endonym"],
        })  # fmt: skip
    return found


def locale_rows() -> dict[str, str]:
    """The Babel locale (language, or language and script) that holds each code's names."""
    likely, rows = get_global("likely_subtags"), {}
    for identifier in sorted(locale_identifiers(), key=lambda text: (text.count("_"), text)):
        if identifier == "root" or not re.fullmatch("[a-z]{2,3}(_[A-Z][a-z]{3})?", identifier):
            continue
        language, _, script = identifier.partition("_")
        script = script or likely.get(language, "__").split("_")[1]
        if script and load(identifier, merge_inherited=False):
            rows.setdefault(canonical(LANGUAGE_ALPHA3.get(language, language), script), identifier)
    return rows


def in_script(text: str, script: str) -> bool:
    """Whether every letter of a name belongs to the script that its row is for."""
    parts = {
        "Hans": ["Han"],
        "Hant": ["Han"],
        "Hang": ["Hangul", "Han"],
        "Jpan": ["Han", "Hiragana", "Katakana"],
    }
    inside = regex.compile("|".join(rf"\p{{{part}}}" for part in parts.get(script, [script])))
    letters = regex.findall(r"\p{L}", text)
    return bool(letters) and all(inside.match(letter) for letter in letters)


def own_name(code: str, locale: str, endonyms: str, english: list[str]) -> str:
    """The name in the language itself, the first in the row's script of CLDR, url-nlp and language_data."""
    language, script = code.split("_")
    offers = [load(locale).get("languages", {}).get(locale.split("_")[0], "")] if locale else []
    offers += [part.strip(" \u200e\u200f") for part in endonyms.split(",")]
    guess = Tag.make(language=ALPHA3_TO_2.get(language, language), script=script).autonym()
    guess = re.split(r" \(|（", guess)[0]
    offers.append(OWN_NAMES.get(code, ""))
    if guess not in english:  # language_data falls back to the English name
        offers.append(guess)
    return next((offer for offer in offers if in_script(offer, script)), "")


def english_names(code: str, locale: str, fallbacks: list[str]) -> list[str]:
    """English names to choose from, best first: CLDR's, the sources', the registry's."""
    tag = ALPHA3_TO_2.get(code[:3], code[:3])
    base = locale.split("_")[0]
    macro = LANGUAGE_ALPHA3.get(base, base)
    cldr = Locale("en").languages
    offers = [cldr["zh_" + code[4:]]] if code in {"cmn_Hans", "cmn_Hant"} else []
    offers.append(cldr.get(tag))
    if macro_languages().get((macro, "")) == code[:3]:  # the macro-language's name is its first member's name
        offers.append(cldr.get(base))
    offers += [*fallbacks, Tag.get(tag, normalize=False).language_name()]
    return [re.sub(r" \((individual language|macrolanguage)\)$", "", offer) for offer in offers if offer]


def families(web: dict[str, dict[str, object]], languages: set[str]) -> dict[str, str]:
    """Family by language: FineWeb-2's, ours for three, else the one that all of its macro-language share."""
    known = {code[:3]: str(row["family"]) for code, row in web.items() if row["family"]} | FAMILY_OF
    members: dict[str, set[str]] = {}
    for member, macro in MACROLANGUAGES.items():
        members.setdefault(LANGUAGE_ALPHA3.get(macro, macro), set()).add(LANGUAGE_ALPHA3.get(member, member))
    for macro, relatives in members.items():
        shared = {known[language] for language in relatives if language in known}
        if len(shared) == 1:
            for language in (relatives | {macro}) & languages - set(known):
                known[language] = next(iter(shared))
    return known


def unique_names(offers: dict[str, list[str]], first: set[str]) -> dict[str, str]:
    """One name per code, none twice: the default script's row chooses first, others add the script."""
    taken: dict[str, str] = {}
    chosen: dict[str, str] = {}
    scripts = Locale("en").scripts
    for code in sorted(offers, key=lambda code: (code not in first, code)):
        plain = offers[code] if code in first else offers[code][:1]
        marked = [f"{name} ({scripts.get(code[4:], code[4:])})" for name in offers[code]]
        marked += [f"{name} ({code})" for name in offers[code]]
        pool = [*plain, *marked] if code in first or code[4:] in {"Hans", "Hant"} else marked
        chosen[code] = next(name for name in pool if name.casefold() not in taken)
        taken[chosen[code].casefold()] = code
    return chosen


def iso639_2_codes() -> dict[str, str]:
    """ISO 639-2/T by ISO 639-3, from the python-iso639 package; macro-languages included."""
    return {entry.part3: entry.part2t for entry in iso639.ALL_LANGUAGES if entry.part2t}


def iso639_2(code: str, known: dict[str, str]) -> str:
    """The language's own ISO 639-2/T code, else that of the macro-language which resolves to it."""
    macros = sorted(macro for macro, _ in macro_languages() if plain_code(macro, code[4:]) == code)
    return next((known[language] for language in [code[:3], *macros] if language in known), "")


def exact_speakers(language: str, text: str) -> str:
    """url-nlp's rounded count (the lower end of a range, "" below 10,000), CLDR's where that is silent."""
    if text.isdigit() or text in {"10K-100K", "<10K"}:
        return {"10K-100K": "10000", "<10K": ""}.get(text, text)
    population = Tag.get({"prs": "fa-AF"}.get(language, language)).speaking_population()
    digits = len(str(population)) - 2
    return str(round(population, -digits)) if population >= 10_000 else ""


def main() -> None:
    """Merge the sources into one table, the default script's row first within a language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, required=True)
    metadata: Path = parser.parse_args().metadata
    web = web_rows(metadata / "fineweb2-language-distribution.csv")
    speakers = speaker_rows(metadata / "url-nlp_language_metadata.tsv")
    locales, scripts = locale_rows(), default_scripts()
    grouped = read_table("language_groups")
    flores = {row["code"]: row["own_code"] for row in grouped if row["group"] == "flores-200"}
    locales.update({row["code"]: row["own_code"] for row in grouped if row["group"] == "cldr-100"})
    codes = set(web) | set(locales) | set(flores) | {row["code"] for row in grouped}
    for language in set(speakers) - {code[:3] for code in codes}:
        codes.add(canonical(language, scripts.get(language) or speakers[language]["scripts"].split()[0]))
    family_of = families(web, {code[:3] for code in codes})

    def order(code: str) -> tuple[str, bool, int, str]:
        size = int(str(web.get(code, {}).get("web_bytes", 0)))
        return code[:3], scripts.get(code[:3]) != code[4:], -size, code

    ordered = sorted(codes, key=order)
    first = {code for before, code in zip(["", *ordered], ordered, strict=False) if before[:3] != code[:3]}
    offers = {}
    for code in ordered:
        fallbacks = [str(web.get(code, {}).get("name", "")), speakers.get(code[:3], {}).get("name", "")]
        offers[code] = english_names(code, locales.get(code, ""), fallbacks)
    chosen, part2 = unique_names(offers, first), iso639_2_codes()

    with OUTPUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        for code in ordered:
            language, size = code[:3], web.get(code, {}).get("web_bytes", "")
            about = speakers.get(language, {})
            writer.writerow(Row(
                code=code, name=chosen[code],
                own_name=own_name(code, locales.get(code, ""), about.get("endonyms", ""), offers[code]),
                family=family_of.get(language, ""),
                speakers=exact_speakers(language, about.get("speakers", "")),
                web_bytes=str(size), resource_class=resource_class(code, int(str(size)) if size else None),
                iso639_1=ALPHA3_TO_2.get(language, ""), iso639_2=iso639_2(code, part2),
                flores=flores.get(code, ""), cldr_locale=locales.get(code, ""),
            ))  # fmt: skip


if __name__ == "__main__":
    main()
