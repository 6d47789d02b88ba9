from pathlib import Path

import polars as pl
import pytest
from transformers import AutoTokenizer

from panlect.config import Config, check
from panlect.draft import draft
from panlect.errors import ConfigError, FolderError
from panlect.folder import External, Folder, one_tokenizer
from panlect.stages.mix import MixConfig, mix
from panlect.stages.tokenizer import TokenizerConfig, tokenizer

LINES = {
    "eng_Latn": ["The cat sat on the mat and looked at the moon.", "Where is the river that we crossed?"],
    "tha_Thai": ["แมวนั่งบนเสื่อและมองดูดวงจันทร์", "แม่น้ำที่เราข้ามอยู่ที่ไหน"],
    "urd_Arab": ["بلی چٹائی پر بیٹھی اور چاند کو دیکھا۔", "وہ دریا کہاں ہے جسے ہم نے پار کیا؟"],
}


class Nothing(Config):
    """No settings."""


def text_folder(path: Path, lines: dict[str, list[str]]) -> Folder:
    rows = [
        (f"{language}-{n}", text, language)
        for language, texts in lines.items()
        for n, text in enumerate(texts)
    ]
    frame = pl.DataFrame(rows, schema=["id", "text", "language"], orient="row")
    with draft(path, "text", 1, Nothing(), []) as work:
        work.write("document", frame.with_columns(source=pl.lit("test"), licence=pl.lit("CC0-1.0")))
    return work.folder


def config(**values: object) -> TokenizerConfig:
    return check(TokenizerConfig, {"vocabulary": 400, **values}, where="test")


def test_from_a_mixture_and_from_its_folder(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", LINES)
    mixture = mix([text], tmp_path / "mixture", check(MixConfig, {"method": "uniform"}, where="test"))
    for inputs in ([text], [mixture]):
        made = tokenizer(inputs, tmp_path / f"made-{inputs[0].name}", config())
        opened = AutoTokenizer.from_pretrained(one_tokenizer([made]))
        assert len(opened) <= 400
        for lines in LINES.values():
            assert [opened.decode(opened(line)["input_ids"]) for line in lines] == lines
        fertility = made.numbers().filter(pl.col("measure") == "fertility")
        assert dict(fertility.select("language", "unit").iter_rows()) == {
            "eng_Latn": "tokens per word",
            "tha_Thai": "tokens per character",
            "urd_Arab": "tokens per word",
        }


def test_the_measured_numbers_are_those_of_the_saved_tokenizer(tmp_path: Path) -> None:
    made = tokenizer([text_folder(tmp_path / "text", LINES)], tmp_path / "made", config())
    opened = AutoTokenizer.from_pretrained(one_tokenizer([made]))
    tokens = sum(len(opened(line)["input_ids"]) for line in LINES["eng_Latn"])
    words = sum(len(line.split()) for line in LINES["eng_Latn"])
    numbers = made.numbers().filter((pl.col("measure") == "fertility") & (pl.col("language") == "eng_Latn"))
    assert numbers["value"].item() == pytest.approx(tokens / words)


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", LINES)
    first, second = (tokenizer([text], tmp_path / name, config()) for name in ("first", "second"))
    files = [folder.path / "model" / "tokenizer.json" for folder in (first, second)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_sample_is_a_prefix_of_the_mixture(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", {language: lines * 200 for language, lines in LINES.items()})
    made = tokenizer([text], tmp_path / "made", config(sample_bytes=3000, alpha=0.0))
    read = made.numbers().filter(pl.col("measure") == "bytes_read")["value"]
    assert 3000 <= read.sum() <= 3200
    assert read.min() > 700, "a prefix of a uniform mixture holds every language"


def test_few_rows_and_other_spellings_are_told(tmp_path: Path) -> None:
    lines = {"fra_Latn": [f"cafe\u0301 {n}" for n in range(30)], "swh_Latn": ["Mto ni mrefu."]}
    text = text_folder(tmp_path / "text", lines)
    told = {
        "nfc": "they get the tokens of their NFC form",
        "none": "two spellings of a word get different tokens",
    }
    for normalisation, words in told.items():
        made = tokenizer([text], tmp_path / normalisation, config(normalisation=normalisation))
        log = (made.path / "log.txt").read_text(encoding="utf-8")
        assert f"30 of 31 texts are not in Unicode's normal form NFC: {words}" in log
        assert "swh_Latn: 1 texts are all there is" in log
        assert "fra_Latn:" not in log


def test_a_template_of_ones_own_may_name_only_tokens_that_exist(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", LINES)
    template = "{% for message in messages %}<|turn|>{{ message['content'] }}{% endfor %}"
    with pytest.raises(ConfigError, match=r"the chat template names <\|turn\|>") as raised:
        tokenizer([text], tmp_path / "made", config(chat_template=template))
    assert "special_tokens" in raised.value.fix
    made = tokenizer([text], tmp_path / "made", config(chat_template=template, special_tokens=["<|turn|>"]))
    assert (made.model_path / "chat_template.jinja").read_text(encoding="utf-8") == template


def test_for_parity_the_small_language_gets_the_pieces(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", {**LINES, "eng_Latn": LINES["eng_Latn"] * 50})
    (tmp_path / "parallel").mkdir()
    for language, lines in LINES.items():
        (tmp_path / "parallel" / f"{language}.dev").write_text("\n".join(lines) + "\n", encoding="utf-8")
    parallel = External(str(tmp_path / "parallel"))
    settings = {"vocabulary": 330, "alpha": 1.0, "min_count": 1}
    plain = tokenizer([text], tmp_path / "plain", config(**settings))
    made = tokenizer([text, parallel], tmp_path / "made", config(**settings, parity_share=1.0))

    def worst(folder: Folder) -> float:
        opened = AutoTokenizer.from_pretrained(one_tokenizer([folder]))
        return max(sum(len(opened(line)["input_ids"]) for line in lines) for lines in LINES.values())

    assert worst(made) < 0.9 * worst(plain)
    chosen = made.numbers().filter(pl.col("measure") == "merges_chosen")
    turns = dict(chosen.select("language", "value").iter_rows())
    assert sum(turns.values()) >= 330 - 262
    assert turns["tha_Thai"] > turns.get("eng_Latn", 0)


def test_parity_needs_parallel_text(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", LINES)
    with pytest.raises(ConfigError, match="no parallel text to tell which language is worst off"):
        tokenizer([text], tmp_path / "made", config(parity_share=0.5))
    with pytest.raises(ConfigError, match="only byte-pair encoding"):
        tokenizer([text], tmp_path / "made", config(parity_share=0.5, algorithm="unigram"))


def test_wrong_inputs_are_clear_errors(tmp_path: Path) -> None:
    text = text_folder(tmp_path / "text", LINES)
    mixture = mix([text], tmp_path / "mixture", check(MixConfig, {}, where="test"))
    with pytest.raises(ConfigError, match="a mixture and other inputs"):
        tokenizer([mixture, text], tmp_path / "made", config())
    with draft(tmp_path / "empty", "text", 1, Nothing(), []) as work:
        pass
    with pytest.raises(FolderError, match="no input holds"):
        tokenizer([work.folder], tmp_path / "made", config())
