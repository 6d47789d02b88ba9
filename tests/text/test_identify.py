"""Identification: script first, then a model; the trained one on a language that packages lack."""

import importlib.util
import sys

import numpy as np
import pytest

from panlect.errors import ConfigError, DataError
from panlect.text.identify import Identifier, letters_of, mixing
from panlect.text.identify_heliport import Heliport, Widened
from panlect.text.identify_ngrams import Extended, Ngrams
from panlect.text.identify_packaged import NAMES, load, widest
from panlect.text.identify_scores import evaluate
from panlect.text.scripts import main_script, main_scripts, script_of

SENTENCES = {
    "swh_Latn": "Soko la samaki hufunguliwa kila siku asubuhi na mapema sana.",
    "yor_Latn": "Àwọn ọmọ ilé ẹ̀kọ́ náà ń kà ìwé ní àárọ̀ yìí.",
    "deu_Latn": "Der Markt öffnet jeden Morgen um sieben Uhr seine Tore.",
    "rus_Cyrl": "Рынок открывается каждое утро в семь часов.",
    "ukr_Cyrl": "Ринок відчиняється щоранку о сьомій годині, приходьте завтра.",
    "arb_Arab": "يفتح السوق كل صباح في الساعة السابعة تماما.",
    "urd_Arab": "بازار ہر صبح سات بجے کھلتا ہے اور شام کو بند ہوتا ہے۔",
    "hin_Deva": "बाज़ार हर सुबह सात बजे खुलता है और शाम को बंद होता है।",
    "tha_Thai": "ตลาดเปิดทุกเช้าเวลาเจ็ดโมง",
    "kat_Geor": "ბაზარი ყოველ დილით შვიდ საათზე იხსნება.",
    "jpn_Jpan": "市場は毎朝七時に開きます。",
    "cmn_Hans": "市场每天早上七点开门，欢迎大家来买菜。",
    "kor_Hang": "시장은 매일 아침 일곱 시에 문을 엽니다.",
    "khm_Khmr": "ផ្សារបើករៀងរាល់ព្រឹកម៉ោងប្រាំពីរ។",
    "ell_Grek": "Η αγορά ανοίγει κάθε πρωί στις επτά.",
}


def test_scripts():
    assert [script_of(c) for c in "aяअกᏣ中あߒ5 "] == [
        "Latn", "Cyrl", "Deva", "Thai", "Cher", "Hani", "Hira", "Nkoo", "Zyyy", "Zyyy",
    ]  # fmt: skip
    assert main_script("日本語のテキスト") == "Jpan"
    assert main_script("东京大学の学生说中文很好的时候我们都很高兴因为他们学得很快") == "Hani"
    assert main_script("12, 34!") == "Zyyy"
    assert main_scripts(["abc д", ""]) == [("Latn", 4, 0.75), ("Zyyy", 0, 0.0)]


@pytest.fixture
def needed(name: str) -> str:
    """Return the model's name; skip the test where its package, which is an extra, is missing."""
    if name in ("wide", "heliport"):
        pytest.importorskip("heliport", reason="the extra heliport is not installed")
    return name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("needed")
def test_sentences_in_many_scripts(name):
    guesses = Identifier(load(name)).identify(list(SENTENCES.values()))
    right = {true: guess.language for true, guess in zip(SENTENCES, guesses, strict=True)}
    assert sum(true[:3] == guess[:3] for true, guess in right.items()) >= 14, right
    shouted = Identifier(load(name)).identify([SENTENCES["deu_Latn"].upper(), SENTENCES["rus_Cyrl"].upper()])
    assert [guess.language for guess in shouted] == ["deu_Latn", "rus_Cyrl"]


def test_chinese_in_both_forms():
    texts = ["市场每天早上七点开门，欢迎大家来买菜。", "市場每天早上七點開門，歡迎大家來買菜。"]
    guesses = Identifier(load("both")).identify(texts)
    assert [guess.language for guess in guesses] == ["cmn_Hans", "cmn_Hant"]
    assert all(guess.score > 0.9 for guess in guesses)


def test_what_is_no_language():
    texts = ["12.5 - 13", "https://example.org/en/page", "", "   ", "@user #tag", "abc"]
    languages = [guess.language for guess in Identifier(load("both")).identify(texts)]
    assert languages == ["zxx_Zyyy"] * 5 + ["und_Zyyy"]
    assert letters_of("see https://x.org/a?b=1 NOW, 5 times") == "see NOW, times"


def test_a_page_with_a_foreign_menu_and_code_is_its_running_text():
    menu = "Home About us Contact News Sign in Read more Terms of use Privacy policy\n" * 8
    page = menu + f"{SENTENCES['deu_Latn']}\n" * 40 + menu
    code = "```\n" + "for each item in the list return the value of it\n" * 60 + "```\n"
    manual = f"# `run_the_server()`\n{SENTENCES['kor_Hang']}\n{code}{SENTENCES['kor_Hang']}"
    guesses = Identifier(load("both")).identify([page, manual])
    assert [guess.language for guess in guesses] == ["deu_Latn", "kor_Hang"]
    sample = letters_of("a" * 500 + "b" * 700 + "c" * 500)
    assert (sample.count("a"), sample.count("b"), sample.count("c")) == (200, 200, 200)


class Answers:
    """A model that knows its answers."""

    def __init__(self, languages: tuple[str, ...], rows: dict[str, list[float]]) -> None:
        self.languages, self.rows, self.asked = languages, rows, list[str]()

    def scores(self, texts):
        self.asked += texts
        return np.array([self.rows[text] for text in texts], dtype=np.float32)


def test_the_wider_model_is_asked_where_the_first_is_not_sure():
    first = Answers(("eng_Latn", "deu_Latn"), {"sure": [0.95, 0.05], "doubt": [0.6, 0.4]})
    second = Answers(("deu_Latn", "gsw_Latn"), {"doubt": [0.0, 1.0]})
    found = Widened(first, np.array([2, 1]), second).scores(["sure", "doubt"])
    assert second.asked == ["doubt"]
    # deu: the mean over the two models that know it, .4 and 0; eng and gsw: what the one that knows it says.
    np.testing.assert_allclose(found, [[0.95, 0.05, 0], np.array([0.6, 0.2, 1.0]) / 1.8], rtol=1e-6)


def test_the_compiled_loop_gives_the_scores_of_the_package():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    theirs = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    ours = load("langid")
    for text, row in zip(SENTENCES.values(), ours.scores(list(SENTENCES.values())), strict=True):
        label, score = theirs.classify(text)
        assert row.max() == pytest.approx(score, rel=1e-3), label


def test_cld2_does_not_claim_languages_that_it_has_no_table_for():
    assert "xho_Latn" in load("cld2").languages
    # They are in its list of names; a language that it never names would be contradicted in every text.
    assert not {"ewe_Latn", "luo_Latn", "oss_Cyrl", "twi_Latn"} & set(load("cld2").languages)


def test_one_sentence_and_many_give_the_same_guess():
    identifier = Identifier(load("both"))
    together = identifier.identify(list(SENTENCES.values()))
    for text, guess in zip(SENTENCES.values(), together, strict=True):
        alone = identifier.identify([text])[0]
        assert alone.language == guess.language
        assert alone.score == pytest.approx(guess.score, rel=1e-4)


def test_choosing_among_some_languages_only():
    identifier = Identifier(load("langid"), among=["deu_Latn", "nld_Latn"])
    assert identifier.identify(["The market opens every morning at seven."])[0].language in (
        "deu_Latn",
        "nld_Latn",
    )


def test_mixed_documents():
    text = "\n".join([SENTENCES["swh_Latn"]] * 3 + [SENTENCES["rus_Cyrl"], "12:30"])
    found = mixing(text, Identifier(load("both")))
    assert found.main == "swh_Latn"
    assert 0.7 < found.share < 0.85
    assert found.languages.keys() == {"swh_Latn", "rus_Cyrl"}


def invented(vowels: str, seed: int, count: int = 60) -> list[str]:
    random = np.random.default_rng(seed)
    words = [
        "".join(
            c + v
            for c, v in zip(random.choice(list("ktpmns"), 3), random.choice(list(vowels), 3), strict=True)
        )
        for _ in range(80)
    ]
    return [" ".join(random.choice(words, 8)) for _ in range(count)]


def test_a_language_that_packages_lack_is_learned_from_seed_text(tmp_path):
    seed = {
        "dag_Latn": invented("ɔɛŋu", 1),
        "swh_Latn": [SENTENCES["swh_Latn"]],
        "deu_Latn": [SENTENCES["deu_Latn"]],
    }
    model = Ngrams.train(seed)
    model.save(tmp_path / "own.npz")
    again = Ngrams.load(tmp_path / "own.npz")
    extended = Extended(load("langid"), again)
    assert extended.extra == ("dag_Latn",)
    texts = [*invented("ɔɛŋu", 2, 20), SENTENCES["deu_Latn"], SENTENCES["rus_Cyrl"], SENTENCES["swh_Latn"]]
    guesses = [guess.language for guess in Identifier(extended).identify(texts)]
    assert guesses == ["dag_Latn"] * 20 + ["deu_Latn", "rus_Cyrl", "swh_Latn"]
    by_name = Identifier(load(f"langid+{tmp_path / 'own.npz'}")).identify(texts[:1])
    assert by_name[0].language == "dag_Latn"


def test_mistakes_are_explained(tmp_path):
    with pytest.raises(ConfigError, match="no identifier 'glotlid'"):
        load("glotlid")
    with pytest.raises(DataError, match="two languages"):
        Ngrams.train({"swh_Latn": ["a"]})
    (tmp_path / "bad.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="no identification model"):
        load(str(tmp_path / "bad.npz"))


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "heliport", None)
    with pytest.raises(ConfigError, match=r"panlect\[heliport\]"):
        Heliport()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert widest() == "both"


def test_evaluation_counts_by_hand():
    truth = ["hrv_Latn"] * 4 + ["deu_Latn"] * 2
    guesses = ["hrv_Latn", "bos_Latn", "bos_Latn", "deu_Latn", "deu_Latn", "deu_Latn"]
    german, croatian = evaluate(guesses, truth)
    assert (croatian.accuracy, croatian.precision, croatian.accuracy_in_group) == (0.25, 1.0, 0.75)
    assert croatian.most_common_error == "bos_Latn"
    assert german.f1 == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))


@pytest.mark.real_data
def test_real_sentences_in_seventy_languages(real_data):
    from panlect.language import Language

    texts, truth = [], []
    for file in sorted(real_data.glob("lingua_testdata/*/testdata/sentences.txt")):
        lines = [line for line in file.read_bytes().decode().split("\n") if line.strip()][:20]
        texts += lines
        truth += [Language.parse(file.parts[-3]).code] * len(lines)
    scores = {}
    for name in ("both", "langid", "cld2"):
        guesses = [guess.language for guess in Identifier(load(name)).identify(texts)]
        scores[name] = np.mean([score.f1 for score in evaluate(guesses, truth)])
    assert scores["both"] >= 0.94
    assert scores["both"] >= max(scores["langid"], scores["cld2"])
