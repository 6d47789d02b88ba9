"""Language: every scheme against written-down truths, other projects' code lists, and properties on any text."""

import csv
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect import language_codes
from panlect.errors import LanguageError
from panlect.language import RIGHT_TO_LEFT, SCHEMES, Language, codes_of, describe, group, groups

LOSSLESS = ("code", "bcp47", "flores", "nllb", "mbart", "xl-sum", "cldr")  # these name the script too

# What a reader of each standard would expect, one line per canonical code.
TRUTHS = """
swh_Latn  sw swa swh swahili Swahili Kiswahili sw-TZ sw_KE swa_Latn SWH_LATN __label__swh_Latn sw-Latn-TZ suaheli
eng_Latn  en eng English en-US eng-US en_XX en_US.UTF-8 simple en-u-ca-gregory en-x-pirate en_US_POSIX
cmn_Hans  zh zho chi cmn zh-CN zh_Hans zho_Hans cmn_Hani chinese chinese_simplified Mandarin 中文 zh-cmn-Hans-CN cn zh-SG
cmn_Hant  zh-Hant zh-TW zh_hk zh-MO zho_Hant chinese_traditional Traditional-Chinese zh-cht zh-Hant-HK
yue_Hant  yue zh-yue Cantonese yue_Hani zh-yue-HK
lzh_Hant  lzh zh-classical lzh_Hani
nan_Latn  nan zh-min-nan nan_Latn
arb_Arab  ar ara arb Arabic ar-EG arb_Arab العربية ar_AR
arz_Arab  arz ar-arz Egyptian-Arabic
pes_Arab  fa fas per pes Persian Farsi fa-IR pes_Arab فارسی fa_IR
prs_Arab  prs fa-AF Dari
zsm_Latn  ms msa may zsm Malay ms-MY
ind_Latn  id in ind Indonesian id_ID
nob_Latn  no nb nor nob no-bok Norwegian Bokmål nb-NO
nno_Latn  nn nno no-nyn Nynorsk
ekk_Latn  et est ekk Estonian est_Latn
lvs_Latn  lv lav lvs lvs_Latn lv_LV
khk_Cyrl  mn mon khk drh Mongolian
mvf_Mong  mn-Mong mn-CN
npi_Deva  ne nep npi Nepali ne_NP
gaz_Latn  om orm gaz Oromo
plt_Latn  mg mlg plt
pbt_Arab  ps pus pbt Pashto ps_AF
uzn_Latn  uz uzb uzn uz-UZ Uzbek
uzs_Arab  uz-AF uzb_Arab
als_Latn  sq sqi alb als Albanian
azj_Latn  az aze azj Azerbaijani az_AZ
azb_Arab  azb az-IR az_Arab
kmr_Latn  ku kur kmr Kurmanji Kurdish
ckb_Arab  ckb ku-Arab ku-IQ Sorani
ydd_Hebr  yi ji yid ydd Yiddish
ory_Orya  or ori ory Odia Oriya
quy_Latn  qu que quy
gug_Latn  gn grn gug grn_Latn
fuv_Latn  ff ful fuv
fuv_Adlm  ff-Adlm ff_Adlm
srp_Cyrl  sr srp scc serbian_cyrillic Serbian sr-RS
srp_Latn  sr-Latn sh serbian_latin sr_RS@latin sr-Latn-RS sr-ME
ron_Latn  ro ron rum mo mol Moldovan
heb_Hebr  he iw heb Hebrew עברית
jav_Latn  jv jw jav map-bms
jpn_Jpan  ja jp jpn Japanese 日本語 jpn_Hira ja_XX
kor_Hang  ko kor Korean 한국어 kor_Kore ko-KR
hin_Deva  hi hin Hindi हिन्दी hi-IN
pan_Guru  pa pan Punjabi Panjabi
pnb_Arab  pnb pa-PK pan_Arab lah
tgl_Latn  tl tgl Tagalog
fil_Latn  fil Filipino
bho_Deva  bh bho bih
gla_Latn  gd gla scottish_gaelic
pcm_Latn  pcm pidgin
run_Latn  rn run kirundi
bel_Cyrl  be bel be-tarask be-x-old
nds_Latn  nds nds-nl
sgs_Latn  bat-smg
vro_Latn  vro fiu-vro
deu_Latn  de deu ger German Deutsch de-CH-1996 deu_Latf
cat_Latn  ca cat ca-valencia
por_Latn  pt por-BR Portuguese pt_XX
spa_Latn  es es-419 spa
ell_Grek  el gre ell Greek gr
mya_Mymr  my bur mya Burmese
khm_Khmr  km khm Khmer
tha_Thai  th tha ไทย
urd_Arab  ur urd اردو
nqo_Nkoo  nqo N'Ko ߒߞߏ
chr_Cher  chr Cherokee ᏣᎳᎩ
zgh_Tfng  zgh
tzm_Tfng  tzm_Tfng tzm
crh_Latn  crh crh_Latn
hyw_Armn  hyw hy-arevmda
tlh_Latn  tlh i-klingon
rhg_Rohg  rhg-Rohg
dtp_Latn  kzj
fuc_Latn  fuc
fra_Latn  fr fre fra French français francés французский 法语
aka_Latn  ak aka
twi_Latn  tw twi
"""
PAIRS = [(text, code) for code, *texts in map(str.split, TRUTHS.strip().splitlines()) for text in texts]


@pytest.mark.parametrize(("text", "code"), PAIRS)
def test_parse_reads(text: str, code: str) -> None:
    assert Language.parse(text).code == code


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("swahilli", "swh_Latn (Swahili)"),
        ("Germn", "deu_Latn (German)"),
        ("hin_Dev", "hin_Deva"),
        ("German shepherd", "no language"),
        ("\x00", "no language"),
        ("zz", "no language is called 'zz'"),
        ("x-default", "no language"),
        ("sw-QQQQQQQQQ", "no language"),
        ("ber", "group of languages: Berber"),
        ("ber_Latn", "group of languages: Berber"),
        ("und", "no language"),
        ("und_Kana", "no language"),
        ("mul", "several languages"),
        ("", "no language"),
        ("aaa\x00", "no language"),
        ("🙂", "no language"),
        ("x" * 10_000, "no language"),
    ],
)
def test_parse_refuses_and_names_the_nearest(text: str, says: str) -> None:
    with pytest.raises(LanguageError) as caught:
        Language.parse(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_language_without_a_known_script_asks_for_it() -> None:
    with pytest.raises(LanguageError, match="which script") as caught:
        Language.parse("xdm")  # Edomite, extinct: in the registry, in none of our sources
    assert "xdm_Latn" in str(caught.value)
    assert Language.parse("xdm", script="Phnx").code == "xdm_Phnx"


def test_script_argument_wins() -> None:
    assert Language.parse("sr", script="Latn").code == "srp_Latn"
    assert Language.parse("srp_Cyrl", script="latn").code == "srp_Latn"
    assert Language.parse("zh", script="Hant").code == "cmn_Hant"
    assert Language.parse("Kurdish", script="Arab").code == "kmr_Arab"
    assert Language.parse("ku", script="Arab").code == "ckb_Arab"
    with pytest.raises(LanguageError, match="no script 'Abcd'"):
        Language.parse("sr", script="Abcd")


def test_scheme_argument_settles_codes_that_iso_gives_to_another_language() -> None:
    assert Language.parse("als").code == "als_Latn"
    assert Language.parse("als", scheme="wikipedia").code == "gsw_Latn"
    assert Language.parse("nrm", scheme="wikipedia").code == "nrf_Latn"
    assert Language.parse("sat_Beng", scheme="nllb").code == "sat_Olck"
    with pytest.raises(LanguageError, match="no scheme 'wikidata'"):
        Language.parse("als", scheme="wikidata")


@pytest.mark.parametrize(
    ("code", "scheme", "expected"),
    [
        ("swh_Latn", "bcp47", "sw"),
        ("swh_Latn", "iso639_1", "sw"),
        ("swh_Latn", "iso639_2", "swa"),
        ("swh_Latn", "iso639_3", "swh"),
        ("swh_Latn", "mbart", "sw_KE"),
        ("cmn_Hans", "flores", "zho_Hans"),
        ("cmn_Hant", "flores", "zho_Hant"),
        ("cmn_Hant", "bcp47", "zh-Hant"),
        ("cmn_Hant", "hub", "zh"),
        ("cmn_Hant", "glotlid", "cmn_Hani"),
        ("cmn_Hant", "cldr", "zh_Hant"),
        ("cmn_Hant", "xl-sum", "chinese_traditional"),
        ("ekk_Latn", "flores", "est_Latn"),
        ("ekk_Latn", "glotlid", "ekk_Latn"),
        ("gug_Latn", "flores", "grn_Latn"),
        ("srp_Latn", "bcp47", "sr-Latn"),
        ("srp_Cyrl", "bcp47", "sr"),
        ("nob_Latn", "oscar", "no"),
        ("nob_Latn", "hub", "nb"),
        ("nob_Latn", "cldr", "no"),
        ("gsw_Latn", "oscar", "als"),
        ("gsw_Latn", "wikipedia", "als"),
        ("als_Latn", "wikipedia", "sq"),
        ("yue_Hant", "wikipedia", "zh-yue"),
        ("sat_Olck", "flores", "sat_Olck"),
        ("sat_Olck", "nllb", "sat_Beng"),
        ("arz_Arab", "bcp47", "arz"),
        ("ckb_Arab", "bcp47", "ckb"),
        ("fuv_Adlm", "bcp47", "ff-Adlm"),
        ("kas_Deva", "flores", "kas_Deva"),
    ],
)
def test_to_gives_each_projects_own_code(code: str, scheme: str, expected: str) -> None:
    assert Language.parse(code).to(scheme) == expected


def test_to_refuses_what_does_not_exist() -> None:
    with pytest.raises(LanguageError, match="flores has no code for ang_Latn"):
        Language.parse("ang").to("flores")
    with pytest.raises(LanguageError, match="iso639_1 has no code"):
        Language.parse("chr").to("iso639_1")
    with pytest.raises(LanguageError, match="no scheme 'iso'"):
        Language.parse("sw").to("iso")


def test_parse_undoes_to_for_every_language_and_scheme() -> None:
    codes_given: Counter[str] = Counter()
    for code in language_codes.rows():
        language = Language(code)
        assert Language.parse(code) == language
        for scheme in SCHEMES:
            try:
                text = language.to(scheme)
            except LanguageError:
                continue
            codes_given[scheme] += 1
            assert Language.parse(text, script=language.script, scheme=scheme) == language, (scheme, text)
            if scheme in LOSSLESS:
                assert Language.parse(text, scheme=scheme) == language, (scheme, text)
    count = len(language_codes.rows())
    assert codes_given["bcp47"] == codes_given["iso639_3"] == codes_given["glotlid"] == count
    assert (codes_given["flores"], codes_given["nllb"], codes_given["mbart"]) == (204, 202, 52)
    assert codes_given["iso639_1"] >= 183


def test_every_name_is_unique_and_parses_back_unless_it_is_a_code() -> None:
    folded = [language_codes.fold(row.name) for row in language_codes.rows().values()]
    assert max(Counter(folded).values()) == 1
    for row in language_codes.rows().values():
        if len(row.name) > 3:
            assert Language.parse(row.name).code == row.code, row.name


# --- other people's lists ---------------------------------------------------------------------------------

WIKIPEDIAS = (
    "en simple de fr ceb sv ru es it pl arz zh ja uk vi war ar pt fa ca sr id ko no ce tr fi cs hu tt ro sh eu "
    "zh-min-nan ms eo he hy da bg cy sk uz azb et be simple kk min el hr lt gl ur az sl lld ka nn ta th hi bn mk la "
    "zh-yue ast lv af tg my mg mr sq mr oc bs te ml nds be-tarask ky sw jv lmo br vec new ht pnb pms su lb ba ga "
    "szl is ku ckb fy io cv pa tl an wuu diq sco vo yo ne gu kn als bar bat-smg scn bpy qu mn crh mzn si xmf ps frr "
    "nap os mai bug sd ace gor sah li nrm nv hsb am zh-classical or hif map-bms fo eml bcl ig km ilo sc bjn mi "
    "cdo hyw mhr roa-tara vls fiu-vro wa ia nah nso shn mni ia vep myv lfn udm kbp ary av gv mdf olo xal za dsb "
    "bo cbk-zam mrj ug gan kv hak lij as sat fur ay pcd bxr ext nia csb krc ln pfl ang lez glk stq mwl zu rw gag "
    "nov ksh frp hyw gn ab pdc pnt ang kbd kab lo haw lbe jam ady ty bi dag rmy ki cr iu kw mt kaa se got srn tet "
    "tn ts ss xh ve bm st chr kl ha tum pag to tpi pap ie nds-nl arc rue szy tcy wo xmf zea jbo din chy cu atj awa "
    "ban blk ch dty dv dz ee ff fj gcr guc gur guw inh kcg kg kj knc lg ltg lad mad mnw om nqo ny pam pcm pi pwn rm "
    "rn roa-rup sg shi skr sm sn so sd ti trv tw tyv tk tay nr mos anp fon tly bew gpe igl"
)  # fmt: skip
OSCAR = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb cs cv cy da de "
    "diq dsb dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gsw gu he hi hr hsb ht hu hy ia id ie ilo io "
    "is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms "
    "mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pl pms pnb ps pt qu rm ro ru rue sa sah scn sco "
    "sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vi vls vo wa war wuu xal xmf yi "
    "yo yue zh"
)  # fmt: skip


@pytest.mark.parametrize(("scheme", "codes"), [("wikipedia", WIKIPEDIAS), ("oscar", OSCAR)])
def test_reads_the_codes_of(scheme: str, codes: str) -> None:
    unread = []
    for code in codes.split():
        try:
            Language.parse(code, scheme=scheme)
        except LanguageError:
            unread.append(code)
    assert unread == []


def test_reads_every_locale_of_babel() -> None:
    from babel.core import get_global
    from babel.localedata import locale_identifiers

    likely = get_global("likely_subtags")
    for identifier in locale_identifiers():
        if identifier == "root":
            continue
        language = Language.parse(identifier)
        if re.fullmatch("[a-z]{2,3}", identifier) and identifier not in {"crh", "lad", "tzm"}:
            expected = language_codes.plain_code(language.iso639_3, likely[identifier].split("_")[1])[4:]
            assert language.script == expected, identifier


def test_reads_every_iso639_1_and_iso639_2_code_of_langcodes() -> None:
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LANGUAGE_ALPHA3_BIBLIOGRAPHIC

    for two, three in LANGUAGE_ALPHA3.items():
        if len(two) == 2 and two not in language_codes.WITHDRAWN:
            assert Language.parse(two) == Language.parse(three), two
            biblio = LANGUAGE_ALPHA3_BIBLIOGRAPHIC.get(two)
            assert biblio is None or Language.parse(biblio) == Language.parse(three), biblio


def test_macro_languages_resolve_to_their_members() -> None:
    from langcodes.data_dicts import LANGUAGE_ALPHA3, MACROLANGUAGES

    members = {(LANGUAGE_ALPHA3.get(macro, macro), LANGUAGE_ALPHA3.get(part, part)) for part, macro in MACROLANGUAGES.items()}  # fmt: skip
    members |= {("nor", "nob"), ("hbs", "srp"), ("pan", "pnb")}  # in ISO 639-3, or ours for Shahmukhi
    rows = language_codes.read_table("language_macros")
    for row in rows:
        assert row["individual"] == row["macro"] or (row["macro"], row["individual"]) in members, row
        assert row["reason"]
    decided = {row["macro"] for row in rows if not row["script"]}
    assert {macro for macro, _ in members} - decided == {"pan"}, "a macro-language without a decision"


@pytest.mark.real_data
def test_reads_the_languages_of_real_corpora(real_data: Path) -> None:
    metadata = real_data / "language_metadata"
    with (metadata / "fineweb2-language-distribution.csv").open(encoding="utf-8") as file:
        labels = {row["subset"] for row in csv.DictReader(file) if row["split"] == "train"}
    labels = {label for label in labels if not label.endswith("_removed") and not label.startswith("und_")}
    with (metadata / "url-nlp_language_metadata.tsv").open(encoding="utf-8") as file:
        tags = {row["BCP-47 code"] for row in csv.DictReader(file, delimiter="\t")}
    assert len(labels) > 1800
    assert len(tags) > 2800
    for label in labels:
        language = Language.parse(label)
        assert language.to("glotlid") == label or language.iso639_3 not in label or "Hani" in label, label
        assert language.web_bytes
    assert len({Language.parse(tag) for tag in tags}) > 2700


# --- facts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "own_name", "direction", "family", "resource_class"),
    [
        ("sw", "Swahili", "Kiswahili", "ltr", "Niger-Congo", "medium"),
        ("zh", "Simplified Chinese", "中文", "ltr", "Sino-Tibetan", "high"),
        ("zh-Hant", "Traditional Chinese", "中文", "ltr", "Sino-Tibetan", "high"),
        ("en", "English", "English", "ltr", "Indo-European", "high"),
        ("fa", "Persian", "فارسی", "rtl", "Indo-European", "high"),
        ("nqo", "N’Ko", "ߒߞߏ", "rtl", "Mixed", "scarce"),
        ("ff-Adlm", "Fula (Adlam)", "𞤆𞤵𞤤𞤢𞤪", "rtl", "Niger-Congo", ""),
        ("chr", "Cherokee", "ᏣᎳᎩ", "ltr", "Iroquoian", "scarce"),
        ("eu", "Basque", "euskara", "ltr", "Isolate", "medium"),
        ("azb", "South Azerbaijani", "آذربایجان تۆرکجه‌سی", "rtl", "Turkic", "low"),
    ],
)  # fmt: skip
def test_facts(text: str, name: str, own_name: str, direction: str, family: str, resource_class: str) -> None:
    found = Language.parse(text)
    assert (found.name, found.own_name, found.direction) == (name, own_name, direction)
    assert (found.family, found.resource_class) == (family, resource_class)


def test_facts_of_a_language_in_a_script_without_a_row() -> None:
    odd = Language.parse("sw-Thai")
    assert (odd.code, odd.name, odd.own_name) == ("swh_Thai", "Swahili (Thai)", "")
    assert (odd.family, odd.web_bytes, odd.resource_class, odd.cldr_locale) == ("Niger-Congo", None, "", "")
    assert odd.speakers == Language.parse("sw").speakers
    assert Language.parse("xdm-Phnx").name == "Edomite (Phnx)"


def test_resource_classes_follow_their_thresholds() -> None:
    for row in language_codes.rows().values():
        size = int(row.web_bytes) if row.web_bytes else None
        assert row.resource_class == language_codes.resource_class(row.code, size)
    assert language_codes.resource_class("xxx_Latn", 50_000_000_000) == "high"
    assert language_codes.resource_class("xxx_Latn", 49_999_999_999) == "medium"
    assert language_codes.resource_class("xxx_Latn", 9_999_999) == "scarce"


def test_direction_agrees_with_unicode_for_every_script_it_knows() -> None:
    from langcodes.data_dicts import ALL_SCRIPTS

    letters: dict[str, list[str]] = {}
    everything = "".join(c for c in map(chr, range(0x110000)) if unicodedata.category(c)[0] == "L")
    for script in sorted(ALL_SCRIPTS - language_codes.NO_SCRIPTS):
        try:
            letters[script] = regex.findall(rf"\p{{{script}}}", everything)
        except regex.error:
            continue
    known = {
        script: Counter(map(unicodedata.bidirectional, found)) for script, found in letters.items() if found
    }
    assert len(known) > 140
    for script, counts in known.items():
        right_to_left = counts["R"] + counts["AL"] > counts["L"]
        assert right_to_left == (script in RIGHT_TO_LEFT), script


def test_the_code_is_a_value() -> None:
    a, b = Language.parse("sw"), Language.parse("swahili")
    assert a == b
    assert hash(a) == hash(b)
    assert Language.parse(a) is not None
    assert sorted([Language.parse("zu"), a, Language.parse("af")])[0].code == "afr_Latn"
    assert str(a) == f"{a}" == "swh_Latn"
    with pytest.raises(AttributeError):
        a.code = "eng_Latn"  # type: ignore[misc]
    for wrong in ("sw", "SWH_Latn", "swh_latn", "swh_Latn ", ""):
        with pytest.raises(LanguageError, match=r"Language\.parse"):
            Language(wrong)
    with pytest.raises(LanguageError, match="must be text"):
        Language.parse(7)  # type: ignore[arg-type]


# --- groups -------------------------------------------------------------------------------------------------


def test_lists_have_their_sizes_and_no_language_twice() -> None:
    sizes = {
        "cldr-100": 100,
        "cldr-24": 24,
        "cldr-30": 30,
        "instructed-30": 30,
        "flores-200": 204,
        "xllms-100": 100,
    }
    sizes |= {"nllb-200": 202, "mbart-50": 52, "xl-sum": 45}
    for name, size in sizes.items():
        members = group(name)
        assert len(members) == len(set(members)) == size, name
        assert name in groups()
        assert all(Language.parse(language.code) == language for language in members)
    assert {name for name in groups() if ":" not in name} == set(sizes)


def test_cldr_groups_hold_english_many_scripts_and_one_inside_the_other() -> None:
    hundred = group("cldr-100")
    assert set(group("cldr-24")) < set(hundred)
    assert set(group("cldr-30")) < set(hundred)
    assert group("instructed-30") == group("cldr-30")
    english = Language.parse("en")
    assert english in group("cldr-24")
    assert english in group("cldr-30")
    assert len({language.script for language in hundred}) >= 30
    twenty_four = {language.script for language in group("cldr-24")}
    assert twenty_four >= {"Latn", "Cyrl", "Arab", "Deva", "Hans", "Thai", "Ethi", "Hebr", "Jpan", "Hang"}
    classes = Counter(language.resource_class for language in group("cldr-30"))
    assert classes["high"] >= 20


def test_cldr_100_is_complete_in_babel() -> None:
    from babel.localedata import load

    for language in group("cldr-100"):
        data = load(language.cldr_locale, merge_inherited=False)
        assert Language.parse(language.cldr_locale) == language
        assert len(data["territories"]) >= 280, language
        assert len(data["languages"]) >= 140, language
        assert len(data["currency_names"]) >= (10 if language.code == "sat_Olck" else 70), language
        assert len(data["months"]["format"]["wide"]) == 12
        assert len(data["days"]["format"]["wide"]) == 7


def test_cldr_100_holds_no_two_locales_with_nearly_the_same_names() -> None:
    from itertools import combinations

    from babel.localedata import load

    names = {code: load(code.cldr_locale, merge_inherited=False)["territories"] for code in group("cldr-100")}
    for one, other in combinations(names, 2):
        same = sum(name == names[other].get(key) for key, name in names[one].items())
        assert same < 0.7 * len(names[one]), (one, other)


def test_flores_is_the_published_list() -> None:
    codes = {language.to("flores") for language in group("flores-200")}
    assert len(codes) == 204
    assert {
        "zho_Hans",
        "zho_Hant",
        "est_Latn",
        "grn_Latn",
        "kon_Latn",
        "arb_Latn",
        "tzm_Tfng",
        "ajp_Arab",
    } <= codes


def test_script_and_family_groups() -> None:
    arabic = group("script:Arab")
    assert {"arb_Arab", "urd_Arab", "pes_Arab", "uig_Arab"} <= {language.code for language in arabic}
    assert {language.script for language in arabic} == {"Arab"}
    assert {"tur_Latn", "kaz_Cyrl", "uig_Arab"} <= {language.code for language in group("family:Turkic")}
    assert group("family:turkic") == group("family:Turkic")
    for wrong in ("cldr-99", "script:", "script:Xxxx", "family", ""):
        with pytest.raises(LanguageError, match="no group") as caught:
            group(wrong)
        assert "cldr-100" in str(caught.value)


def test_a_minus_takes_languages_and_groups_away() -> None:
    rest = codes_of(["cldr-100", "-cldr-30"])
    assert len(rest) == 70
    assert set(rest) | {language.code for language in group("cldr-30")} == set(codes_of("cldr-100"))
    assert codes_of(["sw", "th", "ur", "-script:Arab", "-sw"]) == ("tha_Thai",)
    assert codes_of(["sw", "-th"]) == ("swh_Latn",)
    assert codes_of(["-sw", "sw"]) == ("swh_Latn",)
    assert codes_of(()) == ()
    for nothing in (["-sw"], ["cldr-24", "-cldr-100"], "-cldr-24"):
        with pytest.raises(LanguageError, match="no language is left"):
            codes_of(nothing)
    with pytest.raises(LanguageError):
        codes_of(["cldr-100", "-cldr-99"])


def test_describe_has_the_same_cells_for_every_language() -> None:
    row = describe("zh-TW")
    assert (row["code"], row["script"], row["flores"]) == ("cmn_Hant", "Hant", "zho_Hant")
    assert row["speakers"] == Language.parse("zh-TW").speakers
    assert "cldr-100" in row["groups"]  # type: ignore[operator]
    bare = describe("xdm-Phnx")
    assert list(bare) == list(row)
    assert (bare["flores"], bare["speakers"], bare["groups"], bare["bcp47"]) == ("", None, [], "xdm-Phnx")


def test_the_docs_show_the_macro_table_as_it_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "languages.md").read_text(encoding="utf-8")
    rows = language_codes.read_table("language_macros")
    for row in rows:
        read = row["macro"] + (f" in {row['script']}" if row["script"] else "")
        assert f"| {read} | {row['individual']} | {row['reason']} |" in page
    section = page.split("## Macro-languages")[1].split("\n## ")[0]
    assert section.count("\n| ") == len(rows) + 1


# --- properties ---------------------------------------------------------------------------------------------

SUBTAGS = st.sampled_from(["sw", "zh", "cmn", "sr", "Latn", "Hant", "TW", "419", "x", "u", "1996", "XX", "", "@", "__label__"])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(SUBTAGS, max_size=6).map("-".join), st.from_regex("[a-z]{2,3}([-_][A-Za-z]{4})?", fullmatch=True)))  # fmt: skip
def test_any_text_gives_a_stable_language_or_our_error(text: str) -> None:
    try:
        language = Language.parse(text)
    except LanguageError:
        return
    assert language_codes.CANONICAL.fullmatch(language.code)
    assert Language.parse(language.code) == language
    assert Language.parse(f"  {text.upper()} ") == language or not text.isascii()
    assert Language.parse(language.bcp47) == language
    assert language.name
    assert language.direction in {"ltr", "rtl"}


def test_importing_reads_nothing_heavy() -> None:
    heavy = "{'babel', 'langcodes', 'language_data', 'numpy', 'polars', 'pydantic', 'torch'}"
    script = f"import sys; import panlect.language; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_codes_of_languages_and_groups_by_any_name() -> None:
    assert codes_of("sw") == ("swh_Latn",)
    assert codes_of(("hi", "swahili", "sw")) == ("hin_Deva", "swh_Latn")
    assert len(codes_of("cldr-24")) == 24
    with pytest.raises(LanguageError):
        codes_of(("qqqqq",))
