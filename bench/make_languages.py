"""Compile src/panlect/languages.csv from its public sources; docs/languages.md says which column comes from where.

    python bench/make_languages.py --metadata DIR

DIR holds ``fineweb2-language-distribution.csv`` (the FineWeb-2 repository) and
``url-nlp_language_metadata.tsv`` (Google's url-nlp repository). Everything else comes from the
installed Babel and language_data packages. The output depends on nothing but these.
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

from babel import Locale
from babel.core import UnknownLocaleError, get_global
from babel.localedata import load, locale_identifiers
from langcodes import Language as Tag
from langcodes.data_dicts import LANGUAGE_ALPHA3

from panlect.language_codes import Row, plain_code, read_table, resource_class

OUTPUT = Path(__file__).parents[1] / "src" / "panlect" / "languages.csv"
ALPHA3_TO_2 = {alpha3: alpha2 for alpha2, alpha3 in LANGUAGE_ALPHA3.items() if len(alpha2) == 2}
FAMILIES = {"Oto-Manguean": "Otomanguean", "Artificial Language": "Constructed", "Constructed language": "Constructed",
            "Atlantic-Congo": "Niger-Congo", "Language isolate": "Isolate", "Mixed language": "Mixed", "-": ""}  # fmt: skip


def canonical(language: str, script: str) -> str:
    """The canonical code of an ISO 639-3 code with a script that is already known."""
    return plain_code(language, script)


def default_scripts() -> dict[str, str]:
    """The likely script of every language that Unicode's likely subtags know, by ISO 639-3 individual code."""
    scripts: dict[str, str] = {}
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
    """Speakers, scripts and names by ISO 639-3 individual code; the individual's own row wins over its macro-language's."""
    found: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in sorted(rows, key=lambda row: "macrolanguage" in row["Name (Glottolog)"]):
        language = row["ISO 639 code"]
        scripts = [script for script in row["Writing system(s), ISO 15924"].split(",") if len(script) == 4]
        if not re.fullmatch("[a-z]{3}", language) or not scripts:
            continue
        individual = canonical(language, scripts[0])[:3]
        found.setdefault(individual, {
            "scripts": " ".join(scripts), "speakers": row["Number of speakers (rounded)"],
            "name": re.sub(r" \(macrolanguage\)", "", row["Name (Glottolog)"]),
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


def names(code: str, locale: str, fallback: str) -> tuple[str, str]:
    """English name and own name, from CLDR where it has them."""
    language, script = code.split("_")
    tag = ALPHA3_TO_2.get(language, language)
    own = ""
    if locale:
        try:
            own = Locale.parse(locale).languages.get(locale.split("_")[0], "")
        except UnknownLocaleError:
            own = ""
    english = Locale("en").languages.get(tag) or Locale("en").languages.get(locale.split("_")[0])
    name = english or fallback or Tag.get(tag, normalize=False).language_name()
    if not own:

        guess = Tag.make(language=tag, script=script).autonym()
        own = guess.split(" (")[0] if guess not in {name, tag} else ""
    return re.sub(r" \((individual language|macrolanguage)\)$", "", name), own


def exact_speakers(text: str) -> str:
    """Rounded counts are kept; a range is kept as its lower end, and "<10K" as an empty cell."""
    return {"10K-100K": "10000", "<10K": "", "n/a": ""}.get(text, text if text.isdigit() else "")


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
    listed = {language for language, row in speakers.items()}
    codes = set(web) | set(locales) | {row["code"] for row in grouped}
    written = defaultdict(set)
    for code in codes:
        written[code[:3]].add(code)
    for language in listed - set(written):
        codes.add(canonical(language, scripts.get(language) or speakers[language]["scripts"].split()[0]))
    family_of = {code[:3]: row["family"] for code, row in web.items() if row["family"]}

    def order(code: str) -> tuple[str, bool, int, str]:
        size = int(str(web.get(code, {}).get("web_bytes", 0)))
        return code[:3], scripts.get(code[:3]) != code[4:], -size, code

    with OUTPUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, Row._fields, lineterminator="\n")
        writer.writeheader()
        for code in sorted(codes, key=order):
            language, source = code[:3], web.get(code, {})
            fallback = str(source.get("name") or speakers.get(language, {}).get("name", ""))
            name, own_name = names(code, locales.get(code, ""), fallback)
            size = source.get("web_bytes", "")
            writer.writerow({
                "code": code, "name": name, "own_name": own_name, "family": family_of.get(language, ""),
                "speakers": exact_speakers(speakers.get(language, {}).get("speakers", "")),
                "web_bytes": size, "resource_class": resource_class(code, int(str(size)) if size else None),
                "iso639_1": ALPHA3_TO_2.get(language, ""), "flores": flores.get(code, ""),
                "cldr_locale": locales.get(code, ""),
            })  # fmt: skip


if __name__ == "__main__":
    main()
