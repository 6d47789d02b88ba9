import importlib.util
from pathlib import Path

import pytest

from panlect.benchmarks import benchmark
from panlect.benchmarks.benchmark import Answer
from panlect.benchmarks.language_check import Check, check, scores

KNOWS = importlib.util.find_spec("py3langid") is not None
needs_langid = pytest.mark.skipif(not KNOWS, reason="py3langid is not installed")
SWAHILI = "Habari ya asubuhi, jina langu ni Juma na ninaishi mjini Nairobi pamoja na familia yangu."
ENGLISH = "Good morning, my name is Juma and I live in the city of Nairobi with my family."


@pytest.mark.parametrize(
    ("text", "requested", "expected"),
    [
        ("สวัสดีตอนเช้า ผมชื่อจูมา อาศัยอยู่ในเมือง", "tha_Thai", 0.0),
        (ENGLISH, "tha_Thai", 1.0),
        ("ᎣᏏᏲ ᏙᎯᏧ ᎠᏂᏴᏫᏯ ᎠᏰᎵ ᎤᎾᏙᏢᏒ ᎨᏒᎢ", "chr_Cher", 0.0),
        ("ߒ ߓߍ߫ ߡߊ߬ߟߏ ߝߍ߬ ߤߊߟߌ߬ ߞߎߘߊ ߟߎ߬ ߟߊ߫", "nqo_Nkoo", 0.0),
        ("ߒ ߓߍ߫ ߡߊ߬ߟߏ ߝߍ߬ ߤߊߟߌ߬ ߞߎߘߊ ߟߎ߬ ߟߊ߫", "khm_Khmr", 1.0),
        ("我今天早上去了学校,然后和朋友一起吃了午饭,真的很开心。", "cmn_Hans", 0.0),
        ("今日は朝から学校に行きました。友だちとお昼を食べました。", "jpn_Jpan", 0.0),
    ],
)
def test_scripts_decide_where_they_can(text: str, requested: str, expected: float) -> None:
    assert scores(text, requested).get("off_target") == expected


def test_short_and_empty_answers_are_not_judged() -> None:
    assert scores("ndiyo", "swh_Latn") == {"undetermined": 1.0}
    assert scores("12 345 🙂", "swh_Latn") == {"undetermined": 1.0}
    assert scores(" ", "swh_Latn") == {}


@needs_langid
def test_languages_of_one_script() -> None:
    assert scores(SWAHILI, "swh_Latn") == {"undetermined": 0.0, "off_target": 0.0}
    assert scores(ENGLISH, "swh_Latn") == {"undetermined": 0.0, "off_target": 1.0}
    assert "naq_Latn" not in check().known
    assert scores(ENGLISH, "naq_Latn") == {"undetermined": 1.0}  # not known, so nothing can be said


def test_without_a_model_latin_letters_say_little() -> None:
    by_script = Check("script", (), lambda text, candidates: "und")
    assert by_script.identify(ENGLISH, ("swh_Latn", "eng_Latn")) == "und"
    assert by_script.identify(ENGLISH, ("urd_Arab", "eng_Latn")) == "eng_Latn"
    assert by_script.identify("ฉันชอบ", ("urd_Arab", "eng_Latn")) == "other_Thai"
    assert check().name in ("langid", "script")


def test_language_confusion(tmp_path: Path) -> None:
    folder = tmp_path / "test_sets" / "crosslingual" / "okapi"
    folder.mkdir(parents=True)
    header = "prompt,location,phrasing,language,source\n"
    (folder / "ru.csv").write_text(
        header
        + '"Reply in Russian. Say ""hi"".\nTwice",Start,x,ru,okapi\n,Start,x,ru,okapi\nx,End,x,qqq,okapi\n'
    )
    found = benchmark("language_confusion")
    reading = found.read(tmp_path, ())
    row = reading.rows[0]
    assert (row["language"], row["group"], row["prompt"]) == (
        "rus_Cyrl", "crosslingual", 'Reply in Russian. Say "hi".\nTwice',
    )  # fmt: skip
    assert [each["reason"] for each in reading.dropped] == ["no prompt", "unknown language"]
    russian = "Привет, меня зовут Иван и я живу в большом городе."
    for text, label, word in [
        (ENGLISH, "off_target", None),
        (f"{russian}\n{ENGLISH}", "off_target", None),
        ("Да.", "correct", 1.0),
        ("Да, market.", "correct", 0.0),
        ("", "empty", None),
    ]:
        verdict = found.judge(row, Answer(text))
        assert (verdict.label, verdict.scores.get("word_pass")) == (label, word), text
    if KNOWS:
        assert found.judge(row, Answer(russian)).label == "correct"
