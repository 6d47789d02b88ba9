from pathlib import Path

import polars as pl
import pytest

from panlect.cli import main
from panlect.config import Config, check
from panlect.draft import draft
from panlect.errors import ConfigError, DataError, ModelError
from panlect.folder import External, Folder
from panlect.model import tokenizer_training as training
from panlect.stages.audit import AuditConfig, audit

LINES = {
    "eng_Latn": ["The cat sat on the mat.", "", "Where is the river?"],
    "tha_Thai": ["แมวนั่งบนเสื่อ", "", "แม่น้ำอยู่ที่ไหน"],
    "urd_Arab": ["بلی چٹائی پر بیٹھی۔", "x", "دریا کہاں ہے؟"],
}


class Nothing(Config):
    """No settings."""


def config(**values: object) -> AuditConfig:
    return check(AuditConfig, values, where="test")


@pytest.fixture
def english(tmp_path: Path) -> External:
    """A tokenizer that knows English words and nothing else."""
    training.save(training.train([" ".join(LINES["eng_Latn"])] * 5, 330), tmp_path / "english")
    return External(str(tmp_path / "english"))


@pytest.fixture
def lines(tmp_path: Path) -> External:
    (tmp_path / "lines").mkdir()
    for language, rows in LINES.items():
        (tmp_path / "lines" / f"{language}.dev").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return External(str(tmp_path / "lines"))


def value(folder: Folder, measure: str, language: str = "", step: str = "english") -> float | None:
    rows = folder.numbers().filter(
        (pl.col("measure") == measure) & (pl.col("language") == language) & (pl.col("step") == step)
    )
    return rows["value"].item()


def test_the_premium_is_the_ratio_of_tokens_on_the_same_lines(
    tmp_path: Path, english: External, lines: External
) -> None:
    made = audit([english, lines], tmp_path / "audit", config())
    engine = training.Tokenizer.from_file(str(tmp_path / "english" / "tokenizer.json"))

    def tokens(language: str) -> int:
        return sum(len(engine.encode(LINES[language][row]).ids) for row in (0, 2))

    assert value(made, "premium", "tha_Thai") == pytest.approx(tokens("tha_Thai") / tokens("eng_Latn"))
    assert value(made, "premium", "eng_Latn") == 1
    assert value(made, "premium", "tha_Thai") > 3
    assert value(made, "byte_fallback", "tha_Thai") > 0.9
    assert value(made, "byte_fallback", "eng_Latn") == 0
    assert value(made, "round_trip_failures", "urd_Arab") == 0
    assert value(made, "character_coverage", "eng_Latn") == 1
    assert value(made, "continued_words", "tha_Thai") is None
    assert value(made, "gini_of_cost") > 0
    assert value(made, "parity") < 0.4
    worst = [
        line
        for line in (made.path / "log.txt").read_text().splitlines()
        if "_Thai" in line or "_Latn" in line
    ]
    assert "tha_Thai" in worst[0], "the worst comes first"


def test_price_and_context_follow_from_characters_per_token(
    tmp_path: Path, english: External, lines: External
) -> None:
    settings = config(price_per_million_tokens=2.0, context_tokens=1000)
    made = audit([english, lines], tmp_path / "audit", settings)
    per_token = value(made, "characters_per_token", "tha_Thai")
    assert value(made, "price", "tha_Thai") == pytest.approx(2.0 / per_token)
    assert value(made, "context_characters", "tha_Thai") == pytest.approx(1000 * per_token)


def test_several_tokenizers_side_by_side(tmp_path: Path, english: External, lines: External) -> None:
    training.save(training.train([" ".join(rows) for rows in LINES.values()] * 5, 420), tmp_path / "all")
    inputs = [english, External(str(tmp_path / "all" / "tokenizer.json")), english, lines]
    made = audit(inputs, tmp_path / "audit", config())
    assert set(made.numbers()["step"]) == {"english", "all", "english 2"}
    assert value(made, "premium", "tha_Thai", "all") < value(made, "premium", "tha_Thai")


def test_pairs_and_documents(tmp_path: Path, english: External) -> None:
    pairs = pl.DataFrame(
        {
            "id": ["0", "1", "2"],
            "source_text": ["Where is the river?", "Where is the river?", "The cat"],
            "target_text": ["แม่น้ำอยู่ที่ไหน", "دریا کہاں ہے؟", "แมว"],
            "source_language": ["eng_Latn"] * 3,
            "target_language": ["tha_Thai", "urd_Arab", "tha_Thai"],
            "source": ["test"] * 3,
            "licence": ["CC0-1.0"] * 3,
        }
    )
    documents = pl.DataFrame(
        {"id": ["d"], "text": ["ᎣᏏᏲ"], "language": ["chr_Cher"], "source": ["test"], "licence": ["CC0-1.0"]}
    )
    folders = []
    for kind, frame in (("pair", pairs), ("document", documents)):
        with draft(tmp_path / kind, "text", 1, Nothing(), []) as work:
            work.write(kind, frame)
        folders.append(work.folder)
    made = audit([english, *folders], tmp_path / "audit", config())
    counts = made.numbers().filter(pl.col("measure") == "premium")
    assert dict(counts.select("language", "count").iter_rows()) == {
        "eng_Latn": 2,
        "tha_Thai": 2,
        "urd_Arab": 1,
    }
    assert value(made, "bytes_per_token", "chr_Cher") == pytest.approx(1.0)


def test_the_offline_default_is_the_cldr(tmp_path: Path, english: External) -> None:
    made = audit([english], tmp_path / "audit", config(languages=["sw", "th"], training_tokens=1e8))
    assert set(made.numbers().filter(pl.col("measure") == "premium")["language"]) == {
        "eng_Latn",
        "swh_Latn",
        "tha_Thai",
    }
    assert value(made, "premium", "tha_Thai") > 2 > value(made, "premium", "swh_Latn")
    advice = made.manifest["notes"]["advice for english"]
    assert advice["tha_Thai"]["verdict"] == "extend"
    assert advice["eng_Latn"]["verdict"] == "keep"


def test_unknown_tokens_exclude_a_language(tmp_path: Path, lines: External) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    engine = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1, "The": 2, "cat": 3}, unk_token="[UNK]"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    (tmp_path / "words").mkdir()
    engine.save(str(tmp_path / "words" / "tokenizer.json"))
    made = audit([External(str(tmp_path / "words")), lines], tmp_path / "audit", config())
    premium = made.numbers().filter((pl.col("measure") == "premium") & (pl.col("language") == "tha_Thai"))
    assert (premium["value"].item(), premium["unit"].item()) == (None, "excluded")


def test_text_that_comes_back_in_another_spelling_is_not_lost(tmp_path: Path) -> None:
    training.save(training.train(["abc"], 300), tmp_path / "nfc")
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "eng_Latn.txt").write_text("cafe\u0301\nabc\n", encoding="utf-8")
    inputs = [External(str(tmp_path / "nfc")), External(str(tmp_path / "lines"))]
    made = audit(inputs, tmp_path / "audit", config())
    assert value(made, "round_trip_failures", "eng_Latn", "nfc") == 0
    assert value(made, "round_trip_respelled", "eng_Latn", "nfc") == 0.5


def test_from_the_command_line_it_prints_worst_first_and_writes_a_page(
    tmp_path: Path, english: External, lines: External, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "audit"
    assert main(["audit", english.location, lines.location, "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    printed = (out / "log.txt").read_text(encoding="utf-8")
    assert printed.index("tha_Thai") < printed.index("urd_Arab") < printed.index("eng_Latn")
    page = (tmp_path / "runs" / "audit.html").read_text(encoding="utf-8")
    assert "Thai" in page
    assert out.is_dir()


def test_a_bare_tokenizer_file_may_have_any_name(tmp_path: Path, lines: External) -> None:
    training.train(["abc"], 300).save(str(tmp_path / "mine.json"))
    made = audit([External(str(tmp_path / "mine.json")), lines], tmp_path / "audit", config())
    assert set(made.numbers()["step"]) == {"mine.json"}


def test_settings_without_a_vocabulary_are_no_tokenizer(tmp_path: Path, lines: External) -> None:
    """Of these, transformers makes a tokenizer to which every word is unknown."""
    (tmp_path / "bare").mkdir()
    settings = '{"tokenizer_class": "T5Tokenizer"}'
    (tmp_path / "bare" / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    with pytest.raises(ModelError, match="'bare' holds no tokenizer") as raised:
        audit([External(str(tmp_path / "bare")), lines], tmp_path / "audit", config())
    assert "tokenizer.json" in raised.value.expected


def test_texts_that_are_not_parallel_have_no_premium(tmp_path: Path, english: External) -> None:
    frame = pl.DataFrame(
        {"id": ["a", "b"], "text": ["one cat", "แมว"], "language": ["eng_Latn", "tha_Thai"]}
    ).with_columns(source=pl.lit("test"), licence=pl.lit("CC0-1.0"))
    with draft(tmp_path / "text", "text", 1, Nothing(), []) as work:
        work.write("document", frame)
    made = audit([english, work.folder], tmp_path / "audit", config())
    assert made.numbers().filter(pl.col("measure") == "premium").is_empty()
    log = (made.path / "log.txt").read_text(encoding="utf-8")
    assert "no premiums, since no text is a translation of eng_Latn" in log


def test_wrong_inputs_are_clear_errors(tmp_path: Path, english: External, lines: External) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer.json").write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(ModelError, match="the tokenizer cannot be read"):
        audit([External(str(tmp_path / "broken" / "tokenizer.json")), lines], tmp_path / "audit", config())
    with pytest.raises(ModelError, match="no input is a tokenizer"):
        audit([lines], tmp_path / "audit", config())
    with pytest.raises(ConfigError, match="no text of deu_Latn"):
        audit([english, lines], tmp_path / "audit", config(languages=["de"]))
    (tmp_path / "lines" / "fra_Latn.dev").write_text("une ligne\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 files have another number of lines than eng_Latn: fra_Latn"):
        audit([english, lines], tmp_path / "audit", config())
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.md").write_text("nothing")
    with pytest.raises(DataError, match="no file is named after a language"):
        audit([english, External(str(tmp_path / "empty"))], tmp_path / "audit", config())
